// The filter's decoders of gzip and deflate beside Node's zlib, on as many made-up bodies as wanted: exit status 1 when one
// of them comes to other bytes, or is refused by one alone.
//   npx tsx test/fuzz/run-inflate.ts [--inputs N] [--seed N]

import { parseArgs } from "node:util";

import { seeded } from "../support/random.ts";
import { compareWithNode, Decoder } from "./inflate.ts";

const { values } = parseArgs({
  options: { inputs: { type: "string", default: "1000000" }, seed: { type: "string", default: "20261128" } },
});
const begin = performance.now();
const { ends, faults } = await compareWithNode(
  await Decoder.load(),
  seeded(Number(values.seed)),
  Number(values.inputs),
  (done) => {
    if (process.stderr.isTTY && done % 1000 < 11) process.stderr.write(`\r${done} `);
  },
);
const seconds = ((performance.now() - begin) / 1000).toFixed(0);
console.log(`${values.inputs} bodies, seed ${values.seed}, ${seconds} s: ${JSON.stringify(ends)}`);
for (const fault of faults) console.error(fault);
console.log(faults.length === 0 ? "all as zlib has them" : "not all as zlib has them");
process.exitCode = faults.length === 0 ? 0 : 1;
