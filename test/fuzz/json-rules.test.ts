// Answers as JSON, by rules: a tolerance of numbers, arrays whose order does not count, and the places that differ;
// against a plain comparison that tries every pairing of items and computes with big integers.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";

import fc from "fast-check";

import { loadComparer, type JsonComparer, type Rules } from "../logic/json-comparer.ts";
import { seeded } from "../support/random.ts";

type Json = null | boolean | string | Numeral | Json[] | { [key: string]: Json };
/** A number by its text. */
class Numeral {
  constructor(readonly text: string) {}
}

const RUNS = { numRuns: 20_000, seed: 20261128 };
let comparer: JsonComparer;
before(async () => {
  comparer = await loadComparer();
});

const WHOLE = 1_000_000_000n;

/** A decimal text as digits times a power of ten. */
function read(text: string): { digits: bigint; power: number } {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  return { digits: BigInt(whole + fraction), power: Number(exponent) - fraction.length };
}

/** |a - b| <= part * max(|a|, |b|), with a and b as fractions. */
function within(a: string, b: string, billionths: number): boolean {
  const [one, other] = [read(a), read(b)];
  const least = Math.min(one.power, other.power);
  const [x, y] = [one, other].map(({ digits, power }) => digits * 10n ** BigInt(power - least)) as [
    bigint,
    bigint,
  ];
  const abs = (n: bigint): bigint => (n < 0n ? -n : n);
  const larger = abs(x) > abs(y) ? abs(x) : abs(y);
  return abs(x - y) * WHOLE <= BigInt(billionths) * larger;
}

const spelled = (one: Json): string => {
  if (one instanceof Numeral) return one.text;
  if (Array.isArray(one)) return `[${one.map(spelled).join(",")}]`;
  if (typeof one !== "object" || one === null) return JSON.stringify(one);
  return `{${Object.entries(one)
    .map(([key, value]) => `${JSON.stringify(key)}:${spelled(value)}`)
    .join(",")}}`;
};

const matches = (pointers: readonly string[], path: readonly string[]): boolean =>
  pointers.some((pointer) => {
    const tokens = pointer === "" ? [] : pointer.slice(1).split("/");
    return tokens.length === path.length && tokens.every((token, i) => token === "*" || token === path[i]);
  });

/** Whether two values are the same; inside an unordered array others are compared without the tolerance. */
function same(a: Json, b: Json, rules: Required<Rules>, path: readonly string[], nested: boolean): boolean {
  if (matches(rules.ignored, path)) return true;
  if (a instanceof Numeral && b instanceof Numeral) {
    return (
      Number(a.text) === Number(b.text) || (rules.tolerance !== 0 && within(a.text, b.text, rules.tolerance))
    );
  }
  if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return a === b;
  if (a instanceof Numeral || b instanceof Numeral || Array.isArray(a) !== Array.isArray(b)) return false;
  if (Array.isArray(a) && Array.isArray(b)) {
    const kept = (items: Json[]): [Json, number][] =>
      items
        .map((item, i): [Json, number] => [item, i])
        .filter(([, i]) => !matches(rules.ignored, [...path, String(i)]));
    const [ours, theirs] = [kept(a), kept(b)];
    if (!matches(rules.unordered, path)) {
      return (
        [...ours, ...theirs].every(([, i]) => i < a.length && i < b.length) &&
        ours.every(([item, i]) => same(item, b[i] as Json, rules, [...path, String(i)], nested))
      );
    }
    if (ours.length !== theirs.length) return false;
    const inside = nested ? { ...rules, tolerance: 0 } : rules;
    const pair = (i: number, free: readonly number[]): boolean =>
      i === ours.length ||
      free.some(
        (j) =>
          same(ours[i]?.[0] as Json, theirs[j]?.[0] as Json, inside, [...path, "*"], true) &&
          pair(
            i + 1,
            free.filter((one) => one !== j),
          ),
      );
    return pair(0, [...theirs.keys()]);
  }
  const [one, other] = [a as Record<string, Json>, b as Record<string, Json>];
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].every((key) => {
    const at = [...path, key];
    if (matches(rules.ignored, at)) return true;
    return key in one && key in other && same(one[key] as Json, other[key] as Json, rules, at, nested);
  });
}

describe("a tolerance of numbers", () => {
  const numeral = fc
    .tuple(
      fc.bigInt({ min: 0n, max: 10n ** 25n }),
      fc.nat({ max: 12 }),
      fc.integer({ min: -40, max: 40 }),
      fc.boolean(),
    )
    .map(([digits, point, exponent, isNegative]) => {
      const text = String(digits).padStart(point + 1, "0");
      const mantissa = point === 0 ? text : `${text.slice(0, -point)}.${text.slice(-point)}`;
      return `${isNegative ? "-" : ""}${mantissa}${exponent === 0 ? "" : `e${exponent}`}`;
    });
  const part = fc.oneof(
    fc.constantFrom(1, 1_000_000, 999_999_999, 500_000_000),
    fc.integer({ min: 1, max: 999_999_999 }),
  );

  test("is exact, on the boundary and one beside it, whatever the spelling", () => {
    fc.assert(
      fc.property(
        numeral,
        part,
        fc.integer({ min: -2, max: 2 }),
        numeral,
        fc.boolean(),
        (a, billionths, more, c, near) => {
          const { digits, power } = read(a);
          // (1 - part) * a, exactly, and its neighbours.
          const edge = digits * (WHOLE - BigInt(billionths)) + BigInt(more);
          const b = near ? `${edge}e${power - 9}` : c;
          assert.equal(
            comparer.isWithin(a, b, billionths),
            within(a, b, billionths),
            `${a} ${b} ${billionths}`,
          );
          assert.equal(
            comparer.isWithin(b, a, billionths),
            within(a, b, billionths),
            `${b} ${a} ${billionths}`,
          );
        },
      ),
      { numRuns: 100_000, seed: RUNS.seed },
    );
  });

  test("huge and tiny numbers, zeros and signs", () => {
    for (const [a, b, billionths, expected] of [
      ["1e400", "1.001e400", 1_000_000, true],
      ["1e400", "1.0011e400", 1_000_000, false],
      ["1e-999999", "1.0005e-999999", 1_000_000, true],
      ["100", "99.9", 1_000_000, true],
      ["100", "99.89", 1_000_000, false],
      ["0", "-0.0", 1, true],
      ["0", "1e-300", 999_999_999, false],
      ["1", "-1", 999_999_999, false],
      ["1000", "999.99999999999999999999999", 1, true],
      [`1${"0".repeat(5000)}`, "1e5000", 1, true],
    ] as const) {
      assert.equal(comparer.isWithin(a, b, billionths), expected, `${a.slice(0, 30)} ${b}`);
    }
  });
});

const number = fc
  .constantFrom("1", "1.0", "10e-1", "1.0005", "1.0009", "1.0014", "1.0018", "2", "-1", "0")
  .map((text) => new Numeral(text));
const item = fc.oneof(
  number,
  fc.constantFrom<Json>("a", "b", null, true),
  fc.record({ n: number, k: fc.constantFrom<Json>("a", "b") }, { requiredKeys: [] }) as fc.Arbitrary<Json>,
  fc.record({ n: number, id: number, tags: fc.array(number, { maxLength: 3 }) }) as fc.Arbitrary<Json>,
);
const document = fc.record({
  items: fc.array(item, { maxLength: 6 }),
  list: fc.array(number, { maxLength: 4 }),
  more: fc.array(fc.record({ tags: fc.array(number, { maxLength: 3 }) }), { maxLength: 2 }),
}) as fc.Arbitrary<{ [key: string]: Json }>;

function changed(one: Json, random: () => number): Json {
  if (one instanceof Numeral)
    return random() < 0.2
      ? new Numeral(["1.0005", "1.0009", "1", "2"][Math.floor(random() * 4)] as string)
      : one;
  if (Array.isArray(one)) {
    const items = one.map((each) => changed(each, random));
    if (random() < 0.6) items.sort(() => random() - 0.5);
    if (random() < 0.05) items.pop();
    return items;
  }
  if (typeof one !== "object" || one === null) return one;
  const members = Object.entries(one).map(([key, value]) => [key, changed(value, random)] as const);
  return Object.fromEntries(random() < 0.5 ? members : members.reverse());
}

test("arrays without order, with tolerance and ignored parts: as every pairing tried in turn says", () => {
  const rules = fc.record({
    ignored: fc.subarray(["/items/*/id", "/list", "/more/0", "/items/*/k"]),
    unordered: fc.subarray(["/items", "/list", "/items/*/tags", "/more/*/tags", "/more"]),
    tolerance: fc.constantFrom(0, 400_000, 500_000, 1_000_000),
  });
  let verdicts = { same: 0, different: 0 };
  fc.assert(
    fc.property(document, fc.nat(), rules, (ours, seed, by) => {
      const random = seeded(seed);
      const theirs = changed(ours, () => random.part());
      const expected = same(ours, theirs, by, [], false) ? "same" : "different";
      const { verdict } = comparer.compare(spelled(ours), spelled(theirs), null, by.ignored, by);
      assert.equal(verdict, expected, JSON.stringify([spelled(ours), spelled(theirs), by]));
      verdicts = { ...verdicts, [expected]: verdicts[expected] + 1 };
    }),
    RUNS,
  );
  assert.ok(Math.min(verdicts.same, verdicts.different) > RUNS.numRuns / 10, JSON.stringify(verdicts));
});

test("no state passes from one comparison to the next", async () => {
  const random = seeded(7);
  const texts = fc.sample(document, { numRuns: 300, seed: 3 }).map(spelled);
  const by = { unordered: ["/items", "/list"], tolerance: 1_000_000 };
  for (let i = 0; i < 60; i++) {
    const [a, b, c] = Array.from(
      { length: 3 },
      () => texts[Math.floor(random.part() * texts.length)] as string,
    ) as [string, string, string];
    const say = (one: JsonComparer): unknown => [
      one.compare(a, b, random.part() < 2 ? null : c, [], by),
      one.places(),
    ];
    const used = say(comparer);
    comparer.compare(b, c, a, ["/items"], by);
    assert.deepEqual(say(comparer), used);
    if (i === 59) assert.deepEqual(say(await loadComparer()), used);
  }
});

describe("places", () => {
  const placesOf = (
    ours: unknown,
    theirs: unknown,
    other: unknown = null,
    ignored: string[] = [],
    by: Rules = {},
  ): string[] => {
    const text = (one: unknown): string => (typeof one === "string" ? one : JSON.stringify(one));
    comparer.compare(text(ours), text(theirs), other === null ? null : text(other), ignored, by);
    return comparer.places().sort();
  };
  test("each once, however often it differs, indices and keys of people as *", () => {
    assert.deepEqual(placesOf({ a: [{ b: 1 }, { b: 2 }], c: 1 }, { a: [{ b: 3 }, { b: 4 }], c: 2 }), [
      "/a/*/b",
      "/c",
    ]);
    assert.deepEqual(placesOf({ a: 1 }, { b: 1 }), ["/a", "/b"]);
    assert.deepEqual(
      placesOf({ "a.b": 1, "ann@example.com": { x: 1 } }, { "a.b": 2, "ann@example.com": { x: 2 } }),
      ["/*", "/*/x"],
    );
    assert.deepEqual(placesOf({ [`k${"x".repeat(31)}`]: 1 }, {}), [`/k${"x".repeat(31)}`]);
    assert.deepEqual(placesOf({ [`k${"x".repeat(32)}`]: 1 }, {}), ["/*"]);
    assert.deepEqual(placesOf({ "": 1, "1a": 1, é: 1, "-a": 1 }, {}), ["/*"]);
    assert.deepEqual(placesOf(1, 2), ["/"]);
    assert.deepEqual(placesOf([1], { a: 1 }), ["/"]);
    assert.deepEqual(placesOf([1], [1, 2]), ["/*"]);
    assert.deepEqual(placesOf({ a: 1 }, { a: 1.0 }), []);
  });

  test("an object of more than 64 members, on either side, is a map", () => {
    const many = (count: number): Record<string, number> =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));
    assert.deepEqual(placesOf({ m: many(64) }, { m: { ...many(64), k3: 0 } }), ["/m/k3"]);
    assert.deepEqual(placesOf({ m: many(65) }, { m: { ...many(65), k3: 0 } }), ["/m/*"]);
    assert.deepEqual(placesOf({ m: many(64) }, { m: { ...many(65), k3: 0 } }), ["/m/*"]);
  });

  test("at most 32 are named, the others are one", () => {
    const many = (value: number): Record<string, number> =>
      Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`k${i}`, value]));
    const places = placesOf(many(1), many(2));
    assert.equal(places.length, 33);
    assert.ok(places.includes("other"));
  });

  test("what differs between production's instances, or is ignored, names none", () => {
    assert.deepEqual(placesOf({ a: 1, n: 1, i: 1 }, { a: 2, n: 2, i: 2 }, { a: 1, n: 3, i: 1 }, ["/i"]), [
      "/a",
    ]);
    const by = { unordered: ["/l"] };
    assert.deepEqual(placesOf({ l: [1, 2] }, { l: [2, 3] }, { l: [2, 4] }, [], by), []);
    assert.deepEqual(placesOf({ l: [1, 2] }, { l: [2, 3] }, { l: [2, 1] }, [], by), ["/l/*"]);
  });

  test("in an array without order: within the item that stands for the other", () => {
    const by = { unordered: ["/l"] };
    const item = (id: string, price: number): object => ({ id, price, tags: ["a"] });
    assert.deepEqual(
      placesOf({ l: [item("a", 1), item("b", 2)] }, { l: [item("b", 3), item("a", 4)] }, null, [], by),
      ["/l/*/price"],
    );
    assert.deepEqual(
      placesOf(
        { l: [{ id: "a", x: "1" }, item("b", 2)] },
        { l: [item("b", 2), { id: "a", x: "2" }] },
        null,
        [],
        by,
      ),
      ["/l/*/x"],
    );
    assert.deepEqual(placesOf({ l: [1, 2] }, { l: [2] }, null, [], by), ["/l/*"]);
  });
});

describe("evil answers are bounded in work", () => {
  const TIME_MS = 2_000;
  const timed = (name: string, ours: string, theirs: string, by: Rules, verdicts: string[]): void => {
    test(name, () => {
      const begin = performance.now();
      const { verdict } = comparer.compare(ours, theirs, null, by.ignored, by);
      assert.ok(performance.now() - begin < TIME_MS);
      assert.ok(verdicts.includes(verdict), verdict);
    });
  };
  const list = (count: number, value: (i: number) => string): string =>
    `{"l":[${Array.from({ length: count }, (_, i) => value(i)).join(",")}]}`;
  const by = { unordered: ["/l"], tolerance: 1_000_000 };
  timed(
    "60,000 items turned around",
    list(60_000, String),
    list(60_000, (i) => String(59_999 - i)),
    by,
    ["same"],
  );
  timed(
    "60,000 items, all of them others",
    list(60_000, (i) => `"a${i}"`),
    list(60_000, (i) => `"b${i}"`),
    by,
    ["different"],
  );
  timed(
    "30,000 numbers within the tolerance of some",
    list(30_000, (i) => `${1000 + i}.5`),
    list(30_000, (i) => `${1000 + i}.25`),
    by,
    ["same", "unknown"],
  );
  timed(
    "1,000 numbers, each a little off",
    list(1_000, (i) => `${10 ** 6 + i * 5000}`),
    list(1_000, (i) => `${10 ** 6 + (999 - i) * 5000 + 10}`),
    by,
    ["same"],
  );
  test("32,000 arrays without order take no more memory than one", async () => {
    const fresh = await loadComparer();
    const body = (last: string): string => `[${"[1],".repeat(32_000)}["${last}"]]`;
    assert.equal(fresh.compare(body("a"), body("b"), null, [], {}).verdict, "different");
    const before = fresh.memorySize;
    const { verdict } = fresh.compare(body("a"), body("b"), null, [], { unordered: ["/*"], tolerance: 0 });
    assert.equal(verdict, "different");
    assert.ok(fresh.memorySize - before < 32 << 20, `${fresh.memorySize - before} bytes more`);
  });
  timed(
    "numbers of many digits",
    list(200, (i) => `${i + 1}${"1".repeat(4000)}`),
    list(200, (i) => `${i + 1}${"1".repeat(3999)}2`),
    by,
    ["same", "unknown"],
  );
  timed(
    "30,000 differences",
    list(30_000, (i) => `{"a${i % 50}":1}`),
    list(30_000, (i) => `{"a${i % 50}":2}`),
    {},
    ["different"],
  );
  const deep = (value: string): string => '{"l":['.repeat(31) + value + "]}".repeat(31);
  timed(
    "arrays without order inside of each other",
    deep("1"),
    deep("2"),
    { unordered: Array.from({ length: 31 }, (_, i) => "/l/*".repeat(i) + "/l") },
    ["different"],
  );
});
