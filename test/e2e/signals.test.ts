// Every counter of every variant is exactly what a client that knows its own requests says: 10,000 requests with planted
// faults of each kind, two workers, and rollouts that count in full, a matched part, or requests alone.

import assert from "node:assert/strict";
import { Agent } from "node:http";
import { after, before, describe, test } from "node:test";

import { waitUntil } from "../../tools/envoy/index.ts";
import { seeded, type Random } from "../support/random.ts";
import { startUpstream } from "../upstream/upstream.ts";
import { cluster } from "../support/envoy/bootstrap.ts";
import { startProxyOver, type BareProxy } from "../support/envoy/proxy.ts";
import { KINDS, occupy, REQUESTS, type Kind, type Surroundings } from "./signals-client.ts";
import { given, ROLLOUTS, rolloutsOf, Tally, type Expected, type Visitor } from "./signals-oracle.ts";
import { EVERY_ENVOY } from "../support/envoy/versions.ts";

const POLICY = { identity: [{ cookie: "uid" }], rollouts: rolloutsOf(ROLLOUTS) };
const USERS = 2_500;
const CONNECTIONS = 48;

const ROUTES: readonly object[] = [
  { match: { prefix: "/redirect" }, redirect: { path_redirect: "/app" } },
  { match: { prefix: "/empty" }, route: { cluster: "empty" } },
  { match: { prefix: "/refusing" }, route: { cluster: "refusing" } },
  // For the request that takes its one place for as long as all others need.
  { match: { prefix: "/narrow" }, route: { cluster: "narrow", timeout: "0s", idle_timeout: "0s" } },
  { match: { prefix: "/timeout" }, route: { cluster: "stable", timeout: "0.1s" } },
  { match: { prefix: "/h2-timeout" }, route: { cluster: "stable-h2", timeout: "0.1s" } },
  { match: { prefix: "/h2" }, route: { cluster: "stable-h2", timeout: "30s" } },
  { match: { prefix: "/app" }, route: { cluster: "stable", timeout: "30s" } },
];

/** One in ten anonymous, one in twelve asks for a variant; a variant that only some rollouts have, or none has, too. */
function drawVisitor(random: Random): Visitor {
  const force = ["canary", "stable", "blue", "nonsense", "control"][Math.floor(random.part() * 60)] ?? null;
  return { user: random.part() < 0.1 ? null : `user-${Math.floor(random.part() * USERS)}`, force };
}

interface Planned {
  readonly kind: Kind;
  readonly visitor: Visitor;
}

function plan(): Planned[] {
  const random = seeded(6);
  const all = KINDS.flatMap((kind) =>
    Array.from({ length: kind.count }, () => ({ kind, visitor: drawVisitor(random) })),
  );
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor(random.part() * (i + 1));
    [all[i], all[j]] = [all[j] as Planned, all[i] as Planned];
  }
  return all;
}

/** Sends what is planned, some at a time; resolves to what clients saw that they should not have seen. */
async function sendPlanned(at: Surroundings, planned: readonly Planned[]): Promise<string[]> {
  const faults: string[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let id = next++; id < planned.length; id = next++) {
      const { kind, visitor } = planned[id] as Planned;
      const seen = await kind.send(at, id, visitor);
      if (seen !== kind.sees) faults.push(`${kind.name} ${id}: ${seen}, not ${kind.sees}`);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
  return faults;
}

for (const version of EVERY_ENVOY) {
  describe(`10,000 requests, Envoy ${version}`, () => {
    const tally = new Tally();
    const planned = plan();
    let proxy: BareProxy;
    let stats = new Map<string, number>();
    const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

    before(async () => {
      const arrivals = new Arrivals();
      const stable = await startUpstream({
        version: "stable",
        onRequest: ({ url }) => arrivals.note(Number(/[?&]id=(\d+)/.exec(url ?? "")?.[1])),
      });
      const narrow = {
        ...cluster("narrow", stable.port),
        circuit_breakers: { thresholds: [{ max_requests: 1 }] },
      };
      proxy = await startProxyOver([stable], {
        ...{ version, policy: POLICY, routes: ROUTES, clusters: [narrow] },
        ...{ concurrency: 2, logLevel: "error" },
      });
      const at = { port: proxy.port, agent, seen: (id: number) => arrivals.of(id) };
      const holder: Visitor = { user: "user-0", force: null };
      const letGo = await occupy(at, REQUESTS, holder);
      const faults = await sendPlanned(at, planned);
      await letGo();
      assert.deepEqual(faults.slice(0, 20), [], `${faults.length} clients saw something else`);
      for (const { kind, visitor } of planned) tally.add(visitor, kind);
      tally.add(holder, { ending: "rq_left" });
      await waitUntil("the end of all requests", 40_000, async () => {
        stats = withoutEvidence(await proxy.admin.stats("^wasmcustom\\.serin\\.rollout\\."));
        const active = [...stats].filter(([name]) => name.endsWith(".rq_active"));
        return active.every(([, value]) => value === 0);
      });
    });
    after(async () => {
      agent.destroy();
      await proxy?.stop();
    });

    test("the script is one: 10,000 requests, every kind under every variant of the rollout that counts in full", () => {
      assert.equal(planned.length, REQUESTS);
      const met = new Set(
        planned.map(({ kind, visitor }) => `${kind.name} ${given(ROLLOUTS[0] as Expected, visitor).variant}`),
      );
      assert.equal(met.size, KINDS.length * 3);
    });

    test("every counter and gauge agrees, and there are no others", () => {
      assert.deepEqual(sorted(stats), sorted(tally.values));
    });

    test("endings add up to rq_total, nothing is in flight, gRPC requests are ok, in error, or without a 2xx", () => {
      const calls = planned.filter(({ kind }) => kind.isGrpc === true);
      const lost = new Tally();
      for (const { kind, visitor } of calls) if (kind.grpc === undefined) lost.add(visitor, kind);
      const all = new Tally();
      for (const { kind, visitor } of calls) all.add(visitor, kind);
      assert.ok(tally.full().length >= 8);
      for (const [group, total] of tally.full()) {
        const value = (leaf: string): number => stats.get(`${group}.${leaf}`) ?? NaN;
        const classes = ["rq_1xx", "rq_2xx", "rq_3xx", "rq_4xx", "rq_5xx", "rq_reset", "rq_left"];
        assert.equal(
          classes.reduce((sum, leaf) => sum + value(leaf), 0),
          total,
          group,
        );
        assert.equal(value("rq_active"), 0, group);
        const others = lost.values.get(`${group}.rq_total`) ?? NaN;
        assert.equal(
          value("grpc_ok") + value("grpc_error") + others,
          all.values.get(`${group}.rq_total`),
          group,
        );
      }
    });

    test("each request that is counted to its end is in the histogram, once", async () => {
      let seen = new Map<string, number>();
      const expected = new Map(tally.full().map(([group, total]) => [`${group}.rq_time`, total]));
      await waitUntil("the histograms", 20_000, async () => {
        const bins = await proxy.admin.histograms("^wasmcustom\\.serin\\.rollout\\.");
        seen = new Map(
          [...bins].map(([name, own]) => [name, own.reduce((sum, { count }) => sum + count, 0)]),
        );
        return JSON.stringify(sorted(seen)) === JSON.stringify(sorted(expected));
      }).catch(() => undefined);
      assert.deepEqual(sorted(seen), sorted(expected));
    });
  });
}

/** Requests that have arrived at the upstream, by number. */
class Arrivals {
  readonly #there = new Set<number>();
  readonly #waiting = new Map<number, () => void>();

  note(id: number): void {
    this.#there.add(id);
    this.#waiting.get(id)?.();
  }

  of(id: number): Promise<void> {
    if (this.#there.has(id)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }
}

/** Users are counted by test/e2e/evidence.test.ts. */
function withoutEvidence(stats: ReadonlyMap<string, number>): Map<string, number> {
  return new Map(
    [...stats].filter(
      ([name]) => !/\.(users|users_[^.]+|users_slow\.\d+|evidence_\w+|shares_began)$/.test(name),
    ),
  );
}

function sorted(values: ReadonlyMap<string, number>): [string, number][] {
  return [...values].sort(([a], [b]) => (a < b ? -1 : 1));
}
