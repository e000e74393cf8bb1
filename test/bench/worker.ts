// What an Envoy takes with the filter and without it, side by side: processor time of its start, memory by workers,
// processor time and latency of a request.
//   node --import tsx test/bench/worker.ts [--requests 4000] [--starts 5]

import { parseArgs } from "node:util";

import Table from "cli-table3";

import { freePort, startEnvoy, type RunningEnvoy } from "../../tools/envoy/index.ts";
import { ENVOY_VERSION } from "../../tools/envoy/versions.ts";
import { proxyBootstrap } from "../support/envoy/bootstrap.ts";
import { KeptConnections } from "../support/envoy/kept-connections.ts";
import { guestKb, ranNs, residentKb } from "../support/envoy/process-use.ts";
import { filterFile } from "../support/envoy/proxy.ts";
import { envoyBinary } from "../support/envoy/versions.ts";
import { request } from "../support/envoy/wire.ts";
import { startUpstream } from "../upstream/upstream.ts";

const { values } = parseArgs({
  options: { requests: { type: "string", default: "4000" }, starts: { type: "string", default: "5" } },
});
const POLICY = {
  identity: [{ cookie: "uid" }],
  rollouts: { checkout: { default: "stable", variants: { stable: {}, canary: { percent: 5 } } } },
};
const ROUTES = [{ match: { prefix: "/" }, route: { cluster: "stable" } }];

const stable = await startUpstream({ version: "stable" });
const canary = await startUpstream({ version: "canary" });
const closedPort = await freePort();

async function start(isPlain: boolean, concurrency: number): Promise<RunningEnvoy> {
  return startEnvoy({
    binary: await envoyBinary(ENVOY_VERSION),
    bootstrap: proxyBootstrap({ upstreams: [stable, canary], closedPort, routes: ROUTES, isPlain }),
    ...(isPlain ? {} : { files: { "watched/filter.yaml": filterFile(POLICY) } }),
    ...{ concurrency, logLevel: "error" },
  });
}

const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[list.length >> 1] ?? NaN;
const at = (sorted: readonly number[], part: number): number =>
  sorted[Math.floor(sorted.length * part)] ?? NaN;
const mib = (kb: number): string => (kb / 1024).toFixed(1);

async function startAndMemory(): Promise<string> {
  const table = new Table({
    head: [
      "workers",
      "start, ms of processor: without",
      "with",
      "MiB resident: without",
      "with",
      "of it the VMs' memories",
    ],
    style: { head: [], border: [] },
  });
  for (const concurrency of [1, 2, 4]) {
    const [times, resident]: [number[][], number[][]] = [
      [[], []],
      [[], []],
    ];
    let guests = 0;
    for (let i = 0; i < Number(values.starts); i++) {
      for (const isPlain of [true, false]) {
        const envoy = await start(isPlain, concurrency);
        const which = isPlain ? 0 : 1;
        times[which]?.push(ranNs(envoy.pid) / 1e6);
        resident[which]?.push(residentKb(envoy.pid));
        if (!isPlain) guests = guestKb(envoy.pid);
        await envoy.stop();
      }
    }
    table.push([
      concurrency,
      ...times.map((list) => Math.round(median(list))),
      ...resident.map((list) => mib(median(list))),
      mib(guests),
    ]);
  }
  return table.toString();
}

async function requests(): Promise<string> {
  const table = new Table({
    head: ["", "µs of processor a request", "p50, ms", "p99, ms"],
    style: { head: [], border: [] },
  });
  const envoys = [await start(true, 1), await start(false, 1)];
  const ways = await Promise.all(
    envoys.map(async (envoy, i) => ({
      name: i === 0 ? "without" : "with",
      envoy,
      connections: new KeptConnections(await envoy.port(i === 0 ? "plain" : "serin"), 4),
      costs: [] as number[],
      times: [] as number[],
    })),
  );
  const count = Math.ceil(Number(values.requests) / 8);
  for (let round = 0; round < 9; round++) {
    for (const { envoy, connections, costs, times } of ways) {
      const before = ranNs(envoy.pid);
      const requestOf = (n: number): string =>
        request("/checkout", [`cookie: theme=dark; uid=user-${n % 300}`]);
      const result = await connections.load({ count, requestOf });
      if (result.failures.length > 0) throw new Error(result.failures[0]);
      // The first is to warm up.
      if (round === 0) continue;
      costs.push((ranNs(envoy.pid) - before) / count / 1000);
      times.push(...result.times);
    }
  }
  for (const { name, envoy, costs, times } of ways) {
    const sorted = times.sort((a, b) => a - b);
    table.push([name, median(costs).toFixed(0), at(sorted, 0.5).toFixed(2), at(sorted, 0.99).toFixed(2)]);
    await envoy.stop();
  }
  return table.toString();
}

try {
  console.log(await startAndMemory());
  console.log(await requests());
} finally {
  await stable.stop();
  await canary.stop();
}
process.exit(0);
