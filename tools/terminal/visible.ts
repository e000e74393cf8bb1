// What a person is shown may come from anywhere: names of stats, rollouts, clusters and files, labels, Envoy's words. None
// of it may move the cursor, ring, colour, break a line or turn its direction.

import type { Writable } from "node:stream";

/**
 * A piece of text that a person may be shown: controls (C0 with line ends, DEL and C1), marks and turns of direction, and
 * blanks without width are written as escapes. For all that has to stay on its line.
 */
export function visible(text: string): string {
  return text.replace(INVISIBLE, escapeOf);
}

/** As `visible`, for whole output: lines and tabs stay, and colours where they are `painted`. */
export function visibleOutput(text: string, painted: boolean): string {
  return text.replace(UNSAFE, (found) =>
    found.length > 1 && painted ? found : escapeOf(found) + found.slice(1),
  );
}

/** Has everything that is written to the stream from now on be visible: the last word, whoever wrote it. */
export function guardOutput(stream: Writable & { readonly isTTY?: boolean }): void {
  const write = stream.write.bind(stream) as (text: string, ...rest: unknown[]) => boolean;
  unguardedWrites.set(stream, write);
  stream.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8");
    return write(visibleOutput(text, stream.isTTY === true), ...rest);
  };
}

/** The stream without its guard, for a program that draws: what it draws has to be visible already. */
export function unguarded<Output extends Writable>(stream: Output): Output {
  const write = unguardedWrites.get(stream);
  return write === undefined ? stream : (Object.create(stream, { write: { value: write } }) as Output);
}

const unguardedWrites = new WeakMap<Writable, unknown>();

function escapeOf(text: string): string {
  return `\\u${text.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

const TURNS = "\\u061c\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff\\ufff9-\\ufffb";
const INVISIBLE = new RegExp(`[\\x00-\\x1f\\x7f-\\x9f${TURNS}]`, "g");
/** Colours and weights, as our own are written; nothing that hides. */
const PAINT = "\\x1b\\[(?:[0-4]|7|9|2[2-479]|[34][0-79]|(?:9|10)[0-7])m";
const UNSAFE = new RegExp(`${PAINT}|[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f${TURNS}]`, "g");
