// Everything at once, for minutes: requests that are or go wrong over HTTP/1.1, HTTP/2, gRPC and websockets, clients that
// leave, policies that change each second, a .wasm that is swapped, shadows that hang, an upstream that dies. Each request
// goes to a twin too, an Envoy of its own without the filter; what a client sees has to be the same.

import { appendFile, copyFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { freePort, startEnvoy, waitUntil, type RunningEnvoy } from "../../tools/envoy/index.ts";
import { HARD_REQUESTS, HARD_ROUTES, type HardRequest } from "../e2e/hard-requests.ts";
import { countsOf, sumOf, VERDICTS } from "../e2e/shadow-stage.ts";
import { cluster, proxyBootstrap } from "../support/envoy/bootstrap.ts";
import { anonymousKb, guestKb, residentKb } from "../support/envoy/process-use.ts";
import { settledStats, startProxyOver, type BareProxy } from "../support/envoy/proxy.ts";
import { envoyBinary } from "../support/envoy/versions.ts";
import { exchange, request } from "../support/envoy/wire.ts";
import { seeded, type Random } from "../support/random.ts";
import { WASM } from "../support/filter.ts";
import { startUpstream, type Upstream } from "../upstream/upstream.ts";

export interface SoakOptions {
  readonly version: string;
  readonly seconds: number;
  readonly seed: number;
  /** Requests in flight, each with its twin. */
  readonly clients: number;
  readonly policyEveryMs: number;
  readonly swapEveryMs: number;
  /** Told of each difference at once. */
  readonly onDifference?: (text: string) => void;
}

export interface SoakResult {
  readonly requests: number;
  /** What a client saw otherwise than at the twin, three times in turn. */
  readonly differences: readonly string[];
  /** What differed once and not again: the two requests are not at the same moment. By name, with how often. */
  readonly races: Readonly<Record<string, number>>;
  /** Requests that went to an upstream while it died: how many succeeded with the filter, and at the twin. */
  readonly mortal: { readonly sent: number; readonly served: number; readonly twin: number };
  readonly accepted: number;
  readonly refused: number;
  /** Sound policies that were refused, and others that were accepted. */
  readonly misjudged: number;
  readonly swaps: number;
  /** Each second, KiB. */
  readonly memory: readonly MemorySample[];
  /**
   * Of the rollout that every policy has: requests that reached the filter by Envoy's own count (a client may leave before
   * it is read), those that it counted, and their ends.
   */
  readonly sums: {
    readonly reached: number;
    readonly total: number;
    readonly ended: number;
    readonly active: number;
  };
  /** How they ended where that is not what was expected, by leaf: expected and counted. */
  readonly otherwise: Readonly<Record<string, readonly [number, number]>>;
  /** Copies that were sent, and verdicts: a swap loses those in flight. */
  readonly copies: { readonly sent: number; readonly verdicts: number };
  /** The counter of what should not happen. */
  readonly errors: number;
}

/** KiB. */
export interface MemorySample {
  readonly filter: ProcessMemory;
  readonly twin: ProcessMemory;
}

export interface ProcessMemory {
  readonly resident: number;
  /** Of it, what is of no file. */
  readonly anonymous: number;
  /** What the allocator has from the system and has not given back. */
  readonly allocator: number;
  /** What Envoy holds of its allocator: without what was given back and is kept, and without V8's own memory. */
  readonly allocated: number;
  /** The linear memories of all Wasm VMs. */
  readonly guests: number;
}

/** KiB that a run may hold more at its end than near its beginning: half of what two modules beside each other take. */
const FLAT_KB = 3 * 1024;

/**
 * What grew over a run, in KiB: the mean of its last third less that of its second, of what is allocated and of the guests'
 * memories. Resident memory is no measure: Envoy's allocator keeps the most that it ever needed at once.
 */
export function growthOf(memory: readonly MemorySample[]): {
  allocated: number;
  guests: number;
  isFlat: boolean;
} {
  const third = Math.floor(memory.length / 3);
  const grown = (of: (one: MemorySample) => number): number => {
    const mean = (list: readonly MemorySample[]): number =>
      list.reduce((sum, one) => sum + of(one), 0) / Math.max(1, list.length);
    return mean(memory.slice(-third)) - mean(memory.slice(third, 2 * third));
  };
  const [allocated, guests] = [grown(({ filter }) => filter.allocated), grown(({ filter }) => filter.guests)];
  return { allocated, guests, isFlat: allocated < FLAT_KB && guests < FLAT_KB };
}

const BUDGET = { perSecond: 1_000, inFlight: 200 };
const METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PROPFIND", "BREW"];
const ROUTES: readonly object[] = [
  { match: { prefix: "/mortal" }, route: { cluster: "mortal", timeout: "5s" } },
  ...HARD_ROUTES,
];

/** The n-th policy. Each has the rollout `all`; others come and go, with rules, guards, goals, ramps and shadows. */
function policyOf(n: number, random: Random): object {
  const share = random.below(50);
  const others = Array.from({ length: random.below(6) }, () => `r${random.below(12)}`);
  const rollout = (percent: number): object => {
    const signals = random.pick(["full", "matched", "count"]);
    return {
      default: "a",
      variants: { a: {}, b: { percent, max: 50 }, c: { percent: 20, max: 50 } },
      announce: "all",
      ...(random.below(2) === 0 ? { when: { "!=": [{ var: "jwt.sub" }, "nobody"] } } : {}),
      // A guard looks at endings, which `count` does not count.
      ...(signals !== "count" && random.below(3) === 0 ? { guard: { action: "alarm" } } : {}),
      signals,
      warmup: "0s",
    };
  };
  const hang = { percent: 100, methods: METHODS, cluster: "hanging", timeout: "1s", budget: BUDGET };
  const called = { percent: 50, methods: METHODS, cluster: "canary", timeout: "2s", budget: BUDGET };
  return {
    $schema: `./${n}.json`,
    identity: [{ jwt: "sub" }, { cookie: "uid" }, { query: "user" }, { header: "x-user-id" }],
    steer: random.pick(["header", "filterState"]),
    rollouts: {
      // Its stats are held to the sums, so its signals stay.
      all: { default: "a", variants: { a: {}, b: { percent: share, max: 50 } }, announce: "all" },
      ...Object.fromEntries(others.map((name) => [name, rollout(random.below(50))])),
    },
    goals: { app: { match: [{ path: { value: "/app" } }], rollouts: ["all"] } },
    shadows: {
      ...(random.below(2) === 0 ? { hang } : {}),
      called: { ...called, compare: { body: { json: true }, sample: "1000/s" } },
    },
  };
}

/** What Envoy has to refuse, and go on with the last good one. */
const badPolicy = (n: number): string => `{"rollouts": {"all": {"default": "gone", "n": ${n}}}`;

const ALL: readonly HardRequest[] = Object.values(HARD_REQUESTS).flat();

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const random = seeded(options.seed);
  const stage = await startStage(options, random);
  try {
    return await run(stage, options, random);
  } finally {
    await stage.stop();
  }
}

interface Stage {
  readonly proxy: BareProxy;
  readonly twin: RunningEnvoy;
  readonly twinPort: number;
  readonly modules: readonly string[];
  /** Ends the upstream `mortal`, and starts it again on the same port. */
  killMortal(): Promise<void>;
  stop(): Promise<void>;
}

async function startStage(options: SoakOptions, random: Random): Promise<Stage> {
  const stable = await startUpstream({ version: "stable" });
  const canary = await startUpstream({ version: "canary" });
  const hanging = await startUpstream({ version: "hanging", behaviour: { hang: "1" } });
  let mortal: Upstream = await startUpstream({ version: "mortal" });
  const upstreams = [stable, canary, hanging, mortal];
  const { version } = options;
  const bootstrap = proxyBootstrap({
    upstreams,
    closedPort: await freePort(),
    routes: ROUTES,
    isPlain: true,
  });
  const twin = await startEnvoy({
    binary: await envoyBinary(version),
    ...{ bootstrap, concurrency: 2, logLevel: "error" },
  });
  const proxy = await startProxyOver([stable, canary, hanging], {
    ...{ version, policy: policyOf(0, random), routes: ROUTES, concurrency: 2, logLevel: "error" },
    clusters: [mortalCluster(mortal)],
  });
  // Copies: a build may come meanwhile.
  const same = join(proxy.envoy.folder, "same.wasm");
  const other = join(proxy.envoy.folder, "other.wasm");
  await copyFile(WASM, same);
  await copyFile(WASM, other);
  // A custom section: another module that does the same.
  await appendFile(other, Buffer.from([0, 2, 1, 0x61]));
  return {
    proxy,
    twin,
    twinPort: await twin.port("plain"),
    modules: [same, other],
    async killMortal() {
      const { port, http2Port } = mortal;
      await mortal.stop();
      await sleep(500);
      mortal = await startUpstream({ version: "mortal", port, http2Port });
    },
    async stop() {
      await mortal.stop();
      await twin.stop();
      await proxy.stop();
    },
  };
}

async function memoryOf({ admin, pid }: RunningEnvoy): Promise<ProcessMemory> {
  const said = JSON.parse(await admin.get("/memory")) as { allocated: string; total_physical_bytes: string };
  return {
    ...{ resident: residentKb(pid), anonymous: anonymousKb(pid), guests: guestKb(pid) },
    allocated: Number(said.allocated) / 1024,
    allocator: Number(said.total_physical_bytes) / 1024,
  };
}

function mortalCluster({ port }: Upstream): object {
  return cluster("mortal", port);
}

async function run(stage: Stage, options: SoakOptions, random: Random): Promise<SoakResult> {
  const { proxy, twin, twinPort } = stage;
  let until = 0;
  const isOver = (): boolean => Date.now() >= until;
  const differences: string[] = [];
  const races: Record<string, number> = {};
  const memory: MemorySample[] = [];
  const mortal = { sent: 0, served: 0, twin: 0 };
  const expected: Record<string, number> = {};
  const expect = (leaf: string): void => void (expected[leaf] = (expected[leaf] ?? 0) + 1);
  let [requests, outside, accepted, refused, misjudged, swaps] = [0, 0, 0, 0, 0, 0];

  const streams = async (): Promise<number> => {
    const stats = await proxy.admin.stats("^http\\.serin\\.downstream_rq_total$");
    return Math.max(0, ...stats.values());
  };
  // Some requests never reach the filter, though Envoy counts them.
  const streamsOf = new Map<HardRequest, number>();
  for (const hard of ALL.filter(({ counted }) => counted === null)) {
    const before = await streams();
    await hard.send(proxy.port);
    streamsOf.set(hard, (await streams()) - before);
  }
  const begun = await streams();

  const sendBoth = async (hard: HardRequest): Promise<string | null> => {
    requests++;
    if (hard.counted !== null) expect(hard.counted);
    else outside += streamsOf.get(hard) ?? 0;
    const [seen, without] = await Promise.all([hard.send(proxy.port), hard.send(twinPort)]);
    return seen === without ? null : `${hard.name}: ${seen}, at the twin ${without}`;
  };
  const compare = async (hard: HardRequest): Promise<void> => {
    let difference = await sendBoth(hard);
    if (difference === null) return;
    for (let tries = 0; tries < 2; tries++) {
      await sleep(300);
      difference = await sendBoth(hard);
      if (difference === null) {
        races[hard.name] = (races[hard.name] ?? 0) + 1;
        return;
      }
    }
    differences.push(difference ?? "");
    options.onDifference?.(difference ?? "");
  };
  const sendMortal = async (): Promise<void> => {
    requests++;
    mortal.sent++;
    const bytes = request("/mortal", ["connection: close"]);
    const [seen, without] = await Promise.all([exchange(proxy.port, bytes), exchange(twinPort, bytes)]);
    const isServed = seen.text.startsWith("HTTP/1.1 200");
    expect(isServed ? "rq_2xx" : "rq_5xx");
    if (isServed) mortal.served++;
    if (without.text.startsWith("HTTP/1.1 200")) mortal.twin++;
  };
  const client = async (own: Random): Promise<void> => {
    while (!isOver()) await (own.below(20) === 0 ? sendMortal() : compare(own.pick(ALL)));
  };
  const publish = async (): Promise<void> => {
    let swapAt = Date.now() + options.swapEveryMs;
    for (let n = 1; !isOver(); n++) {
      const next = Date.now() + options.policyEveryMs;
      if (Date.now() >= swapAt) {
        swapAt += options.swapEveryMs;
        swaps++;
      }
      const wasm = stage.modules[swaps % 2];
      const isBad = n % 7 === 2;
      const answer = await proxy.publish(isBad ? badPolicy(n) : policyOf(n, random), wasm);
      if ((answer === "accepted") === isBad) misjudged++;
      if (answer === "accepted") accepted++;
      else refused++;
      await sleep(Math.max(0, next - Date.now()));
    }
  };
  const kill = async (): Promise<void> => {
    for (; !isOver(); await sleep(3_000)) await stage.killMortal();
  };
  const watch = async (): Promise<void> => {
    for (; !isOver(); await sleep(1_000))
      memory.push({ filter: await memoryOf(proxy.envoy), twin: await memoryOf(twin) });
  };
  until = Date.now() + options.seconds * 1000;
  const clients = Array.from({ length: options.clients }, (_, i) =>
    client(seeded(options.seed * 1_000 + i + 1)),
  );
  await Promise.all([...clients, publish(), kill(), watch()]);

  const stats = await settledStats(proxy.admin, "all");
  const endings = stats.endings("all");
  const otherwise = Object.fromEntries(
    [...new Set([...Object.keys(endings), ...Object.keys(expected)])].flatMap((leaf) => {
      const [wanted, found] = [expected[leaf] ?? 0, endings[leaf] ?? 0];
      return wanted === found ? [] : [[leaf, [wanted, found] as const]];
    }),
  );
  const ended = Object.values(endings).reduce((sum, count) => sum + count, 0);
  const copiesNow = async (): Promise<{ sent: number; verdicts: number }> => {
    const counts = await countsOf(proxy.admin, "called");
    return { sent: counts["sent"] ?? 0, verdicts: sumOf(counts, VERDICTS) };
  };
  await waitUntil("the verdicts", 5_000, async () => {
    const { sent, verdicts } = await copiesNow();
    return sent === verdicts;
  }).catch(() => undefined);
  const errors = await proxy.admin.stats("serin\\.error");
  return {
    ...{ requests, differences, races, mortal, accepted, refused, misjudged, swaps, memory },
    sums: {
      reached: (await streams()) - begun - outside,
      total: stats.sum("all", "rq_total"),
      ended,
      active: stats.sum("all", "rq_active"),
    },
    otherwise,
    copies: await copiesNow(),
    errors: Math.max(0, ...errors.values()),
  };
}
