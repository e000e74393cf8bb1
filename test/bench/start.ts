// What it costs a real Envoy to start: with no filter, with an empty one, with Serin, and with policies of thousands of
// rollouts. A VM's share of that is what each of four more workers adds.
//   node --import tsx test/bench/start.ts [--rounds N] [--only TEXT] [--wasm FILE]

import Table from "cli-table3";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { medianSorted } from "simple-statistics";

import { ensureEnvoy, startEnvoy } from "../../tools/envoy/index.ts";
import { bootstrapOf, directRoute, listener, wasmFilter } from "../support/envoy/bootstrap.ts";
import { guestKb, ranNs, residentKb } from "../support/envoy/process-use.ts";
import { WASM } from "../support/filter.ts";
import { compileEmpty } from "./compile-empty.ts";
import { manyRollouts } from "./many-rollouts.ts";

const MORE_WORKERS = 4;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    only: { type: "string", default: "" },
    wasm: { type: "string", default: WASM },
  },
});
const rounds = Number(values.rounds);
if (!(rounds >= 1)) throw new Error("--rounds takes a number from 1");

interface Way {
  readonly name: string;
  readonly filters: readonly object[];
}

interface Start {
  readonly cpuMs: number;
  readonly mib: number;
  /** Of all linear memories together. */
  readonly guestMib: number;
  readonly stats: number;
}

const folder = mkdtempSync(join(tmpdir(), "serin-bench-"));
const serin = (policy: string): object => wasmFilter(policy, { file: values.wasm });
const shapes = [
  ...["count", "matched", "full"].map((signals) => ({ rollouts: 10_000, variants: 2, signals })),
  { rollouts: 16_384, variants: 2, signals: "full" },
  { rollouts: 1024, variants: 16, signals: "full" },
];
const ways: Way[] = [
  { name: "no filter", filters: [] },
  { name: "empty filter", filters: [wasmFilter(null, { file: await compileEmpty(folder) })] },
  {
    name: `Serin (${(statSync(values.wasm).size / 1024).toFixed(0)} KiB), no rollouts`,
    filters: [serin("{}")],
  },
  ...shapes.map((shape) => ({
    name: `Serin, ${shape.rollouts} rollouts of ${shape.variants} variants, ${shape.signals}`,
    filters: [serin(manyRollouts(shape))],
  })),
].filter(({ name }) => name.includes(values.only));

async function start({ filters }: Way, concurrency: number): Promise<Start> {
  const envoy = await startEnvoy({
    binary: await ensureEnvoy(),
    bootstrap: bootstrapOf([listener("bench", filters, [directRoute("/", {})])], []),
    concurrency,
    logLevel: "error",
  });
  try {
    const cpuMs = ranNs(envoy.pid) / 1e6;
    const mib = residentKb(envoy.pid) / 1024;
    const guestMib = guestKb(envoy.pid) / 1024;
    const stats = await envoy.admin.stats("^wasmcustom\\.serin");
    return { cpuMs, mib, guestMib, stats: stats.size };
  } finally {
    await envoy.stop();
  }
}

const median = (of: (start: Start) => number, starts: readonly Start[]): number =>
  medianSorted(starts.map(of).sort((a, b) => a - b));

try {
  // Round by round, so that what the machine does besides falls on all alike.
  const measured = ways.map((way) => ({ way, alone: [] as Start[], many: [] as Start[] }));
  for (let round = 0; round < rounds; round++) {
    for (const { way, alone, many } of measured) {
      alone.push(await start(way, 1));
      many.push(await start(way, 1 + MORE_WORKERS));
    }
  }
  const table = new Table({
    head: [
      "Envoy with",
      "ms of CPU to ready",
      "MiB",
      "stats",
      "a VM: ms of CPU",
      "MiB",
      "of them linear memory",
    ],
    style: { head: [], border: [] },
  });
  for (const { way, alone, many } of measured) {
    const each = (of: (start: Start) => number): number =>
      (median(of, many) - median(of, alone)) / MORE_WORKERS;
    table.push([
      way.name,
      median((one) => one.cpuMs, alone).toFixed(0),
      median((one) => one.mib, alone).toFixed(0),
      String(alone[0]?.stats ?? 0),
      each((one) => one.cpuMs).toFixed(0),
      each((one) => one.mib).toFixed(1),
      each((one) => one.guestMib).toFixed(1),
    ]);
  }
  console.log(table.toString());
} finally {
  rmSync(folder, { recursive: true, force: true });
}
