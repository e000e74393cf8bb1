/** Nothing could be done: bad usage, or a file that is not there. The command line prints it and exits with 2. */
export class CommandError extends Error {
  override readonly name = "CommandError";

  /** `exitStatus`: 2, or 1 when it is the data that says no. */
  constructor(
    message: string,
    readonly exitStatus: 1 | 2 = 2,
  ) {
    super(message);
  }
}

/** The error of a failed file operation in words, with the file that it was about. */
export function fileError(file: string, error: unknown): CommandError {
  return new CommandError(`${file}: ${fileReason(error)}`);
}

/** Why a file operation failed, in words. */
export function fileReason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  const reasons: Record<string, string> = {
    ENOENT: "no such file",
    ENOTDIR: "no such file",
    EISDIR: "is a directory",
    EACCES: "permission denied",
    EPERM: "permission denied",
    EROFS: "read-only file system",
    ENOSPC: "no space left on device",
    EDQUOT: "disk quota exceeded",
    EFBIG: "the file would be larger than this process may write (ulimit -f)",
  };
  return reasons[code ?? ""] ?? (error as Error).message;
}
