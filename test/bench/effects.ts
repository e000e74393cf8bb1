// What effects cost production's calls: the same calls through a listener without a filter, through one whose policy has
// no effect for them, and through one with an effect that looks at each, in turn on one Envoy, said as ratios to the first.
// Exit status 1 when the effect's p99 is more than 1.1 times that without a filter, or any call failed.
//   node --import tsx test/bench/effects.ts [--rounds N] [--requests N] [--rate N]

import { parseArgs } from "node:util";

import Table from "cli-table3";
import { median, quantile } from "simple-statistics";

import { ensureEnvoy, ENVOY_VERSION } from "../../tools/envoy/index.ts";
import { startAnsweringEnvoy } from "../support/envoy/answering-envoy.ts";
import { cluster } from "../support/envoy/bootstrap.ts";
import { KeptConnections } from "../support/envoy/kept-connections.ts";
import { startProxyOver } from "../support/envoy/proxy.ts";
import { request } from "../support/envoy/wire.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "20" },
    requests: { type: "string", default: "400" },
    rate: { type: "string", default: "300" },
  },
});
const rounds = Number(values.rounds);
const requests = Number(values.requests);
const rate = Number(values.rate);
if (!(rounds >= 1 && requests >= 1 && rate >= 1)) {
  throw new Error("--rounds, --requests and --rate take a number from 1");
}
const MOST_P99 = 1.1;

/** A charge of some hundred bytes, with an id of its own. */
function charge(path: string, n: number): string {
  const body = JSON.stringify({
    amount: n,
    requestedAt: n,
    items: Array.from({ length: 10 }, (_, i) => `item-${i}`),
  });
  const id = `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
  return (
    request(path, [`x-request-id: ${id}`, `content-length: ${body.length}`, "baggage: a=1"], "POST") + body
  );
}

const POLICY = {
  shadowSecret: "4Zq8vK1x0sTn7LbE",
  effects: {
    charge: {
      match: [{ method: "POST", path: { type: "Exact", value: "/charges" } }],
      answer: { status: 201 },
      compare: { json: true, ignore: ["/requestedAt"] },
    },
  },
};

const binary = await ensureEnvoy();
const answers = await startAnsweringEnvoy(binary);
const proxy = await startProxyOver([], {
  version: ENVOY_VERSION,
  policy: POLICY,
  logLevel: "error",
  manager: { preserve_external_request_id: true },
  routes: [{ match: { prefix: "/" }, route: { cluster: "production" } }],
  clusters: [cluster("production", answers.port)],
});

interface Arm {
  readonly name: string;
  readonly path: string;
  readonly connections: KeptConnections;
  readonly medians: number[];
  readonly p99s: number[];
}
const arm = (name: string, path: string, port: number): Arm => ({
  ...{ name, path, medians: [], p99s: [] },
  connections: new KeptConnections(port, 64),
});
const arms = [
  arm("no filter", "/charges", proxy.plainPort),
  arm("no effect names it", "/other", proxy.port),
  arm("an effect looks at it", "/charges", proxy.port),
] as const;
const [base, , looked] = arms;
let sent = 0;
let failed = 0;
try {
  for (let round = 0; round <= rounds; round++) {
    for (let i = 0; i < arms.length; i++) {
      const { path, connections, medians, p99s } = arms[(i + round) % arms.length] ?? base;
      const result = await connections.load({
        count: requests,
        requestOf: () => charge(path, sent++),
        perSecond: rate,
      });
      failed += result.failures.length;
      // The first round warms everything up.
      if (round === 0) continue;
      medians.push(median([...result.times]));
      p99s.push(quantile([...result.times], 0.99));
    }
  }
  const table = new Table({
    head: ["calls", "median ms", "p99 ms", "median ratio", "p99 ratio"],
    style: { head: [] },
  });
  for (const one of arms) {
    const [middle, tail] = [quiet(one.medians), quiet(one.p99s)];
    const ratios = [middle / quiet(base.medians), tail / quiet(base.p99s)].map((ratio) => ratio.toFixed(2));
    table.push([one.name, middle.toFixed(3), tail.toFixed(3), ...ratios]);
  }
  console.log(`${binary}; ${sent} calls in turns of ${requests}, ${rate} a second, ${failed} failed`);
  console.log(table.toString());
  const ratio = quiet(looked.p99s) / quiet(base.p99s);
  if (failed > 0 || ratio > MOST_P99) {
    console.error(
      `the p99 is ${ratio.toFixed(2)} times that without a filter, at most ${MOST_P99}; ${failed} failed`,
    );
    process.exitCode = 1;
  }
} finally {
  for (const { connections } of arms) connections.close();
  await proxy.stop();
  await answers.stop();
}

/** That of the quarter of rounds that was disturbed least, as in shadows.ts. */
function quiet(times: readonly number[]): number {
  return quantile([...times], 0.25);
}
