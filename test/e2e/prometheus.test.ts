// Prometheus scrapes a real Envoy by envoy/observability/prometheus.yml, and what the rules record of it is what a client
// knows that counts for itself: counters, ratios and shares to the last digit, quantiles within one of Envoy's buckets.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { parse, parseAllDocuments } from "yaml";

import { ENVOY_VERSION, waitUntil } from "../../tools/envoy/index.ts";
import { runCli } from "../tools/run-cli.ts";
import { startPrometheus, type RunningPrometheus, type Sample } from "../prometheus/server.ts";
import { CALLS, Client, read, REQUESTS, ROLLOUTS, startStage } from "./known-traffic.ts";
import type { BareProxy } from "./proxy.ts";

/** Upper ends of Envoy's default buckets, milliseconds. */
const BUCKETS = [0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];

describe(`Prometheus beside Envoy ${ENVOY_VERSION}`, () => {
  const groups = [
    "checkout stable",
    "checkout canary",
    "checkout blue",
    "ranking learned",
    "ranking control",
  ];
  let proxy: BareProxy;
  let client: Client;
  let prometheus: RunningPrometheus;

  before(async () => {
    proxy = await startStage(ENVOY_VERSION);
    prometheus = await startPrometheus([proxy.admin.address]);
    // Two scrapes of nothing: what is counted afterwards is all there is to count.
    await waitUntil("two scrapes of every histogram", 60_000, async () => {
      const first = await prometheus.query("count_over_time(serin_rollout_rq_time_count[1m])");
      const second = await prometheus.query("count_over_time(serin_shadow_rq_time_count[1m])");
      return first.length === groups.length && [...first, ...second].every(({ value }) => value >= 2);
    });
    client = new Client(proxy.port);
    await client.sendAll();
    await waitUntil("everything to be recorded", 60_000, async () => {
      const total = await prometheus.query("sum(serin_rollout_rq_time_count)");
      const expected = groups.map((one) => client.ended(...(one.split(" ") as [string, string])));
      return total[0]?.value === expected.reduce((sum, one) => sum + one, 0);
    });
    // The rules look at what was scraped a second before.
    await sleep(3_000);
  });
  after(async () => {
    await prometheus?.stop();
    await proxy?.stop();
  });

  /** A rule's values by `rollout variant` (or shadow, or flag). */
  async function recorded(expression: string): Promise<Map<string, number>> {
    return new Map((await prometheus.query(expression)).map((sample) => [nameOf(sample), sample.value]));
  }

  /** A rule gives these figures, and for nobody else. */
  async function requireFigures(expression: string, expected: ReadonlyMap<string, number>): Promise<void> {
    const seen = await recorded(expression);
    assert.deepEqual([...seen.keys()].sort(), [...expected.keys()].sort(), expression);
    for (const [name, value] of expected) {
      const found = seen.get(name) ?? NaN;
      assert.ok(
        Math.abs(found - value) <= 1e-9,
        `${expression} of ${name}: ${found}, the client counts ${value}`,
      );
    }
  }

  const ofGroups = (value: (rollout: string, variant: string) => number): Map<string, number> =>
    new Map(groups.map((one) => [one, value(...(one.split(" ") as [string, string]))]));

  test("counters and gauges arrive as they are", async () => {
    // Users have an oracle of their own (evidence.test.ts); here the report reads them, further down.
    const ofUsers = "serin_rollout_(users.*|evidence_.*|shares_began)";
    const seen = new Map(
      (
        await prometheus.query(
          `{__name__=~"serin_rollout_.*",__name__!~".*rq_time.*",__name__!~"${ofUsers}"}`,
        )
      ).map(({ labels, value }) => {
        const leaf = labels["__name__"]?.slice("serin_rollout_".length);
        return [
          `wasmcustom.serin.rollout.${labels["serin_rollout"]}.${labels["serin_variant"]}.${leaf}`,
          value,
        ];
      }),
    );
    assert.deepEqual(
      Object.fromEntries([...seen].sort()),
      Object.fromEntries([...client.tally.values].sort()),
    );
  });

  test("error ratios, of each and of all others", async () => {
    await requireFigures(
      "serin:rq_error:ratio5m",
      ofGroups((r, v) => client.errors(r, v) / client.ended(r, v)),
    );
    const others = ofGroups((rollout, variant) => {
      const rest = groups.map((one) => one.split(" ")).filter(([r, v]) => r === rollout && v !== variant);
      const sum = (of: (r: string, v: string) => number): number =>
        rest.reduce((total, [r = "", v = ""]) => total + of(r, v), 0);
      return sum((r, v) => client.errors(r, v)) / sum((r, v) => client.ended(r, v));
    });
    await requireFigures("serin:rq_error_others:ratio5m", others);
  });

  test("gRPC errors and overflow", async () => {
    await requireFigures(
      "serin:grpc_error:ratio5m",
      ofGroups((r, v) => {
        const errors = client.value(r, v, "grpc_error");
        return errors / (errors + client.value(r, v, "grpc_ok"));
      }),
    );
    await requireFigures(
      "serin:rq_overflow:ratio5m",
      ofGroups((r, v) => client.value(r, v, "rq_overflow") / client.ended(r, v)),
    );
    await requireFigures(
      "serin:rq_active:sum",
      ofGroups(() => 0),
    );
  });

  test("shares, asked and seen, and rates", async () => {
    const variants = ROLLOUTS.flatMap(({ name, shares }) =>
      Object.entries(shares).map(([v, share]) => [name, v, share] as const),
    );
    const all = REQUESTS + CALLS;
    const asked = variants.map(([r, v, share]) => [`${r} ${v}`, share / 100] as const);
    // Four times the largest other variant, or all of the default if that is less, as it is here.
    await requireFigures(
      "serin:share:asked",
      new Map([...asked, ["checkout control", 0.6], ["ranking control", 0.7]]),
    );
    const seen = new Map(variants.map(([r, v]) => [`${r} ${v}`, client.value(r, v, "rq_total") / all]));
    await requireFigures("serin:share:seen5m", seen);
    await requireFigures("serin:share:seen30m", seen);
    for (const [name, rate] of await recorded("serin:rq:rate5m")) {
      const count = client.value(...(name.split(" ") as [string, string]), "rq_total");
      // Prometheus continues what it saw to the end of the range: by a scrape at most.
      assert.ok(
        rate * 300 >= count * 0.999 && rate * 300 <= count * 1.2,
        `${name}: ${rate * 300}, not ${count}`,
      );
    }
  });

  test("quantiles within a bucket of the client's own", async () => {
    for (const quantile of [0.5, 0.9, 0.99]) {
      const seen = await recorded(`serin:rq_time:quantile5m{quantile="${quantile}"}`);
      assert.deepEqual([...seen.keys()].sort(), [...groups].sort());
      for (const [name, value] of seen) {
        const times = [...(client.times.get(name) ?? [])].sort((a, b) => a - b);
        const own = times[Math.ceil(quantile * times.length) - 1] ?? NaN;
        const apart = Math.abs(bucketOf(value) - bucketOf(own));
        assert.ok(apart <= 1, `p${quantile * 100} of ${name}: ${value} ms, the client's own is ${own} ms`);
      }
    }
  });

  test("serin report over this Prometheus judges the same users as over its Envoy", async () => {
    const named = ["--baseline", "checkout=stable", "--baseline", "ranking=stable"];
    const [byPrometheus, byEnvoy] = await Promise.all(
      [
        ["--prometheus", prometheus.url],
        ["--admin", proxy.admin.url],
      ].map(async (source) => {
        const { stdout, stderr } = await runCli(["report", "--json", ...source, ...named]);
        assert.equal(stderr, "");
        return JSON.parse(stdout) as { rollouts: Record<string, RolloutReport> };
      }),
    );
    assert.deepEqual(Object.keys(byPrometheus?.rollouts ?? {}).sort(), ["checkout", "ranking"]);
    for (const [name, { period, ratio, variants }] of Object.entries(byEnvoy?.rollouts ?? {})) {
      const other = byPrometheus?.rollouts[name];
      assert.deepEqual([other?.period, other?.ratio], [period, ratio], name);
      for (const [variant, { users, errors, clientErrors }] of Object.entries(variants)) {
        const seen = other?.variants[variant];
        assert.deepEqual(
          [seen?.users, seen?.errors, seen?.clientErrors],
          [users, errors, clientErrors],
          variant,
        );
      }
    }
  });

  test("shadows and flags", async () => {
    const { sent, mismatch } = client.shadow;
    await requireFigures("serin_shadow_sent", new Map([["next", sent]]));
    await requireFigures("serin:shadow_mismatch:ratio5m", new Map([["next", mismatch / sent]]));
    await requireFigures("serin:shadow_lost:ratio5m", new Map([["next", 0]]));
    await requireFigures("serin:shadow_skipped:rate5m", new Map([["next", 0]]));
    const flags = new Map([...Object.entries(client.flags)].map(([v, count]) => [`new_look ${v}`, count]));
    await requireFigures("serin_flag", flags);
  });

  test("no rule fails, and no alert but those for the planted faults", async () => {
    const faults = (await prometheus.rules()).filter(({ health }) => health !== "ok");
    assert.deepEqual(faults, []);
    const pending = await prometheus.query("ALERTS");
    const names = new Set(pending.map(({ labels }) => labels["alertname"]));
    assert.ok(names.has("SerinVariantErrors") && names.has("SerinShadowMismatch"), [...names].join());
    for (const name of ["SerinAbsent", "SerinMissing", "SerinSurvived", "SerinPolicyRefused"]) {
      assert.ok(!names.has(name), name);
    }
  });

  test("every line of the dashboard has something to show", async () => {
    const { panels } = JSON.parse(read("observability/grafana.json")) as {
      panels: { title: string; targets?: { expr: string }[] }[];
    };
    for (const { title, targets = [] } of panels) {
      for (const { expr } of targets) {
        const shown = await prometheus.query(expr.replace(/\$(rollout|variant|shadow)/g, ".*"));
        assert.ok(shown.length > 0, `${title}: ${expr}`);
      }
    }
  });

  test("Flagger's and Argo Rollouts' queries give one figure each", async () => {
    const fill = (query: string): string =>
      query.replace(/\{\{\s*([\w.-]+)\s*\}\}/g, (_, name: string) => {
        const values: Record<string, string> = { rollout: "checkout", variant: "canary", interval: "1m" };
        return values[name.split(".").at(-1) ?? ""] ?? name;
      });
    const others = client.errors("checkout", "stable") + client.errors("checkout", "blue");
    const rest = client.ended("checkout", "stable") + client.ended("checkout", "blue");
    const excess = client.errors("checkout", "canary") / client.ended("checkout", "canary") - others / rest;
    const flagger = parseAllDocuments(read("observability/flagger.yaml")).map(
      (document) => document.toJS() as { spec: { query: string } },
    );
    const argo = parse(read("observability/argo-rollouts.yaml")).spec.metrics as {
      provider: { prometheus: { query: string } };
    }[];
    const queries = [
      ...flagger.map(({ spec }) => spec.query),
      ...argo.map(({ provider }) => provider.prometheus.query),
    ];
    const figures: number[] = [];
    for (const query of queries) {
      const [sample, ...more] = await prometheus.query(fill(query));
      assert.equal(more.length, 0, query);
      figures.push(sample?.value ?? NaN);
    }
    const [flaggerExcess = NaN, flaggerP99 = NaN, argoExcess = NaN, argoP99 = NaN] = figures;
    assert.ok(Math.abs(flaggerExcess - 100 * excess) < 1e-7, `${flaggerExcess}, not ${100 * excess}`);
    assert.ok(Math.abs(argoExcess - excess) < 1e-9, `${argoExcess}, not ${excess}`);
    for (const p99 of [flaggerP99, argoP99]) assert.ok(p99 >= 250 && p99 <= 1000, String(p99));
  });
});

interface RolloutReport {
  readonly period: unknown;
  readonly ratio: unknown;
  readonly variants: Record<string, { users: unknown; errors: unknown; clientErrors: unknown }>;
}

function nameOf({ labels }: Sample): string {
  const { serin_rollout: rollout, serin_flag: flag, serin_shadow: shadow, serin_variant: variant } = labels;
  return [rollout ?? flag ?? shadow, variant].filter((part) => part !== undefined).join(" ");
}

function bucketOf(ms: number): number {
  return BUCKETS.findIndex((end) => ms <= end);
}
