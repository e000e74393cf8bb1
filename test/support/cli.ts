// The command line as a person starts it: a process of its own.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after } from "node:test";

import { build } from "esbuild";

const ROOT = resolve(import.meta.dirname, "../..");

/** The command line of this very source as one file, packages and all: it starts in a fifth of the time that the source takes. */
export const CLI = await bundleCli();

async function bundleCli(): Promise<string> {
  // Inside the checkout, since its imports and its own package are found from where it lies.
  const folder = join(ROOT, "node_modules", ".cache", `serin-test-${process.pid}`);
  const outfile = join(folder, "cli.mjs");
  await build({
    absWorkingDir: ROOT,
    entryPoints: ["tools/cli.ts"],
    outfile,
    bundle: true,
    external: ["esbuild"],
    // Some packages are CommonJS, and ask for Node's modules as such.
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "error",
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return outfile;
}

/** What a finished command left. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `serin`. */
export function runCli(
  parameters: readonly string[],
  { stdin = "", env = {}, cwd }: { stdin?: string | Uint8Array; env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CLI, ...parameters], {
      cwd,
      env: { ...process.env, ...env },
    });
    const output = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
    child.stdin.on("error", () => {
      // A command that has failed already does not read its input.
    });
    child.stdin.end(stdin);
    child.on("error", reject);
    child.on("close", (status) => {
      resolve({ status, ...output });
    });
  });
}

/** Runs one job for each item, two at a time: as many as a small machine has cores. */
export async function inPairs<Item>(
  items: readonly Item[],
  job: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const work = async (): Promise<void> => {
    for (const item of queue) await job(item);
  };
  await Promise.all([work(), work()]);
}

/** A folder of files that a test makes. */
export interface TemporaryFolder {
  readonly path: string;
  /** Writes a file and returns its path. */
  write(name: string, content: string | Uint8Array): string;
  /** Makes a folder inside and returns its path. */
  folder(name: string): string;
}

/** A folder for one test file's files, removed after its tests. */
export function temporaryFolder(): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), "serin-test-"));
  after(() => {
    rmSync(path, { recursive: true, force: true });
  });
  return {
    path,
    write(name, content) {
      const file = join(path, name);
      writeFileSync(file, content);
      return file;
    },
    folder(name) {
      mkdirSync(join(path, name));
      return join(path, name);
    },
  };
}

/** A policy with one rollout that everybody is in: half of them canary. */
export const POLICY = `identity: [{ cookie: uid }]
rollouts:
  checkout:
    match:
      - hosts: [shop.example.com]
        path: { type: PathPrefix, value: /checkout }
    default: stable
    variants:
      stable: {}
      canary: { percent: 50, cluster: checkout-v2 }
    force: { header: x-canary }
`;
