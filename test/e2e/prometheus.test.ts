// Prometheus scrapes a real Envoy by envoy/observability/prometheus.yml, and what the rules record of it is what a client
// knows that counts for itself: counters, ratios and shares to the last digit, quantiles within one of Envoy's buckets.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { parseAllDocuments } from "yaml";

import { ENVOY_VERSION, waitUntil } from "../../tools/envoy/index.ts";
import { runCli } from "../support/cli.ts";
import { startPrometheus, type RunningPrometheus, type Sample } from "../support/prometheus/server.ts";
import { CALLS, Client, read, REQUESTS, ROLLOUTS, startStage } from "./known-traffic.ts";
import type { BareProxy } from "../support/envoy/proxy.ts";

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
  let usedonly: RunningPrometheus;

  before(async () => {
    proxy = await startStage(ENVOY_VERSION);
    [prometheus, usedonly] = await Promise.all([
      startPrometheus([proxy.admin.address]),
      startPrometheus([proxy.admin.address], { usedonly: true }),
    ]);
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
    await Promise.all([prometheus?.stop(), usedonly?.stop()]);
    await proxy?.stop();
  });

  /** A rule's values by `rollout variant` (or shadow, or flag). */
  async function recorded(expression: string): Promise<Map<string, number>> {
    return new Map((await prometheus.query(expression)).map((sample) => [nameOf(sample), sample.value]));
  }

  /**
   * A rule gives these figures, and for nobody else. Asked again for some seconds: a scrape that comes in while a group of
   * rules is evaluated stretches the rates of its later ones by a thousandth, once.
   */
  async function requireFigures(expression: string, expected: ReadonlyMap<string, number>): Promise<void> {
    await eventually(() => checkFigures(expression, expected));
  }

  async function checkFigures(expression: string, expected: ReadonlyMap<string, number>): Promise<void> {
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

  test("answers by class, error ratios, and that of the baseline", async () => {
    const counted = groups.filter((one) => one !== "ranking stable");
    const errors = (r: string, v: string): number => client.errors(r, v) + client.value(r, v, "grpc_error");
    const of = (value: (r: string, v: string) => number): Map<string, number> =>
      new Map(counted.map((one) => [one, value(...(one.split(" ") as [string, string]))]));
    await requireFigures(
      "serin:rq_error:ratio5m",
      of((r, v) => errors(r, v) / client.ended(r, v)),
    );
    for (const leaf of ["2xx", "4xx", "5xx"]) {
      await requireFigures(
        `serin:rq_class:ratio5m{serin_class="${leaf}"}`,
        of((r, v) => client.value(r, v, `rq_${leaf}`) / client.ended(r, v)),
      );
    }
    // The default of checkout, whose control group's requests are not counted; the control group of ranking.
    const baseline = (r: string, v: string): number => errors(r, v) / client.ended(r, v);
    await requireFigures(
      "serin:rq_error_baseline:ratio5m",
      new Map([
        ["checkout", baseline("checkout", "stable")],
        ["ranking", baseline("ranking", "control")],
      ]),
    );
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
    await requireFigures("serin:shadow_incomparable:ratio5m", new Map([["next", 0]]));
    await requireFigures("serin:shadow_skipped:rate5m", new Map([["next", 0]]));
    const flags = new Map([...Object.entries(client.flags)].map(([v, count]) => [`new_look ${v}`, count]));
    await requireFigures("serin_flag", flags);
  });

  test("no rule fails, and no alert but those for the planted faults", async () => {
    const faults = (await prometheus.rules()).filter(({ health }) => health !== "ok");
    assert.deepEqual(faults, []);
    const pending = await prometheus.query("ALERTS");
    const names = new Set(pending.map(({ labels }) => labels["alertname"]));
    assert.ok(
      names.has("SerinVariantErrors") && names.has("SerinVariantWorse") && names.has("SerinShadowMismatch"),
      [...names].join(),
    );
    assert.ok(names.has("SerinShadowWorse"), [...names].join());
    for (const name of ["SerinAbsent", "SerinMissing", "SerinSurvived", "SerinPolicyRefused"]) {
      assert.ok(!names.has(name), name);
    }
  });

  test("with ?usedonly each figure is there, users and evidence are the same, and the canary is found", async () => {
    // Stats that never moved are left out: no variant was ever cut off.
    assert.equal((await usedonly.query("serin_rollout_rq_reset")).length, 0);
    assert.ok((await prometheus.query("serin_rollout_rq_reset")).length > 0);
    for (const name of ["serin:evidence:of_limit", "serin:users:count", "serin:share:asked"]) {
      assert.deepEqual(sorted(await usedonly.query(name)), sorted(await prometheus.query(name)), name);
    }
    for (const name of ["serin:rq_class:ratio5m", "serin:rq_error:ratio5m", "serin:share:seen5m"]) {
      const [all, some] = await Promise.all([prometheus.query(name), usedonly.query(name)]);
      assert.deepEqual(sorted(some, false), sorted(all, false), name);
      for (const { labels, value } of some) assert.ok(value >= 0, `${JSON.stringify(labels)}: ${value}`);
    }
    const firing = (await usedonly.query("ALERTS")).map(({ labels }) => labels["alertname"]);
    for (const name of ["SerinVariantWorse", "SerinVariantErrors", "SerinShadowMismatch"]) {
      assert.ok(firing.includes(name), `${name}: ${firing.join()}`);
    }
    const faults = (await usedonly.rules()).filter(({ health }) => health !== "ok");
    assert.deepEqual(faults, []);
  });

  test("every line of the dashboard has something to show", async () => {
    const { panels } = JSON.parse(read("observability/grafana.json")) as {
      panels: { title: string; targets?: { expr: string }[] }[];
    };
    for (const { title, targets = [] } of panels) {
      for (const { expr } of targets) {
        const shown = await prometheus.query(expr.replace(/\$(rollout|variant|shadow)/g, ".*"));
        // No rollout of this policy has a guard, and its shadow compares no bodies; with them, the figures have tests of
        // their own (envoy/observability/serin.rules.test.yml, shadow-places.test.ts).
        const isOfOthers = /serin:guard:max|serin_shadow_at/.test(expr);
        assert.equal(shown.length > 0, !isOfOthers, `${title}: ${expr}`);
      }
    }
  });

  test("Flagger's and Argo Rollouts' queries give one figure each", async () => {
    const fill = (query: string): string =>
      query.replace(/\{\{\s*([\w.-]+)\s*\}\}/g, (_, name: string) => {
        const values: Record<string, string> = {
          ...{ rollout: "checkout", variant: "canary", interval: "1m", match: 'job="envoy"', shadow: "next" },
        };
        return values[name.split(".").at(-1) ?? ""] ?? name;
      });
    const ratio = (v: string): number =>
      (client.errors("checkout", v) + client.value("checkout", v, "grpc_error")) /
      client.ended("checkout", v);
    const excess = ratio("canary") - ratio("stable");
    const flagger = parseAllDocuments(read("observability/flagger.yaml")).map(
      (document) => document.toJS() as { spec: { query: string } },
    );
    const argo = parseAllDocuments(read("observability/argo-rollouts.yaml")).flatMap(
      (document) => document.toJS().spec.metrics as { provider: { prometheus?: { query: string } } }[],
    );
    const queries = [
      ...flagger.map(({ spec }) => spec.query),
      ...argo.flatMap(({ provider }) => provider.prometheus?.query ?? []),
    ];
    await eventually(async () => {
      const figures: number[] = [];
      for (const query of queries) {
        const [sample, ...more] = await prometheus.query(fill(query));
        assert.equal(more.length, 0, query);
        figures.push(sample?.value ?? NaN);
      }
      const [worse = NaN, flaggerExcess = NaN, p99 = NaN, shadow = NaN] = figures;
      const [argoWorse = NaN, argoExcess = NaN, argoShadow = NaN] = figures.slice(flagger.length);
      assert.ok(shadow >= 1 && argoShadow === shadow, `${shadow}, ${argoShadow}: serin report says fail`);
      assert.ok(worse >= 1 && argoWorse === worse, `${worse}, ${argoWorse}: serin report says fail`);
      assert.ok(Math.abs(flaggerExcess - 100 * excess) < 1e-7, `${flaggerExcess}, not ${100 * excess}`);
      assert.ok(Math.abs(argoExcess - excess) < 1e-9, `${argoExcess}, not ${excess}`);
      assert.ok(p99 >= 250 && p99 <= 1000, String(p99));
    });
  });

  test("e-values of the rules are those of serin report over this Envoy", async () => {
    const { stdout } = await runCli([
      ...["report", "--json", "--admin", proxy.admin.url],
      ...["--baseline", "checkout=stable", "--baseline", "ranking=stable"],
    ]);
    const { rollouts } = JSON.parse(stdout) as { rollouts: Record<string, RolloutReport> };
    let seen = 0;
    for (const [name, { variants }] of Object.entries(rollouts)) {
      for (const [variant, { errors, clientErrors, latency }] of Object.entries(variants)) {
        for (const [measure, { eValue }] of [
          ["errors", errors],
          ["4xx", clientErrors],
          ["slow", latency],
        ] as const) {
          const expression = `serin:e_value:more{serin_rollout="${name}",serin_variant="${variant}",serin_measure="${measure}"}`;
          const [sample] = await prometheus.query(expression);
          const apart = Math.abs((sample?.value ?? NaN) / eValue - 1);
          assert.ok(apart < 1e-6, `${expression}: ${sample?.value}, not ${eValue}`);
          seen++;
        }
      }
    }
    assert.equal(seen, 9);
  });
});

/** Holds within ten seconds, or fails as it last did. */
async function eventually(check: () => Promise<void>): Promise<void> {
  const end = Date.now() + 10_000;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
      await sleep(500);
    }
  }
}

interface RolloutReport {
  readonly period: unknown;
  readonly ratio: unknown;
  readonly variants: Record<string, VariantReport>;
}

interface VariantReport {
  readonly users: unknown;
  readonly errors: { readonly eValue: number };
  readonly clientErrors: { readonly eValue: number };
  readonly latency: { readonly eValue: number };
}

function nameOf({ labels }: Sample): string {
  const { serin_rollout: rollout, serin_flag: flag, serin_shadow: shadow, serin_variant: variant } = labels;
  return [rollout ?? flag ?? shadow, variant].filter((part) => part !== undefined).join(" ");
}

/** Samples in an order of their own, with their values or without. */
function sorted(samples: readonly Sample[], values = true): string[] {
  return samples
    .map(({ labels, value }) => {
      const { instance: _, ...rest } = labels;
      return JSON.stringify(Object.entries(rest).sort()) + (values ? ` ${value}` : "");
    })
    .sort();
}

function bucketOf(ms: number): number {
  return BUCKETS.findIndex((end) => ms <= end);
}
