// One evaluation of a flag in Node: the filter's .wasm beside flagd's own evaluator and the engine under it, taken in
// turn, the median of all rounds, said as ratios. The filter's part is its expression layer over a context that has been
// read (and once a round the reading of it): no flag's reason, no metadata; flagd-core's part is the whole answer.
//   node --import tsx test/bench/flags.ts

import { FlagdCore } from "@openfeature/flagd-core";
import Table from "cli-table3";
import { LogicEngine } from "json-logic-engine";
import { median } from "simple-statistics";

import { expressionLayer } from "../conformance/expression-layer.ts";

const ROUNDS = 15;
const EVALUATIONS = 20000;

const branches = Array.from({ length: 9 }, (_, i) => [
  { "==": [{ var: "plan" }, `plan-${i}`] },
  "off",
]).flat();
/** `engine`: whether the plain engine knows its operators. */
const FLAGS: Record<string, { readonly targeting: object; readonly engine: boolean }> = {
  simple: { targeting: { if: [{ "==": [{ var: "plan" }, "pro"] }, "on", "off"] }, engine: true },
  "10 branches": { targeting: { if: [...branches, "on"] }, engine: true },
  fractional: {
    targeting: {
      fractional: [
        ["on", 25],
        ["off", 75],
      ],
    },
    engine: false,
  },
  sem_ver: {
    targeting: { if: [{ sem_ver: [{ var: "version" }, ">=", "1.4.0"] }, "on", "off"] },
    engine: false,
  },
};

const context = { targetingKey: "user-4711", plan: "pro", version: "1.12.3", email: "a@example.com" };
const quiet = { error() {}, warn() {}, info() {}, debug() {} };

const flags = Object.fromEntries(
  Object.entries(FLAGS).map(([key, { targeting }]) => [
    key,
    { state: "ENABLED", variants: { on: true, off: false }, defaultVariant: "off", targeting },
  ]),
);
const document = JSON.stringify({ flags });
const evaluate = await expressionLayer();
const core = new FlagdCore(undefined, quiet);
core.setConfigurations(document);
const engine = new LogicEngine();

/** Nanoseconds of one evaluation. */
function time(evaluateAll: () => unknown): number {
  const begin = process.hrtime.bigint();
  evaluateAll();
  return Number(process.hrtime.bigint() - begin) / EVALUATIONS;
}

function repeat(call: () => unknown): () => void {
  return () => {
    for (let i = 0; i < EVALUATIONS; i++) call();
  };
}

const table = new Table({
  head: ["flag", "serin, ns", "flagd-core / serin", "json-logic-engine / serin"],
  style: { head: [], border: [] },
});
for (const [key, { targeting, engine: known }] of Object.entries(FLAGS)) {
  const rule = known ? engine.build(targeting) : null;
  const ways = [
    () => evaluate(targeting, context, EVALUATIONS),
    repeat(() => core.resolveBooleanEvaluation(key, false, context, quiet)),
    repeat(() => rule?.(context) as unknown),
  ];
  const times: number[][] = ways.map(() => []);
  for (let round = 0; round < ROUNDS + 3; round++) {
    // The first rounds warm all of them up.
    ways.forEach((way, i) => (round < 3 ? time(way) : times[i]?.push(time(way))));
  }
  const [serin = NaN, flagd = NaN, plain = NaN] = times.map((all) => median(all));
  table.push([
    key,
    serin.toFixed(0),
    (flagd / serin).toFixed(2),
    known ? (plain / serin).toFixed(2) : "has no such operator",
  ]);
}
console.log(`${ROUNDS} rounds of ${EVALUATIONS} evaluations each, in turn, Node ${process.version}`);
console.log(table.toString());
