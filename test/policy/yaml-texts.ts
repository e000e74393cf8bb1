// YAML texts for tests: values written in all styles that people and tools use, and texts that were cut, joined,
// indented and misspelt.

import { stringify } from "yaml";

import type { Random } from "../support/random.ts";

const WORDS = [
  ..."a|b c|stable|canary|x-user|/checkout|/a/b?c=d|10%|5|5.50|-1|+3|1e3|.5|0x1F|0o17|007|1_000|true|False|null|~|Null".split(
    "|",
  ),
  ..."no|.inf|.nan|a#b|a #b|a: b|a:b|:a|-a|- a|--- a|---|...|<<|=|@a|`a`|!t|&a|*a|?a|? a|%a|[a|{a|a]|a}|a,b|'a|a'b|\"a|a\\b".split(
    "|",
  ),
  ..."é|日本|🐦|a\u00a0b|a\u0085b|\u2028|\ufeffa|a\tb|\ta|a\u0007| a|a |a\nb|\n|x\n\n y\n|http://a:80/|12:30|2026-01-01|'|''|\"".split(
    "|",
  ),
  "",
];

/** A JSON value: collections of collections, words that YAML reads otherwise, repeated and empty keys among them. */
export function randomValue(random: Random, depth = 0): unknown {
  const kind = random.part();
  if (depth > 4 || kind < 0.35 + depth * 0.1) {
    return random.pick([
      () => random.pick(WORDS),
      () => random.pick([0, -5, 2.5, 1e21, true, false, null]),
    ])();
  }
  const count = random.below(4) + (depth === 0 ? 1 : 0);
  if (kind < 0.6) return Array.from({ length: count }, () => randomValue(random, depth + 1));
  return new Map(Array.from({ length: count }, () => [random.pick(WORDS), randomValue(random, depth + 1)]));
}

/** The value as a YAML text in a style of its own at each place. Most are valid; not all. */
export function randomYaml(random: Random): string {
  const value = randomValue(random);
  if (random.part() < 0.3) {
    const style = {
      indent: random.pick([1, 2, 4]),
      indentSeq: random.part() < 0.5,
      lineWidth: random.pick([0, 20, 80]),
      flowCollectionPadding: random.part() < 0.5,
      collectionStyle: random.pick(["any", "block", "flow"] as const),
      defaultStringType: random.pick(["PLAIN", "QUOTE_DOUBLE", "QUOTE_SINGLE"] as const),
      defaultKeyType: random.pick(["PLAIN", "QUOTE_DOUBLE", "QUOTE_SINGLE"] as const),
    };
    return stringify(value, style);
  }
  const head = random.pick(["", "", "", "---\n", "# first\n", "\n\n", "# a\n---\n# b\n"]);
  return head + new Writer(random).block(value, 0) + random.pick(["", "", "\n", "# last", "  # last\n"]);
}

class Writer {
  constructor(private readonly random: Random) {}

  /** As lines at that column. */
  block(value: unknown, column: number): string {
    const pad = " ".repeat(column);
    const lines = (items: string[]): string => items.map((item) => `${this.#gap()}${pad}${item}`).join("");
    if (Array.isArray(value) && value.length > 0 && this.#often()) {
      return lines(value.map((item) => `-${this.#after(item, column, true)}`));
    }
    if (value instanceof Map && value.size > 0 && this.#often()) {
      return lines(
        [...value].map(([key, item]) => `${this.#scalar(key, false)}:${this.#after(item, column, false)}`),
      );
    }
    return `${pad}${this.#flow(value, column)}${this.#end()}`;
  }

  /** What follows `-` or `key:` at that column. */
  #after(value: unknown, column: number, isEntry: boolean): string {
    const isCollection = value !== null && typeof value === "object";
    const deeper = column + this.random.below(3) + 1;
    if (isCollection && this.random.part() < 0.75) {
      if (isEntry && this.random.part() < 0.6) {
        const spaces = " ".repeat(this.random.below(2) + 1);
        const inner = column + 1 + spaces.length;
        return spaces + this.block(value, inner).trimStart();
      }
      if (!isEntry && Array.isArray(value) && this.random.part() < 0.3)
        return this.#end() + this.block(value, column);
      return this.#end() + this.block(value, deeper);
    }
    if (this.random.part() < 0.05)
      return `${this.#end()}${" ".repeat(deeper)}${this.#flow(value, deeper)}${this.#end()}`;
    return ` ${this.#flow(value, column)}${this.#end()}`;
  }

  #flow(value: unknown, column: number): string {
    const items = Array.isArray(value)
      ? value.map((item) => this.#flow(item, column))
      : value instanceof Map
        ? [...value].map(
            ([key, item]) =>
              `${this.#scalar(key, true)}:${this.#often() ? " " : ""}${this.#flow(item, column)}`,
          )
        : null;
    if (items === null) return this.#scalar(value, true);
    const blank = (): string => {
      const kind = this.random.part();
      if (kind < 0.55) return "";
      if (kind < 0.9) return " ";
      const comment = this.random.pick(["", "", "", " # in it", "\n# first", " # in it\n   # again"]);
      return `${comment}\n${" ".repeat(column + this.random.below(4))}`;
    };
    const last = this.random.part() < 0.1 ? "," : "";
    const inner = items.map((item) => `${blank()}${item}${blank()}`).join(",");
    return Array.isArray(value) ? `[${inner}${last}${blank()}]` : `{${inner}${last}${blank()}}`;
  }

  #scalar(value: unknown, inFlow: boolean): string {
    const text = String(value);
    const kind = this.random.part();
    if (kind < 0.15) return JSON.stringify(text);
    if (kind < 0.3) return `'${text.replaceAll("'", "''")}'`;
    if (kind < 0.85 && !/^[A-Za-z0-9/.][\w/.-]*$/.test(text) && typeof value === "string") {
      return JSON.stringify(text);
    }
    if (kind > 0.98 && !inFlow)
      return this.random.pick([`&a ${text}`, "*a", `!!str ${text}`, "|\n      x\n", ">-\n   y"]);
    return text;
  }

  #end(): string {
    return this.random.pick([
      "\n",
      "\n",
      "\n",
      "\n",
      " # why\n",
      "  \n",
      "\n\n",
      "\n# note\n",
      " #\n",
      "\n      # deep\n",
    ]);
  }

  #gap(): string {
    return this.random.part() < 0.05 ? this.random.pick(["\n", "# between\n", "   \n"]) : "";
  }

  #often(): boolean {
    return this.random.part() < 0.85;
  }
}

const SPLINTERS = [
  ..." |  |\n|\n |\n  |:|: |:\n|- |-|\n- |? |# | #|#|,|, |[|]|{|}|\"|'|''|\\|&a |*a|!!str |!|%|@|`|<<: *a|<<|---\n|...\n|--- |\t|\r\n|\r|~|\u00a0".split(
    "|",
  ),
  "| ",
  "|\n",
  ">",
  "\ufeff",
  "\0",
  "\u2028",
  "a: b",
  "key:",
];

/** The text with one to three things done to it that people and tools do to files. */
export function mutated(random: Random, text: string, other: string): string {
  let changed = text;
  for (let times = random.below(3) + 1; times > 0; times--) {
    const at = random.below(changed.length + 1);
    const to = Math.min(changed.length, at + 1 + random.below(6));
    const lines = changed.split("\n");
    const line = random.below(lines.length);
    changed = random.pick([
      () => changed.slice(0, at) + random.pick(SPLINTERS) + changed.slice(at),
      () => changed.slice(0, at) + random.pick(SPLINTERS) + changed.slice(at),
      () => changed.slice(0, at) + random.pick(SPLINTERS) + changed.slice(to),
      () => changed.slice(0, at) + changed.slice(to),
      () => changed.slice(0, at),
      () => changed.slice(0, at) + other.slice(random.below(other.length)),
      () => lines.with(line, ` ${lines[line]}`).join("\n"),
      () => lines.with(line, (lines[line] ?? "").replace(/^ {1,2}/, "")).join("\n"),
      () => lines.toSpliced(line, 1).join("\n"),
      () => lines.toSpliced(line, 0, lines[random.below(lines.length)] ?? "").join("\n"),
    ])();
  }
  return changed;
}
