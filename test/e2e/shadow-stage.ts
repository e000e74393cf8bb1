// An Envoy with shadows in it: production, the service under test and production's second instance, each an upstream
// whose behaviour a request plants; what arrived where, and what the filter counted and wrote.

import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { Pool } from "undici";

import { freePort, waitUntil, type Admin, type Bin } from "../../tools/envoy/index.ts";
import { startUpstream, type Upstream } from "../upstream/upstream.ts";
import type { Request } from "../upstream/answer.ts";
import { cluster, wasmFilter } from "../support/envoy/bootstrap.ts";
import { startProxyOver, type BareProxy, type ProxyOptions } from "../support/envoy/proxy.ts";
import { headerIn, request, sendAll } from "../support/envoy/wire.ts";

/**
 * The clusters: `production`, `shadow`, `second` (each also with `-h2`); the shadow once more as `watched` and
 * `watched-h2`, with the filter in them, and as `tight`, for one request at a time; `deaf`, which takes connections and reads not a byte.
 */
export type Role = "production" | "shadow" | "second";

/** A request as one upstream received it. */
export interface Seen {
  readonly role: Role;
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly httpVersion: string;
  /** As they came; bytes as Latin-1. */
  readonly headers: readonly (readonly [string, string])[];
  body: Buffer;
  trailers: Readonly<Record<string, string | undefined>>;
  /** Whether its end has come. */
  whole: boolean;
}

export interface StageOptions extends Omit<ProxyOptions, "routes"> {
  /** Above the one that sends everything else to production. */
  readonly routes?: readonly object[];
  /** Keeps what arrives, for `Stage.seen`. */
  readonly record?: boolean;
}

export interface Stage extends BareProxy {
  readonly upstreams: Readonly<Record<Role, Upstream>>;
  /** Requests of a role under way at once, at most, so far. */
  readonly busiest: Readonly<Record<Role, number>>;
  /** What arrived at a role whose path begins so. */
  seen(role: Role, path: string): readonly Seen[];
  /** Waits until a request of this path has arrived whole at production and at the shadow. */
  arrived(path: string): Promise<{ production: Seen; copy: Seen }>;
  /** Publishes a policy and waits until every worker decides by it. */
  serve(policy: Policy): Promise<void>;
}

export interface Policy {
  readonly rollouts?: object;
  readonly [key: string]: unknown;
}

const PROBE = "/probe-of-the-policy";

/** The policy with a rollout that tells by which of them a worker decides. */
function marked(policy: Policy, mark: string): Policy {
  const probe = {
    identity: [{ header: "x-probe" }],
    match: [{ path: { type: "Exact", value: PROBE } }],
    default: "none",
    variants: { none: {}, [mark]: { percent: 100 } },
  };
  return { ...policy, rollouts: { ...policy.rollouts, "of-the-policy": probe } };
}

export async function startStage(options: StageOptions): Promise<Stage> {
  const seen: Seen[] = [];
  const open = { production: 0, shadow: 0, second: 0 };
  const busiest = { ...open };
  const start = (role: Role): Promise<Upstream> =>
    startUpstream({
      version: role,
      onRequest(request, response) {
        busiest[role] = Math.max(busiest[role], ++open[role]);
        (response ?? request).once("close", () => open[role]--);
        if (options.record === true) seen.push(record(role, request));
      },
    });
  const [production, shadow, second] = await Promise.all([
    start("production"),
    start("shadow"),
    start("second"),
  ]);
  const probeRoute = {
    match: { path: PROBE },
    direct_response: { status: 200 },
    response_headers_to_add: [{ header: { key: "mark", value: "%REQ(x-serin-of-the-policy)%" } }],
  };
  const deaf = createServer({ pauseOnConnect: true }, (socket) => socket.on("error", () => undefined));
  const deafPort = await freePort();
  deaf.listen(deafPort, "127.0.0.1");
  const one = { max_connections: 1, max_pending_requests: 1, max_requests: 1 };
  const proxy = await startProxyOver([production, shadow, second], {
    ...options,
    routes: [
      probeRoute,
      ...(options.routes ?? []),
      { match: { prefix: "/" }, route: { cluster: "production", timeout: "60s" } },
    ],
    clusters: [
      cluster("watched", shadow.port, { filters: [upstreamFilter()] }),
      cluster("watched-h2", shadow.http2Port, { isHttp2: true, filters: [upstreamFilter()] }),
      { ...cluster("tight", shadow.port), circuit_breakers: { thresholds: [one] } },
      cluster("deaf", deafPort),
      ...(options.clusters ?? []),
    ],
  });
  const whole = (role: Role, path: string): Seen | undefined =>
    seen.find(
      (one) =>
        one.role === role && one.whole && `${one.url}?`.startsWith(path.includes("?") ? path : `${path}?`),
    );
  let mark = 0;
  return {
    ...proxy,
    upstreams: { production, shadow, second },
    busiest,
    async stop() {
      deaf.close();
      await proxy.stop();
    },
    seen: (role, path) => seen.filter((one) => one.role === role && one.url.startsWith(path)),
    async arrived(path) {
      const roles = ["production", "shadow"] as const;
      await waitUntil(`${path} at both`, 10_000, () =>
        roles.every((role) => whole(role, path) !== undefined),
      );
      return { production: whole("production", path) as Seen, copy: whole("shadow", path) as Seen };
    },
    async serve(policy) {
      const name = `m${++mark}`;
      const word = await proxy.publish(marked(policy, name));
      if (word !== "accepted") throw new Error(`the policy was refused:\n${proxy.envoy.log().slice(-2000)}`);
      // Each connection may be another worker's.
      const probes = Array.from({ length: 8 * (options.concurrency ?? 1) }, () =>
        request(PROBE, ["x-probe: 1"]),
      );
      await waitUntil(`${name} on every worker`, 20_000, async () => {
        const heads = await sendAll(proxy.port, probes, probes.length);
        return heads.every((head) => headerIn(head, "mark") === name);
      });
    },
  };
}

/** The same filter once more, in the shadow's cluster: one VM with the one that decides. */
export function upstreamFilter(): object {
  return wasmFilter(null, {
    vmId: "serin",
    root_id: "serin.upstream",
    reload_config: { backoff: { base_interval: "0.1s" } },
  });
}

/** A route to production whose requests Envoy mirrors when the shadow is drawn. */
export function mirrorRoute(shadow: string, production = "production", prefix = `/${shadow}`): object {
  return {
    match: { prefix },
    route: {
      cluster: production,
      timeout: "60s",
      request_mirror_policies: [
        { cluster_header: `x-serin-shadow-${shadow}`, disable_shadow_host_suffix_append: true },
      ],
    },
  };
}

function record(role: Role, request: Request): Seen {
  const { rawHeaders: raw } = request;
  const seen: Seen = {
    role,
    method: request.method ?? "",
    url: request.url ?? "",
    httpVersion: request.httpVersion,
    headers: Array.from({ length: raw.length >> 1 }, (_, i) => [raw[2 * i] ?? "", raw[2 * i + 1] ?? ""]),
    body: Buffer.alloc(0),
    trailers: {},
    whole: false,
  };
  const pieces: Buffer[] = [];
  request.on("data", (piece: Buffer) => pieces.push(piece));
  request.once("end", () => {
    seen.body = Buffer.concat(pieces);
    seen.trailers = JSON.parse(JSON.stringify(request.trailers)) as Seen["trailers"];
    seen.whole = true;
  });
  return seen;
}

/** The values of a header, in their order. */
export function valuesOf(seen: Seen, name: string): string[] {
  return seen.headers.filter(([own]) => own.toLowerCase() === name).map(([, value]) => value);
}

export interface Sent {
  readonly path: string;
  readonly method?: "GET" | "POST" | "HEAD";
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | string;
}

/** What a client got: 0 when its connection broke. */
export interface Got {
  readonly status: number;
  readonly body: string;
}

/** Sends all of them over some connections, and gives the answers in their order. */
export async function sendEach(port: number, all: readonly Sent[], connections = 32): Promise<Got[]> {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections, headersTimeout: 60_000 });
  const answers = new Array<Got>(all.length);
  let next = 0;
  const sendSome = async (): Promise<void> => {
    for (let i = next++; i < all.length; i = next++) {
      const { path, method = "GET", headers = {}, body = null } = all[i] as Sent;
      try {
        const { statusCode, body: answer } = await pool.request({ path, method, headers, body });
        answers[i] = { status: statusCode, body: await answer.text() };
      } catch (error) {
        answers[i] = { status: 0, body: String(error) };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(connections, all.length) }, sendSome));
  await pool.destroy();
  return answers;
}

/** The query by which a request plants behaviours: `{ status: 500, "shadow-latency": 300 }`. */
export function planted(path: string, behaviours: Readonly<Record<string, string | number>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(behaviours)) query.set(`up-${name}`, String(value));
  return `${path}?${query.toString()}`;
}

/** How copies ended: exactly one of these for each that was sent. */
export const VERDICTS = [
  "match",
  "mismatch_status",
  "mismatch_headers",
  "mismatch_body",
  "noise",
  "timeout",
  "reset",
  "incomparable",
] as const;
const NOT_SENT = ["over_budget", "too_large", "unavailable"] as const;
export type Counts = Readonly<Partial<Record<string, number>>>;

/**
 * The counters of a shadow, without those that are 0. Until 1.39 or so they stand under the stats of whatever loaded
 * the VM first: with a filter in a cluster that is `cluster.watched.wasmcustom.…`.
 */
export async function countsOf(admin: Admin, shadow: string): Promise<Counts> {
  const stats = await admin.stats(`wasmcustom\\.serin\\.shadow\\.${shadow}\\.`);
  return Object.fromEntries(
    [...stats].flatMap(([name, value]) =>
      value > 0 && !name.includes(`.${shadow}.at.`) ? [[name.slice(name.lastIndexOf(".") + 1), value]] : [],
    ),
  );
}

export function sumOf(counts: Counts, leaves: readonly string[]): number {
  return leaves.reduce((sum, leaf) => sum + (counts[leaf] ?? 0), 0);
}

/**
 * The counters of a shadow once so many requests have been decided and each copy has its verdict; what they are when
 * that does not come.
 */
export async function settledCounts(
  admin: Admin,
  shadow: string,
  decided: number,
  deadlineMs = 20_000,
): Promise<Counts> {
  let counts: Counts = {};
  await waitUntil(`the verdicts of ${shadow}`, deadlineMs, async () => {
    counts = await countsOf(admin, shadow);
    const sent = counts["sent"] ?? 0;
    return sent + sumOf(counts, NOT_SENT) >= decided && sumOf(counts, VERDICTS) >= sent;
  }).catch(() => undefined);
  // One more than expected would come a moment later.
  await sleep(50);
  return countsOf(admin, shadow);
}

/** How many values of a shadow's histogram lie at or above a number, once all of them are there. */
export async function histogramOf(
  admin: Admin,
  shadow: string,
  leaf: "rq_time" | "production_rq_time",
  expected: number,
): Promise<{ total: number; from(value: number): number }> {
  let bins: readonly Bin[] = [];
  const count = (least: number): number =>
    bins.reduce((sum, bin) => sum + (bin.lowerBound + bin.width > least ? bin.count : 0), 0);
  await waitUntil(`the histogram ${leaf} of ${shadow}`, 10_000, async () => {
    const found = await admin.histograms(`wasmcustom\\.serin\\.shadow\\.${shadow}\\.${leaf}$`);
    bins = [...found.values()].flat();
    return count(-1) >= expected;
  }).catch(() => undefined);
  return { total: count(-1), from: count };
}

/** A mismatch as it stands in Envoy's log. */
export interface LoggedShadow {
  readonly name: string;
  readonly verdict: string;
  readonly request: string;
  readonly production: number;
  readonly answer: number;
  readonly pointer?: string;
  readonly reason?: string;
}

/** The lines that tell of mismatches of a shadow. @throws when one of them is no JSON */
export function loggedOf(log: string, shadow: string): LoggedShadow[] {
  return log.split("\n").flatMap((line) => {
    const at = line.indexOf('{"shadow":');
    if (at < 0) return [];
    const { shadow: logged } = JSON.parse(line.slice(at)) as { shadow: LoggedShadow };
    return logged.name === shadow && logged.verdict !== undefined ? [logged] : [];
  });
}
