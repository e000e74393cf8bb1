import { isUtf8 } from "node:buffer";
import type { Writable } from "node:stream";

import { linesOf, type Line } from "../terminal/lines.ts";
import { RequestFault } from "./request.ts";
import type { Terminal } from "../terminal/terminal.ts";

/**
 * Answers JSON lines of stdin on stdout, one for one and in order. A line that `answer` throws at gives an
 * `{ "error": … }` in its place. Resolves to 0, or 1 when there was such a line.
 */
export async function answerLines(
  terminal: Terminal,
  answer: (request: unknown, line: Buffer) => string,
): Promise<number> {
  let count = 0;
  let faults = 0;
  const answerOne = (line: Line): string => {
    count++;
    try {
      if (line === null) throw new RequestFault("", "the line is longer than 16 MiB");
      return `${answer(parse(line), line)}\n`;
    } catch (error) {
      faults++;
      const pointer = error instanceof RequestFault ? error.pointer : "";
      return `${JSON.stringify({ error: { line: count, pointer, message: (error as Error).message } })}\n`;
    }
  };
  for await (const lines of linesOf(terminal.stdin)) {
    if (!(await write(terminal.stdout, lines.map(answerOne).join("")))) break;
  }
  if (faults === 0) return 0;
  terminal.stderr.write(`${faults} of ${count} lines failed\n`);
  return 1;
}

function parse(line: Buffer): unknown {
  if (!isUtf8(line)) throw new RequestFault("", "invalid UTF-8");
  const text = line.toString("utf8");
  if (text.trim() === "") throw new RequestFault("", "the line is empty");
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new RequestFault("", `invalid JSON: ${(error as Error).message}`);
  }
}

/** Waits for a slow reader. False when nobody reads any more. */
async function write(output: Writable, text: string): Promise<boolean> {
  if (output.destroyed || output.errored) return false;
  if (output.write(text)) return true;
  await new Promise<void>((resolve) => {
    const proceed = (): void => {
      output.off("drain", proceed).off("close", proceed);
      resolve();
    };
    output.on("drain", proceed).on("close", proceed);
  });
  return !output.destroyed;
}
