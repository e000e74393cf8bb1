import { randomBytes } from "node:crypto";
import { open, readdir, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

const DEFAULT_MODE = 0o644;
/** A process that is gone may be one of another container, which only cannot be seen: its file gets this long. */
const DEAD_AFTER_MS = 10_000;
/** Older than this it is litter, even if a process of that id lives: ids are used again. */
const LITTER_AFTER_MS = 3_600_000;

/**
 * Puts a file in place so that whoever watches it sees the old or the new one, never a part: a temporary file in
 * the same folder, synced, then renamed over it. The old file's permissions are kept, and its owner where this process
 * may give files away. On any failure the old file is untouched and nothing is left behind; what a killed process left
 * behind is removed by the next one that writes the same file.
 * `before`: what has to hold directly before the rename; if it throws, nothing is renamed.
 */
export async function writeWhole(
  path: string,
  content: string | Uint8Array,
  before?: () => Promise<void>,
): Promise<void> {
  const folder = dirname(path);
  await removeLitter(folder, basename(path));
  const temporary = join(folder, `.${basename(path)}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`);
  const old = await stat(path).catch(() => null);
  try {
    const file = await open(temporary, "wx", DEFAULT_MODE);
    try {
      await file.writeFile(content);
      if (old !== null) {
        await keepOwner(file, old);
        // The mode given to open is cut by the umask; that of the old file is a decision of the operator.
        await file.chmod(old.mode & 0o777);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await before?.();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

/** Only root gives files away; anybody may hand one to a group of theirs. */
async function keepOwner(file: FileHandle, old: { uid: number; gid: number }): Promise<void> {
  const { uid, gid } = await file.stat();
  if (uid === old.uid && gid === old.gid) return;
  await file.chown(old.uid, old.gid).catch(() => file.chown(uid, old.gid).catch(() => undefined));
}

/** Removes temporary files of this target whose process was killed before it could rename or remove them. */
async function removeLitter(folder: string, name: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const candidate of names) {
    if (!candidate.startsWith(`.${name}.`)) continue;
    const parts = /^(\d+)\.[0-9a-f]{8}\.tmp$/.exec(candidate.slice(name.length + 2));
    if (parts === null) continue;
    const path = join(folder, candidate);
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    const isDead = age > DEAD_AFTER_MS && !isAlive(Number(parts[1]));
    if (isDead || age > LITTER_AFTER_MS) await rm(path, { force: true }).catch(() => undefined);
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Makes the rename itself last through a crash; a file system that cannot do it has still renamed. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // Not every file system syncs folders.
  }
}
