// What a request costs in a real Envoy, in processor time of the Envoy process: each way in an Envoy of its own, the
// same requests to all of them in turn, so that what the machine does besides falls on all alike. Said as ratios.
//   make bench            (or: node --import tsx test/bench/main.ts [--rounds N] [--requests N])

import autocannon from "autocannon";
import Table from "cli-table3";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { medianSorted } from "simple-statistics";
import { request } from "undici";

import { ensureEnvoy, startEnvoy, type RunningEnvoy } from "../../tools/envoy/index.ts";
import { ranNs } from "../support/envoy/process-use.ts";
import { cookieOf, ways, type Users, type Way } from "./ways.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "7" }, requests: { type: "string", default: "10000" } },
});
const rounds = Number(values.rounds);
const requests = Number(values.requests);
if (!(rounds >= 1 && requests >= 1)) throw new Error("--rounds and --requests take a number from 1");

// On either side of 50 % in the space of the salt `checkout`; what each gets is checked before it is measured.
const users: Users = { canary: "user-4711", stable: "user-4714" };

interface Measured {
  readonly way: Way;
  readonly envoy: RunningEnvoy;
  readonly port: number;
  /** Microseconds of processor time a request, one for each round. */
  readonly costs: number[];
}

async function send(port: number, cookie: string, amount: number): Promise<void> {
  const result = await autocannon({
    url: `http://127.0.0.1:${port}/checkout/cart?step=2`,
    amount,
    connections: 8,
    headers: {
      host: "shop.example.com",
      cookie: `theme=dark; session=0a1b2c3d4e5f60718293a4b5c6d7e8f9; consent=1; uid=${cookie}; locale=en-GB`,
      accept: "text/html,application/xhtml+xml",
      "accept-language": "en-GB,en;q=0.9",
      "accept-encoding": "gzip, br",
      "user-agent": "Mozilla/5.0 (bench)",
      "x-trace": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    },
  });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${result.non2xx + result.errors} requests failed`);
}

/** The way's users get what the way says, or the measurement means nothing. */
async function check(measured: Measured): Promise<void> {
  const { way, port } = measured;
  const { body: stream } = await request(`http://127.0.0.1:${port}/checkout`, {
    headers: { host: "shop.example.com", cookie: `uid=${cookieOf(way, users)}` },
  });
  const expected = way.name.includes("canary") ? "canary" : "stable";
  const body = await stream.text();
  if (body !== expected) throw new Error(`${way.name}: the user got ${body}, not ${expected}`);
}

const binary = await ensureEnvoy();
const all: Measured[] = [];
const folder = mkdtempSync(join(tmpdir(), "serin-bench-"));
// However it ends; the Envoys end with this process.
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(1));
try {
  for (const way of await ways(folder)) {
    const envoy = await startEnvoy({ binary, bootstrap: way.bootstrap, logLevel: "error" });
    all.push({ way, envoy, port: await envoy.port("bench"), costs: [] });
  }
  for (const measured of all) {
    await check(measured);
    await send(measured.port, cookieOf(measured.way, users), requests);
  }
  for (let round = 1; round <= rounds; round++) {
    if (process.stderr.isTTY) process.stderr.write(`\rround ${round} of ${rounds} `);
    // Each round begins elsewhere, so that no way always follows the same one.
    for (let i = 0; i < all.length; i++) {
      const { way, envoy, port, costs } = all[(i + round) % all.length] as Measured;
      const before = ranNs(envoy.pid);
      await send(port, cookieOf(way, users), requests);
      costs.push((ranNs(envoy.pid) - before) / requests / 1000);
    }
  }
  if (process.stderr.isTTY) process.stderr.write("\r");
  report(binary);
} finally {
  await Promise.all(all.map(({ envoy }) => envoy.stop()));
}

function report(binary: string): void {
  const medianOf = (costs: number[]): number => medianSorted([...costs].sort((a, b) => a - b));
  const cost = new Map(all.map(({ way, costs }) => [way.name, medianOf(costs)]));
  const floor = cost.get("no filter") as number;
  const empty = (cost.get("empty filter") as number) - floor;
  const table = new Table({
    head: ["way", "us CPU a request", "to no filter", "added, to an empty filter's", ""],
    colAligns: ["left", "right", "right", "right", "left"],
    style: { head: [], border: [] },
  });
  for (const { way, costs } of all) {
    const median = medianOf(costs);
    const spread = `${median.toFixed(1)} (${Math.min(...costs).toFixed(1)} to ${Math.max(...costs).toFixed(1)})`;
    // On a busy machine the empty filter may cost less than none: then there is nothing to compare with.
    const added = way.name === "no filter" || empty <= 0 ? "" : ((median - floor) / empty).toFixed(2);
    table.push([way.name, spread, (median / floor).toFixed(2), added, way.note]);
  }
  console.log(`${rounds} rounds of ${requests} requests each, in turn; ${binary}`);
  console.log(table.toString());
  const single = cost.get("serin, default") as number;
  const many = cost.get("serin, 1 of 10,000 rollouts") as number;
  console.log(`one of 10,000 rollouts costs ${(many / single).toFixed(2)} times what one of one costs`);
  if (many > 2 * single) {
    console.error("more than twice: the index does not hold");
    process.exitCode = 1;
  }
}
