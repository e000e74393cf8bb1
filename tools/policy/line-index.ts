/** A place in a text that a person reads: both 1-based, the column in code points. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Finds line and column of offsets in one text (offsets in UTF-16 units, as strings have them). */
export class LineIndex {
  readonly #starts: number[] = [0];

  constructor(private readonly text: string) {
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) this.#starts.push(at + 1);
  }

  /** The position of that offset; one past the end is allowed, and what is beyond counts as the end. */
  positionAt(offset: number): Position {
    const at = Math.min(Math.max(offset, 0), this.text.length);
    let low = 0;
    let high = this.#starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle] ?? 0) <= at) low = middle;
      else high = middle;
    }
    let column = 1;
    for (const _ of this.text.slice(this.#starts[low], at)) column++;
    return { line: low + 1, column };
  }
}
