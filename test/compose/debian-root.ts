// What the stand-ins for the images have in common: as much of a Debian as they need to run.

import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { run } from "./command.ts";

/** Beside what every Debian has: Node's library, and the wget of health checks. */
const LIBRARIES = ["libstdc++6", "busybox"];

/** The release that this machine runs, or the one that stand-ins were made of first. */
export function debianRelease(): string {
  try {
    return /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "bookworm";
  } catch {
    return "bookworm";
  }
}

/** What a root is made of, as text: another text is another root. */
export function describeRoot(): string {
  return `debootstrap --foreign --variant=minbase ${debianRelease()} + ${LIBRARIES.join(", ")}`;
}

/** Unpacks a Debian, hands its folder on, and removes it. */
export async function withDebianRoot<T>(
  cache: string,
  use: (root: string) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const folder = await mkdtemp(join(cache, "root-"));
  const root = join(folder, "debian");
  try {
    // The first stage alone: packages are unpacked, none is configured. That is all it takes to run one program, in a
    // third of the time.
    const args = [
      "--foreign",
      "--variant=minbase",
      `--include=${LIBRARIES.join(",")}`,
      debianRelease(),
      root,
    ];
    await run("debootstrap", args, signal === undefined ? {} : { signal });
    const archives = join(root, "var/cache/apt/archives");
    for (const name of await readdir(archives)) {
      if (!LIBRARIES.some((library) => name.startsWith(`${library}_`))) continue;
      const unpack = ["-C", root, "--keep-directory-symlink", "-xf", "-"];
      await run("tar", unpack, { input: ["dpkg-deb", "--fsys-tarfile", join(archives, name)] });
    }
    await run("chroot", [root, "/sbin/ldconfig"]);
    await run("ln", ["-sf", "busybox", join(root, "bin/wget")]);
    await rm(archives, { recursive: true });
    await rm(join(root, "debootstrap"), { recursive: true });
    await rm(join(root, "var/lib/apt"), { recursive: true });
    await mkdir(join(root, "tmp"), { recursive: true });
    await writeFile(join(root, "etc/passwd"), "root:x:0:0:root:/:/bin/bash\n");
    return await use(root);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
