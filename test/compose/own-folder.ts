// Temporary folders with their maker's pid in the name, so that the next run can take away what one that was killed left.

import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A new folder of this process; those of processes that are gone are removed. */
export async function makeOwnFolder(prefix: string): Promise<string> {
  for (const name of await readdir(tmpdir())) {
    const maker = name.startsWith(`${prefix}-`) ? makerOf(name.slice(prefix.length + 1)) : null;
    if (maker === null || isAlive(maker)) continue;
    await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
  return mkdtemp(join(tmpdir(), `${prefix}-${process.pid}-`));
}

/** The pid that such a name begins with. */
function makerOf(name: string): number | null {
  const pid = /^(\d+)-/.exec(name)?.[1];
  return pid === undefined ? null : Number(pid);
}

/** Whether there is a process of this number. */
export function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}
