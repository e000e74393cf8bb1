// The YAML that nearly all policies are written in, read without building a document: block mappings and sequences,
// scalars on one line, flow collections, comments. Whatever else YAML has (anchors, aliases, tags, directives, block
// scalars, scalars over several lines, tabs, CRLF), whatever is wrong and whatever is only doubtful is left to the `yaml`
// library. So this accepts less than the library, and what it accepts comes to the same bytes: both read plain scalars by
// yaml-scalar.ts, and test/policy/simple-yaml.test.ts holds the two against each other. Why there are two:
// docs/decisions/yaml-speed.md.

import { CST } from "yaml";

import * as limits from "../../assembly/vocabulary/limits.ts";
import { JsonWriter } from "./json-writer.ts";
import { Doubts } from "./yaml-doubts.ts";
import { plainJson, plainKey } from "./yaml-scalar.ts";

/** What the filter reads is less deep, and what is deeper is refused with its place by the library's way. */
const DEPTH_MAX = 64;
/** YAML allows an implicit key 1,024 characters. */
const KEY_MAX = 1000;

/** Controls (tabs and CR among them), blanks that are no spaces, marks of byte order and of direction, lone surrogates. */
const UNUSUAL =
  /[\0-\x09\x0b-\x1f\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ufff0-\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

const SPACE = 0x20;
const NEWLINE = 0x0a;
const HASH = 0x23;
const COLON = 0x3a;
const COMMA = 0x2c;
const DASH = 0x2d;
const DOT = 0x2e;
const DOUBLE_QUOTE = 0x22;
const SINGLE_QUOTE = 0x27;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** `? , # & * ! | > % @` and the backtick begin something else than a plain scalar, and `< =` may. */
const NEVER_FIRST = new Set([..." ?:,[]{}#&*!|>'\"%@`<="].map((character) => character.charCodeAt(0)));

/** Thrown by the reader and caught in `convertSimpleYaml`: the text is not for it. */
const DECLINED = new Error("not simple YAML");

/** Hears of each plain scalar, keys among them. */
export interface PlainListener {
  note(source: string, offset: number, pathOf: () => readonly string[]): void;
}

/**
 * The JSON that `convertYaml` makes of the same text, with the place of each token; those of closing brackets are left
 * open (-1). Null when the text is not simple, not valid, or too large as JSON. Takes time in proportion to the text.
 * Doubtful spellings go to `doubts`, whose content means nothing when the text is left to the library.
 */
export function convertSimpleYaml(
  text: string,
  doubts: PlainListener = new Doubts(),
  byteLimit: number = limits.POLICY_BYTES,
): JsonWriter | null {
  if (UNUSUAL.test(text)) return null;
  try {
    return new Reader(text, doubts, byteLimit).read();
  } catch (error) {
    if (error === DECLINED) return null;
    throw error;
  }
}

class Reader {
  readonly #writer: JsonWriter;
  /** The next character. */
  #at = 0;
  /** The column of the line's first character that is no blank, when `#at` is there; -1 at the end of the text. */
  #indent = -1;
  #depth = 0;
  /** The names that lead here, one for each level; what is beyond the depth is of other places. */
  readonly #path: string[] = [];

  constructor(
    private readonly text: string,
    private readonly doubts: PlainListener,
    byteLimit: number,
  ) {
    this.#writer = new JsonWriter(byteLimit);
  }

  read(): JsonWriter {
    this.#toContent(0);
    if (this.#indent === 0 && this.text.startsWith("---\n", this.#at)) this.#toContent(this.#at + 4);
    if (this.#indent < 0) this.#decline();
    const begins = this.#code(this.#at);
    if (begins === OPEN_BRACE || begins === OPEN_BRACKET) {
      this.#flow(-1, 1);
      this.#endLine();
    } else {
      if (this.#indent !== 0) this.#decline();
      this.#block(0, true);
    }
    if (this.#indent >= 0 || this.#writer.overflowed) this.#decline();
    this.#writer.punctuation("\n");
    return this.#writer;
  }

  #decline(): never {
    throw DECLINED;
  }

  /** NaN past the end. */
  #code(at: number): number {
    return this.text.charCodeAt(at);
  }

  #isBlank(at: number): boolean {
    const code = this.#code(at);
    return code === SPACE || code === NEWLINE || at >= this.text.length;
  }

  #afterSpaces(at: number): number {
    let after = at;
    while (this.#code(after) === SPACE) after++;
    return after;
  }

  #lineEnd(at: number): number {
    const end = this.text.indexOf("\n", at);
    return end < 0 ? this.text.length : end;
  }

  /** From the start of a line to the first character that is no blank and in no comment. */
  #toContent(lineStart: number): void {
    for (let start = lineStart; start < this.text.length;) {
      const first = this.#afterSpaces(start);
      const code = this.#code(first);
      if (code === NEWLINE) start = first + 1;
      else if (code === HASH) start = this.#lineEnd(first) + 1;
      else if (first >= this.text.length) break;
      else {
        this.#at = first;
        this.#indent = first - start;
        return;
      }
    }
    this.#at = this.text.length;
    this.#indent = -1;
  }

  /** Nothing but blanks and a comment may follow on this line; on to the next content. */
  #endLine(): void {
    const rest = this.#afterSpaces(this.#at);
    const end = this.#lineEnd(rest);
    if (rest < end && (this.#code(rest) !== HASH || rest === this.#at)) this.#decline();
    this.#toContent(end + 1);
  }

  #beginsEntry(): boolean {
    return this.#code(this.#at) === DASH && this.#isBlank(this.#at + 1);
  }

  /** What begins here, at that column; ends at the next content. A document is a collection, never a mere scalar. */
  #block(column: number, isDocument: boolean): void {
    if (this.#beginsEntry()) return this.#sequence(column);
    const begins = this.#code(this.#at);
    if (begins === OPEN_BRACE || begins === OPEN_BRACKET) {
      this.#flow(column - 1, 1);
      return this.#endLine();
    }
    const end = this.#scalarEnd(false);
    if (this.#code(end) === COLON) return this.#mapping(column, end);
    if (isDocument) this.#decline();
    this.#scalar(end);
    this.#endLine();
  }

  #mapping(column: number, firstKeyEnd: number): void {
    this.#enter();
    this.#writer.token("{", this.#at);
    let count = 0;
    for (let end = firstKeyEnd; ; end = this.#scalarEnd(false)) {
      this.#key(end, count++, false);
      this.#value(column);
      if (this.#indent > column) this.#decline();
      if (this.#indent < column) break;
    }
    this.#leave("}", count, false);
  }

  /** The value of a member of the block mapping at that column, from after its colon. */
  #value(column: number): void {
    const first = this.#afterSpaces(this.#at);
    const code = this.#code(first);
    if (code === NEWLINE || code === HASH || first >= this.text.length) {
      this.#endLine();
      if (this.#indent > column) this.#block(this.#indent, false);
      else if (this.#indent === column && this.#beginsEntry()) this.#sequence(column);
      else this.#decline();
      return;
    }
    this.#at = first;
    if (code === OPEN_BRACE || code === OPEN_BRACKET) this.#flow(column, 1);
    else this.#scalar(this.#scalarEnd(false));
    this.#endLine();
  }

  #sequence(column: number): void {
    this.#enter();
    this.#writer.token("[", this.#at);
    let count = 0;
    do {
      this.#path[this.#depth - 1] = String(count);
      this.#writer.separate(count++, this.#depth, false);
      const dash = this.#at;
      const first = this.#afterSpaces(dash + 1);
      const code = this.#code(first);
      if (code === NEWLINE || code === HASH || first >= this.text.length) {
        this.#at = dash + 1;
        this.#endLine();
        if (this.#indent <= column) this.#decline();
        this.#block(this.#indent, false);
      } else {
        this.#at = first;
        this.#block(column + first - dash, false);
      }
      if (this.#indent > column) this.#decline();
    } while (this.#indent === column && this.#beginsEntry());
    this.#leave("]", count, false);
  }

  /** The flow collection that begins here, in a block whose lines are indented by more than `column`. */
  #flow(column: number, level: number): void {
    const opening = this.#at;
    const isMapping = this.#code(opening) === OPEN_BRACE;
    const closing = isMapping ? CLOSE_BRACE : CLOSE_BRACKET;
    this.#enter();
    this.#writer.token(isMapping ? "{" : "[", opening);
    this.#at++;
    let count = 0;
    for (;;) {
      this.#toFlowContent(column, false);
      if (this.#code(this.#at) === closing) break;
      if (isMapping) {
        const end = this.#scalarEnd(true);
        if (this.#code(end) !== COLON) this.#decline();
        this.#key(end, count++, true);
        this.#toFlowContent(column, false);
      } else {
        this.#path[this.#depth - 1] = String(count);
        this.#writer.separate(count++, this.#depth, true);
      }
      const begins = this.#code(this.#at);
      if (begins === OPEN_BRACE || begins === OPEN_BRACKET) this.#flow(column, level + 1);
      else this.#scalar(this.#scalarEnd(true));
      this.#toFlowContent(column, true);
      if (this.#code(this.#at) === COMMA) this.#at++;
      else if (this.#code(this.#at) !== closing) this.#decline();
    }
    this.#at++;
    this.#leave(isMapping ? "}" : "]", count, true);
  }

  /**
   * Over blanks, line ends and comments within a flow collection, up to the next token. After a value the library takes
   * some comments amiss, so what follows there is a comment on its line and a bracket, or no comment.
   */
  #toFlowContent(column: number, isAfterValue: boolean): void {
    let commented = false;
    for (;;) {
      const start = this.#at;
      const rest = this.#afterSpaces(start);
      const code = this.#code(rest);
      this.#at = rest;
      if (rest >= this.text.length) this.#decline();
      if (code !== NEWLINE && code !== HASH) break;
      if (code === HASH && rest === start) this.#decline();
      const nextLine = this.#lineEnd(rest) + 1;
      this.#toContent(nextLine);
      if (this.#indent <= column) this.#decline();
      if (isAfterValue && this.text.slice(nextLine, this.#at).includes("#")) this.#decline();
      commented = code === HASH;
    }
    if (isAfterValue && commented && this.#code(this.#at) === COMMA) this.#decline();
  }

  #enter(): void {
    if (++this.#depth > DEPTH_MAX) this.#decline();
  }

  #leave(bracket: string, count: number, inline: boolean): void {
    this.#depth--;
    this.#writer.close(bracket, count, this.#depth, inline, -1);
  }

  /** The key from here to `end`, where its colon is. */
  #key(end: number, index: number, inline: boolean): void {
    const start = this.#at;
    const code = this.#code(start);
    const isQuoted = code === DOUBLE_QUOTE || code === SINGLE_QUOTE;
    if (this.#code(end) !== COLON || end - start > KEY_MAX) this.#decline();
    // `{"a":1}` is JSON's way; `"a":1` in a block is none.
    if (!this.#isBlank(end + 1) && !(inline && isQuoted)) this.#decline();
    const source = this.text.slice(start, end);
    const json = isQuoted ? this.#quoted(start, end) : JSON.stringify(plainKey(source));
    this.#path[this.#depth - 1] = json;
    if (!isQuoted) this.#note(source, start);
    this.#writer.separate(index, this.#depth, inline);
    this.#writer.token(json, start);
    this.#writer.punctuation(": ");
    this.#at = end + 1;
  }

  /** The scalar from here to `end`, which is no key. */
  #scalar(end: number): void {
    const start = this.#at;
    if (this.#code(end) === COLON) this.#decline();
    const code = this.#code(start);
    const isQuoted = code === DOUBLE_QUOTE || code === SINGLE_QUOTE;
    this.#writer.token(isQuoted ? this.#quoted(start, end) : this.#plain(start, end), start);
    this.#at = end;
  }

  #plain(start: number, end: number): string {
    const source = this.text.slice(start, end);
    this.#note(source, start);
    return plainJson(source) ?? this.#decline();
  }

  #note(source: string, start: number): void {
    this.doubts.note(source, start, this.#pathHere);
  }

  /** Names of members stand there as JSON strings, and places in sequences as digits. */
  readonly #pathHere = (): readonly string[] =>
    this.#path.slice(0, this.#depth).map((name) => (name.startsWith('"') ? String(JSON.parse(name)) : name));

  #quoted(start: number, end: number): string {
    const inner = this.text.slice(start + 1, end - 1);
    const isDouble = this.#code(start) === DOUBLE_QUOTE;
    if (!inner.includes(isDouble ? "\\" : "''")) return JSON.stringify(inner);
    const type = isDouble ? "double-quoted-scalar" : "single-quoted-scalar";
    const token: CST.FlowScalar = {
      type,
      offset: start,
      indent: 0,
      source: this.text.slice(start, end),
      end: [],
    };
    const { value } = CST.resolveAsScalar(token, true, () => this.#decline());
    return JSON.stringify(value);
  }

  /** The end of the scalar that begins here, on its line. */
  #scalarEnd(inFlow: boolean): number {
    const code = this.#code(this.#at);
    if (code === DOUBLE_QUOTE || code === SINGLE_QUOTE) return this.#quotedEnd(code);
    if (NEVER_FIRST.has(code) || this.#at >= this.text.length) this.#decline();
    // `-`, `---`, `...`: no scalars, or not always.
    if ((code === DASH || code === DOT) && !/[A-Za-z0-9]/.test(this.text.charAt(this.#at + 1)))
      this.#decline();
    return this.#plainEnd(inFlow);
  }

  #quotedEnd(quote: number): number {
    for (let at = this.#at + 1; ; at++) {
      let code = this.#code(at);
      const escaped = code === BACKSLASH && quote === DOUBLE_QUOTE;
      if (escaped) code = this.#code(++at);
      if (code === NEWLINE || at >= this.text.length) this.#decline();
      if (escaped) continue;
      if (code === quote) {
        if (quote === DOUBLE_QUOTE || this.#code(at + 1) !== quote) return at + 1;
        at++;
      }
    }
  }

  #plainEnd(inFlow: boolean): number {
    let end = this.#at;
    for (let at = this.#at; at < this.text.length; at++) {
      const code = this.#code(at);
      if (code === NEWLINE) break;
      if (code === SPACE) continue;
      // A comment, when a blank is before it.
      if (code === HASH && at > end) break;
      if (code === COLON && this.#isBlank(at + 1)) {
        if (at > end) this.#decline();
        break;
      }
      if (inFlow) {
        if (code === COMMA || code === CLOSE_BRACE || code === CLOSE_BRACKET) break;
        if (code === OPEN_BRACE || code === OPEN_BRACKET) this.#decline();
        if (code === COLON && ",[]{}".includes(this.text.charAt(at + 1))) this.#decline();
      }
      end = at + 1;
    }
    return end;
  }
}
