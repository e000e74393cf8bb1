// A running Envoy: started with a folder of its own, watched, stopped, nothing left behind.

import { spawn, type ChildProcess } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  fstatSync,
  readSync,
  realpathSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

import { Admin, waitUntil } from "./admin.ts";
import { EnvoyError } from "./envoy-error.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const GUARD = join(import.meta.dirname, "guard.sh");

export type LogLevel = "trace" | "debug" | "info" | "warning" | "error" | "critical" | "off";

export interface EnvoyOptions {
  /** From `ensureEnvoy`. */
  readonly binary: string;
  /** A program that Envoy runs under, with its arguments: it has to keep its own pid for Envoy. */
  readonly under?: readonly string[];
  /** The bootstrap as text (YAML, or JSON), written to Envoy's own folder; `FOLDER` in it becomes that folder. */
  readonly bootstrap?: string;
  /** Or a file with it. */
  readonly file?: string;
  /** Further files of Envoy's folder, by name; `folder/name` makes that folder too. */
  readonly files?: Readonly<Record<string, string>>;
  /** Worker threads; 1 unless said. */
  readonly concurrency?: number;
  readonly logLevel?: LogLevel;
  /** Where relative paths of the configuration begin; the project's root unless said. */
  readonly cwd?: string;
  readonly args?: readonly string[];
  readonly deadlineMs?: number;
}

export interface RunningEnvoy {
  readonly pid: number;
  readonly admin: Admin;
  /** Its own folder, removed by `stop`. */
  readonly folder: string;
  readonly logFile: string;
  /** What Envoy wrote so far, from byte `from` on: of a log that is polled, the new part alone. */
  log(from?: number): string;
  /** Bytes that Envoy wrote so far. */
  logSize(): number;
  /** The port of a listener, by name. */
  port(listener: string): Promise<number>;
  /** Resolves when Envoy has ended, whoever ended it. */
  readonly ended: Promise<number | null>;
  /** Ends it (SIGTERM, after five seconds SIGKILL) and removes its folder. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Starts Envoy and waits until it serves. Its log goes to a file, never through a pipe: an Envoy whose log nobody
 * reads must not stand still.
 * @throws EnvoyError with Envoy's own reason when it does not come up; its log is in `EnvoyStartError.log`
 */
export async function startEnvoy(options: EnvoyOptions): Promise<RunningEnvoy> {
  // The real path: on macOS the temporary folder is a link, which Envoy's watcher would not look through.
  // All at once until Envoy's guard is there, who removes the folder when this process is gone: an interrupt in between
  // would leave it.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "serin-envoy-")));
  const logFile = join(folder, "envoy.log");
  let child: ChildProcess | null = null;
  try {
    for (const [name, text] of Object.entries(options.files ?? {})) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text.replaceAll("FOLDER", folder));
    }
    const file = options.file === undefined ? join(folder, "envoy.yaml") : resolve(options.file);
    if (options.bootstrap !== undefined) {
      writeFileSync(file, options.bootstrap.replaceAll("FOLDER", folder));
    }
    child = spawnGuarded(options, folder, file, logFile);
    const ended = new Promise<number | null>((done) => child?.once("exit", done));
    const pid = await readPid(child);
    const admin = new Admin(await waitForReady(child, folder, options.deadlineMs ?? 60_000));
    const guard = child;
    let stopped: Promise<void> | null = null;
    return {
      pid,
      admin,
      folder,
      logFile,
      log: (from = 0) => readFrom(logFile, from),
      logSize: () => statSync(logFile).size,
      ended,
      async port(listener) {
        const address = (await admin.listeners()).get(listener);
        if (address === undefined) throw new EnvoyError(`Envoy has no listener ${listener}`);
        return Number(address.slice(address.lastIndexOf(":") + 1));
      },
      stop: () => (stopped ??= stopGuarded(guard, ended).then(() => removeFolder(folder))),
    };
  } catch (error) {
    const text = await readFile(logFile, "utf8").catch(() => "");
    if (child !== null && child.exitCode === null) {
      const ended = new Promise<void>((done) => child?.once("exit", () => done()));
      await stopGuarded(child, ended);
    }
    await removeFolder(folder);
    if (error instanceof EnvoyError) throw new EnvoyStartError(reasonIn(text) ?? error.message, text);
    throw error;
  }
}

/** Envoy did not come up. */
export class EnvoyStartError extends EnvoyError {
  constructor(
    message: string,
    /** Everything that it wrote. */
    readonly log: string,
  ) {
    super(message);
  }
}

function spawnGuarded(options: EnvoyOptions, folder: string, file: string, logFile: string): ChildProcess {
  const output = openSync(logFile, "a");
  try {
    const args = [
      ...["-c", file],
      ...["--admin-address-path", join(folder, "admin")],
      ...["--concurrency", String(options.concurrency ?? 1)],
      ...["-l", options.logLevel ?? "info"],
      // Hot restart would share memory with every other Envoy of this machine.
      "--disable-hot-restart",
      ...(options.args ?? []),
    ];
    // A session of its own: Ctrl-C at the terminal reaches the program that started Envoy, which then stops it.
    return spawn("/bin/sh", [GUARD, folder, "5", ...(options.under ?? []), options.binary, ...args], {
      cwd: options.cwd ?? ROOT,
      detached: true,
      stdio: ["pipe", output, output, "pipe"],
    });
  } finally {
    closeSync(output);
  }
}

function readPid(child: ChildProcess): Promise<number> {
  return new Promise((done, fail) => {
    let text = "";
    const pipe = child.stdio[3] as NodeJS.ReadableStream;
    pipe.on("data", (chunk: Buffer) => (text += chunk.toString()));
    pipe.on("end", () => (text === "" ? fail(new EnvoyError("Envoy was not started")) : done(Number(text))));
    child.once("error", fail);
  });
}

/** Resolves to the admin's address once Envoy serves. */
async function waitForReady(child: ChildProcess, folder: string, deadlineMs: number): Promise<string> {
  let address = "";
  await waitUntil("Envoy to be ready", deadlineMs, async () => {
    if (child.exitCode !== null || child.signalCode !== null) return true;
    address = await readFile(join(folder, "admin"), "utf8").catch(() => "");
    return address !== "" && (await new Admin(address).get("/ready")).startsWith("LIVE");
  });
  if (child.exitCode !== null || child.signalCode !== null) {
    throw new EnvoyError(`Envoy ended at once, with status ${child.exitCode ?? child.signalCode}`);
  }
  return address;
}

async function stopGuarded(guard: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (guard.exitCode === null && guard.signalCode === null && guard.stdin?.writable === true) {
    guard.stdin.on("error", () => undefined);
    guard.stdin.write("stop\n");
  }
  await ended;
  guard.stdin?.destroy();
}

function readFrom(file: string, from: number): string {
  const descriptor = openSync(file, "r");
  try {
    const bytes = Buffer.alloc(Math.max(0, fstatSync(descriptor).size - from));
    return bytes.toString("utf8", 0, readSync(descriptor, bytes, 0, bytes.length, from));
  } finally {
    closeSync(descriptor);
  }
}

async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

/** What Envoy itself says about a start that failed: its last line at level critical, else error. */
function reasonIn(log: string): string | null {
  const lines = log.split("\n");
  const busy = lines.findLast((line) => line.includes("Address already in use"));
  const address = /cannot bind '?([^':]+):(\d+)'?/.exec(busy ?? "");
  if (address !== null)
    return `port ${address[2]} on ${address[1]} is taken by another program, Envoy needs it`;
  const line =
    lines.findLast((text) => text.includes("][critical]")) ??
    lines.findLast((text) => text.includes("][error]"));
  return line === undefined ? null : `Envoy does not start: ${line.replace(/^(\[[^\]]*\]\s*)+/, "")}`;
}
