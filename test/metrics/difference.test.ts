// Snapshots less snapshots, and several as one.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { difference, sumOf } from "../../tools/metrics/difference.ts";
import { snapshotOf } from "../../tools/metrics/envoy-source.ts";
import {
  outlineOf,
  outlineOfDump,
  type PolicyOutline,
  NO_OUTLINE,
} from "../../tools/metrics/policy-outline.ts";
import type { Snapshot } from "../../tools/metrics/snapshot.ts";

const PREFIX = "wasmcustom.serin.";

/** A snapshot of an Envoy with these stats. Times: whole milliseconds and how often. */
function snapshot(
  values: Readonly<Record<string, number>>,
  times: Readonly<Record<number, number>> = {},
  at: { takenAt?: number; seconds?: number; outline?: PolicyOutline } = {},
): Snapshot {
  const totals = Object.entries(times).map(([value, count]) => ({
    lower_bound: Number(value),
    width: 1,
    count,
  }));
  const details = [{ name: `${PREFIX}rollout.r.canary.rq_time`, totals }];
  const stats = Object.entries(values).map(([name, value]) => ({ name: PREFIX + name, value }));
  return snapshotOf(
    { stats: [...stats, { histograms: { details } }] },
    at.outline ?? NO_OUTLINE,
    at.takenAt ?? 0,
    at.seconds ?? null,
  );
}

const canaryOf = ({ rollouts }: Snapshot) => rollouts.get("r")?.variants.get("canary");
const total = (of: Snapshot): number | undefined => canaryOf(of)?.counters.get("rq_total");

describe("a snapshot", () => {
  test("tells rollouts, the control group, shadows and flags apart", () => {
    const { rollouts, shadows, flags } = snapshot({
      "rollout.r.canary.rq_total": 5,
      "rollout.r.canary.share": 10_000,
      "rollout.r.control.rq_total": 7,
      "shadow.s.sent": 3,
      "flag.f.on": 2,
      "policy.loaded": 4,
      error: 0,
    });
    assert.deepEqual([...rollouts.keys()], ["r"]);
    assert.deepEqual([...(rollouts.get("r")?.variants.keys() ?? [])], ["canary"]);
    assert.equal(rollouts.get("r")?.control?.counters.get("rq_total"), 7);
    assert.equal(rollouts.get("r")?.variants.get("canary")?.gauges.get("share"), 10_000);
    assert.equal(shadows.get("s")?.counters.get("sent"), 3);
    assert.equal(flags.get("f")?.get("on"), 2);
  });

  test("has the policy's order, numbers as names too, and its defaults", () => {
    const outline = outlineOf('{"rollouts":{"r":{"default":"10","variants":{"10":{},"2":{},"canary":{}}}}}');
    const { rollouts, defaults } = snapshot({ "rollout.r.2.rq_total": 1 }, {}, { outline });
    assert.deepEqual([...(rollouts.get("r")?.variants.keys() ?? [])], ["10", "2", "canary"]);
    assert.equal(defaults.get("r"), "10");
  });

  test("whole milliseconds below 10 are a millisecond wide, as what they were made from", () => {
    const details = [
      {
        name: `${PREFIX}rollout.r.canary.rq_time`,
        totals: [
          { lower_bound: 0, width: 0, count: 1 },
          { lower_bound: 1, width: 0.1, count: 2 },
          { lower_bound: 120, width: 10, count: 3 },
        ],
      },
    ];
    const taken = snapshotOf({ stats: [{ histograms: { details } }] }, NO_OUTLINE, 0, null);
    assert.deepEqual(
      canaryOf(taken)?.latency.map(({ lower, width }) => [lower, width]),
      [
        [0, 1],
        [1, 1],
        [120, 10],
      ],
    );
  });
});

test("the policy is found wherever a configuration dump has it", () => {
  const value = '{"rollouts":{"r":{"default":"stable","variants":{"stable":{}}}}}';
  const text = { "@type": "type.googleapis.com/google.protobuf.StringValue", value };
  const dump = JSON.stringify({
    configs: [{ listeners: [{ filters: [{ config: { configuration: text } }] }] }],
  });
  assert.deepEqual(outlineOfDump(dump).get("r"), {
    default: "stable",
    variants: ["stable"],
    ownClusters: new Map(),
    terms: { slow: [5, 25, 100, 250, 1000, 5000], warmup: 30, goals: [], guard: "none" },
  });
  assert.equal(outlineOfDump('{"configs":[{"@type":"x","value":"{"}]}').size, 0);
  assert.equal(outlineOf("not json").size, 0);
});

describe("a difference", () => {
  test("counts what came in between; gauges are those of now", () => {
    const earlier = snapshot(
      { "rollout.r.canary.rq_total": 10, "rollout.r.canary.share": 5 },
      { 10: 4, 20: 2 },
    );
    const later = snapshot(
      { "rollout.r.canary.rq_total": 25, "rollout.r.canary.share": 7 },
      { 10: 9, 20: 2, 30: 1 },
      { takenAt: 60_000 },
    );
    const between = difference(later, earlier);
    assert.equal(total(between), 15);
    assert.equal(between.seconds, 60);
    assert.equal(canaryOf(between)?.gauges.get("share"), 7);
    assert.deepEqual(
      canaryOf(between)?.latency.map(({ lower, count }) => [lower, count]),
      [
        [10, 5],
        [30, 1],
      ],
    );
  });

  test("begins anew when any counter went back: all of the later one came in between", () => {
    const earlier = snapshot({ "rollout.r.canary.rq_total": 10, "rollout.r.canary.rq_5xx": 9 });
    const later = snapshot({ "rollout.r.canary.rq_total": 12, "rollout.r.canary.rq_5xx": 1 });
    const between = difference(later, earlier);
    assert.equal(total(between), 12);
    assert.equal(canaryOf(between)?.counters.get("rq_5xx"), 1);
  });

  test("begins anew when less time was counted than before, or a counter is gone", () => {
    const earlier = snapshot({ "rollout.r.canary.rq_total": 10 }, {}, { seconds: 500 });
    const later = snapshot({ "rollout.r.canary.rq_total": 30 }, {}, { seconds: 20, takenAt: 60_000 });
    assert.equal(total(difference(later, earlier)), 30);
    assert.equal(difference(later, earlier).seconds, 20);
    const gone = snapshot({ "rollout.r.stable.rq_total": 3 });
    assert.equal(
      difference(gone, earlier).rollouts.get("r")?.variants.get("stable")?.counters.get("rq_total"),
      3,
    );
  });
});

describe("a sum", () => {
  test("adds counters, gauges but shares, and histograms", () => {
    const both = sumOf([
      snapshot(
        { "rollout.r.canary.rq_total": 1, "rollout.r.canary.rq_active": 2, "rollout.r.canary.share": 9 },
        { 10: 1 },
        { seconds: 5 },
      ),
      snapshot(
        { "rollout.r.canary.rq_total": 2, "rollout.r.canary.rq_active": 3, "rollout.r.canary.share": 9 },
        { 5: 1, 10: 4 },
        { seconds: 7 },
      ),
    ]);
    assert.deepEqual(
      [...(canaryOf(both)?.gauges ?? [])],
      [
        ["rq_active", 5],
        ["share", 9],
      ],
    );
    assert.equal(total(both), 3);
    assert.equal(both.seconds, 7);
    assert.deepEqual(
      canaryOf(both)?.latency.map(({ lower, count }) => [lower, count]),
      [
        [5, 1],
        [10, 5],
      ],
    );
    assert.equal(both.rollouts.get("r")?.shareConflicts.size, 0);
  });

  test("tells shares that do not agree", () => {
    const shares = [5, 5, 7].map((share) => snapshot({ "rollout.r.canary.share": share }));
    assert.deepEqual([...(sumOf(shares).rollouts.get("r")?.shareConflicts ?? [])], [["canary", [5, 7]]]);
  });
});
