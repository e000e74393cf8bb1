// axe-core, which finds what keeps people from using a page: fetched once into build/cache, since nothing but one test needs it.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const VERSION = "4.14.1";
const CACHE = resolve(import.meta.dirname, "../../build/cache");
const HOME = join(CACHE, `axe-core-${VERSION}`);

/** The script to run in a page. */
export async function axeScript(): Promise<string> {
  const script = join(HOME, "axe.min.js");
  if (!existsSync(script)) await install();
  return readFile(script, "utf8");
}

async function install(): Promise<void> {
  const run = promisify(execFile);
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, "axe-core-"));
  try {
    await run("npm", ["pack", "--silent", `axe-core@${VERSION}`], { cwd: folder });
    await run("tar", ["-xzf", `axe-core-${VERSION}.tgz`], { cwd: folder });
    // Two tests at once: the first rename wins.
    await rename(join(folder, "package"), HOME).catch((error: unknown) => {
      if (!existsSync(HOME)) throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
