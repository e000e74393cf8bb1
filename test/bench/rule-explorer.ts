// Rules from a seed, more and more of them made of those that took the longest.

import { Random } from "../support/random.ts";
import { long, many, type Rule, type WorstRule } from "./worst-rules.ts";

/** Texts that are long, or just too long for something, or numbers that take big integers. */
const HEADERS: Record<string, string> = {
  a: long("a", 9000),
  b: `${long("ab", 8990)}b`,
  d: long("1234567890", 3000),
  n: "9e-300",
  m: "123456789.125e-290",
  v: "1.2.3-a.b.1.2",
  w: `2.0.0-${long("a.1.", 4000)}z`,
  s: "user-4711",
  e: "",
  x: "0.1",
  y: "1e300",
  z: `${"7".repeat(767)}1e-800`,
  k: "a".repeat(62),
  p: "headers.s",
  q: long("é", 2000),
};

const CONTEXT = {
  nums: many(200, (i) => i + 0.1),
  texts: many(100, (i) => `text-${i}`.padEnd(60, "x")),
  few: [1, 2, 3],
  big: [1e308, 5e-324, 1e-300, 0.1, 123456.789e100],
  obj: Object.fromEntries(many(40, (i) => [`k${i}`, i])),
  buckets: many(60, (i) => [`v${i}`, i]),
  one: [1],
  deep: { a: { a: { a: { a: { a: 1 } } } } },
  objs: many(20, (i) => ({ a: i, b: "x".repeat(30), c: [i] })),
  digits: ["9e-300", "1.5e299", "0.000001", "12345678901234567890"],
};
const LISTS = ["nums", "texts", "few", "big", "buckets", "objs", "digits", "one"];
const NAMES =
  "headers.gone cookies.c query.q targetingKey method host path $flagd.timestamp deep.a.a.a.a.a obj.k39 obj.gone texts.5 a current accumulator b c.0".split(
    " ",
  );
const VARIABLES = [
  "",
  ...NAMES,
  ...Object.keys(HEADERS).map((name) => `headers.${name}`),
  ...Object.keys(CONTEXT),
];
const PATHS = ["headers.a", "headers.gone", "obj.k1"];
const CONSTANTS: readonly Rule[] = [
  ...[
    1,
    0,
    "",
    "aaab",
    "aaaaaaaaaaaaaaab",
    `${"a".repeat(40)}b`,
    "2.0.0",
    "1.0.0-a",
    1e300,
    5e-324,
    0.1,
    3,
    -1,
  ],
  ...["text-5", "<", "^", "9e-299", null, true, PATHS, "headers.v"],
  ["text-1", "text-2", "x", "y", "z", "w", "q", "r", "aa", "ab"],
];
const BINARY = "== === != < <= > % / in starts_with ends_with".split(" ");
const ITERATORS = "map filter all some none".split(" ");
const OPERATORS =
  "! !! and or + - * max min merge cat in reduce sem_ver fractional substr if missing missing_some".split(
    " ",
  );

const KEPT = 12;

export class RuleExplorer {
  count = 0;
  /** The slowest first. */
  worst: { readonly rule: WorstRule; readonly ms: number }[] = [];
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  /** The next rule, with a request for it. */
  next(): WorstRule {
    this.count++;
    return {
      what: "",
      unit: { and: [this.#fresh(), false] },
      headers: { ...HEADERS, cookie: `c=${"q".repeat(500)}` },
      path: "/p?q=%41",
      flagd: {
        fractional: this.#random.pick(["v1", "v2", "v3"]),
        context: CONTEXT,
        types: { "headers.n": "number", "headers.d": "number" },
      },
      identity: [{ header: "b" }],
    };
  }

  /** Whether it took longer than the rules that are kept. */
  isWorse(ms: number): boolean {
    return this.worst.length < KEPT || ms > (this.worst.at(-1)?.ms ?? 0);
  }

  note(rule: WorstRule, ms: number): void {
    if (JSON.stringify(rule.unit).length > 2000) return;
    this.worst = [...this.worst, { rule, ms }].sort((a, b) => b.ms - a.ms).slice(0, KEPT);
  }

  #fresh(): Rule {
    const rule = this.#rule(1 + this.#random.below(4));
    if (this.worst.length < KEPT || this.#random.below(5) < 3) return rule;
    const slow = this.#random.pick(this.worst).rule.unit;
    return this.#random.below(2) === 0
      ? { [this.#random.pick(["cat", "merge", "in", "==", "!", "max"])]: [slow, rule] }
      : { some: [{ var: "few" }, slow] };
  }

  #rule(depth: number): Rule {
    const random = this.#random;
    if (depth <= 0 || random.below(7) === 0) {
      return random.below(3) === 0 ? random.pick(CONSTANTS) : { var: random.pick(VARIABLES) };
    }
    const part = (): Rule => this.#rule(depth - 1 - random.below(2));
    const operator = random.pick([...BINARY, ...ITERATORS, ...OPERATORS]);
    const list = { var: random.pick(LISTS) };
    if (operator === "sem_ver") return { sem_ver: [part(), random.pick(["<", "=", "^", "~", ">="]), part()] };
    if (operator === "fractional") {
      return random.pick([
        {
          fractional: [
            ["a", 1],
            ["b", part()],
          ],
        },
        { fractional: { var: "buckets" } },
        { fractional: [part(), ["a", 1], ["b", 2], ["c", 5]] },
      ]);
    }
    if (ITERATORS.includes(operator)) return { [operator]: [random.below(3) === 0 ? part() : list, part()] };
    if (operator === "reduce") return { reduce: [list, part(), random.pick(CONSTANTS)] };
    if (operator === "substr")
      return { substr: [part(), random.pick([-1, 0, 5, 1000, 60]), random.pick([-1, 3, 8000])] };
    if (operator === "missing_some") return { missing_some: [1, random.pick([PATHS, part()])] };
    const count =
      operator.startsWith("!") && operator !== "!=" ? 1 : BINARY.includes(operator) ? 2 : 1 + random.below(4);
    return { [operator]: many(count, part) };
  }
}
