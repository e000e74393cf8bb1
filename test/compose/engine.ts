// A real container engine for the scene: one of our own, apart from whatever else runs on this machine.

import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { waitUntil } from "../../tools/envoy/index.ts";
import { CommandError, lastWords, run, works, type CommandOptions } from "./command.ts";
import { isAlive, makeOwnFolder } from "./own-folder.ts";

const ROOT = resolve(import.meta.dirname, "../..");
/** What a second run need not make again: the engine's images. */
export const CACHE = join(ROOT, ".compose-cache");
const GUARD = join(ROOT, "tools/envoy/guard.sh");
/** Debian's packages of all that a machine may lack. */
const PACKAGES = ["docker.io", "docker-compose", "debootstrap", "iptables"];

export interface Engine {
  /** Ours: images may be made in it under any name. */
  readonly isOwn: boolean;
  /** What makes `docker` and `docker-compose` talk to it. */
  readonly env: NodeJS.ProcessEnv;
  readonly version: string;
  docker(...args: string[]): Promise<string>;
  /** docker-compose, or `docker compose` where the engine has that. */
  compose(args: readonly string[], options?: CommandOptions): Promise<string>;
  /**
   * Lets containers of this network talk to each other, whatever this machine's firewall says about what it forwards.
   * Returns what takes that back.
   */
  openNetwork(name: string): Promise<() => Promise<void>>;
  stop(): Promise<void>;
}

/** There is no engine, and why, in one line. */
export class NoEngineError extends Error {}

/**
 * An engine of our own where that can be had (root on Debian, or wherever dockerd is installed), since stand-ins for
 * the images have no place in somebody's engine; else the one that answers, which then needs to have or to reach the
 * images themselves.
 * @throws NoEngineError
 */
export async function startEngine(progress: (line: string) => void, signal?: AbortSignal): Promise<Engine> {
  const refusals: string[] = [];
  if (process.getuid?.() === 0) {
    try {
      await installMissing(progress, signal);
      signal?.throwIfAborted();
      return await startOwn();
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      refusals.push(error.message);
    }
  } else refusals.push("an engine of its own needs root");
  if (await works("docker", ["info"])) return describe(process.env, false, async () => undefined);
  throw new NoEngineError(`no container engine is to be had: ${refusals.join("; ")}; none answers either`);
}

async function installMissing(progress: (line: string) => void, signal?: AbortSignal): Promise<void> {
  const needed: [program: string, args: string[]][] = [
    ["dockerd", ["--version"]],
    ["docker", ["--version"]],
    ["debootstrap", ["--version"]],
    ["iptables", ["--version"]],
  ];
  const found = await Promise.all(needed.map(([program, args]) => works(program, args)));
  if (found.every(Boolean) && (await composeProgram(process.env)) !== null) return;
  if (!(await works("apt-get", ["--version"]))) {
    throw new CommandError(
      `not installed: ${needed.filter((_, i) => !found[i]).join(", ")}, and there is no apt-get`,
    );
  }
  progress(`installing ${PACKAGES.join(", ")} from Debian`);
  const options = {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    ...(signal === undefined ? {} : { signal }),
  };
  await run("apt-get", ["update", "-qq"], options);
  await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...PACKAGES], options);
}

async function startOwn(): Promise<Engine> {
  mkdirSync(CACHE, { recursive: true });
  const folder = await makeOwnFolder("serin-engine");
  const host = `unix://${join(folder, "docker.sock")}`;
  const logFile = join(folder, "dockerd.log");
  const args = [
    ...["--host", host, "--data-root", join(CACHE, "engine"), "--exec-root", join(folder, "exec")],
    ...["--pidfile", join(folder, "pid"), "--log-level", "warn", "--shutdown-timeout", "5"],
    // The machine's own firewall and bridge stay as they are: published ports go through Docker's proxy process, and
    // nothing in the scene needs the world outside.
    ...["--iptables=false", "--ip6tables=false", "--ip-masq=false", "--ip-forward=false", "--bridge", "none"],
  ];
  // The guard ends the engine, and its containers with it, should this process be killed.
  const output = openSync(logFile, "a");
  const guard = spawn("/bin/sh", [GUARD, folder, "20", "dockerd", ...args], {
    detached: true,
    stdio: ["pipe", output, output, "pipe"],
  });
  closeSync(output);
  const env = { ...process.env, DOCKER_HOST: host, DOCKER_BUILDKIT: "0", COMPOSE_DOCKER_CLI_BUILD: "0" };
  const stop = async (): Promise<void> => {
    await endGuard(guard);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await waitUntil("dockerd to answer", 90_000, async () => {
      await sleep(200);
      return guard.exitCode !== null || works("docker", ["version"], env);
    });
    if (guard.exitCode !== null) throw new CommandError("it ended at once");
    const engine = await describe(env, true, stop);
    // What a run that was killed has left in the cache, which is all ours.
    const containers = await engine.docker("ps", "-aq");
    if (containers !== "") await engine.docker("rm", "--force", "--volumes", ...containers.split("\n"));
    for (const kind of ["network", "volume"]) await engine.docker(kind, "prune", "--force");
    await removeAbandonedRules();
    return engine;
  } catch (error) {
    const log = await readFile(logFile, "utf8").catch(() => "");
    await stop();
    throw new CommandError(`dockerd does not start: ${(error as Error).message}: ${lastWords(log)}`);
  }
}

async function endGuard(guard: ChildProcess): Promise<void> {
  if (guard.exitCode !== null) return;
  const ended = new Promise<void>((done) => guard.once("exit", () => done()));
  guard.stdin?.on("error", () => undefined);
  guard.stdin?.write("stop\n");
  await ended;
  guard.stdin?.destroy();
}

async function describe(env: NodeJS.ProcessEnv, isOwn: boolean, stop: () => Promise<void>): Promise<Engine> {
  const docker = (...args: string[]): Promise<string> => run("docker", args, { env });
  const program = await composeProgram(env);
  if (program === null) throw new CommandError("neither docker-compose nor `docker compose` is installed");
  const [compose, ...first] = program;
  return {
    isOwn,
    env,
    version: await docker("version", "--format", "{{.Server.Version}}"),
    docker,
    compose: (args, options = {}) =>
      run(compose, [...first, ...args], { cwd: ROOT, ...options, env: { ...env, ...options.env } }),
    openNetwork: (name) =>
      openNetwork(isOwn, () => docker("network", "inspect", "--format", "{{.Id}}", name)),
    stop,
  };
}

/**
 * Another engine of this machine, of now or of once, may have left a firewall behind that drops what bridges forward.
 * Its own rules are for its own bridges; ours, which writes none, needs one for this bridge.
 */
async function openNetwork(isOwn: boolean, idOf: () => Promise<string>): Promise<() => Promise<void>> {
  const isFiltered = await readFile("/proc/sys/net/bridge/bridge-nf-call-iptables", "utf8").catch(() => "0");
  if (!isOwn || isFiltered.trim() === "0") return async () => undefined;
  const bridge = `br-${(await idOf()).slice(0, 12)}`;
  const comment = ["-m", "comment", "--comment", `${RULE_OF}${process.pid}`];
  const rule = ["FORWARD", "-i", bridge, "-o", bridge, ...comment, "-j", "ACCEPT"];
  await run("iptables", ["-w", "-I", ...rule]);
  return async () => void (await run("iptables", ["-w", "-D", ...rule]));
}

const RULE_OF = "serin-compose-";

/** Rules of runs that were killed before they could take them back. */
async function removeAbandonedRules(): Promise<void> {
  for (const line of (await run("iptables", ["-w", "-S", "FORWARD"])).split("\n")) {
    const pid = new RegExp(`--comment "?${RULE_OF}(\\d+)`).exec(line)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    await run("iptables", ["-w", ...line.replace(/^-A/, "-D").replaceAll('"', "").split(" ")]);
  }
}

async function composeProgram(env: NodeJS.ProcessEnv): Promise<[string, ...string[]] | null> {
  if (await works("docker", ["compose", "version"], env)) return ["docker", "compose"];
  if (await works("docker-compose", ["version"], env)) return ["docker-compose"];
  return null;
}
