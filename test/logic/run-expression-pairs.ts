// Expressions against JavaScript's engine, as many pairs as you like: npx tsx test/logic/run-expression-pairs.ts --pairs 1000000 --seed 1

import { parseArgs } from "node:util";

import { comparePairs } from "./expression-pairs.ts";

const { values } = parseArgs({
  options: { pairs: { type: "string", default: "1000000" }, seed: { type: "string", default: "1" } },
});
const began = Date.now();
const { pairs, matched, expressions, faults } = comparePairs(Number(values.pairs), Number(values.seed));
for (const fault of faults) console.log(fault);
const seconds = ((Date.now() - began) / 1000).toFixed(0);
console.log(
  `${pairs} pairs of ${expressions} expressions, ${matched} of them matching: ${faults.length} differences (${seconds} s)`,
);
process.exitCode = faults.length === 0 ? 0 : 1;
