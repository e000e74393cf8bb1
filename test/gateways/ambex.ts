// A real ambex: Emissary's ADS server, built from its Go module, on a folder of its own.

import { execFile, spawn, spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  openSync,
  closeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { freePort, waitUntil } from "../../tools/envoy/index.ts";
import { ROOT } from "./with-filter.ts";

const SOURCE = join(import.meta.dirname, "ambex");
const BINARY = join(ROOT, "build/cache/ambex");

/** Built once a checkout; Go itself knows whether anything has changed. @throws with what to do when there is no Go */
export async function buildAmbex(): Promise<string> {
  if (spawnSync("go", ["version"]).status !== 0) {
    throw new Error("no go on the PATH: ambex is a Go program; install Go 1.24 or newer");
  }
  mkdirSync(join(ROOT, "build/cache"), { recursive: true });
  // A build of its own for each process, then a rename: tests run side by side.
  const own = `${BINARY}-${process.pid}`;
  await promisify(execFile)("go", ["build", "-trimpath", "-o", own, "."], { cwd: SOURCE });
  renameSync(own, BINARY);
  return BINARY;
}

export interface Ambex {
  readonly port: number;
  readonly pid: number;
  /** The folder that it reads: what diagd, or the sidecar, writes to. */
  readonly envoyDir: string;
  /** Puts a configuration into its folder, as diagd does, and has it read. */
  serve(ads: object): void;
  /** Has the folder read again. */
  reload(): void;
  log(): string;
  stop(): Promise<void>;
}

export async function startAmbex(): Promise<Ambex> {
  const binary = await buildAmbex();
  const folder = mkdtempSync(join(tmpdir(), "serin-ambex-"));
  const envoyDir = join(folder, "envoy");
  mkdirSync(envoyDir);
  mkdirSync(join(folder, "snapshots"));
  const port = await freePort();
  const logFile = join(folder, "ambex.log");
  const output = openSync(logFile, "a");
  const child = spawn(binary, ["-ads-listen-address", `127.0.0.1:${port}`, envoyDir], {
    cwd: folder,
    env: { ...process.env, AMBASSADOR_CONFIG_BASE_DIR: folder },
    // Its end is the end of this process, however that comes.
    stdio: ["pipe", output, output],
  });
  closeSync(output);
  child.stdin?.on("error", () => undefined);
  const ended = new Promise<void>((done) => child.once("exit", () => done()));
  const log = (): string => readFileSync(logFile, "utf8");
  const stop = async (): Promise<void> => {
    child.stdin?.end();
    const late = setTimeout(() => child.kill("SIGKILL"), 5_000);
    await ended;
    clearTimeout(late);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await waitUntil("ambex to listen", 20_000, () => {
      if (child.exitCode !== null) throw new Error(log());
      return log().includes("Listening on");
    });
  } catch (error) {
    await stop();
    throw error;
  }
  const reload = (): void => void child.kill("SIGHUP");
  return {
    port,
    pid: child.pid ?? 0,
    envoyDir,
    serve(ads) {
      writeFileSync(join(envoyDir, "envoy.json.tmp"), JSON.stringify(ads));
      renameSync(join(envoyDir, "envoy.json.tmp"), join(envoyDir, "envoy.json"));
      reload();
    },
    reload,
    log,
    stop,
  };
}
