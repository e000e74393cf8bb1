import { randomBytes } from "node:crypto";
import { open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

const DEFAULT_MODE = 0o644;

/**
 * Puts a file in place so that whoever watches it sees the old or the new one, never a part: a temporary file in
 * the same folder, synced, then renamed over it. The old file's permissions are kept. On any failure the old
 * file is untouched and nothing is left behind.
 */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`);
  const mode = await stat(path).then(
    (old) => old.mode & 0o777,
    () => null,
  );
  try {
    const file = await open(temporary, "wx", DEFAULT_MODE);
    try {
      await file.writeFile(content);
      // The mode given to open is cut by the umask; that of the old file is a decision of the operator.
      if (mode !== null) await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
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
