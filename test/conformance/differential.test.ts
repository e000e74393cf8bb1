// The same flags and contexts through the filter and through flagd's own evaluator for JavaScript: value, variant,
// reason and error code must be the same. Rules are drawn from the part of the language on which flagd's evaluators
// agree (facts: docs/flags.md); what is left out of it, and why, stands at the generator that leaves it out.
//   DIFFERENTIAL_PAIRS=20000 DIFFERENTIAL_SEED=1 node --import tsx --test test/conformance/differential.test.ts

import { FlagdCore } from "@openfeature/flagd-core";
import fc from "fast-check";
import assert from "node:assert/strict";
import { test } from "node:test";

import { Vm } from "../../tools/emulator/index.ts";
import { filterModule } from "../support/filter.ts";

const PAIRS = Number(process.env["DIFFERENTIAL_PAIRS"] ?? 4000);
const SEED = Number(process.env["DIFFERENTIAL_SEED"] ?? 20261125);
const CONTEXTS_OF_A_FLAG = 4;

type Rule = unknown;

const VARIANTS = ["on", "off", "red"];
const NAMES = ["email", "plan", "age", "n", "deep.name", "deep.list.1", "list", "items", "version", "gone"];

// Texts are ASCII: flagd's JavaScript hashes and compares UTF-16 units.
const text = fc.constantFrom(
  "",
  "a",
  "ab",
  "abc",
  "pro",
  "on",
  "off",
  "red",
  "u-1",
  "@example.com",
  "x@example.com",
);
const integer = fc.integer({ min: -20, max: 20 });
const decimal = fc.constantFrom(0.5, 1.25, -2.75, 10, 100);
const number = fc.oneof(integer, decimal);
const version = fc.constantFrom(
  "1.2.3",
  "1.2.4",
  "2.0.0",
  "1.2.3-beta",
  "1.2.3-beta.2",
  "v1.2.3",
  "1.2",
  "1",
  "x.y",
  "",
);

/** A variable of a known kind. Its default is given where what is missing would be a trap. */
const textVariable = fc
  .constantFrom("email", "plan", "deep.name")
  .map((name): Rule => ({ var: [name, "none"] }));
const numberVariable = fc.constantFrom("age", "n", "deep.list.1").map((name): Rule => ({ var: [name, 3] }));
const listVariable = fc.constantFrom("list", "deep.list").map((name): Rule => ({ var: name }));

// What coercing comparisons compare: flagd's JavaScript fails on texts that an `if` or an iterator gives to them.
const plainTexts = fc.oneof(
  text,
  textVariable,
  fc.tuple(text, textVariable).map(([a, b]): Rule => ({ cat: [a, b] })),
);

const { conditions } = fc.letrec<{ texts: Rule; numbers: Rule; conditions: Rule }>((tie) => ({
  texts: fc.oneof(
    { maxDepth: 3 },
    text,
    textVariable,
    // `cat` of two or more texts that neither begin nor end with a blank: Go trims the whole.
    fc.tuple(text, tie("texts")).map(([a, b]): Rule => ({ cat: [a, b] })),
    fc.tuple(tie("conditions"), tie("texts"), tie("texts")).map(([a, b, c]): Rule => ({ if: [a, b, c] })),
  ),
  numbers: fc.oneof(
    { maxDepth: 3 },
    number,
    numberVariable,
    // Neither a division nor a remainder by zero: an error everywhere, under different codes.
    fc
      .tuple(fc.constantFrom("+", "-", "*", "max", "min"), tie("numbers"), tie("numbers"))
      .map(([o, a, b]): Rule => ({ [o]: [a, b] })),
    fc
      .tuple(fc.constantFrom("/", "%"), tie("numbers"), fc.constantFrom(1, 2, 3, -4))
      .map(([o, a, b]): Rule => ({ [o]: [a, b] })),
  ),
  conditions: fc.oneof(
    { maxDepth: 4 },
    fc.boolean(),
    fc
      .tuple(fc.constantFrom("===", "!=="), tie("texts"), tie("texts"))
      .map(([o, a, b]): Rule => ({ [o]: [a, b] })),
    fc
      .tuple(fc.constantFrom("==", "!=", "===", "!==", "<", "<=", ">", ">="), tie("numbers"), tie("numbers"))
      .map(([o, a, b]): Rule => ({ [o]: [a, b] })),
    fc
      .tuple(fc.constantFrom("<", "<="), tie("numbers"), tie("numbers"), tie("numbers"))
      .map(([o, a, b, c]): Rule => ({ [o]: [a, b, c] })),
    fc
      .tuple(fc.constantFrom("==", "<"), fc.constantFrom("1", "10", "2.5"), tie("numbers"))
      .map(([o, a, b]): Rule => ({ [o]: [a, b] })),
    fc
      .tuple(fc.constantFrom("==", "!=", "<", ">="), plainTexts, plainTexts)
      .map(([o, a, b]): Rule => ({ [o]: [a, b] })),
    fc.array(tie("conditions"), { minLength: 1, maxLength: 3 }).map((all): Rule => ({ and: all })),
    fc.array(tie("conditions"), { minLength: 1, maxLength: 3 }).map((any): Rule => ({ or: any })),
    tie("conditions").map((a): Rule => ({ "!": [a] })),
    tie("texts").map((a): Rule => ({ "!!": [a] })),
    // A needle of one character at least: "" in "" differs.
    fc
      .tuple(fc.constantFrom("a", "pro", "@example.com"), tie("texts"))
      .map(([a, b]): Rule => ({ in: [a, b] })),
    fc
      .tuple(tie("texts"), fc.array(text, { minLength: 1, maxLength: 12 }))
      .map(([a, list]): Rule => ({ in: [a, list] })),
    fc
      .tuple(fc.constantFrom("starts_with", "ends_with"), tie("texts"), text)
      .map(([o, a, b]): Rule => ({ [o]: [a, b] })),
    fc
      .tuple(
        fc.oneof(version, fc.constant<Rule>({ var: "version" })),
        fc.constantFrom("=", "!=", "<", "<=", ">", ">=", "^", "~", "=="),
        version,
      )
      .map(([a, o, b]): Rule => ({ sem_ver: [a, o, b] })),
    fc
      .array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 })
      .map((names): Rule => ({ "!": [{ missing: names }] })),
    fc
      .array(fc.constantFrom(...NAMES), { minLength: 2, maxLength: 3 })
      .map((names): Rule => ({ "!!": [{ missing_some: [1, names] }] })),
    // Bodies see their item alone, by comparisons: flagd's own operators fail inside of iterators in JavaScript.
    fc
      .tuple(fc.constantFrom("some", "none"), listVariable, fc.constantFrom("<", ">", "=="), integer)
      .map(([o, list, c, b]): Rule => ({ [o]: [list, { [c]: [{ var: "" }, b] }] })),
    fc
      .tuple(fc.constantFrom("<", ">"), integer)
      .map(([c, b]): Rule => ({ all: [{ var: ["list", []] }, { [c]: [{ var: "" }, b] }] })),
    fc
      .tuple(integer)
      .map(([b]): Rule => ({ "!!": [{ filter: [{ var: "list" }, { ">": [{ var: "" }, b] }] }] })),
    fc
      .tuple(integer)
      .map(([b]): Rule => ({ in: [b, { map: [{ var: "list" }, { "*": [{ var: "" }, 2] }] }] })),
    fc.tuple(integer).map(([b]): Rule => ({ in: [b, { merge: [{ var: "list" }, [1, 2]] }] })),
    // By itself alone: flagd's JavaScript fails on a reduce inside of a comparison.
    fc.constantFrom("+", "*", "max").map((o): Rule => ({
      reduce: [{ var: ["list", []] }, { [o]: [{ var: "accumulator" }, { var: "current" }] }, 1],
    })),
    fc.constant<Rule>({ $ref: "pro" }),
    fc.constant<Rule>({ $ref: "adult" }),
  ),
}));

const weight = fc.integer({ min: 0, max: 100 });
const buckets = fc.array(
  fc
    .tuple(fc.constantFrom(...VARIANTS), fc.option(weight, { nil: undefined }))
    .map((bucket) => bucket.filter((part) => part !== undefined)),
  { minLength: 1, maxLength: 4 },
);
const outcomes: fc.Arbitrary<Rule> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<Rule>(...VARIANTS) },
  { weight: 1, arbitrary: fc.constantFrom<Rule>("unknown", null, true, 5, "") },
  { weight: 3, arbitrary: buckets.map((list): Rule => ({ fractional: list })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(textVariable, buckets)
      .map(([key, list]): Rule => ({ fractional: [{ cat: [{ var: "$flagd.flagKey" }, key] }, ...list] })),
  },
);
const targetings = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom<Rule>(undefined, {}) },
  {
    weight: 4,
    arbitrary: fc.tuple(conditions, outcomes, outcomes).map(([a, b, c]): Rule => ({ if: [a, b, c] })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(conditions, outcomes, conditions, outcomes)
      .map(([a, b, c, d]): Rule => ({ if: [a, b, c, d] })),
  },
  { weight: 1, arbitrary: outcomes.filter((outcome) => typeof outcome === "object" && outcome !== null) },
);
const flags = fc.record({
  state: fc.constantFrom("ENABLED", "ENABLED", "ENABLED", "ENABLED", "DISABLED"),
  defaultVariant: fc.constantFrom<string | null | undefined>("off", "off", "on", null, undefined),
  targeting: targetings,
});

const contexts = fc.record(
  {
    targetingKey: fc.oneof(
      fc.integer({ min: 1, max: 100_000 }).map((n) => `u-${n}`),
      fc.constant(""),
    ),
    email: text,
    plan: fc.constantFrom("pro", "free"),
    age: fc.integer({ min: 0, max: 99 }),
    n: number,
    version,
    list: fc.array(integer, { maxLength: 4 }),
    deep: fc.record({ name: text, list: fc.array(integer, { minLength: 2, maxLength: 3 }) }),
    items: fc.array(fc.record({ q: integer }), { maxLength: 2 }),
  },
  { requiredKeys: ["list", "deep"] },
);

interface Answer {
  readonly value: unknown;
  readonly variant: string | undefined;
  readonly reason: string | undefined;
  readonly errorCode: string | undefined;
}

const quiet = { error() {}, warn() {}, info() {}, debug() {} };

test(`${PAIRS} pairs of a flag and a context: the filter answers as flagd does (seed ${SEED})`, () => {
  const vm = Vm.load(filterModule());
  let pairs = 0;
  const reasons = new Map<string, number>();
  const property = fc.property(
    flags,
    fc.array(contexts, { minLength: CONTEXTS_OF_A_FLAG, maxLength: CONTEXTS_OF_A_FLAG }),
    (flag, list) => {
      const document = JSON.stringify({
        $evaluators: { pro: { "==": [{ var: "plan" }, "pro"] }, adult: { ">=": [{ var: ["age", 0] }, 18] } },
        flags: { "the-flag": { ...flag, variants: { on: "ON", off: "OFF", red: "RED" } } },
      });
      const core = new FlagdCore(undefined, quiet);
      core.setConfigurations(document);
      const { root, accepted, problems } = vm.configure(document);
      assert.ok(accepted);
      // What is drawn is the portable part, and the filter says so.
      assert.ok(!problems.some(({ code }) => code === "portability"), document);
      for (const context of list) {
        pairs++;
        const theirs = askFlagd(core, context);
        const line = JSON.stringify({ flagKey: "the-flag", context, type: "string", default: "caller" });
        const ours = JSON.parse(vm.evaluate(root, Buffer.from(line), 1_700_000_000) ?? "null") as Answer;
        reasons.set(theirs.reason ?? "", (reasons.get(theirs.reason ?? "") ?? 0) + 1);
        const { value, variant, reason, errorCode } = ours;
        assert.deepEqual(
          { value, variant, reason, errorCode },
          theirs,
          `${document}\n${JSON.stringify(context)}`,
        );
      }
      vm.retire(root);
    },
  );
  fc.assert(property, {
    seed: SEED,
    numRuns: Math.ceil(PAIRS / CONTEXTS_OF_A_FLAG),
    includeErrorInReport: true,
  });
  console.log(
    `${pairs} pairs, 0 differences; ${[...reasons].map(([name, count]) => `${name} ${count}`).join(", ")}`,
  );
});

function askFlagd(core: FlagdCore, context: object): Answer {
  try {
    const { value, variant, reason, errorCode } = core.resolveStringEvaluation(
      "the-flag",
      "caller",
      context as never,
      quiet,
    );
    return { value, variant, reason, errorCode };
  } catch (error) {
    return {
      value: "caller",
      variant: undefined,
      reason: "ERROR",
      errorCode: (error as { code?: string }).code,
    };
  }
}
