// Files and answers up to a size: one that goes on and on must not fill the memory.

import { createReadStream } from "node:fs";

import { CommandError, fileError } from "./command-error.ts";

/** Far above what Envoy answers and what anybody writes. */
export const READ_MAX = 64 * 1024 * 1024;

/** The source gives more than `READ_MAX` bytes. */
export class TooLarge extends Error {}

/** All of the chunks. @throws TooLarge */
export async function readChunks(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const read: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > READ_MAX) throw new TooLarge(`more than ${READ_MAX / 1024 / 1024} MiB`);
    read.push(chunk);
  }
  return Buffer.concat(read);
}

/** All of the file. @throws CommandError when it cannot be read, or is too large */
export async function readFileBounded(file: string): Promise<Buffer> {
  try {
    return await readChunks(createReadStream(file) as AsyncIterable<Buffer>);
  } catch (error) {
    throw error instanceof TooLarge ? tooLarge(file, error) : fileError(file, error);
  }
}

/** All of standard input. @throws CommandError when it is too large */
export async function readInput(input: AsyncIterable<Uint8Array>): Promise<Buffer> {
  try {
    return await readChunks(input);
  } catch (error) {
    throw error instanceof TooLarge ? tooLarge("-", error) : error;
  }
}

function tooLarge(file: string, error: TooLarge): CommandError {
  return new CommandError(`${file}: ${error.message}: is it the right file?`);
}
