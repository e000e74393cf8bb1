// Flags over anything: whatever stands as a targeting, whatever context is given, nothing traps and every question has
// an answer.

import fc from "fast-check";
import assert from "node:assert/strict";
import { test } from "node:test";

import { Vm } from "../../tools/emulator/index.ts";
import { filterModule } from "./session.ts";

const SECONDS = Number(process.env["FUZZ_SECONDS"] ?? 8);
const SEED = Number(process.env["FUZZ_SEED"] ?? 20261123);

const OPERATORS =
  "var missing missing_some if == === != !== > >= < <= ! !! or and + - * / % max min merge cat in map filter reduce all some none starts_with ends_with sem_ver fractional $ref substr ?:".split(
    " ",
  );
const word = fc.oneof(
  fc.constantFrom(
    "",
    "a",
    "a.b",
    "a.0",
    "$flagd.timestamp",
    "targetingKey",
    "current",
    "accumulator",
    "1.2.3",
    "shared",
  ),
  fc.string({ maxLength: 8 }),
);

/** Rules as a fuzzer writes them: known operators over anything. */
const { rule } = fc.letrec<{ rule: unknown }>((tie) => ({
  rule: fc.oneof(
    { maxDepth: 6 },
    fc.oneof(word, fc.double(), fc.integer(), fc.boolean(), fc.constant(null)),
    fc.array(tie("rule"), { maxLength: 5 }),
    fc
      .tuple(fc.constantFrom(...OPERATORS), fc.oneof(tie("rule"), fc.array(tie("rule"), { maxLength: 5 })))
      .map(([o, a]) => ({ [o]: a })),
    fc.dictionary(word, tie("rule"), { maxKeys: 3 }),
  ),
}));

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
