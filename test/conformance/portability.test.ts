// Corners in which flagd's evaluators differ are told when a flag is loaded, as hints that refuse nothing.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { checkPolicy, refuseFaults } from "../../tools/policy/check-policy.ts";
import { loadFilter } from "../../tools/policy/filter-module.ts";
import { readPolicySource } from "../../tools/policy/policy-source.ts";

const filter = loadFilter();
const seen = { var: "headers.x" };
const there = { var: ["headers.x", "none"] };

/** A targeting, and where in it the hint stands. */
const CORNERS: [targeting: object, pointer: string][] = [
  [{ "==": [seen, null] }, "/==/1"],
  [{ "<": [[1], seen] }, "/</0"],
  [{ "==": [" 7", seen] }, "/==/0"],
  [{ ">": [1, { reduce: [[1], { "+": [{ var: "current" }, 1] }, 0] }] }, "/>/1"],
  [{ "+": [null, seen] }, "/+/0"],
  [{ "*": [true, 2] }, "/*/0"],
  [{ "/": [seen, 0] }, "///1"],
  [{ "/": [seen] }, "///0"],
  [{ "-": seen }, "/-"],
  [{ cat: [true, there] }, "/cat/0"],
  [{ cat: [" a", there] }, "/cat/0"],
  [{ cat: [null, there] }, "/cat/0"],
  [{ in: ["", seen] }, "/in/0"],
  [{ in: [1, ["a", "b"]] }, "/in/1/0"],
  [{ in: [seen, [[1, 2]]] }, "/in/1/0"],
  [{ in: [1, "a1"] }, "/in/0"],
  [{ "===": [seen, ["a"]] }, "/===/1"],
  [{ "==": [5, "five"] }, "/==/1"],
  [{ "-": ["five", 1] }, "/-/0"],
  [{ var: "headers.x.length" }, "/var"],
  [{ var: ["a..b", 1] }, "/var/0"],
  [{ "!": [{ var: "list.01" }] }, "/!/0/var"],
  [{ all: [{ var: "list" }, { ">": [{ var: "" }, 1] }] }, "/all/0"],
  [{ reduce: [{ var: "list" }, { "+": [{ var: "current" }, 1] }, 0] }, "/reduce/0"],
  [{ "==": [true, "yes"] }, "/==/1"],
  [{ "!=": [{ missing: ["a"] }, 1] }, "/!=/0"],
  [{ "==": [{ merge: [[1], seen] }, 1] }, "/==/0"],
  [{ "<": [{ map: [[1], { var: "" }] }, 1] }, "/</0"],
  [{ "+": [[1], 2] }, "/+/0"],
  [{ "/": [seen, 0.0] }, "///1"],
  [{ "%": [seen, -0] }, "/%/1"],
  [{ max: ["5", 1] }, "/max/0"],
  [{ min: [1, null] }, "/min/1"],
  [{ "<": [seen, 9007199254740993] }, "/</1"],
  [{ cat: ["a", seen] }, "/cat/1"],
  [{ fractional: [{ cat: [{ cat: ["a", seen] }, "b"] }, ["a", 1]] }, "/fractional/0/cat/0/cat/1"],
  [{ cat: ["a", { or: [seen, "b"] }] }, "/cat/1"],
  [{ fractional: [{ cat: [{ and: [seen, "b"] }, "a"] }, ["a", 1]] }, "/fractional/0/cat/0"],
  [{ some: [["a"], { "==": [{ var: "targetingKey" }, "a"] }] }, "/some/1/==/0/var"],
  [{ none: [["a"], { "==": [{ var: ["$flagd.flagKey"] }, "a"] }] }, "/none/1/==/0/var"],
  [{ substr: ["abc", 1] }, "/substr"],
  [{ "?:": [true, "a", "b"] }, "/?:"],
  [{ some: [["a"], { starts_with: [{ var: "" }, "a"] }] }, "/some/1/starts_with"],
  [{ fractional: [seen, ["a", 1]] }, "/fractional/0"],
  [{ fractional: [{ cat: [{ var: "$flagd.flagKey" }, seen] }, ["a", 1]] }, "/fractional/0/cat/1"],
];

const PORTABLE: object[] = [
  { if: [{ "==": [seen, "a"] }, "a", "b"] },
  { fractional: [{ cat: [{ var: "$flagd.flagKey" }, { var: ["headers.x", "none"] }] }, ["a", 1], ["b", 1]] },
  { if: [{ some: [["a"], { "==": [{ var: "" }, "a"] }] }, "a", "b"] },
  { if: [{ in: ["a", seen] }, "a", "b"] },
  { "!!": [{ map: [["a"], { cat: [{ var: "" }, "b"] }] }] },
];

function hints(document: object): string[] {
  const checked = checkPolicy(readPolicySource("f.json", Buffer.from(JSON.stringify(document))), filter);
  const judged = refuseFaults(checked, false);
  assert.notEqual(judged.filter, null, JSON.stringify(judged.problems));
  return judged.problems.filter(({ code }) => code === "portability").map(({ pointer }) => pointer);
}

const flagOf = (targeting: object, key = "f", variants: object = { a: "x", b: "y" }): object => ({
  flags: { [key]: { state: "ENABLED", variants, targeting } },
});

describe("portability", () => {
  for (const [targeting, pointer] of CORNERS) {
    it(`${JSON.stringify(targeting)} is a corner`, () => {
      const escaped = pointer.replace("///", "/~1/");
      assert.deepEqual(hints(flagOf(targeting)), [`/flags/f/targeting${escaped}`]);
    });
  }

  for (const targeting of PORTABLE) {
    it(`${JSON.stringify(targeting)} is none`, () => assert.deepEqual(hints(flagOf(targeting)), []));
  }

  it("names and numbers that not every language has", () => {
    assert.deepEqual(hints(flagOf({}, "f", { "a<b": "x" })), ["/flags/f/variants/a<b"]);
    assert.deepEqual(hints(flagOf({}, "f", { a: 9007199254740993 })), ["/flags/f/variants/a"]);
    assert.deepEqual(hints(flagOf({ fractional: [["a", 1]] }, "grün")), ["/flags/grün"]);
  });

  it("a comparison of a million texts, in one pass over them", () => {
    assert.deepEqual(hints(flagOf({ "==": Array.from({ length: 1_000_000 }, () => "a") })), []);
    const last = [...Array.from({ length: 500_000 }, () => "a"), 1];
    assert.equal(hints(flagOf({ "==": last })).length, 20);
  });

  it("no hint in `when`: nobody else evaluates it", () => {
    const rollout = {
      default: "s",
      variants: { s: {} },
      when: { "==": [seen, null] },
      identity: [{ cookie: "u" }],
    };
    assert.deepEqual(hints({ rollouts: { r: rollout } }), []);
  });
});
