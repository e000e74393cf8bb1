// Prometheus and promtool for whoever has none: Debian's package, unpacked into a folder of the project's own, so that
// no service is started and nothing of the system is changed.

import { execFile } from "node:child_process";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, "../../..");
const HOME = join(ROOT, ".prometheus");

export interface Prometheus {
  readonly prometheus: string;
  readonly promtool: string;
}

/**
 * Both programs: from the folder that `PROMETHEUS` names, else from the PATH, else from `.prometheus`, which is made when
 * it is not there. Two processes may do this at once: the first rename wins.
 */
export async function ensurePrometheus(): Promise<Prometheus> {
  const given = process.env["PROMETHEUS"];
  const folders = [...(given === undefined ? (process.env["PATH"] ?? "").split(":") : [given]), bin(HOME)];
  for (const folder of folders) {
    if (await isThere(join(folder, "promtool"))) return programs(folder);
  }
  const partial = `${HOME}.partial-${process.pid}`;
  try {
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial);
    const archive = await download(partial);
    await run("dpkg-deb", ["-x", archive, partial]);
    await rm(archive);
    await rename(partial, HOME).catch(async (error: unknown) => {
      if (!(await isThere(join(bin(HOME), "promtool")))) throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return programs(bin(HOME));
}

function bin(folder: string): string {
  return join(folder, "usr/bin");
}

function programs(folder: string): Prometheus {
  return { prometheus: join(folder, "prometheus"), promtool: join(folder, "promtool") };
}

/** Fetches the package; a new machine has no lists of packages yet. */
async function download(folder: string): Promise<string> {
  const fetch = async (): Promise<unknown> =>
    run("apt-get", ["download", "-qq", "prometheus"], { cwd: folder });
  await fetch().catch(async () => {
    await run("apt-get", ["update", "-qq"]).catch(() => undefined);
    await fetch().catch((error: unknown) => {
      const why = (error as { stderr?: string }).stderr?.trim() ?? (error as Error).message;
      throw new Error(
        `apt-get cannot fetch Debian's package prometheus: ${why}\nPROMETHEUS=folder names one that is there`,
      );
    });
  });
  const archive = (await readdir(folder)).find((name) => name.endsWith(".deb"));
  if (archive === undefined) throw new Error("apt-get download prometheus left no package");
  return join(folder, archive);
}

async function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    (found) => found.isFile(),
    () => false,
  );
}
