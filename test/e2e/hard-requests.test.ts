// Whatever comes, the filter does not trap, fails no request that would not have failed without it, and counts each as
// docs/stats.md says. Each request goes to a listener without the filter first, then to one with it.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { waitUntil } from "../../tools/envoy/index.ts";
import { HARD_REQUESTS, HARD_ROUTES, type HardRequest } from "./hard-requests.ts";
import { RolloutStats, settledStats, startProxy, type Proxy } from "../support/envoy/proxy.ts";
import { settledCounts, sumOf, VERDICTS } from "./shadow-stage.ts";
import { EVERY_ENVOY } from "../support/envoy/versions.ts";

const variants = { a: {}, b: { percent: 30, max: 50 }, c: { percent: 20, max: 50 } };
const METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PROPFIND", "BREW"];
const BUDGET = { perSecond: 10_000, inFlight: 1_000 };
const POLICIES = {
  "by header": {
    identity: [{ jwt: "sub" }, { cookie: "uid" }, { query: "user" }, { header: "x-user-id" }],
    rollouts: {
      all: { default: "a", variants, announce: "all", force: { header: "x-force", cookie: "force" } },
    },
  },
  "by header, every request copied three times": {
    identity: [{ cookie: "uid" }],
    rollouts: { all: { default: "a", variants, announce: "all" } },
    shadows: {
      called: {
        ...{ percent: 100, methods: METHODS, cluster: "canary", noise: { cluster: "stable" }, timeout: "2s" },
        ...{ compare: { body: { json: true }, sample: "1000/s" }, budget: BUDGET },
      },
      "called-h2": { percent: 100, methods: METHODS, cluster: "canary-h2", timeout: "2s", budget: BUDGET },
      mirrored: { percent: 100, methods: METHODS, cluster: "canary", dispatch: "mirror" },
    },
  },
  "by filter state, with issued cookies": {
    steer: "filterState",
    identity: [{ cookie: "uid" }, { issueCookie: { name: "visitor", maxAge: "30d" } }],
    rollouts: { all: { default: "a", variants, announce: "all" }, other: { default: "a", variants } },
  },
};

for (const version of EVERY_ENVOY) {
  for (const [name, policy] of Object.entries(POLICIES)) {
    describe(`Envoy ${version}, ${name}`, () => {
      let proxy: Proxy;
      before(async () => {
        proxy = await startProxy({ version, policy, routes: HARD_ROUTES, logLevel: "error" });
      });
      after(() => proxy.stop());

      for (const [kind, requests] of Object.entries(HARD_REQUESTS)) {
        describe(kind, () => {
          for (const hard of requests) test(hard.name, () => compare(proxy, hard));
        });
      }

      test("everything together adds up, nothing is left in flight", async () => {
        const all = Object.values(HARD_REQUESTS).flat();
        await Promise.all(all.map((hard) => hard.send(proxy.port)));
        const stats = await settledStats(proxy.admin, "all");
        const endings = Object.values(stats.endings("all")).reduce((sum, count) => sum + count, 0);
        assert.equal(endings, stats.sum("all", "rq_total"));
        assert.ok(endings >= all.filter(({ counted }) => counted !== null).length);
        if (!("shadows" in policy)) return;
        for (const name of ["called", "called-h2"]) {
          const counts = await settledCounts(proxy.admin, name, 1);
          assert.ok((counts["sent"] ?? 0) > 80, JSON.stringify(counts));
          assert.equal(sumOf(counts, VERDICTS), counts["sent"], `${name}: ${JSON.stringify(counts)}`);
        }
      });
    });
  }
}

async function compare(proxy: Proxy, hard: HardRequest): Promise<void> {
  const without = await hard.send(proxy.plainPort);
  const before = await RolloutStats.read(proxy.admin);
  const seen = await hard.send(proxy.port);
  assert.equal(seen, without, "the client sees something else than without the filter");
  const expected = { ...before.endings("all") };
  if (hard.counted !== null) expected[hard.counted] = (expected[hard.counted] ?? 0) + 1;
  let endings: Record<string, number> = {};
  // Envoy may notice a client's leaving a moment later.
  await waitUntil(`${hard.counted ?? "nothing"} to be counted`, 5_000, async () => {
    const stats = await settledStats(proxy.admin, "all");
    endings = stats.endings("all");
    return sum(endings) >= sum(expected);
  }).catch(() => undefined);
  assert.deepEqual(endings, expected, "counted otherwise");
}

function sum(endings: Record<string, number>): number {
  return Object.values(endings).reduce((total, count) => total + count, 0);
}
