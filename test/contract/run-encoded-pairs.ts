// What the filter says of pairs of encoded answers, on as many made-up ones as wanted: exit status 1 when it is wrong
// about one of them.
//   npx tsx test/contract/run-encoded-pairs.ts [--pairs N] [--seed N]

import { parseArgs } from "node:util";

import { seeded } from "../support/random.ts";
import { judgePairs } from "./encoded-pairs.ts";

const { values } = parseArgs({
  options: { pairs: { type: "string", default: "10000" }, seed: { type: "string", default: "20261128" } },
});
const begin = performance.now();
const { kinds, faults } = judgePairs(seeded(Number(values.seed)), Number(values.pairs));
const seconds = ((performance.now() - begin) / 1000).toFixed(0);
console.log(`${values.pairs} pairs, seed ${values.seed}, ${seconds} s: ${JSON.stringify(kinds)}`);
for (const fault of faults.slice(0, 20)) console.error(fault);
console.log(faults.length === 0 ? "all judged rightly" : `${faults.length} judged wrongly`);
process.exitCode = faults.length === 0 ? 0 : 1;
