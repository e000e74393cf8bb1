// Programs of this machine, run to their end.

import { spawn, type ChildProcess } from "node:child_process";

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** What the program reads: text, or the output of another command. */
  readonly input?: string | readonly [program: string, ...args: string[]];
  readonly deadlineMs?: number;
  /** Ends it, and what it has started. */
  readonly signal?: AbortSignal;
  /** What it writes to its standard error belongs to the result. */
  readonly withErrors?: boolean;
}

/** A program that did not do what it was asked to, with its own last words. */
export class CommandError extends Error {}

/**
 * What the program writes to its standard output, trimmed.
 * @throws CommandError when it is not there, does not end in time or ends with another status than 0
 */
export function run(program: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { input, deadlineMs = 300_000 } = options;
  const call = [program, ...args].join(" ");
  return new Promise((resolve, reject) => {
    let output = "";
    let complaint = "";
    const child = spawn(program, [...args], {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ["pipe", "pipe", "pipe"],
      // A group of its own: Ctrl-C at the terminal reaches this process, which then says what ends and what must not.
      detached: true,
    });
    const end = (): void => endGroup(child);
    const deadline = setTimeout(end, deadlineMs);
    if (options.signal?.aborted === true) end();
    options.signal?.addEventListener("abort", end);
    child.on("close", () => {
      clearTimeout(deadline);
      options.signal?.removeEventListener("abort", end);
    });
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (complaint += chunk.toString()));
    child.on("error", (error) => reject(new CommandError(`${program}: ${error.message}`)));
    child.on("close", (status, signal) => {
      if (status === 0) resolve((options.withErrors === true ? output + complaint : output).trim());
      else
        reject(
          new CommandError(`${call}: ended with ${status ?? signal}: ${lastWords(complaint || output)}`),
        );
    });
    child.stdin.on("error", () => undefined);
    if (typeof input === "object") {
      const [source, ...sourceArgs] = input;
      const feeder = spawn(source, sourceArgs, { stdio: ["ignore", "pipe", "ignore"], env: options.env });
      feeder.on("error", (error) => reject(new CommandError(`${source}: ${error.message}`)));
      feeder.stdout.pipe(child.stdin);
    } else child.stdin.end(input ?? "");
  });
}

function endGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGTERM");
  } catch {
    // It has ended by itself.
  }
}

/** Whether the program can be started and ends well. */
export async function works(
  program: string,
  args: readonly string[],
  env?: NodeJS.ProcessEnv,
): Promise<boolean> {
  return run(program, args, { deadlineMs: 20_000, ...(env === undefined ? {} : { env }) }).then(
    () => true,
    () => false,
  );
}

export function lastWords(text: string): string {
  return text.trim().split("\n").slice(-4).join(" | ");
}
