// Servers in processes of their own, so that they take nothing of the bench's time.

import { spawn } from "node:child_process";
import { resolve } from "node:path";

import { freePort } from "../../tools/envoy/index.ts";

export interface Server {
  readonly port: number;
  stop(): void;
}

/** A program of this folder that takes its port last and writes something when it listens. It ends with this process. */
export async function spawnServer(program: string, ...flags: string[]): Promise<Server> {
  const port = await freePort();
  const child = spawn(
    process.execPath,
    ["--import", import.meta.resolve("tsx"), resolve(import.meta.dirname, program), ...flags, String(port)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const stop = (): void => void child.kill();
  process.on("exit", stop);
  await new Promise((ready, failed) => {
    child.stdout.once("data", ready);
    child.once("exit", () => failed(new Error(`${program} ended at once`)));
  });
  return { port, stop };
}
