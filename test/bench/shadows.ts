// What a shadow costs production: the same load with no shadow, a healthy one and ill ones, in turn on one Envoy, all
// requests copied. A copy costs the worker's time, so that the healthy one is the base. Exit status 1 when an ill shadow
// costs more than docs/shadows.md promises, or a request of production failed.
//   node --import tsx test/bench/shadows.ts [--rounds N] [--requests N] [--rate N]

import { spawn, type ChildProcess } from "node:child_process";
import { createServer } from "node:net";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import Table from "cli-table3";
import { median, quantile } from "simple-statistics";

import { ensureEnvoy, ENVOY_VERSION, freePort, type Admin } from "../../tools/envoy/index.ts";
import { startAnsweringEnvoy } from "../e2e/answering-envoy.ts";
import { cluster } from "../e2e/bootstrap.ts";
import { KeptConnections } from "../e2e/kept-connections.ts";
import { ranNs } from "../e2e/process-use.ts";
import { startProxyOver } from "../e2e/proxy.ts";
import { countsOf, mirrorRoute, type Counts } from "../e2e/shadow-stage.ts";
import { request } from "../e2e/wire.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "25" },
    requests: { type: "string", default: "400" },
    rate: { type: "string", default: "250" },
  },
});
const rounds = Number(values.rounds);
const requests = Number(values.requests);
const rate = Number(values.rate);
if (!(rounds >= 1 && requests >= 1 && rate >= 1)) {
  throw new Error("--rounds, --requests and --rate take a number from 1");
}

const MOST_MEDIAN = 1.1;
const MOST_P99 = 1.3;
/** What docs/shadows.md recommends: Envoy drops answers larger than that of its calls. */
const LIMIT_KEY = "http.async_response_buffer_limit";
const LIMIT_BYTES = 131_072;
const UPLOAD_BYTES = 10 * 1024 * 1024;
const UPLOADS = 21;

interface Arm {
  readonly name: string;
  readonly path: string;
  /** Its shadow, if it has one. */
  readonly cluster?: string;
  /** All requests are copied unless it says otherwise. */
  readonly budget?: object;
  /** How its copies have to end, or the measurement means nothing. */
  readonly verdict: string;
  readonly kind: "base" | "ill" | "information";
  readonly withoutLimit?: true;
  /** Milliseconds after a turn until its last copy is over. */
  readonly drainMs: number;
  readonly times: number[];
  /** The 99th percentile of each round. */
  readonly p99s: number[];
  /** Microseconds of processor time of Envoy for each request of a round. */
  readonly costs: number[];
  failures: number;
}

const arm = (name: string, kind: Arm["kind"], verdict: string, more: Partial<Arm> = {}): Arm => ({
  ...{ name, kind, verdict, path: `/${name}`, drainMs: 50, times: [], p99s: [], costs: [], failures: 0 },
  ...more,
});
const ARMS: readonly Arm[] = [
  arm("none", "information", ""),
  arm("healthy", "base", "match", { cluster: "shadow" }),
  arm("slow", "ill", "match", { cluster: "shadow", drainMs: 400 }),
  arm("hang", "ill", "timeout", { cluster: "shadow", drainMs: 1_100 }),
  arm("refusing", "ill", "reset", { cluster: "refusing" }),
  arm("large", "ill", "reset", { cluster: "large" }),
  arm("absent", "ill", "unavailable", { cluster: "no-such-cluster" }),
  arm("large-unlimited", "information", "mismatch_body", {
    // As many copies as without a budget in the policy: all of them would be gigabytes a second.
    ...{ cluster: "large", budget: {}, withoutLimit: true, drainMs: 1_100 },
  }),
];

const ALL = { perSecond: 100_000, inFlight: 1_000 };
const shadow = (path: string, cluster: string, more: object = {}): object => ({
  match: [{ path: { value: path } }],
  percent: 100,
  cluster,
  timeout: "1s",
  compare: { body: true, sample: "0/s" },
  budget: ALL,
  ...more,
});
const MIRROR = { dispatch: "mirror", compare: undefined, timeout: undefined, budget: undefined };
const POLICY = {
  shadows: {
    ...Object.fromEntries(
      ARMS.flatMap(({ name, path, cluster }) =>
        cluster === undefined ? [] : [[name, shadow(path, cluster)]],
      ),
    ),
    "upload-call": shadow("/upload/call", "deaf", { methods: ["POST"] }),
    "upload-mirror": shadow("/upload/mirror", "deaf", { methods: ["POST"], ...MIRROR }),
  },
};

/** A program that listens on the port it is told: a process of its own, so that it takes nothing of this one's time. */
async function spawnServer(program: string, ...flags: string[]): Promise<{ port: number; stop(): void }> {
  const port = await freePort();
  const child: ChildProcess = spawn(
    process.execPath,
    ["--import", import.meta.resolve("tsx"), resolve(import.meta.dirname, program), ...flags, String(port)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  await new Promise((ready, failed) => {
    child.stdout?.once("data", ready);
    child.once("exit", () => failed(new Error(`${program} ended at once`)));
  });
  return { port, stop: () => void child.kill() };
}

const binary = await ensureEnvoy();
const answers = await startAnsweringEnvoy(binary);
const large = await spawnServer("large-answers.ts");
const uploads = await spawnServer("../upstream/main.ts", "--port");
// Accepts, and reads not a byte: what holds back an upload most.
const deaf = createServer({ pauseOnConnect: true });
const deafPort = await freePort();
deaf.listen(deafPort, "127.0.0.1");
const stopChildren = (): void => {
  large.stop();
  uploads.stop();
};
process.on("exit", stopChildren);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(1));

const proxy = await startProxyOver([], {
  version: ENVOY_VERSION,
  policy: POLICY,
  logLevel: "error",
  routes: [
    mirrorRoute("upload-mirror", "uploads", "/upload/mirror"),
    { match: { prefix: "/upload" }, route: { cluster: "uploads", timeout: "60s" } },
    { match: { prefix: "/" }, route: { cluster: "production" } },
  ],
  clusters: [
    cluster("production", answers.port),
    cluster("shadow", answers.port),
    { ...cluster("large", large.port), per_connection_buffer_limit_bytes: 32768 },
    cluster("uploads", uploads.port),
    cluster("deaf", deafPort),
  ],
});

try {
  const connections = new KeptConnections(proxy.port, 64);
  const takeTurn = async (one: Arm, isWarmUp: boolean): Promise<void> => {
    await limitAnswers(proxy.admin, one.withoutLimit === undefined);
    const before = ranNs(proxy.envoy.pid);
    const result = await connections.load({
      count: requests,
      requestOf: () => request(one.path, ["cookie: uid=1; theme=dark", "accept: */*"]),
      perSecond: rate,
    });
    one.failures += result.failures.length;
    await sleep(one.drainMs);
    if (isWarmUp) return;
    one.times.push(...result.times);
    one.p99s.push(quantile([...result.times], 0.99));
    one.costs.push((ranNs(proxy.envoy.pid) - before) / requests / 1000);
  };
  for (const one of ARMS) await takeTurn(one, true);
  for (let round = 1; round <= rounds; round++) {
    if (process.stderr.isTTY) process.stderr.write(`\rround ${round} of ${rounds} `);
    // Each round begins elsewhere, so that no arm always follows the same one.
    for (let i = 0; i < ARMS.length; i++) await takeTurn(ARMS[(i + round) % ARMS.length] as Arm, false);
  }
  if (process.stderr.isTTY) process.stderr.write("\r");
  connections.close();
  await report(proxy.admin);
  await reportUploads(proxy.port);
} finally {
  await proxy.stop();
  await answers.stop();
  deaf.close();
  stopChildren();
}

async function limitAnswers(admin: Admin, isLimited: boolean): Promise<void> {
  await admin.post(`/runtime_modify?${LIMIT_KEY}=${isLimited ? LIMIT_BYTES : ""}`);
}

function fault(text: string): void {
  console.error(text);
  process.exitCode = 1;
}

async function report(admin: Admin): Promise<void> {
  const base = ARMS.find(({ kind }) => kind === "base") as Arm;
  const table = new Table({
    head: ["shadow", "median ms", "p99 ms", "median ratio", "p99 ratio", "us CPU", "copies"],
    colAligns: ["left", "right", "right", "right", "right", "right", "left"],
    style: { head: [], border: [] },
  });
  for (const one of ARMS) {
    const middle = median(one.times) / median(base.times);
    const tail = median(one.p99s) / median(base.p99s);
    const counts = one.cluster === undefined ? {} : await countsOf(admin, one.name);
    table.push([
      one.name,
      median(one.times).toFixed(3),
      median(one.p99s).toFixed(3),
      middle.toFixed(2),
      tail.toFixed(2),
      median(one.costs).toFixed(0),
      Object.entries(counts)
        .map(([leaf, count]) => `${leaf} ${count}`)
        .join(", "),
    ]);
    if (one.failures > 0) fault(`${one.name}: ${one.failures} requests of production failed`);
    if (one.kind === "information") continue;
    requireVerdicts(one, counts);
    if (middle >= MOST_MEDIAN)
      fault(`${one.name}: the median is ${middle.toFixed(2)} times the healthy shadow's`);
    if (tail >= MOST_P99) fault(`${one.name}: the p99 is ${tail.toFixed(2)} times the healthy shadow's`);
  }
  const total = ARMS.reduce((sum, { times, failures }) => sum + times.length + failures, 0);
  const failed = ARMS.reduce((sum, { failures }) => sum + failures, 0);
  console.log(
    `${rounds} rounds of ${requests} requests to each, in turn, ${rate} a second, all copied; ${total} requests, ${failed} failed; ${binary}`,
  );
  console.log("ratios are to the healthy shadow; p99 is the median of the rounds' own");
  console.log(table.toString());
}

function requireVerdicts(one: Arm, counts: Counts): void {
  const expected = counts[one.verdict] ?? 0;
  const all = (rounds + 1) * requests;
  if (expected < 0.99 * all) fault(`${one.name}: only ${expected} of ${all} copies ended as ${one.verdict}`);
}

/** A large upload beside a shadow that hangs: no copy is made of it, so that it takes no longer. */
async function reportUploads(port: number): Promise<void> {
  const body = "u".repeat(UPLOAD_BYTES);
  const ways = ["/upload/none", "/upload/call", "/upload/mirror"].map((path) => ({
    path,
    times: [] as number[],
  }));
  const connections = new KeptConnections(port, 1);
  for (let round = 0; round < UPLOADS; round++) {
    for (let i = 0; i < ways.length; i++) {
      const way = ways[(i + round) % ways.length] as (typeof ways)[number];
      const bytes = request(way.path, [`content-length: ${body.length}`], "POST") + body;
      const { times, failures } = await connections.load({ count: 1, requestOf: () => bytes });
      if (failures.length > 0) fault(`an upload to ${way.path} failed: ${failures[0]}`);
      way.times.push(...times);
    }
  }
  connections.close();
  const [none = NaN, call = NaN, mirror = NaN] = ways.map(({ times }) => median(times));
  console.log(
    `an upload of 10 MiB, median of ${UPLOADS}: ${none.toFixed(0)} ms without a shadow, ${call.toFixed(0)} ms beside a hanging one by call (${(call / none).toFixed(2)}), ${mirror.toFixed(0)} ms by mirror (${(mirror / none).toFixed(2)})`,
  );
  for (const ratio of [call / none, mirror / none]) {
    if (!(ratio < MOST_P99))
      fault(`an upload beside a hanging shadow took ${ratio.toFixed(2)} times as long`);
  }
}
