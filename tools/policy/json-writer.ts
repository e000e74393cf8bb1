// Writes JSON text piece by piece and remembers, for each piece, where in another text it came from.

/** Where the pieces of a written text came from. */
export interface SourceMap {
  /** The origin's offset of the piece that holds this byte of the written text. */
  originOf(byteOffset: number): number;
}

/** JSON text under construction, bounded in size. */
export class JsonWriter {
  readonly #pieces: string[] = [];
  readonly #offsets: number[] = [];
  readonly #origins: number[] = [];
  #size = 0;

  constructor(private readonly byteLimit: number) {}

  /** More was written than is allowed. */
  get overflowed(): boolean {
    return this.#size > this.byteLimit;
  }

  /** Brackets, names of members and scalars so far. */
  get tokens(): number {
    return this.#offsets.length;
  }

  /** Text that has no origin of its own: blanks, commas, colons. */
  punctuation(text: string): void {
    if (this.overflowed) return;
    this.#pieces.push(text);
    this.#size += text.length;
  }

  /** A token and the offset that it came from. */
  token(text: string, origin: number): void {
    if (this.overflowed) return;
    this.#offsets.push(this.#size);
    this.#origins.push(origin);
    this.#pieces.push(text);
    this.#size += Buffer.byteLength(text, "utf8");
  }

  /** Before a member or an element: a comma after the one before it, and a line of its own unless `inline`. */
  separate(index: number, depth: number, inline: boolean): void {
    if (index > 0) this.punctuation(inline ? ", " : ",");
    if (!inline) this.punctuation(lineBreak(depth));
    else if (index === 0) this.punctuation(" ");
  }

  /** The end of a collection with so many members or elements; `depth` is that of the line that it ends. */
  close(bracket: string, count: number, depth: number, inline: boolean, origin: number): void {
    if (count > 0) this.punctuation(inline ? " " : lineBreak(depth));
    this.token(bracket, origin);
  }

  /** The text so far. */
  text(): string {
    return this.#pieces.join("");
  }

  /** The origins so far; a byte between two tokens belongs to the one before. */
  sourceMap(): SourceMap {
    const offsets = this.#offsets;
    const origins = this.#origins;
    return {
      originOf(byteOffset: number): number {
        let low = 0;
        let high = offsets.length;
        while (high - low > 1) {
          const middle = (low + high) >> 1;
          if ((offsets[middle] ?? 0) <= byteOffset) low = middle;
          else high = middle;
        }
        return origins[low] ?? 0;
      },
    };
  }
}

function lineBreak(depth: number): string {
  return LINE_BREAKS[depth] ?? `\n${"  ".repeat(depth)}`;
}

const LINE_BREAKS = Array.from({ length: 64 }, (_, depth) => `\n${"  ".repeat(depth)}`);
