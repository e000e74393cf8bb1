// Runs test/soak/soak.ts for as long as is asked for and ends with a table.
//   npm run soak -- --minutes 10 [--seed 1] [--clients 4] [--envoy 1.40.0] [--policy-every 1] [--swap-every 10]

import { parseArgs } from "node:util";

import Table from "cli-table3";

import { ENVOY_VERSION } from "../../tools/envoy/versions.ts";
import { growthOf, soak, type SoakResult } from "./soak.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: "1" },
    clients: { type: "string", default: "4" },
    envoy: { type: "string", default: ENVOY_VERSION },
    "policy-every": { type: "string", default: "1" },
    "swap-every": { type: "string", default: "10" },
  },
});
const result = await soak({
  version: values.envoy,
  seconds: Number(values.minutes) * 60,
  seed: Number(values.seed),
  clients: Number(values.clients),
  policyEveryMs: Number(values["policy-every"]) * 1000,
  swapEveryMs: Number(values["swap-every"]) * 1000,
  onDifference: (text) => console.error(text),
});
console.log(tableOf(result));
const { sums } = result;
const growth = growthOf(result.memory);
const isSound = sums.total === sums.reached && sums.ended === sums.total && sums.active === 0;
process.exitCode =
  result.differences.length === 0 && result.errors === 0 && isSound && result.misjudged === 0 && growth.isFlat
    ? 0
    : 1;

function grown(memory: SoakResult["memory"]): string {
  const { allocated, guests } = growthOf(memory);
  return `allocated ${Math.round(allocated)}, Wasm VMs ${Math.round(guests)}`;
}

function tableOf({ memory, sums, copies, mortal, ...rest }: SoakResult): string {
  const tenths = (of: (one: SoakResult["memory"][number]) => number): string =>
    Array.from({ length: 10 }, (_, i) => memory[Math.floor((memory.length * (i + 1)) / 10) - 1])
      .map((one) => (one === undefined ? "" : Math.round(of(one) / 1024)))
      .join(" ");
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
    [
      "policies accepted, refused, the other than they should be",
      `${rest.accepted}, ${rest.refused}, ${rest.misjudged}`,
    ],
    ["swaps of the .wasm", rest.swaps],
    ["MiB allocated with the filter, each tenth of the time", tenths(({ filter }) => filter.allocated)],
    ["of the twin", tenths(({ twin }) => twin.allocated)],
    ["MiB of all Wasm VMs' memories", tenths(({ filter }) => filter.guests)],
    ["KiB more in the last third than in the second", grown(memory)],
    ["MiB resident with the filter", tenths(({ filter }) => filter.resident)],
    ["of it the allocator's", tenths(({ filter }) => filter.allocator)],
    ["of it of no file and not the allocator's", tenths(({ filter }) => filter.anonymous - filter.allocator)],
    ["MiB resident of the twin", tenths(({ twin }) => twin.resident)],
    ["of it the allocator's", tenths(({ twin }) => twin.allocator)],
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
