// What `serin validate` costs for a policy of 1 MB, as YAML and as JSON: processor time of the whole command, its start
// included. The files are checked in turn, round by round, so that what the machine does besides falls on all alike.
//   make bench-validate           (or: node --import tsx test/bench/validate.ts [--rounds N] [--rollouts N])

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

import Table from "cli-table3";
import { medianSorted } from "simple-statistics";
import { stringify } from "yaml";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "7" }, rollouts: { type: "string", default: "3300" } },
});
const rounds = Number(values.rounds);
const rollouts = Number(values.rollouts);
if (!(rounds >= 1 && rollouts >= 1)) throw new Error("--rounds and --rollouts take a number from 1");

const CLI = resolve(import.meta.dirname, "../../build/cli/cli.js");
/** Has a Node process say what it used, in microseconds, as its last line on stderr. */
const SAY_TIME =
  'data:text/javascript,process.on("exit",()=>{const{user,system}=process.cpuUsage();console.error(user+system)})';

const policy = {
  identity: [{ cookie: "uid" }],
  rollouts: Object.fromEntries(
    Array.from({ length: rollouts }, (_, i) => [
      `service-${i}`,
      {
        match: [
          {
            path: { type: "PathPrefix", value: `/services/${i}/` },
            headers: [{ name: "x-team", value: `team-${i % 17}` }],
          },
        ],
        default: "stable",
        variants: { stable: {}, canary: { percent: 5.5, cluster: `service-${i}-v2-in-zone-${i % 7}` } },
        force: { header: "x-canary", cookie: "canary" },
        salt: `s${i}`,
      },
    ]),
  ),
};

const folder = mkdtempSync(join(tmpdir(), "serin-bench-"));
const ways = [
  { name: "JSON", file: join(folder, "policy.json"), text: JSON.stringify(policy) },
  { name: "YAML", file: join(folder, "policy.yaml"), text: stringify(policy) },
  // An anchor leaves the whole file to the `yaml` library.
  {
    name: "YAML with an anchor",
    file: join(folder, "anchor.yaml"),
    text: stringify(policy).replace(": stable", ": &stable stable"),
  },
].map((way) => ({ ...way, milliseconds: [] as number[] }));

function cpuOf(file: string): number {
  const shell = `exec "$0" --import '${SAY_TIME}' "$1" validate "$2" 2>&1 >/dev/null`;
  const said = execFileSync("/bin/sh", ["-c", shell, process.execPath, CLI, file], { encoding: "utf8" });
  return Number(said.trim().split("\n").at(-1)) / 1000;
}

try {
  for (const { file, text } of ways) writeFileSync(file, text);
  for (let round = 0; round < rounds; round++) {
    for (const way of ways) way.milliseconds.push(cpuOf(way.file));
  }
  const median = (milliseconds: readonly number[]): number =>
    medianSorted([...milliseconds].sort((a, b) => a - b));
  const json = median(ways[0]?.milliseconds ?? []);
  const table = new Table({ head: ["policy", "bytes", "CPU ms", "ratio"], style: { head: [], border: [] } });
  for (const { name, file, milliseconds } of ways) {
    const cost = median(milliseconds);
    table.push([name, statSync(file).size, cost.toFixed(0), `${(cost / json).toFixed(2)}×`]);
  }
  console.log(`${rollouts} rollouts, median of ${rounds} rounds\n${table.toString()}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
