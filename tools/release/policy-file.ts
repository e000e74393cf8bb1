// The policy file that a release is in: read whole, checked by the filter, changed in one place.

import { lstat } from "node:fs/promises";

import { outlineOf, type PolicyOutline } from "../metrics/policy-outline.ts";
import { checkPolicy, refuseFaults } from "../policy/check-policy.ts";
import { policyDigest } from "../policy/digest.ts";
import { readPolicySource } from "../policy/policy-source.ts";
import type { Problem } from "../policy/problem.ts";
import { CommandError, fileError } from "../terminal/command-error.ts";
import { readFileBounded } from "../terminal/read-bounded.ts";
import { parseOrdered } from "../terminal/ordered-json.ts";
import { writeWhole } from "../terminal/write-whole.ts";
import { editPolicy, type Edit } from "./edit-policy.ts";
import { releasesOf, type Release } from "./ramps.ts";

/** A policy that the filter accepts. */
export interface ReleasePolicy {
  readonly bytes: Buffer;
  /** What the gauge `serin.policy.digest` of an Envoy that serves it says. */
  readonly digest: number;
  readonly releases: readonly Release[];
  readonly outline: PolicyOutline;
}

/** The policy is refused: nothing is done with it. */
export class InvalidPolicy extends Error {
  override readonly name = "InvalidPolicy";
  constructor(readonly problems: readonly Problem[]) {
    super("the policy is invalid");
  }
}

/** The file was changed by somebody else between the reading and the writing: theirs is what counts. */
export class ChangedMeanwhile extends Error {
  override readonly name = "ChangedMeanwhile";
}

/** @throws CommandError when it cannot be read; InvalidPolicy when the filter refuses it */
export async function readReleasePolicy(
  file: string,
  module: WebAssembly.Module,
  known?: ReleasePolicy | null,
): Promise<ReleasePolicy> {
  const bytes = await readBytes(file);
  return known?.bytes.equals(bytes) === true ? known : policyOf(file, bytes, module);
}

function policyOf(file: string, bytes: Buffer, module: WebAssembly.Module): ReleasePolicy {
  const checked = refuseFaults(checkPolicy(readPolicySource(file, bytes), module), true);
  const { source, problems, filter } = checked;
  if (filter === null || source.json === null) throw new InvalidPolicy(problems);
  const text = Buffer.from(source.json).toString("utf8");
  const json = text.replace(/^\uFEFF/, "");
  return {
    bytes,
    digest: policyDigest(text),
    releases: releasesOf(parseOrdered(json)),
    outline: outlineOf(json),
  };
}

/**
 * Makes one change in the file, which has to be as it was read. Gives the policy that it is then.
 * @throws ChangedMeanwhile; EditRefusal where no single place can be changed
 */
export async function writeEdit(
  file: string,
  policy: ReleasePolicy,
  edit: Edit,
  module: WebAssembly.Module,
): Promise<ReleasePolicy> {
  const edited = editPolicy(file, policy.bytes, edit);
  const next = policyOf(file, edited, module);
  try {
    // Asked when all is written but the name: until then somebody else may have written, and theirs is what counts.
    await writeWhole(file, edited, async () => {
      if (!(await readBytes(file)).equals(policy.bytes)) throw new ChangedMeanwhile();
    });
  } catch (error) {
    if (error instanceof ChangedMeanwhile || error instanceof CommandError) throw error;
    throw fileError(file, error);
  }
  return next;
}

async function readBytes(file: string): Promise<Buffer> {
  if (file === "-") throw new CommandError("the policy has to be a file: it is changed in place");
  try {
    // A rename would put a plain file in the link's place.
    if ((await lstat(file)).isSymbolicLink()) {
      throw new CommandError(
        `${file}: is a symbolic link. Name the file it points to; what Kubernetes mounts from a ConfigMap cannot be ` +
          "changed in place: copy it to a volume first",
      );
    }
    return await readFileBounded(file);
  } catch (error) {
    throw error instanceof CommandError ? error : fileError(file, error);
  }
}
