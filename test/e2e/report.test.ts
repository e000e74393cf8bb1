// `serin report` and `serin stats` on a real Envoy: planted errors fail, equal variants do not, and what stats-tags.yaml
// makes of the names is what the Prometheus source asks for.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { after, before, describe, test } from "node:test";

import { parse } from "yaml";

import { EnvoySource } from "../../tools/metrics/envoy-source.ts";
import { NO_OUTLINE } from "../../tools/metrics/policy-outline.ts";
import { PrometheusSource } from "../../tools/metrics/prometheus-source.ts";
import { totalOf } from "../../tools/statistics/bins.ts";
import { ENVOY_VERSION, waitUntil } from "../../tools/envoy/index.ts";
import { seriesOf, startFakePrometheus } from "../support/fake-prometheus.ts";
import { runCli } from "../support/cli.ts";
import { KeptConnections } from "../support/envoy/kept-connections.ts";
import { settledStats, startProxy, type Proxy } from "../support/envoy/proxy.ts";
import { request } from "../support/envoy/wire.ts";

const STATS_TAGS = parse(readFileSync(resolve(import.meta.dirname, "../../envoy/stats-tags.yaml"), "utf8"))
  .stats_config.stats_tags as object[];

const rollout = (name: string): object => ({
  match: [{ path: { value: `/${name}` } }],
  default: "stable",
  variants: { stable: {}, canary: { percent: 50, cluster: "canary" } },
  warmup: "1s",
});

/** Two rollouts that know nothing of each other; the names of one would be sorted the other way round. */
const POLICY = {
  identity: [{ cookie: "uid" }],
  flags: {
    hint: {
      state: "ENABLED",
      variants: { on: true },
      defaultVariant: "on",
      metadata: { "serin.expose": true },
    },
  },
  rollouts: {
    worse: rollout("worse"),
    alike: rollout("alike"),
    // The filter counts its requests alone; its variants have clusters that no other rollout names.
    counted: {
      match: [{ path: { value: "/counted" } }],
      signals: "count",
      default: "stable",
      variants: { stable: { cluster: "stable-h2" }, canary: { percent: 50, cluster: "canary-h2" } },
    },
  },
};
const ROUTES = [
  {
    match: { prefix: "/", headers: [{ name: "x-serin-cluster", present_match: true }] },
    route: { cluster_header: "x-serin-cluster" },
  },
  { match: { prefix: "/" }, route: { cluster: "stable" } },
];
const REQUESTS = 4000;

describe(`report and stats, Envoy ${ENVOY_VERSION}`, () => {
  let proxy: Proxy;
  let planted = 0;

  before(async () => {
    proxy = await startProxy({
      version: ENVOY_VERSION,
      policy: POLICY,
      routes: ROUTES,
      concurrency: 2,
      statsTags: STATS_TAGS,
    });
    await waitUntil("evidence periods to begin", 30_000, async () => {
      const { rollouts } = await new EnvoySource([proxy.admin.url]).read();
      return ["worse", "alike"].every((name) => (rollouts.get(name)?.users[0]?.period ?? 0) > 0);
    });
    // Until all workers know of it.
    await sleep(2500);
    const connections = new KeptConnections(proxy.port, 16);
    for (const path of ["/worse", "/alike", "/counted"]) {
      // A tenth of the canary's answers of one rollout, at fixed places.
      const requestOf = (n: number): string => {
        const isBad = path !== "/alike" && n % 10 === 3;
        return request(path, [`cookie: uid=u${n}`, ...(isBad ? ["x-up-canary-status: 503"] : [])]);
      };
      const { failures } = await connections.load({ count: REQUESTS, requestOf });
      if (path === "/worse") planted = failures.length;
      else if (path === "/alike") assert.deepEqual(failures.slice(0, 3), []);
      if (path !== "/counted") await settledStats(proxy.admin, path.slice(1));
    }
    connections.close();
    // Histograms come with the next flush.
    await sleep(2500);
  });
  after(() => proxy.stop());

  test("planted errors fail, with what was counted and why; an equal variant does not; fail decides", async () => {
    const { status, stdout, stderr } = await runCli(["report", "--json", "--admin", proxy.admin.url]);
    assert.equal(stderr, "");
    const report = JSON.parse(stdout);
    assert.equal(status, 1, stdout);
    assert.equal(report.verdict, "fail");
    assert.deepEqual(
      Object.keys(report.rollouts as object),
      ["worse", "alike", "counted"],
      "in the policy's order",
    );
    const { worse, alike } = report.rollouts;
    const { canary } = worse.variants;
    // Each user came once; a bit in some hundred has two of them.
    assert.ok(
      Math.abs(canary.errors.count - planted) <= 0.02 * planted + 1,
      `${canary.errors.count} of ${planted}`,
    );
    assert.equal(canary.errors.verdict, "fail");
    assert.equal(canary.errors.baseline.count, 0);
    assert.deepEqual(
      [worse.baseline.variant, worse.baseline.by, worse.period.number],
      ["stable", "policy", 1],
    );
    const users = worse.baseline.users + canary.users.count;
    assert.ok(Math.abs(users - REQUESTS) <= 0.01 * REQUESTS, `${users} of ${REQUESTS} users`);
    assert.match(
      String(worse.reason),
      /^canary: errors \S+% of users .* vs 0% .*: significantly more users with errors/,
    );
    assert.notEqual(alike.verdict, "fail", JSON.stringify(alike, null, 1));
    assert.equal(alike.ratio.verdict, "match");
  });

  test("signals: count: only users are counted, which is no evidence; requests are described", async () => {
    const { stdout, status } = await runCli([
      ...["report", "--json", "--rollout", "counted", "--admin", proxy.admin.url],
    ]);
    const { counted } = JSON.parse(stdout).rollouts;
    assert.equal(status, 3);
    assert.match(String(counted.reason), /no evidence: only users are counted \(signals: count\)/);
    assert.ok(counted.variants.canary.latency.quantiles.p50.milliseconds.upper > 0, stdout);
  });

  test("one rollout alone, as text", async () => {
    const { status, stdout } = await runCli(["report", "--rollout", "alike", "--admin", proxy.admin.address]);
    assert.ok(status === 0 || status === 3, stdout);
    assert.match(
      stdout,
      /^alike: (pass|inconclusive)\n {2}baseline: the control group of stable \(the default of the policy\)/,
    );
    assert.match(stdout, /errors 0% of users \(0 of /);
    assert.ok(!stdout.includes("worse"));
  });

  test("--since describes what comes from now on; the verdict is the evidence period's", async () => {
    const { status, stdout, stderr } = await runCli(["report", "--since", "1s", "--admin", proxy.admin.url]);
    assert.equal(status, 1, stdout);
    assert.ok(!stdout.includes("described, not judged"), stdout);
    assert.match(stderr, /^reading http:\S+ twice, 1 s apart\n$/);
  });

  test("stats: its tables, one document", async () => {
    const table = await runCli(["stats", "--once", "--admin", proxy.admin.url]);
    assert.equal(table.status, 0, table.stderr);
    assert.match(table.stdout, /^worse: fail, evidence period 1/m);
    assert.match(table.stdout, /^ {2}canary +[\d,]+ +50% +[45]\d\.?\d*%/m);
    const document = JSON.parse((await runCli(["stats", "--json", "--admin", proxy.admin.url])).stdout);
    const { stable, canary } = document.rollouts.worse.variants;
    assert.equal(stable.requests + canary.requests, REQUESTS);
    assert.equal(canary.errors, planted);
    assert.ok(canary.p99 >= canary.p50 && canary.p50 > 0, JSON.stringify(canary));
    assert.equal(document.flags.hint.on, 3 * REQUESTS);
  });

  test("Prometheus' names and labels are those that are asked for, and give the same counts", async () => {
    const prometheus = await startFakePrometheus(seriesOf(await proxy.admin.prometheus("serin")));
    try {
      const fromEnvoy = await new EnvoySource([proxy.admin.url]).read();
      const fromPrometheus = await new PrometheusSource(prometheus.url, NO_OUTLINE).read();
      assert.deepEqual([...fromPrometheus.flags], [...fromEnvoy.flags]);
      for (const [name, { variants }] of fromEnvoy.rollouts) {
        // Its endings are Envoy's own stats of clusters, which are asked of Envoys alone.
        if (name === "counted") continue;
        const other = fromPrometheus.rollouts.get(name);
        assert.equal(other?.variants.size, variants.size);
        const [here] = fromEnvoy.rollouts.get(name)?.users ?? [];
        const [there] = other?.users ?? [];
        assert.ok(here !== undefined && here.period === 1 && (here.control?.bits.get("users") ?? 0) > 0);
        assert.deepEqual(
          [there?.period, there?.began, there?.size, there?.control?.share],
          [here.period, here.began, here.size, here.control?.share],
        );
        for (const [variant, { bits }] of here.variants) {
          assert.deepEqual(
            new Map([...(there?.variants.get(variant)?.bits ?? [])].sort()),
            new Map([...bits].sort()),
          );
        }
        for (const [variant, { counters, gauges, latency }] of variants) {
          const counts = other?.variants.get(variant);
          assert.deepEqual(new Map([...(counts?.counters ?? [])].sort()), new Map([...counters].sort()));
          assert.deepEqual(new Map([...(counts?.gauges ?? [])].sort()), new Map([...gauges].sort()));
          assert.equal(totalOf(counts?.latency ?? []), totalOf(latency));
        }
      }
    } finally {
      await prometheus.stop();
    }
  });
});
