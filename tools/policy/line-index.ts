import { LineCounter } from "yaml";

/** A place in a text that a person reads: both 1-based, the column in code points. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Finds line and column of offsets in one text (offsets in UTF-16 units, as strings have them). */
export class LineIndex {
  readonly #lines = new LineCounter();

  constructor(private readonly text: string) {
    this.#lines.addNewLine(0);
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1))
      this.#lines.addNewLine(at + 1);
  }

  /** The position of that offset; one past the end is allowed, and what is beyond counts as the end. */
  positionAt(offset: number): Position {
    const at = Math.min(Math.max(offset, 0), this.text.length);
    // The library's columns are UTF-16 units.
    const { line, col } = this.#lines.linePos(at);
    return { line, column: [...this.text.slice(at - col + 1, at)].length + 1 };
  }

  /** The line of that offset: cheaper than its position, which counts the characters before it. */
  lineOf(offset: number): number {
    return this.#lines.linePos(Math.min(Math.max(offset, 0), this.text.length)).line;
  }

  /** The offset of that position; in a line that is too short the end of the text counts. */
  offsetAt({ line, column }: Position): number {
    const start = this.#lines.lineStarts[line - 1] ?? this.text.length;
    return start + [...this.text.slice(start)].slice(0, column - 1).join("").length;
  }
}
