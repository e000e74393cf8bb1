// Millions of inputs, by chunks: a run that was stopped goes on where it was.
//   npm run fuzz:long -- [--inputs 10000000] [--seed 20261128] [--chunk 20000] [--folder build/fuzz] [--unguided]

import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

import { instrumentedFilter } from "./coverage.ts";
import { LongFuzz, type ChunkResult } from "./long.ts";

const { values } = parseArgs({
  options: {
    inputs: { type: "string", default: "10000000" },
    seed: { type: "string", default: "20261128" },
    chunk: { type: "string", default: "20000" },
    folder: { type: "string", default: "build/fuzz" },
    unguided: { type: "boolean", default: false },
  },
});
const folder = resolve(values.folder, `seed-${values.seed}`);
mkdirSync(folder, { recursive: true });
const log = join(folder, "chunks.ndjson");
const before = existsSync(log)
  ? readFileSync(log, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as ChunkResult)
  : [];
const instrumented = values.unguided ? undefined : await instrumentedFilter();
const fuzz = new LongFuzz({
  ...{ seed: Number(values.seed), size: Number(values.chunk), folder: join(folder, "kept") },
  ...(instrumented && { instrumented }),
});
const results = [...before];
const sum = (of: (one: ChunkResult) => number): number => results.reduce((total, one) => total + of(one), 0);
const wanted = Number(values.inputs);
for (let chunk = (before.at(-1)?.chunk ?? -1) + 1; sum(({ inputs }) => inputs) < wanted; chunk++) {
  const result = await fuzz.run(chunk);
  results.push(result);
  appendFileSync(log, `${JSON.stringify(result)}\n`);
  for (const finding of result.findings) console.error(`chunk ${chunk}: ${finding}`);
}
const [inputs, seconds] = [sum((one) => one.inputs), sum((one) => one.seconds)];
const branches =
  instrumented === undefined ? "" : `, ${fuzz.reached} of ${instrumented.branches} branches taken`;
console.log(
  `${inputs} inputs in ${results.length} chunks, seed ${values.seed}, ${Math.round(seconds)} s, ` +
    `${Math.round(inputs / seconds)} a second${branches}`,
);
const findings = results.flatMap((one) => one.findings);
console.log(findings.length === 0 ? "nothing found" : `${findings.length} found:\n${findings.join("\n")}`);
process.exitCode = findings.length === 0 ? 0 : 1;
