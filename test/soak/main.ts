// Runs test/soak/soak.ts for as long as is asked for and ends with a table.
//   npm run soak -- --minutes 10 [--seed 1] [--clients 4] [--envoy 1.40.0]

import { parseArgs } from "node:util";

import Table from "cli-table3";

import { ENVOY_VERSION } from "../../tools/envoy/versions.ts";
import { soak, type SoakResult } from "./soak.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: "1" },
    clients: { type: "string", default: "4" },
    envoy: { type: "string", default: ENVOY_VERSION },
  },
});
const result = await soak({
  version: values.envoy,
  seconds: Number(values.minutes) * 60,
  seed: Number(values.seed),
  clients: Number(values.clients),
  ...{ policyEveryMs: 1_000, swapEveryMs: 10_000 },
  onDifference: (text) => console.error(text),
});
console.log(tableOf(result));
const { sums } = result;
const isSound = sums.total === sums.reached && sums.ended === sums.total && sums.active === 0;
process.exitCode = result.differences.length === 0 && result.errors === 0 && isSound ? 0 : 1;

function tableOf({ memory, sums, copies, mortal, ...rest }: SoakResult): string {
  const at = (part: number): string => {
    const found = memory[Math.min(memory.length - 1, Math.floor(memory.length * part))];
    return found === undefined ? "" : `${Math.round(found.filter / 1024)} / ${Math.round(found.twin / 1024)}`;
  };
  const otherwise = Object.entries(rest.otherwise).map(
    ([leaf, [wanted, found]]) => `${leaf} ${wanted}, ${found}`,
  );
  const races = Object.entries(rest.races).map(([name, count]) => `${name} ${count}`);
  const table = new Table({ style: { head: [], border: [] } });
  table.push(
    ["requests, each at the twin too", rest.requests],
    ["differences to the twin", rest.differences.length],
    ["different once, the same when sent again", races.join(", ") || 0],
    [
      "to an upstream that dies: sent, answered, at the twin",
      `${mortal.sent}, ${mortal.served}, ${mortal.twin}`,
    ],
    ["policies accepted, refused", `${rest.accepted}, ${rest.refused}`],
    ["swaps of the .wasm", rest.swaps],
    ["MiB resident, with the filter / the twin: at 10%", at(0.1)],
    ["at 50%", at(0.5)],
    ["at the end", at(1)],
    [
      "reached the filter, counted, ended, in flight",
      `${sums.reached}, ${sums.total}, ${sums.ended}, ${sums.active}`,
    ],
    ["ended otherwise than expected: expected, counted", otherwise.join("; ") || 0],
    ["copies sent, with a verdict", `${copies.sent}, ${copies.verdicts}`],
    ["serin.error", rest.errors],
  );
  return table.toString();
}
