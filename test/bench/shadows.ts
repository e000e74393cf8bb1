// What a shadow costs production: the same load with no shadow, a healthy one and ill ones, in turn on one Envoy, said as
// ratios. A copy costs the worker's time, so that the healthy shadow is the base. First with the budget that a policy
// has without saying so, which is what bounds an ill shadow: exit status 1 when one costs more than the bounds below, or
// any request of production failed. Then with every request copied, for information.
//   node --import tsx test/bench/shadows.ts [--rounds N] [--requests N] [--rate N]

import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import Table from "cli-table3";
import { median, quantile } from "simple-statistics";

import { ensureEnvoy, ENVOY_VERSION, freePort, type Admin } from "../../tools/envoy/index.ts";
import { startAnsweringEnvoy } from "../support/envoy/answering-envoy.ts";
import { cluster } from "../support/envoy/bootstrap.ts";
import { KeptConnections } from "../support/envoy/kept-connections.ts";
import { ranNs } from "../support/envoy/process-use.ts";
import { startProxyOver, type BareProxy } from "../support/envoy/proxy.ts";
import { countsOf, mirrorRoute, sumOf, VERDICTS, type Counts } from "../e2e/shadow-stage.ts";
import { request } from "../support/envoy/wire.ts";
import { spawnServer } from "./spawn-server.ts";

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

const MOST_MEDIAN = 1.1;
const MOST_P99 = 1.3;
/** Envoy drops answers to its own calls that are larger, where it is told so. */
const LIMIT_KEY = "http.async_response_buffer_limit";
const LIMIT_BYTES = 131_072;
const UPLOAD_BYTES = 10 * 1024 * 1024;
const UPLOADS = 31;

/** A shadow, or none, in one of the two parts. */
class Arm {
  /** Of each round, in milliseconds. */
  readonly medians: number[] = [];
  readonly p99s: number[] = [];
  /** Microseconds of Envoy's processor time a request, of each round. */
  readonly costs: number[] = [];
  failures = 0;

  constructor(
    readonly name: string,
    /** How every copy of it has to end, or the measurement means nothing; null for any way. */
    readonly verdict: string | null,
    readonly options: {
      readonly cluster?: string;
      readonly budget?: object;
      /** Of its policy; bodies as bytes unless said. */
      readonly compare?: object;
      /** Whether Envoy drops its answers as too large. */
      readonly isDropped?: true;
      /** Milliseconds after a turn until its last copy is over. */
      readonly drainMs?: number;
    },
  ) {}

  get path(): string {
    return `/${this.name}`;
  }
}

/** Every request copied: far above what a worker does. */
const EVERY = { perSecond: 100_000, inFlight: 1_000 };

/** The arms of a part; the second is the base. */
function arms(suffix: string, budget: object | undefined): readonly Arm[] {
  const arm = (name: string, verdict: string | null, options: Arm["options"]): Arm =>
    new Arm(`${name}${suffix}`, verdict, { budget, ...options });
  return [
    arm("none", null, {}),
    arm("healthy", "match", { cluster: "shadow" }),
    // Answers that both sides compress, each otherwise: decoded, and compared as JSON.
    arm("gzip", "match", { cluster: "shadow", compare: { body: { json: true }, sample: "0/s" } }),
    arm("slow", "match", { cluster: "shadow", drainMs: 400 }),
    arm("hang", "timeout", { cluster: "shadow", drainMs: 1_100 }),
    arm("refusing", "reset", { cluster: "refusing" }),
    // Every request copied would be gigabytes a second: these keep the budget of the first part.
    arm("large", "mismatch_body", { cluster: "large", budget: undefined, drainMs: 400 }),
    arm("dropped", "reset", { cluster: "large", budget: undefined, isDropped: true }),
    arm("absent", "unavailable", { cluster: "no-such-cluster" }),
  ];
}
const PARTS = { budgeted: arms("", undefined), every: arms("-every", EVERY) };

const shadow = (path: string, to: string, more: object = {}): object => ({
  match: [{ path: { value: path } }],
  percent: 100,
  cluster: to,
  compare: { body: true, sample: "0/s" },
  ...more,
});
const MIRROR = { dispatch: "mirror", compare: undefined };
const POLICY = {
  shadows: {
    ...Object.fromEntries(
      [...PARTS.budgeted, ...PARTS.every].flatMap(
        ({ name, path, options: { cluster: to, budget, compare } }) =>
          to === undefined ? [] : [[name, shadow(path, to, { budget, ...(compare && { compare }) })]],
      ),
    ),
    "upload-call": shadow("/upload/call", "deaf", { methods: ["POST"] }),
    "upload-mirror": shadow("/upload/mirror", "deaf", { methods: ["POST"], ...MIRROR }),
  },
};

// The servers and the Envoys end with this process.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(1));
const binary = await ensureEnvoy();
const answers = await startAnsweringEnvoy(binary);
const large = await spawnServer("large-answers.ts");
const uploads = await spawnServer("../upstream/main.ts", "--port");
// Accepts, and reads not a byte: what holds back an upload most.
const deaf = createServer({ pauseOnConnect: true });
const deafPort = await freePort();
deaf.listen(deafPort, "127.0.0.1");

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
    // So that Envoy reads little of an answer before it drops it.
    { ...cluster("large", large.port), per_connection_buffer_limit_bytes: 32_768 },
    cluster("uploads", uploads.port),
    cluster("deaf", deafPort),
  ],
});

try {
  console.log(
    `${binary}; ratios are to the healthy shadow, times those of the quarter of rounds that was disturbed least`,
  );
  await measure(proxy, PARTS.budgeted, rounds);
  await report(
    proxy.admin,
    PARTS.budgeted,
    "the budget of a policy that names none: 50 copies a second, 20 in flight",
  );
  judge(PARTS.budgeted);
  await measure(proxy, PARTS.every, Math.ceil(rounds / 2));
  await report(proxy.admin, PARTS.every, "every request copied, for information");
  await uploadBesideDeaf(proxy.port);
} finally {
  await proxy.stop();
  await answers.stop();
  deaf.close();
  large.stop();
  uploads.stop();
}

/** The arms in turn, round after round. */
async function measure({ port, admin, envoy }: BareProxy, all: readonly Arm[], times: number): Promise<void> {
  const connections = new KeptConnections(port, 64);
  const takeTurn = async (arm: Arm): Promise<void> => {
    await limitAnswers(admin, arm.options.isDropped === true);
    const before = ranNs(envoy.pid);
    const result = await connections.load({
      count: requests,
      requestOf: () => request(arm.path, ["cookie: uid=1; theme=dark", "accept: */*"]),
      perSecond: rate,
    });
    arm.costs.push((ranNs(envoy.pid) - before) / requests / 1000);
    arm.failures += result.failures.length;
    arm.medians.push(median([...result.times]));
    arm.p99s.push(quantile([...result.times], 0.99));
    await sleep(arm.options.drainMs ?? 50);
  };
  for (let round = 0; round <= times; round++) {
    if (process.stderr.isTTY) process.stderr.write(`\rround ${round} of ${times} `);
    // Each round begins elsewhere, so that no arm always follows the same one.
    for (let i = 0; i < all.length; i++) await takeTurn(all[(i + round) % all.length] as Arm);
    // The first is there to warm everything up.
    if (round === 0)
      for (const { medians, p99s, costs } of all) for (const list of [medians, p99s, costs]) list.length = 0;
  }
  if (process.stderr.isTTY) process.stderr.write("\r");
  connections.close();
}

async function limitAnswers(admin: Admin, isLimited: boolean): Promise<void> {
  await admin.post(`/runtime_modify?${LIMIT_KEY}=${isLimited ? LIMIT_BYTES : ""}`);
}

function fault(text: string): void {
  console.error(text);
  process.exitCode = 1;
}

interface Ratios {
  readonly middle: number;
  readonly tail: number;
}

/**
 * What the quarter of the rounds stays below that the machine disturbed least: what else it does adds to a round and
 * takes nothing from it. Of two equal series on two shared cores the medians of the rounds differed by half.
 */
function quiet(rounds: readonly number[]): number {
  return quantile([...rounds], 0.25);
}

function ratiosOf(arm: Arm, all: readonly Arm[]): Ratios {
  const base = all[1] as Arm;
  return { middle: quiet(arm.medians) / quiet(base.medians), tail: quiet(arm.p99s) / quiet(base.p99s) };
}

async function report(admin: Admin, all: readonly Arm[], title: string): Promise<void> {
  const table = new Table({
    head: [
      "shadow",
      "median ms",
      "p99 ms",
      "median ratio",
      "p99 ratio",
      "us CPU a request",
      "copied",
      "ended as",
    ],
    colAligns: ["left", "right", "right", "right", "right", "right", "right", "left"],
    style: { head: [], border: [] },
  });
  for (const arm of all) {
    const { middle, tail } = ratiosOf(arm, all);
    const counts = arm.options.cluster === undefined ? {} : await countsOf(admin, arm.name);
    const total = arm.p99s.length * requests + requests;
    table.push([
      arm.name,
      quiet(arm.medians).toFixed(3),
      quiet(arm.p99s).toFixed(3),
      middle.toFixed(2),
      tail.toFixed(2),
      quiet(arm.costs).toFixed(0),
      `${(((counts["sent"] ?? 0) / total) * 100).toFixed(0)} %`,
      endings(counts),
    ]);
    requireVerdict(arm, counts);
    if (arm.failures > 0) fault(`${arm.name}: ${arm.failures} requests of production failed`);
  }
  const failed = all.reduce((sum, { failures }) => sum + failures, 0);
  const sent = all.reduce((sum, { p99s }) => sum + p99s.length * requests, 0);
  console.log(`${title}; ${sent} requests in turns of ${requests}, ${rate} a second, ${failed} failed`);
  console.log(table.toString());
}

function endings(counts: Counts): string {
  const leaves = Object.entries(counts).filter(([leaf]) => leaf !== "sent" && leaf !== "over_budget");
  return leaves.map(([leaf, count]) => `${leaf} ${count}`).join(", ");
}

function requireVerdict(arm: Arm, counts: Counts): void {
  if (arm.verdict === null) return;
  const expected = counts[arm.verdict] ?? 0;
  const all = sumOf(counts, [...VERDICTS, "unavailable"]);
  if (!(expected > 0 && expected >= 0.99 * all))
    fault(`${arm.name}: not ${arm.verdict}, but ${endings(counts)}`);
}

function judge(all: readonly Arm[]): void {
  for (const arm of all) {
    const { middle, tail } = ratiosOf(arm, all);
    if (arm.options.cluster === undefined) continue;
    if (middle >= MOST_MEDIAN)
      fault(`${arm.name}: the median is ${middle.toFixed(2)} times the healthy shadow's`);
    if (tail >= MOST_P99) fault(`${arm.name}: the p99 is ${tail.toFixed(2)} times the healthy shadow's`);
  }
}

/** A large upload beside a shadow that reads nothing: no copy is made of it, so that it takes no longer. */
async function uploadBesideDeaf(port: number): Promise<void> {
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
  const said = [
    ["by call", call],
    ["by mirror", mirror],
  ] as const;
  const beside = said.map(([how, ms]) => `${ms.toFixed(0)} ms ${how} (${(ms / none).toFixed(2)})`).join(", ");
  console.log(
    `an upload of 10 MiB, median of ${UPLOADS}: ${none.toFixed(0)} ms without a shadow; beside one that reads nothing ${beside}`,
  );
  for (const [how, ms] of said) {
    if (!(ms / none < MOST_P99))
      fault(`an upload beside a deaf shadow ${how} took ${(ms / none).toFixed(2)} times as long`);
  }
}
