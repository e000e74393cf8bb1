import { Command, Option } from "@commander-js/extra-typings";
import { lstat, readFile } from "node:fs/promises";
import type { Document } from "yaml";

import * as codes from "../../assembly/vocabulary/problems.ts";
import { jsonPlace } from "../policy/json-place.ts";
import { placeOf, type PolicySource } from "../policy/policy-source.ts";
import type { Problem } from "../policy/problem.ts";
import { checkPolicyFile, refuseFaults } from "../policy/check-policy.ts";
import { CommandError, fileError } from "../terminal/command-error.ts";
import { movedUsers } from "../policy/fractional-totals.ts";
import { filterPath, loadFilter } from "../policy/filter-module.ts";
import {
  newFilterResource,
  parseFilterResource,
  printFilterResource,
  putPolicy,
  type FilterSettings,
} from "../policy/filter-resource.ts";
import { reportProblems } from "../policy/report-problems.ts";
import { examples } from "../terminal/arguments.ts";
import { processTerminal, type Terminal } from "../terminal/terminal.ts";
import { writeWhole } from "../terminal/write-whole.ts";

export const publishCommand = new Command("publish")
  .summary("publish a policy to the file that Envoy watches")
  .description(
    "Checks a policy, then writes the file that Envoy watches (a file-ECDS resource that contains the policy). The " +
      "file is replaced atomically, by rename. An existing file keeps everything but the policy and its version; the " +
      "options below set what a new file contains, or change that one setting of an existing file. An invalid " +
      "policy leaves the file unchanged.",
  )
  .argument("<POLICY>", "policy file (- for standard input)")
  .requiredOption("--to <FILE>", "the file that Envoy watches: JSON if its name ends in .json, else YAML")
  .option("--wasm <PATH>", "path of serin.wasm on Envoy's machine (default: the packaged one)")
  .option("--name <NAME>", "the filter's name in Envoy's http_filters (default: serin)")
  .addOption(
    new Option("--failure-policy <POLICY>", "what Envoy does after a trap (default: FAIL_RELOAD)").choices([
      "FAIL_RELOAD",
      "FAIL_CLOSED",
      "FAIL_OPEN",
    ] as const),
  )
  .option("--json", "the result and the problems as JSON on stdout", false)
  .option("--allow-warnings", "publish flags that flagd loads but can only answer with ERROR", false)
  .addHelpText(
    "after",
    examples(
      "serin publish policy.yaml --to /etc/serin/filter.yaml",
      "serin publish policy.yaml --to filter.yaml --wasm /opt/serin/serin.wasm",
    ),
  );

publishCommand.action(async (file, options) => {
  process.exitCode = await publish(file, options, processTerminal());
});

/** Settings left out stay as they are in the file, or are the defaults in a new one. */
export interface PublishOptions extends Partial<FilterSettings> {
  /** The file that Envoy watches. */
  readonly to: string;
  readonly json: boolean;
  /** Publish also what flagd accepts but cannot evaluate. */
  readonly allowWarnings?: boolean;
}

/** Checks the policy and puts it where Envoy loads it from. Resolves to 0, or 1 when the policy is refused. */
export async function publish(
  policyFile: string,
  options: PublishOptions,
  terminal: Terminal,
): Promise<number> {
  const { source, problems, filter } = refuseFaults(
    await checkPolicyFile(policyFile, loadFilter(), terminal),
    options.allowWarnings === true,
  );
  if (!options.json) reportProblems(problems, terminal);
  if (filter === null || source.json === null) {
    const report = { ok: false, file: options.to, changed: false, problems };
    if (options.json) terminal.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    else terminal.stderr.write(`${options.to}: not changed: the policy is invalid\n`);
    return 1;
  }
  const policy = Buffer.from(source.json).toString("utf8");
  const settings = givenSettings(options);
  const old = await readOld(options.to);
  const document: Document =
    old === null
      ? newFilterResource({ wasm: filterPath(), name: "serin", failurePolicy: "FAIL_RELOAD", ...settings })
      : parseFilterResource(options.to, old);
  const moves = old === null ? [] : movesOf(document, policy, source);
  if (!options.json) reportProblems(moves, terminal);
  const version = putPolicy(options.to, document, policy, settings);
  const text = printFilterResource(options.to, document);
  const written = parseFilterResource(options.to, text);
  if (JSON.stringify(written.toJS()) !== JSON.stringify(document.toJS())) {
    throw new CommandError(`${options.to}: cannot represent this policy; not changed`, 1);
  }
  const changed = text !== old;
  try {
    if (changed) await writeWhole(options.to, text);
  } catch (error) {
    throw fileError(options.to, error);
  }
  if (options.json) {
    const report = { ok: true, file: options.to, changed, version, problems: [...problems, ...moves] };
    terminal.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  } else {
    const size = `${source.json.length} bytes, version ${version}`;
    terminal.stdout.write(
      changed
        ? `${options.to}: ${terminal.colors.green("published")} ${policyFile} (${size})${old === null ? ", new file" : ""}\n`
        : `${options.to}: up to date with ${policyFile} (${size})\n`,
    );
  }
  return 0;
}

/** Warnings of users that the new policy moves though it need not, beside the one that the file holds. */
function movesOf(document: Document, policy: string, source: PolicySource): Problem[] {
  const held = document.toJS() as { resources?: { typed_config?: { config?: PluginConfig } }[] } | null;
  const resources = Array.isArray(held?.resources) ? held.resources : [];
  for (const { typed_config } of resources) {
    const text = typed_config?.config?.configuration?.value;
    if (typeof text !== "string") continue;
    try {
      return movedUsers(JSON.parse(text), JSON.parse(policy)).map(({ pointer, message }) => {
        const place = placeOf(source, jsonPlace(policy, pointer));
        return {
          file: source.file,
          ...place,
          pointer,
          code: codes.MOVES_USERS,
          message,
          severity: "warning",
        };
      });
    } catch {
      // What the file holds is no policy: nothing to compare with.
    }
  }
  return [];
}

interface PluginConfig {
  readonly configuration?: { readonly value?: unknown };
}

function givenSettings({ wasm, name, failurePolicy }: PublishOptions): Partial<FilterSettings> {
  return {
    ...(wasm === undefined ? {} : { wasm }),
    ...(name === undefined ? {} : { name }),
    ...(failurePolicy === undefined ? {} : { failurePolicy }),
  };
}

/** The file's text, or null when there is none yet. */
async function readOld(file: string): Promise<string | null> {
  try {
    const status = await lstat(file);
    // A rename would put a plain file in the link's place, and leave what it points to as it was.
    if (status.isSymbolicLink())
      throw new CommandError(`${file}: is a symbolic link: name the file it points to`);
    return await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof CommandError) throw error;
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw fileError(file, error);
  }
}
