// Regular expressions: what they match, against JavaScript's engine; what of RE2's syntax is taken and what is refused, in
// words; and that a text takes at most as many steps as it has characters, times the states, whatever the expression.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { LogLevel, Vm } from "../../tools/emulator/index.ts";
import { filterModule } from "../support/filter.ts";
import { comparePairs, Expressions, policyOf } from "./expression-pairs.ts";

const PAIRS = Number(process.env["SERIN_EXPRESSION_PAIRS"] ?? 60_000);

test(`${PAIRS} pairs of expressions and texts, as JavaScript's engine has them`, () => {
  const { pairs, matched, faults } = comparePairs(PAIRS, 20261128);
  assert.deepEqual(faults, []);
  assert.ok(pairs >= PAIRS);
  assert.ok(matched > pairs / 20, `only ${matched} of ${pairs} match`);
});

/** Of what JavaScript cannot be asked: an expression, texts that match, and texts that do not. */
const MEANINGS: readonly [expression: string, matching: string[], not: string[]][] = [
  ["", [""], ["a"]],
  ["a|", ["a", ""], ["aa"]],
  ["()", [""], ["a"]],
  ["😀{2}", ["😀😀"], ["😀", "😀😀😀"]],
  [".", ["a", "é", "中", "😀"], ["", "\n", "ab"]],
  ["(?s).", ["\n"], []],
  ["[^a]", ["\n", "😀"], ["a"]],
  ["[😀-😂]", ["😁"], ["😃"]],
  ["(?i)k", ["k", "K", "\u212a"], ["s"]],
  ["(?i)[^k]", ["s"], ["k", "K", "\u212a"]],
  ["(?i)\\w", ["ſ", "\u212a", "S"], ["é"]],
  ["\\w", ["S"], ["ſ", "\u212a"]],
  ["(?i)\\W", ["é"], ["ſ", "\u212a"]],
  ["\\s", [], ["\u000b", "\u00a0"]],
  ["[[:space:]]x", ["\u000bx"], []],
  ["a{,2}", ["a{,2}"], ["aa"]],
  ["a{", ["a{"], ["a"]],
  ["a{1,2", ["a{1,2"], ["aa"]],
  ["x{0}y{0,0}", [""], ["x", "y"]],
  ["(a{1000})", ["a".repeat(1000)], ["a".repeat(999), "a".repeat(1001)]],
  ["\\Qa.b\\E+", ["a.b", "a.bb"], ["axb", "a.ba.b"]],
  ["\\Q\\d", ["\\d"], ["1"]],
  ["\\012", [], ["12"]],
  ["\\x{1F600}\\x41\\101", ["😀AA"], []],
  ["[]a]", ["]", "a"], ["b"]],
  ["[^]a]", ["b"], ["]", "a"]],
  ["[a-]", ["a", "-"], ["b"]],
  ["[a-b-c]", ["a", "b", "-", "c"], ["d"]],
  ["[[a]", ["[", "a"], ["b"]],
  ["[[:word:][:^ascii:]]", ["_", "é"], ["-"]],
  ["a(?i)b|c", ["ab", "aB", "C"], ["Ab", "AB"]],
  ["(?i:a)b", ["Ab", "ab"], ["aB"]],
  ["(?i)a(?-i)b", ["Ab"], ["AB"]],
  ["(?m)a$\\n^b", ["a\nb"], []],
  ["a$\\n^b", [], ["a\nb"]],
  ["\\Aa\\z", ["a"], ["b"]],
  ["^*a", ["a"], []],
  ["a\\b-\\bb", ["a-b"], ["a-c"]],
  ["a\\Bb", ["ab"], ["a b"]],
  ["(?U)a*?", ["", "aa"], []],
];

describe("expressions mean what RE2 says", () => {
  const filter = new Expressions();
  for (const [expression, matching, not] of MEANINGS) {
    test(expression === "" ? "the empty one" : expression, () => {
      assert.equal(filter.load(policyOf([expression])), null);
      for (const text of matching)
        assert.ok(filter.matching(text).has(0), `${JSON.stringify(text)} has to match`);
      for (const text of not)
        assert.ok(!filter.matching(text).has(0), `${JSON.stringify(text)} must not match`);
    });
  }
});

test("bytes that are no UTF-8 are no character", () => {
  const vm = Vm.load(filterModule());
  const value = ".*|[^a]*|(?s).*";
  const rollout = { match: [{ headers: [{ name: "x-a", type: "RegularExpression", value }] }] };
  const policy = {
    rollouts: { r: { ...rollout, identity: [], announce: "all", default: "a", variants: { a: {} } } },
  };
  const { root } = vm.configure(JSON.stringify(policy));
  const holds = (bytes: Uint8Array): boolean =>
    vm
      .request(root, {
        headers: [
          [":path", "/"],
          ["x-a", bytes],
        ],
      })
      .requestHeaders.toPairs()
      .some(([name]) => name === "x-serin-r");
  assert.equal(holds(Buffer.from("é")), true);
  assert.equal(holds(Buffer.from([0xe9])), false);
  assert.equal(holds(Buffer.from([0x61, 0xff])), false);
  assert.equal(holds(Buffer.from([0xed, 0xa0, 0x80])), false);
});

const REFUSED: readonly [expression: string, message: RegExp][] = [
  ["(a", /a \( without its \) at character 3/],
  ["a)", /a \) without its \( at character 2/],
  ["[a", /a \[ without its \] at character 3/],
  ["[]", /a \[ without its \]/],
  ["*a", /a repetition of nothing at character 1/],
  ["a|*", /a repetition of nothing at character 3/],
  ["(+)", /a repetition of nothing/],
  ["{2}", /a repetition of nothing/],
  ["(?i)*", /a repetition of nothing/],
  ["a**", /a repetition of a repetition \(write \(\?:a\*\)\* for it\) at character 3/],
  ["a+{2}", /a repetition of a repetition/],
  ["a{2}{3}", /a repetition of a repetition/],
  ["a*??", /a repetition of a repetition/],
  ["é{1001}", /a count that is over 1000, or whose end comes before its beginning, at character 2/],
  ["a{2,1}", /a count that is over 1000/],
  ["a{99999999999999999999}", /a count that is over 1000/],
  ["a\\", /a backslash with nothing behind it at character 2/],
  ["\\q", /an unknown escape at character 1/],
  ["\\Z", /an unknown escape/],
  ["\\E", /an unknown escape/],
  ["\\é", /an unknown escape/],
  ["(a)\\1", /a back-reference, which is not part of RE2, at character 4/],
  ["[\\8]", /a back-reference/],
  [
    "\\pL",
    /a Unicode class, which is not supported \(list the characters, like \[A-Za-zÀ-ÿ\]\), at character 1/,
  ],
  ["[\\P{Greek}]", /a Unicode class, which is not supported/],
  ["\\C", /\\\\C, a single byte, which is not supported/],
  ["\\x4", /an escape that is not like \\\\x41/],
  ["\\x{}", /an escape that is not like/],
  ["\\x{110000}", /a character above/],
  ["[b-a]", /a range whose end comes before its beginning/],
  ["[a-\\d]", /an unknown escape/],
  ["[[:vowel:]]", /an unknown class between \[: and :\]/],
  ["(?=a)", /a look-ahead, which is not part of RE2, at character 1/],
  ["(?!a)", /a look-ahead/],
  ["(?<=a)", /a look-behind, which is not part of RE2/],
  ["(?<!a)", /a look-behind/],
  ["(?>a)", /a group that is not part of RE2/],
  ["(?#a)", /a group that is not part of RE2/],
  ["(?P=n)", /a group that is not part of RE2/],
  ["(?x)a", /a group that is not part of RE2/],
  ["(?i-)a", /a group that is not part of RE2/],
  ["(?", /a group that is not part of RE2/],
  ["(?P<a-b>c)", /a group whose name is not letters, digits and _/],
  ["(?<>c)", /a group whose name is not letters/],
  [
    "(?i)é",
    /a letter that is not of ASCII under \(\?i\), which is not supported \(write both cases, like \[Éé\]\)/,
  ],
  ["(?i)[à-ÿ]", /a letter that is not of ASCII under/],
  ["a{1000}{5}|(?:b{1000}){4}", /a repetition of a repetition/],
  ["(?:b{1000}){5}", /more than 4096 states in a regular expression: repeat less in it/],
  [`${"a".repeat(1025)}`, /more than 1024 bytes in a regular expression/],
];

describe("expressions that are refused say what was expected, and where", () => {
  const filter = new Expressions();
  for (const [expression, message] of REFUSED) {
    test(expression.slice(0, 40), () =>
      assert.match(filter.load(policyOf([expression])) ?? "taken", message),
    );
  }
});

describe("no expression takes more steps than its states for each character", () => {
  const EVIL: readonly [expression: string, unit: string, end: string][] = [
    ["(a+)+$", "a", "!"],
    ["(a+)+", "a", "!"],
    ["(a|aa)+", "a", "!"],
    ["(a|a?)+", "a", "!"],
    ["(.*)*", "a", "\n"],
    ["(.*)*x", "ab", "y"],
    ["(((a{0,10}){0,10}){0,10})b", "a", "c"],
    ["(a?){200}a{200}", "a", "!"],
    ["(?:a*b*c*d*)*e", "abcd", "f"],
    ["([a-z]+)*[A-Z]", "abc", "0"],
    ["(\\w+\\s?)+!", "aa ", "?"],
    ["(/[^/]*)*(/[^/]*)*(/[^/]*)*x", "/a", "y"],
  ];
  const vm = Vm.load(filterModule(), { logLevel: LogLevel.Trace });
  const steps = (expression: string, text: string): number => {
    const { root } = vm.configure(JSON.stringify(policyOf([expression], { limits: { work: 1_000_000 } })));
    const path = `/?v=${encodeURIComponent(text)}`;
    const stream = vm.request(root, { headers: [[":path", path]] }).done();
    const { explain } = JSON.parse(`${stream.explanation}`) as { explain?: { work: { spent: number } } };
    const { work } = explain ?? (JSON.parse(`${stream.explanation}`) as { work: { spent: number } });
    return work.spent;
  };
  for (const [expression, unit, end] of EVIL) {
    test(expression, () => {
      const [one, two, four] = [50, 100, 200].map((times) => steps(expression, unit.repeat(times) + end));
      assert.ok(one !== undefined && two !== undefined && four !== undefined);
      assert.ok(one > 0, "no step at all");
      assert.ok(four < 1_000_000, "all steps were spent");
      // Twice the text, twice the steps: what is left over stands at the ends.
      assert.ok(two <= 2.1 * one + 500 && four <= 2.1 * two + 500, `${one}, ${two}, ${four} steps`);
    });
  }
});
