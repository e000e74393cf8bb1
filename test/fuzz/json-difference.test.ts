// Answers as JSON: the filter's comparison against one written independently over JSON.parse, on values that are
// changed a little, spelled at random, partly ignored, partly noisy; and against any bytes.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";

import fc from "fast-check";

import { loadComparer, type JsonComparer } from "../logic/json-comparer.ts";
import { seeded } from "../support/random.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const RUNS = { numRuns: 20_000, seed: 20261125 };
let comparer: JsonComparer;
before(async () => {
  comparer = await loadComparer();
});

const key = fc.oneof(
  fc.constantFrom("a", "b", "c", "id", "é", "~", "/", "0", "1", ""),
  fc.string({ maxLength: 3, unit: "grapheme" }),
);
const scalar = fc.oneof(
  fc.constantFrom<Json>(null, true, false, 0, -0, 1, 2, "", "a", "1"),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.string({ maxLength: 6, unit: "grapheme" }),
);
const { value } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    scalar,
    fc.array(tie("value"), { maxLength: 5 }),
    fc
      .array(fc.tuple(key, tie("value")), { maxLength: 12 })
      .map((pairs) => Object.fromEntries(pairs) as Json),
  ),
}));

/** A value that differs from another in a few places, or not at all. */
function changed(from: Json, random: () => number): Json {
  if (random() < 0.06) return [null, 1, "changed", [], {}][Math.floor(random() * 5)] as Json;
  if (Array.isArray(from)) {
    const items = from.map((item) => changed(item, random));
    if (random() < 0.05) items.pop();
    if (random() < 0.05) items.push("extra");
    return items;
  }
  if (typeof from !== "object" || from === null) return from;
  const members = Object.entries(from)
    .filter(() => random() > 0.03)
    .map(([name, item]) => [name, changed(item, random)] as const);
  if (random() < 0.05) members.push(["extra", 1]);
  return Object.fromEntries(members);
}

/** A value as text, in one of its many spellings. */
function spelled(from: Json, random: () => number): string {
  const blank = (): string =>
    random() < 0.2 ? ([" ", "\n", "\t", "\r\n "][Math.floor(random() * 4)] ?? "") : "";
  const text = (one: string): string => {
    if (random() > 0.3) return JSON.stringify(one);
    return `"${[...one].map((char) => [...Array(char.length).keys()].map((i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, "0")}`).join("")).join("")}"`;
  };
  const number = (one: number): string => {
    if (Object.is(one, -0)) return random() < 0.5 ? "-0" : "0";
    const forms = [
      JSON.stringify(one),
      one.toExponential(),
      Number.isInteger(one) && Math.abs(one) < 1e15 ? `${one}.0` : JSON.stringify(one),
    ];
    return forms[Math.floor(random() * 3)] as string;
  };
  const write = (one: Json): string => {
    let body: string;
    if (typeof one === "string") body = text(one);
    else if (typeof one === "number") body = number(one);
    else if (Array.isArray(one)) body = `[${one.map(write).join(",") || blank()}]`;
    else if (typeof one === "object" && one !== null) {
      const members = Object.entries(one).map(([name, item]) => ({
        order: random(),
        item: `${blank()}${text(name)}${blank()}:${write(item)}`,
      }));
      members.sort((a, b) => a.order - b.order);
      body = `{${members.map(({ item }) => item).join(",") || blank()}}`;
    } else body = String(one);
    return blank() + body + blank();
  };
  return write(from);
}

type Missing = undefined;
const isContainer = (one: Json | Missing): one is Json[] | { [key: string]: Json } =>
  typeof one === "object" && one !== null;
const kindOf = (one: Json | Missing): string =>
  one === null ? "null" : Array.isArray(one) ? "array" : typeof one;

/** The places where two values differ, told apart by what production shows against itself. */
function differences(
  ours: Json,
  theirs: Json,
  other: Json | null,
  rules: readonly string[][],
): { real: string[]; noise: number } {
  const found = { real: [] as string[], noise: 0 };
  const note = (path: readonly string[], isNoise: boolean): void => {
    if (isNoise) found.noise++;
    else
      found.real.push(path.map((token) => `/${token.replaceAll("~", "~0").replaceAll("/", "~1")}`).join(""));
  };
  const isIgnored = (path: readonly string[]): boolean =>
    rules.some(
      (rule) => rule.length <= path.length && rule.every((token, i) => token === "*" || token === path[i]),
    );
  const same = (a: Json, b: Json | Missing): boolean =>
    kindOf(a) === kindOf(b) && (isContainer(a) || a === b);
  const has = (one: Json | Missing, name: string): boolean => isContainer(one) && Object.hasOwn(one, name);
  const at = (one: Json | Missing, name: string): Json | Missing =>
    has(one, name) ? (one as Record<string, Json>)[name] : undefined;
  const walk = (
    path: readonly string[],
    a: Json,
    b: Json,
    c: Json | Missing,
    noisy: boolean,
    asked: boolean,
  ): void => {
    if (isIgnored(path)) return;
    if (isContainer(a) && kindOf(a) === kindOf(b)) {
      const below = noisy || (asked && kindOf(a) !== kindOf(c));
      for (const name of Object.keys(a)) {
        const next = [...path, name];
        if (isIgnored(next)) continue;
        if (!has(b, name)) note(next, asked && (below || !has(c, name)));
        else
          walk(
            next,
            at(a, name) as Json,
            at(b, name) as Json,
            at(c, name),
            below || (asked && !has(c, name)),
            asked,
          );
      }
      for (const name of Object.keys(b as object)) {
        const next = [...path, name];
        if (!has(a, name) && !isIgnored(next)) note(next, asked && (below || has(c, name)));
      }
    } else if (!same(a, b)) note(path, asked && (noisy || !same(a, c)));
  };
  walk([], ours, theirs, other ?? undefined, false, other !== null);
  return found;
}

const drawing = (seed: number): (() => number) => {
  const random = seeded(seed);
  return () => random.part();
};

describe("JSON answers", () => {
  test("one value in two spellings is the same", () => {
    fc.assert(
      fc.property(value, fc.nat(), (one, seed) => {
        const random = drawing(seed);
        assert.deepEqual(comparer.compare(spelled(one, random), spelled(one, random)), {
          verdict: "same",
          pointer: null,
        });
      }),
      RUNS,
    );
  });

  test("changed values, with parts ignored and parts noisy, are judged as by another comparison", () => {
    const pointers = fc.array(fc.array(fc.oneof(key, fc.constant("*")), { maxLength: 3, minLength: 1 }), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(value, fc.nat(), fc.boolean(), pointers, (ours, seed, withNoise, rules) => {
        const random = drawing(seed);
        const theirs = changed(ours, random);
        const other = withNoise ? changed(ours, random) : null;
        const expected = differences(ours, theirs, other, rules);
        const seen = comparer.compare(
          spelled(ours, random),
          spelled(theirs, random),
          other === null ? null : spelled(other, random),
          rules.map((rule) =>
            rule.map((token) => `/${token.replaceAll("~", "~0").replaceAll("/", "~1")}`).join(""),
          ),
        );
        const verdict = expected.real.length > 0 ? "different" : expected.noise > 0 ? "noise" : "same";
        assert.equal(seen.verdict, verdict, JSON.stringify({ ours, theirs, other, rules, expected }));
        if (seen.pointer !== null)
          assert.ok(expected.real.includes(seen.pointer), `${seen.pointer} of ${JSON.stringify(expected)}`);
      }),
      RUNS,
    );
  });

  test("any bytes: no trap, and what is no JSON is told", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.tuple(value, fc.nat(), fc.nat(), fc.nat({ max: 255 })).map(([one, seed, at, byte]) => {
        const text = Buffer.from(spelled(one, drawing(seed)));
        if (text.length > 0) text[at % text.length] = byte;
        return new Uint8Array(text);
      }),
    );
    const isJson = (one: Uint8Array): boolean => {
      try {
        JSON.parse(new TextDecoder("utf8", { fatal: true, ignoreBOM: true }).decode(one));
        return true;
      } catch {
        return false;
      }
    };
    // Half a surrogate pair as an escape is JSON for JavaScript; the filter has no UTF-8 for it.
    const isHalf = (one: Uint8Array): boolean =>
      /\\u[dD][89a-fA-F]/.test(Buffer.from(one).toString("latin1"));
    fc.assert(
      fc.property(bytes, (one) => {
        const { verdict } = comparer.compare(one, one);
        if (!isHalf(one)) assert.equal(verdict, isJson(one) ? "same" : "no JSON");
      }),
      RUNS,
    );
  });

  test("boundaries", () => {
    const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
    const cases: [ours: string, theirs: string, verdict: string, pointer: string | null][] = [
      ["9007199254740993", "9007199254740992", "different", ""],
      ["1e400", "1e401", "same", null],
      ["-0", "0", "same", null],
      ["1.0", "1", "same", null],
      [nested(64), nested(64), "same", null],
      [nested(65), nested(65), "no JSON", null],
      [`[${"0,".repeat(65_534)}0]`, `[${"0,".repeat(65_534)}1]`, "different", "/65534"],
      [`[${"0,".repeat(65_535)}0]`, "[]", "no JSON", null],
      ['{"a":1,"a":2}', '{"a":2}', "same", null],
      ['{"a":2}', '{"a":1,"a":2}', "same", null],
      ['{"a~/\\"b":1}', '{"a~/\\"b":2}', "different", '/a~0~1"b'],
      ["", "", "no JSON", null],
      ["[1,]", "[1]", "no JSON", null],
    ];
    for (const [ours, theirs, verdict, pointer] of cases) {
      assert.deepEqual(
        comparer.compare(ours, theirs),
        { verdict, pointer },
        `${ours.slice(0, 40)} against ${theirs.slice(0, 40)}`,
      );
    }
  });

  describe("names that are made to collide", () => {
    // Names of one FNV-1a hash, found by trying: 4,000 of the same low bits of what the table looks at.
    const names: string[] = [];
    for (let i = 0; names.length < 4_000 && i < 40_000_000; i++) {
      const name = i.toString(36);
      let hash = 0x811c9dc5;
      for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193) >>> 0;
      if (((hash ^ (hash >>> 15)) & 8191) === 7) names.push(name);
    }
    const objectOf = (count: number): string =>
      `{${names
        .slice(0, count)
        .map((name) => `"${name}":1`)
        .join(",")}}`;

    test("give up instead of taking long", () => {
      assert.equal(names.length, 4_000);
      assert.equal(comparer.compare(objectOf(4_000), objectOf(4_000)).verdict, "no JSON");
    });

    test("spoil no comparison that follows", () => {
      const plain = JSON.stringify(Object.fromEntries(names.slice(0, 9).map((name) => [name, 1])));
      for (const count of [4_000, 1_600]) {
        comparer.compare(objectOf(count), objectOf(count));
        const own = JSON.stringify(
          Object.fromEntries(
            names
              .slice(0, 9)
              .reverse()
              .map((name) => [name, 1]),
          ),
        );
        assert.deepEqual(comparer.compare(plain, own), { verdict: "same", pointer: null });
      }
    });
  });

  test("numbers: what their first digits tell is what JavaScript's floats tell", () => {
    const digits = fc.bigInt({ min: 1n, max: 10n ** 21n });
    const spelling = fc.tuple(digits, fc.integer({ min: -345, max: 330 }), fc.boolean(), fc.nat({ max: 3 }));
    const spelledNumber = ([digit, power, isNegative, zeros]: [bigint, number, boolean, number]): string => {
      const all = `${digit}${"0".repeat(zeros)}`;
      return `${isNegative ? "-" : ""}${all}e${power - zeros}`;
    };
    // Neighbours: a little more, a digit longer, another spelling of the same.
    const near = fc.tuple(spelling, fc.integer({ min: -6000, max: 6000 }), fc.nat({ max: 4 }));
    const pair = fc.oneof(
      fc.tuple(spelling, spelling).map(([a, b]) => [spelledNumber(a), spelledNumber(b)] as const),
      near.map(([[digit, power, isNegative, zeros], more, longer]) => {
        const other = digit + BigInt(more) < 0n ? digit : digit + BigInt(more);
        const b = spelledNumber([other * 10n ** BigInt(longer), power - longer, isNegative, 0]);
        return [spelledNumber([digit, power, isNegative, zeros]), b] as const;
      }),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((one) => {
        const exact = one.toExponential(20);
        return [one.toExponential(), exact] as const;
      }),
    );
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const verdict = comparer.compare(a, b).verdict;
        assert.equal(verdict, Number(a) === Number(b) ? "same" : "different", `${a} and ${b}`);
      }),
      { numRuns: 50_000, seed: RUNS.seed },
    );
  });

  test("numbers spelled apart are told by their digits; those that only floats can tell have a limit", () => {
    const listOf = (text: string): string => `[${Array(60_000).fill(text).join(",")}]`;
    for (const [one, other] of [
      ["1e-300", "10e-301"],
      ["1.50", "15e-1"],
      ["1e300", "1000e297"],
    ] as const) {
      assert.equal(comparer.compare(listOf(one), listOf(other)).verdict, "same", `${one} and ${other}`);
    }
    // Too close for their first digits: some are read, as many as a worker can bear.
    assert.equal(comparer.compare(listOf("1e-300"), listOf("1.0000000000000000001e-300")).verdict, "unknown");
    const few = (text: string): string => `[${Array(1000).fill(text).join(",")}]`;
    assert.equal(comparer.compare(few("1e-300"), few("1.0000000000000000001e-300")).verdict, "same");
  });
});
