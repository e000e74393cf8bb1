import type { Readable, Writable } from "node:stream";

import pc from "picocolors";

/** Where a command reads and writes: the process's own streams, or a test's. */
export interface Terminal {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Colours for what goes to stdout; plain text when that is no terminal. */
  readonly colors: Colors;
  /** Colours for what goes to stderr. */
  readonly errorColors: Colors;
}

export type Colors = ReturnType<typeof pc.createColors>;

/** The process's terminal. Colours only where a person looks: on a terminal, and without NO_COLOR. */
export function processTerminal(): Terminal {
  const { stdin, stdout, stderr } = process;
  return { stdin, stdout, stderr, colors: colorsOf(stdout), errorColors: colorsOf(stderr) };
}

/** Colours for a stream. */
export function colorsOf(stream: Writable & { isTTY?: boolean }): Colors {
  const wanted = stream.isTTY === true && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb";
  return pc.createColors(wanted);
}
