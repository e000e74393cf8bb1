// Writes behind each image's tag the digest that its registry has for it: a tag may come to name another image, a digest
// cannot. The digests are not in the repository, since no registry is reached from where it is made.
//   npm run pin-images [FOLDER]    needs docker with buildx, no daemon, and the registries

import { execFile } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

import { CommandError } from "../terminal/command-error.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const DEADLINE_MS = 60_000;

/** Where an image is named: .env, `image:` of YAML, `FROM` of a Dockerfile. What is built here has no registry yet. */
const REFERENCE =
  /^((?:[A-Z]+_IMAGE=)|(?:FROM )|(?:[ \t]*(?:- )?image: ))(?!serin:)([\w./-]+:[\w.-]+)(?:@(sha256:[0-9a-f]{64}))?(?=\s|$)/gm;

/** An image that a file names. */
export interface ImageReference {
  /** Path from the root. */
  readonly file: string;
  /** With its tag, without its digest. */
  readonly image: string;
  readonly digest: string | null;
}

/** All of them, in the order of their files. */
export function findImages(root: string): ImageReference[] {
  return filesOf(root).flatMap((file) =>
    [...readFileSync(join(root, file), "utf8").matchAll(REFERENCE)].map(([, , image = "", digest]) => ({
      file,
      image,
      digest: digest ?? null,
    })),
  );
}

/**
 * Asks for each image's digest, and then writes all: either each file has them or none was changed. The digest of an
 * image for several platforms is that of its index, so it holds on each.
 * @throws CommandError when a registry does not answer, or answers something else
 */
export async function pinImages(root: string, env: NodeJS.ProcessEnv): Promise<ReadonlyMap<string, string>> {
  const digests = new Map<string, string>();
  for (const { image } of findImages(root)) {
    if (!digests.has(image)) digests.set(image, await digestOf(image, env));
  }
  for (const file of filesOf(root)) {
    const text = readFileSync(join(root, file), "utf8");
    const pinned = text.replace(
      REFERENCE,
      (_, before: string, image: string) => `${before}${image}@${digests.get(image)}`,
    );
    if (pinned !== text) writeFileSync(join(root, file), pinned);
  }
  return digests;
}

async function digestOf(image: string, env: NodeJS.ProcessEnv): Promise<string> {
  const args = ["buildx", "imagetools", "inspect", image, "--format", "{{.Manifest.Digest}}"];
  let answer = "";
  try {
    answer = (await promisify(execFile)("docker", args, { env, timeout: DEADLINE_MS })).stdout.trim();
  } catch (error) {
    const { stderr, code } = error as { stderr?: string; code?: string | number };
    const last = (stderr ?? "").trim().split("\n").at(-1);
    const why = code === "ENOENT" ? "there is no docker on the PATH" : last || "no answer";
    throw new CommandError(`${image}: its digest cannot be had: ${why}. Nothing was changed`);
  }
  if (/^sha256:[0-9a-f]{64}$/.test(answer)) return answer;
  throw new CommandError(
    `${image}: not a digest: ${JSON.stringify(answer.slice(0, 100))}. Nothing was changed`,
  );
}

function filesOf(root: string): string[] {
  const worked = readdirSync(join(root, "envoy"), { recursive: true, encoding: "utf8" });
  const named = worked.filter((file) => /(\.ya?ml|Dockerfile)$/.test(file)).sort();
  return [".env", ...named.map((file) => join("envoy", file))];
}

if (resolve(process.argv[1] ?? "") === import.meta.filename) {
  try {
    const digests = await pinImages(resolve(process.argv[2] ?? ROOT), process.env);
    for (const [image, digest] of digests) console.log(`${image}@${digest}`);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    console.error(`pin-images: ${error.message}`);
    process.exitCode = error.exitStatus;
  }
}
