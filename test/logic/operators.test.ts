// flagd's own operators against flagd's JavaScript evaluator: the same generated inputs, one seed. Left out is where
// that evaluator is alone (docs of sem-ver.ts and fractional.ts): text that is not ASCII, blanks, `vv`, and numbers
// of a version above 2^53 - 1.

import assert from "node:assert/strict";
import { test } from "node:test";

import { FlagdCore } from "@openfeature/flagd-core";

import { Generator } from "./generator.ts";
import { loadOperators, type Json } from "./guest.ts";

const INPUTS = 5000;
const LOGGER = { error() {}, warn() {}, info() {}, debug() {} };

/** flagd's evaluator with these rules, by flag; each gives the variant's name, or null where flagd takes the default. */
function evaluatorOf(rules: Record<string, Json>, variants: string[]) {
  const flags = Object.fromEntries(
    Object.entries(rules).map(([key, targeting]) => [
      key,
      {
        state: "ENABLED",
        variants: Object.fromEntries([...variants, "(default)"].map((name) => [name, name])),
        defaultVariant: "(default)",
        targeting,
      },
    ]),
  );
  const core = new FlagdCore(undefined, LOGGER);
  core.setConfigurations(JSON.stringify({ flags }));
  return (flag: string, context: Record<string, Json>): string | null => {
    const details = core.resolveStringEvaluation(flag, "(error)", context, LOGGER);
    assert.equal(details.errorCode, undefined, `${JSON.stringify(context)}: ${details.errorMessage}`);
    return details.variant === "(default)" ? null : (details.variant ?? null);
  };
}

/** The variant that a result names. */
function nameOf(result: Json): string | null {
  assert.ok(typeof result !== "object" || result === null);
  return result === null ? null : String(result);
}

function count(seen: Map<string, number>, name: string | null): void {
  seen.set(String(name), (seen.get(String(name)) ?? 0) + 1);
}

const operators = await loadOperators();

test(`sem_ver agrees with flagd's JavaScript evaluator on ${INPUTS} inputs`, () => {
  const flagd = evaluatorOf({ flag: { sem_ver: [{ var: "a" }, { var: "operator" }, { var: "b" }] } }, [
    "true",
    "false",
  ]);
  const generator = new Generator(20261123);
  const seen = new Map<string, number>();
  for (let i = 0; i < INPUTS; i++) {
    const [a, operator, b] = generator.comparison();
    const expected = flagd("flag", { a, operator, b });
    const actual = nameOf(operators.semVer([a, operator, b]));
    assert.equal(actual, expected, JSON.stringify([a, operator, b]));
    count(seen, actual);
  }
  // Each answer often: the inputs are worth their time.
  for (const answer of ["true", "false", "null"])
    assert.ok((seen.get(answer) ?? 0) > 500, `${answer}: ${seen.get(answer)}`);
});

test(`fractional agrees with flagd's JavaScript evaluator on ${INPUTS} inputs`, () => {
  const most = 6;
  const buckets = Array.from({ length: most }, (_, i) => [{ var: `v${i}` }, { var: `w${i}` }] as Json);
  const rules: Record<string, Json> = {};
  for (let count = 1; count <= most; count++) {
    rules[`by-key-${count}`] = { fractional: buckets.slice(0, count) };
    rules[`by-value-${count}`] = { fractional: [{ var: "by" }, ...buckets.slice(0, count)] };
  }
  const flagd = evaluatorOf(rules, ["one", "two", "3", "4.5", "true", "false", ""]);
  const generator = new Generator(20261124);
  const seen = new Map<string, number>();
  for (let i = 0; i < INPUTS; i++) {
    const size = 1 + generator.below(most);
    const isByKey = generator.below(2) === 0;
    const flag = `${isByKey ? "by-key" : "by-value"}-${size}`;
    const context: Record<string, Json> = { by: generator.text(), targetingKey: generator.targetingKey() };
    const list: Json[] = isByKey ? [] : [context["by"] as Json];
    for (let j = 0; j < size; j++) {
      const bucket = [generator.pick(["one", "two", 3, 4.5, true, false, null]), generator.weight()];
      [context[`v${j}`], context[`w${j}`]] = bucket as [Json, Json];
      list.push(bucket);
    }
    const expected = flagd(flag, context);
    const actual = nameOf(operators.fractional(list, flag, context["targetingKey"] as Json, 2));
    assert.equal(actual, expected, JSON.stringify({ flag, context }));
    count(seen, actual);
  }
  for (const answer of ["one", "two", "3", "4.5", "true", "false", "null"])
    assert.ok((seen.get(answer) ?? 0) > 200, `${answer}: ${seen.get(answer)}`);
});
