// Flags over anything: whatever stands as a targeting, whatever context is given, nothing traps and every question has
// an answer, in bounded time.

import fc from "fast-check";
import assert from "node:assert/strict";
import { test } from "node:test";

import { Vm } from "../../tools/emulator/index.ts";
import { filterModule } from "../support/filter.ts";
import { rule } from "./rules.ts";

const SECONDS = Number(process.env["FUZZ_SECONDS"] ?? 8);
const SEED = Number(process.env["FUZZ_SEED"] ?? 20261123);

function run(title: string, targeting: fc.Arbitrary<unknown>, context: fc.Arbitrary<unknown>): void {
  test(title, () => {
    let vm = Vm.load(filterModule());
    let answers = 0;
    const property = fc.property(targeting, rule, context, (given, shared, seen) => {
      const document = JSON.stringify({
        $evaluators: { shared },
        flagd: { fractional: (["v1", "v2", "v3"] as const)[answers % 3], context: { a: seen } },
        flags: { f: { state: "ENABLED", variants: { a: 1, b: 2 }, defaultVariant: "a", targeting: given } },
        rollouts: { r: { default: "s", variants: { s: {} }, match: [{ flag: { f: "a" } }] } },
      });
      const { root, accepted } = vm.configure(document);
      if (!accepted) return;
      const line = JSON.stringify({ flagKey: "f", context: seen });
      const answer = vm.evaluate(root, Buffer.from(line), 1_700_000_000);
      assert.ok(answer !== null && typeof JSON.parse(answer) === "object", line);
      const headers: [string, string][] = [
        [":method", "GET"],
        [":authority", "h"],
        [":path", `/?a=${encodeURIComponent(line)}`],
      ];
      vm.request(root, { headers }).respond(200);
      vm.retire(root);
      answers++;
      if (answers % 2000 === 0) vm = Vm.load(filterModule());
    });
    fc.assert(property, { seed: SEED, numRuns: 1_000_000, interruptAfterTimeLimit: SECONDS * 1000 });
    assert.ok(answers > 100, `${answers} answers`);
    console.log(`${title}: ${answers} flags answered, seed ${SEED}`);
  });
}

run("rules of known operators over anything", rule, fc.jsonValue({ maxDepth: 4 }));
run("any JSON as targeting", fc.jsonValue({ maxDepth: 6 }), fc.jsonValue({ maxDepth: 3 }));

// Rules that make a text or a list of megabytes and go through it again and again: few instructions, but minutes of
// work (one that searched a text took 265 s before such work was counted). All would end in variant `a` if let to.
const variable = (path: string) => ({ var: path });
/** `start`, joined to itself so many times over. */
const grown = (operator: "merge" | "cat", start: unknown, times: number) => ({
  reduce: [
    Array.from({ length: times }, () => 1),
    { [operator]: [variable("accumulator"), variable("accumulator")] },
    start,
  ],
});
const TURNS = grown("merge", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 8);
const TEXT = grown("cat", "abcdefgh", 19);
const DIGITS = grown("cat", "11111111", 19);
const LIST = grown("merge", ["a", "b", "c"], 15);
const NUMBERS = grown("merge", [1, 2, 3], 15);
const BUCKETS = grown("merge", [["a", 0]], 15);
const held = variable("accumulator");
/** Looks at what is held once a turn, and keeps it whatever the look says. */
const look = (rule: unknown, start: unknown) => ({
  reduce: [TURNS, { if: [rule, held, held] }, start],
});
const LONG_WORK: Record<string, unknown> = {
  "in, a short needle": look({ in: ["zzzzzz", held] }, TEXT),
  "in, a long needle": look({ in: ["abcdefghabcdefghabcdefghz", held] }, TEXT),
  "in, a list": look({ in: ["zzzzzz", held] }, LIST),
  "===": look({ "===": [held, held] }, TEXT),
  "<": look({ "<": [held, held] }, TEXT),
  "==, a number": look({ "==": [held, 5] }, DIGITS),
  starts_with: look({ starts_with: [held, held] }, TEXT),
  ends_with: look({ ends_with: [held, held] }, TEXT),
  substr: look({ substr: [held, 0] }, TEXT),
  sem_ver: look({ sem_ver: [held, "=", "1"] }, DIGITS),
  "fractional, its text": look({ fractional: [held, ["a", 1]] }, TEXT),
  "fractional, its buckets": look({ fractional: held }, BUCKETS),
  merge: look({ merge: [held] }, LIST),
  missing: look({ missing: held }, LIST),
  "+": look({ "+": held }, NUMBERS),
  max: look({ max: held }, NUMBERS),
  "a list of one long text": look({ in: ["z", { map: [LIST, { cat: ["zz", variable("")] }] }] }, TEXT),
  // Not of constants alone: those are folded when the policy is loaded.
  "numbers as text": {
    map: [
      { merge: [TURNS, TURNS, TURNS, TURNS, TURNS] },
      { cat: [{ "+": [{ var: "gone" }, 5e-324] }, { "+": [{ var: "gone" }, 5e-324] }] },
    ],
  },
};

function evaluated(targeting: unknown, context: object): { variant?: string; errorCode?: string } {
  const vm = Vm.load(filterModule());
  const flag = { state: "ENABLED", variants: { a: 1, b: 2 }, defaultVariant: "b", targeting };
  const { root, accepted } = vm.configure(JSON.stringify({ flags: { f: flag } }));
  assert.ok(accepted);
  const line = Buffer.from(JSON.stringify({ flagKey: "f", context }));
  return JSON.parse(vm.evaluate(root, line, 1_700_000_000) ?? "null") as { variant?: string };
}

for (const [name, rule] of Object.entries(LONG_WORK)) {
  test(`a rule that works too long fails: ${name}`, () => {
    assert.equal(evaluated({ if: [rule, "a", "a"] }, {}).errorCode, "GENERAL");
  });
}

test("a rule of thousands of operators over a long header, and one over a long list, do not fail", () => {
  const header = "x".repeat(60_000);
  const branches = Array.from({ length: 800 }, (_, i) => [
    { or: [{ "==": [variable("h"), `v-${i}`] }, { starts_with: [variable("h"), `p-${i}`] }] },
    "b",
  ]).flat();
  assert.equal(evaluated({ if: [...branches, "a"] }, { h: header }).variant, "a");
  const users = Array.from({ length: 100_000 }, (_, i) => `user-${i}`);
  assert.equal(
    evaluated({ if: [{ in: [variable("u"), users] }, "a", "b"] }, { u: "user-99999" }).variant,
    "a",
  );
});
