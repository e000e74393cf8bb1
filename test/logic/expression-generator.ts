// Regular expressions of the subset that RE2 and JavaScript share, written for both, with texts that they may match. What
// the two write differently (`\s`, `.`, classes of POSIX, flags within an expression) is said to JavaScript by sets.

import { TWO_32, type Random } from "../support/random.ts";

export interface Written {
  readonly re2: string;
  /** For `new RegExp(…, flags)`, held to the whole text. Not `v`, for which V8 11.3 says that `0B0:` is not `(?:0.){2}`. */
  readonly js: string;
  readonly flags: "u" | "iu";
  /** A text that the expression was walked along: assertions may make it none that matches. */
  sample(): string;
}

/** What a part is written as, and a walk along it. */
interface Part {
  readonly re2: string;
  readonly js: string;
  readonly sample: () => string;
}

interface Context {
  /** In JavaScript by the flag `i`, or by sets that have both cases. */
  readonly ignoresCase: "no" | "flag" | "sets";
  readonly dotAll: boolean;
  readonly multiLine: boolean;
}

const LETTERS = [..."abckKsSB"];
const OTHERS = [..."019_-/. +*?()[]{}|^$\\,:\n"];
const BEYOND = [..."éÉſ\u212a中😀"];
const WORD = "0-9A-Za-z_";

/** Groups of RE2 and what they are as the inside of a set. */
const GROUPS: readonly [re2: string, set: string, isNegated: boolean][] = [
  ["\\d", "0-9", false],
  ["\\D", "0-9", true],
  ["\\w", WORD, false],
  ["\\W", WORD, true],
  ["\\s", "\\t\\n\\f\\r\\x20", false],
  ["\\S", "\\t\\n\\f\\r\\x20", true],
];
const POSIX: readonly [name: string, set: string][] = [
  ["alpha", "A-Za-z"],
  ["digit", "0-9"],
  ["alnum", "0-9A-Za-z"],
  ["upper", "A-Z"],
  ["lower", "a-z"],
  ["word", WORD],
  ["xdigit", "0-9A-Fa-f"],
  ["space", "\\t-\\r\\x20"],
  ["blank", "\\t\\x20"],
  ["punct", "\\x21-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7e"],
  ["ascii", "\\x00-\\x7f"],
  ["cntrl", "\\x00-\\x1f\\x7f"],
  ["graph", "\\x21-\\x7e"],
  ["print", "\\x20-\\x7e"],
];

const hex = (character: string): string => (character.codePointAt(0) as number).toString(16);
const inJs = (character: string): string => `\\u{${hex(character)}}`;
const isLetter = (character: string): boolean => /^[A-Za-z]$/.test(character);

/** The characters that are one with this one in any case, by Unicode's simple folding: two letters have a third form. */
function casesOf(character: string): string[] {
  if (!isLetter(character)) return [character];
  const small = character.toLowerCase();
  const third = small === "k" ? ["\u212a"] : small === "s" ? ["ſ"] : [];
  return [small, character.toUpperCase(), ...third];
}

/** The letters of a set such as `0-9A-Fa-f` in their other cases, as the inside of a set. */
function casesIn(set: string): string {
  const inside = new RegExp(`[${set}]`, "u");
  const letters = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"].filter((one) =>
    inside.test(one),
  );
  return letters.flatMap(casesOf).map(inJs).join("");
}

export class ExpressionGenerator {
  constructor(private readonly random: Random) {}

  next(): Written {
    const ignoresCase = this.#chance(0.15) ? "flag" : "no";
    const context: Context = { ignoresCase, dotAll: this.#chance(0.15), multiLine: this.#chance(0.1) };
    const flags = `${ignoresCase === "flag" ? "i" : ""}${context.dotAll ? "s" : ""}${context.multiLine ? "m" : ""}`;
    const part = this.#alternatives(3, context);
    return {
      re2: flags === "" ? part.re2 : this.#chance(0.5) ? `(?${flags})${part.re2}` : `(?${flags}:${part.re2})`,
      js: part.js,
      flags: ignoresCase === "flag" ? "iu" : "u",
      sample: part.sample,
    };
  }

  /** A text that has to do with no expression. */
  text(): string {
    const length = this.#below(8);
    return Array.from({ length }, () => this.#character()).join("");
  }

  /** A text with one place changed. */
  changed(text: string): string {
    const all = [...text];
    const at = this.#below(all.length + 1);
    const kind = this.#below(4);
    if (kind === 0) all.splice(at, 1);
    else if (kind === 1) all.splice(at, 0, this.#character());
    else if (kind === 2) all.splice(at, 1, this.#character());
    else
      return all.map((one) => (one === one.toLowerCase() ? one.toUpperCase() : one.toLowerCase())).join("");
    return all.join("");
  }

  #alternatives(depth: number, context: Context): Part {
    const count = this.#chance(0.25) ? 1 + this.#below(3) : 1;
    const parts = Array.from({ length: count }, () => this.#sequence(depth, context));
    return {
      re2: parts.map(({ re2 }) => re2).join("|"),
      js: parts.map(({ js }) => js).join("|"),
      sample: () => this.#one(parts).sample(),
    };
  }

  #sequence(depth: number, context: Context): Part {
    const parts = Array.from({ length: this.#below(5) }, () => this.#repeated(depth, context));
    return {
      re2: parts.map(({ re2 }) => re2).join(""),
      js: parts.map(({ js }) => js).join(""),
      sample: () => parts.map((part) => part.sample()).join(""),
    };
  }

  #repeated(depth: number, context: Context): Part {
    const atom = this.#atom(depth, context);
    if (!this.#chance(0.35)) return atom;
    const least = this.#below(4);
    const most = least + this.#below(3);
    const [sign, from, to] = this.#one<[string, number, number]>([
      ["*", 0, 3],
      ["+", 1, 3],
      ["?", 0, 1],
      [`{${least}}`, least, least],
      [`{${least},}`, least, least + 2],
      [`{${least},${most}}`, least, most],
    ]);
    const mark = sign + (this.#chance(0.2) ? "?" : "");
    return {
      re2: atom.re2 + mark,
      js: `(?:${atom.js})${mark}`,
      sample: () => {
        const times = from + this.#below(to - from + 1);
        return Array.from({ length: times }, () => atom.sample()).join("");
      },
    };
  }

  #atom(depth: number, context: Context): Part {
    if (depth > 0 && this.#chance(0.3)) return this.#group(depth - 1, context);
    const kind = this.#share();
    if (kind < 0.5) return this.#literal(context);
    if (kind < 0.62) return this.#dot(context);
    if (kind < 0.8) return this.#set(context);
    if (kind < 0.92) return this.#perl(context);
    return this.#assertion(context);
  }

  #group(depth: number, context: Context): Part {
    const isCased = context.ignoresCase === "no" && this.#chance(0.1);
    const inner = isCased ? { ...context, ignoresCase: "sets" as const } : context;
    const part = this.#alternatives(depth, inner);
    const name = `n${this.#below(1_000_000)}`;
    const opening = isCased ? "(?i:" : this.#one(["(", "(?:", `(?P<${name}>`, `(?<${name}>`, "(?U:"]);
    return { re2: `${opening}${part.re2})`, js: `(?:${part.js})`, sample: part.sample };
  }

  #literal(context: Context): Part {
    const isCased = context.ignoresCase !== "no";
    // Letters beyond ASCII have no case here.
    const pool = isCased ? [...LETTERS, ...OTHERS] : [...LETTERS, ...LETTERS, ...OTHERS, ...BEYOND];
    const character = this.#one(pool);
    const js =
      context.ignoresCase === "sets" ? `[${casesOf(character).map(inJs).join("")}]` : inJs(character);
    const sample = (): string => (isCased ? this.#one(casesOf(character)) : character);
    return { re2: this.#spelt(character), js, sample };
  }

  /** One of the ways to write a character. */
  #spelt(character: string): string {
    const code = character.codePointAt(0) as number;
    const ways = [`\\x{${hex(character)}}`];
    if (code < 0x100) ways.push(`\\x${code.toString(16).padStart(2, "0")}`);
    if (code < 0x200) ways.push(`\\${code.toString(8).padStart(3, "0")}`);
    if (character === "\n") return this.#one(["\\n", ...ways]);
    if (this.#chance(0.1)) return this.#one(ways);
    if (this.#chance(0.03)) return `\\Q${character}\\E`;
    return /[\\.+*?()[\]{}|^$]/.test(character) || (/[-_/,: ]/.test(character) && this.#chance(0.2))
      ? `\\${character}`
      : character;
  }

  #dot({ dotAll }: Context): Part {
    const sample = (): string => this.#character();
    return { re2: ".", js: dotAll ? "[\\x00-\\u{10ffff}]" : "[^\\n]", sample };
  }

  #perl(context: Context): Part {
    const [re2, set, isNegated] = this.#one(GROUPS);
    const js = `[${isNegated ? "^" : ""}${this.#cased(set, context)}]`;
    return { re2, js, sample: this.#sampleOf(js, context) };
  }

  #cased(set: string, { ignoresCase }: Context): string {
    return ignoresCase === "sets" ? set + casesIn(set) : set;
  }

  #set(context: Context): Part {
    const items = Array.from({ length: 1 + this.#below(3) }, () => this.#item(context));
    const isNegated = this.#chance(0.3);
    // Each item is a set of its own: those within others are of the flag `v`.
    const any = items.map((item) => item.js).join("|");
    const js = isNegated ? `(?:(?!${any})[^])` : `(?:${any})`;
    const inside = items.map((item) => item.re2).join("");
    return { re2: `[${isNegated ? "^" : ""}${inside}]`, js, sample: this.#sampleOf(js, context) };
  }

  #item(context: Context): { re2: string; js: string } {
    const kind = this.#share();
    if (kind < 0.2) {
      const [re2, set, isNegated] = this.#one(GROUPS);
      return { re2, js: `[${isNegated ? "^" : ""}${this.#cased(set, context)}]` };
    }
    if (kind < 0.35) {
      const [name, set] = this.#one(POSIX);
      const isNegated = this.#chance(0.3);
      const js = `[${isNegated ? "^" : ""}${this.#cased(set, context)}]`;
      return { re2: `[:${isNegated ? "^" : ""}${name}:]`, js };
    }
    const pool = context.ignoresCase === "no" ? [...LETTERS, ...OTHERS, ...BEYOND] : [...LETTERS, ...OTHERS];
    const first = this.#one(pool);
    if (kind < 0.6) {
      const last = this.#one(pool);
      const [from, to] = hexOf(first) <= hexOf(last) ? [first, last] : [last, first];
      const range = `${inJs(from)}-${inJs(to)}`;
      return { re2: `${inSet(from)}-${inSet(to)}`, js: `[${this.#cased(range, context)}]` };
    }
    return { re2: inSet(first), js: `[${this.#cased(inJs(first), context)}]` };
  }

  /** Characters of a set, by trying. */
  #sampleOf(js: string, { ignoresCase }: Context): () => string {
    const set = new RegExp(`^${js}$`, ignoresCase === "flag" ? "iu" : "u");
    return () => {
      for (let i = 0; i < 20; i++) {
        const character = this.#character();
        if (set.test(character)) return character;
      }
      return "";
    };
  }

  #assertion({ multiLine, ignoresCase }: Context): Part {
    const sample = (): string => "";
    const lines: readonly [string, string][] = multiLine
      ? [
          ["^", "(?:^|(?<=\\n))"],
          ["$", "(?:$|(?=\\n))"],
        ]
      : [
          ["^", "^"],
          ["$", "$"],
        ];
    const edge = `(?:(?<=[${WORD}])(?![${WORD}])|(?<![${WORD}])(?=[${WORD}]))`;
    // JavaScript's flag would make words of more than ASCII.
    const words: readonly [string, string][] =
      ignoresCase === "flag"
        ? []
        : [
            ["\\b", edge],
            ["\\B", `(?!${edge})`],
          ];
    const [re2, js] = this.#one([...lines, ["\\A", "^"], ["\\z", "$"], ...words] as const);
    return { re2, js: `(?:${js})`, sample };
  }

  #character(): string {
    return this.#chance(0.6) ? this.#one(LETTERS) : this.#one([...OTHERS, ...BEYOND]);
  }

  #one<T>(items: readonly T[]): T {
    return items[this.#below(items.length)] as T;
  }

  #below(limit: number): number {
    return Math.floor(this.#share() * limit);
  }

  #chance(share: number): boolean {
    return this.#share() < share;
  }

  /** From 0 to 1. */
  #share(): number {
    return this.random.next() / TWO_32;
  }
}

function hexOf(character: string): number {
  return character.codePointAt(0) as number;
}

/** A character in a set of RE2. */
function inSet(character: string): string {
  if (character === "\n") return "\\n";
  return /[\\\]^[-]/.test(character) ? `\\${character}` : character;
}
