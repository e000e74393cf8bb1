// Under `signals: count` the filter counts requests alone; how they ended is read from the clusters of variants that have
// one of their own.

import assert from "node:assert/strict";
import { test } from "node:test";

import { snapshotOf } from "../../tools/metrics/envoy-source.ts";
import { filterFor, ownClusterStats } from "../../tools/metrics/own-clusters.ts";
import { outlineOf } from "../../tools/metrics/policy-outline.ts";

const POLICY = JSON.stringify({
  rollouts: {
    counted: {
      signals: "count",
      default: "old",
      variants: {
        old: { cluster: "cart.v1:80" },
        new: { percent: 10, cluster: "cart-v2" },
        third: { percent: 1, cluster: "both" },
      },
    },
    full: { default: "old", variants: { old: {}, new: { percent: 10, cluster: "both" } } },
  },
});

test("a cluster tells of a variant when no other names it, and only where the filter does not count", () => {
  const outline = outlineOf(POLICY);
  assert.deepEqual(
    outline.get("counted")?.ownClusters,
    new Map([
      ["old", "cart.v1:80"],
      ["new", "cart-v2"],
    ]),
  );
  assert.deepEqual(outline.get("full")?.ownClusters, new Map());
});

test("what Envoy counts of it stands beside what the filter counts", () => {
  const outline = outlineOf(POLICY);
  const bins = [{ lower_bound: 10, width: 1, count: 7 }];
  const snapshot = snapshotOf(
    {
      stats: [
        { name: "wasmcustom.serin.rollout.counted.new.rq_total", value: 10 },
        { name: "cluster.cart-v2.upstream_rq_2xx", value: 7 },
        { name: "cluster.cart-v2.upstream_rq_5xx", value: 3 },
        { name: "cluster.cart-v2.upstream_rq_active", value: 1 },
        { name: "cluster.cart.v1_80.upstream_rq_5xx", value: 5 },
        { name: "cluster.both.upstream_rq_5xx", value: 100 },
        { histograms: { details: [{ name: "cluster.cart-v2.upstream_rq_time", totals: bins }] } },
      ],
    },
    outline,
    0,
    null,
  );
  const { variants } = snapshot.rollouts.get("counted") ?? assert.fail();
  const { counters, gauges, latency } = variants.get("new") ?? assert.fail();
  assert.deepEqual(Object.fromEntries(counters), { rq_total: 10, rq_2xx: 7, rq_5xx: 3 });
  assert.deepEqual(Object.fromEntries(gauges), { rq_active: 1 });
  assert.deepEqual(latency, [{ lower: 10, width: 1, count: 7 }]);
  assert.equal(variants.get("old")?.counters.get("rq_5xx"), 5);
  assert.equal(variants.get("third")?.counters.size, 0);
});

test("Envoy is asked for these stats and no others", () => {
  const filter = new RegExp(filterFor(ownClusterStats(outlineOf(POLICY)).keys()));
  assert.match("cluster.cart.v1_80.upstream_rq_5xx", filter);
  for (const name of [
    "cluster.cartXv1_80.upstream_rq_5xx",
    "cluster.cart-v2.upstream_rq_5xx_",
    "cluster.both.upstream_rq_5xx",
  ]) {
    assert.doesNotMatch(name, filter);
  }
});
