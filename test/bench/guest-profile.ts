// What the filter's own code costs a request, by function: Node's V8 compiles it as Envoy's does, callgrind counts. It needs no
// Envoy, and gives the same figures however busy the machine is. What the host does is not in it.
//   make bench-guest      (or: node --import tsx test/bench/guest-profile.ts [--ways count,full] [--wasm PATH] [--least N])
// --budget FILE: exit status 1 for a way above its budget. --write-budget FILE: makes the figures the budget.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

import { build } from "esbuild";

import { addressesIn, Callgrind, requireCallgrind } from "./callgrind.ts";
import { overBudget, readBudget, writeBudget } from "./budget.ts";
import { readPerfMap } from "./perf-map.ts";

const { values } = parseArgs({
  options: {
    wasm: { type: "string", default: "build/serin.named.wasm" },
    ways: { type: "string", default: "count,full" },
    requests: { type: "string", default: "200" },
    least: { type: "string", default: "20" },
    budget: { type: "string" },
    "write-budget": { type: "string" },
  },
});
const REQUESTS = Number(values.requests);

requireCallgrind();
const folder = mkdtempSync(join(tmpdir(), "serin-guest-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const child = join(folder, "child.mjs");
await build({
  entryPoints: [join(import.meta.dirname, "guest-child.ts")],
  ...{ outfile: child, bundle: true, platform: "node", format: "esm", packages: "external" },
  ...{ target: "node20", logLevel: "error" },
});
const figures: Record<string, number> = {};
for (const way of values.ways.split(",")) {
  const costs = await profile(way);
  const total = [...costs.values()].reduce((sum, cost) => sum + cost, 0);
  figures[way] = total;
  console.log(`${way}: ${total.toFixed(0)} instructions a request in the filter`);
  for (const [name, cost] of [...costs].sort((a, b) => b[1] - a[1]))
    if (cost >= Number(values.least)) console.log(`  ${cost.toFixed(0).padStart(6)}  ${name}`);
}
if (values["write-budget"] !== undefined) writeBudget(values["write-budget"], "guest", figures);
if (values.budget !== undefined) {
  for (const fault of overBudget(figures, readBudget(values.budget).guest)) {
    console.error(fault);
    process.exitCode = 1;
  }
}

/** Instructions a request, by function of the module. */
async function profile(way: string): Promise<Map<string, number>> {
  const callgrind = new Callgrind(folder);
  const [valgrind = "", ...options] = callgrind.commandByAddress;
  const flags = ["--no-liftoff", "--no-wasm-lazy-compilation", "--perf-basic-prof"];
  const node = spawn(valgrind, [...options, "node", ...flags, child, values.wasm, way, values.requests], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  try {
    const lines = createInterface({ input: node.stdout })[Symbol.asyncIterator]();
    const expect = async (word: string): Promise<void> => {
      const { value } = (await lines.next()) as { value?: string };
      if (value !== word) throw new Error(`${way}: the child said ${value ?? "nothing"}, not ${word}`);
    };
    await expect("ready");
    const pid = node.pid as number;
    // V8 has this place for it.
    const map = `/tmp/perf-${pid}.map`;
    process.once("exit", () => rmSync(map, { force: true }));
    await callgrind.begin(pid);
    await callgrind.zero(pid);
    node.stdin.write("go\n");
    await expect("done");
    const dump = await callgrind.dumpText(pid);
    const nameOf = readPerfMap(readFileSync(map, "utf8"));
    const costs = new Map<string, number>();
    for (const [address, cost] of addressesIn(dump)) {
      // As in `assembly/core/view/readRequest-170-turbofan`; the compiler's own have no path.
      const [, found] = /^JS:(?!wasm-to-js|js-to-wasm)(.+)-\d+-turbofan$/.exec(nameOf(address) ?? "") ?? [];
      if (found !== undefined) costs.set(found, (costs.get(found) ?? 0) + cost / REQUESTS);
    }
    return costs;
  } finally {
    node.stdin.end();
    node.kill("SIGKILL");
    await once(node, "exit");
  }
}
