import type { Readable } from "node:stream";

/** One line of input without its line break; null for one that is longer than allowed. */
export type Line = Buffer | null;

const LINE_BYTES_MAX = 16 * 1024 * 1024;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * The lines of a stream, as many at a time as one chunk ends: bounded in memory, however long the input or a
 * line of it. The last line need not end in a line break.
 */
export async function* linesOf(input: Readable): AsyncGenerator<Line[]> {
  let head: Buffer[] = [];
  let headSize = 0;
  let tooLong = false;
  const finish = (tail: Buffer): Line => {
    const line = head.length === 0 ? tail : Buffer.concat([...head, tail]);
    const result = tooLong || line.length > LINE_BYTES_MAX ? null : withoutReturn(line);
    head = [];
    headSize = 0;
    tooLong = false;
    return result;
  };
  for await (const chunk of input) {
    const bytes = chunk as Buffer;
    const lines: Line[] = [];
    let from = 0;
    for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, from)) {
      lines.push(finish(bytes.subarray(from, at)));
      from = at + 1;
    }
    if (from < bytes.length) {
      headSize += bytes.length - from;
      if (headSize > LINE_BYTES_MAX) {
        tooLong = true;
        head = [];
      } else {
        head.push(bytes.subarray(from));
      }
    }
    if (lines.length > 0) yield lines;
  }
  if (headSize > 0) yield [finish(Buffer.alloc(0))];
}

function withoutReturn(line: Buffer): Buffer {
  return line[line.length - 1] === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
}
