// Where the demo shows things: one picture that is drawn over on a terminal, lines where there is none.

import type { Writable } from "node:stream";

import { createLogUpdate } from "log-update";

import { colorsOf, type Colors } from "./terminal.ts";
import { clip } from "./table.ts";
import { unguarded, visible, visibleOutput } from "./visible.ts";

/** What of a stream a screen needs. */
export type Output = Writable & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

export class Screen {
  readonly colors: Colors;
  readonly isTerminal: boolean;
  readonly #log: ReturnType<typeof createLogUpdate>;
  #lines = 0;
  #ticking: NodeJS.Timeout | null = null;

  constructor(private readonly output: Output) {
    this.isTerminal = output.isTTY === true;
    this.colors = colorsOf(output);
    this.#log = createLogUpdate(unguarded(output));
  }

  get width(): number {
    return this.output.columns || 80;
  }

  /** Lines of a picture; the cursor stands below it. */
  get height(): number {
    return (this.output.rows || 24) - 1;
  }

  /** Draws over what was drawn. Only on a terminal. */
  draw(picture: string): void {
    if (!this.isTerminal) return;
    // log-update 7 mends a picture line by line, and loses its place when one that grew made the terminal scroll.
    const lines = picture.split("\n").length;
    if (lines !== this.#lines) this.#log.clear();
    this.#lines = lines;
    this.#log(visibleOutput(picture, true));
  }

  /** A step that takes a while: on a terminal one line that counts the seconds, else a line. */
  step(text: string): void {
    this.#stopTicking();
    if (!this.isTerminal) {
      this.output.write(`${text}\n`);
      return;
    }
    const start = Date.now();
    const show = (): void => {
      const seconds = Math.floor((Date.now() - start) / 1000);
      const passed = seconds < 2 ? "" : `  ${seconds} s`;
      this.#log(this.colors.dim(` ${clip(visible(text), this.width - passed.length - 1)}${passed}`));
    };
    show();
    this.#ticking = setInterval(show, 1000);
  }

  /** The picture goes, what is printed next stands in its place. */
  clear(): void {
    this.#stopTicking();
    if (!this.isTerminal) return;
    this.#log.clear();
    this.#log.done();
  }

  /** The picture stays. */
  done(): void {
    this.#stopTicking();
    if (this.isTerminal) this.#log.done();
  }

  print(text: string): void {
    this.output.write(`${text}\n`);
  }

  #stopTicking(): void {
    if (this.#ticking !== null) clearInterval(this.#ticking);
    this.#ticking = null;
  }
}
