// What the dashboard keeps: bounded, without leaps where an Envoy comes, goes, or begins anew.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, test } from "node:test";

import { Endpoint } from "../../tools/dashboard/endpoint.ts";
import { RANGES, Series } from "../../tools/dashboard/series.ts";
import { Totals } from "../../tools/dashboard/totals.ts";
import { watchedNames } from "../../tools/dashboard/figures.ts";
import { emptySnapshot, NO_VARIANT, type Snapshot } from "../../tools/metrics/snapshot.ts";
import type { Source } from "../../tools/metrics/source.ts";
import { SnapshotBuilder } from "../../tools/metrics/snapshot-builder.ts";

const START = Date.UTC(2026, 10, 25);

/** Counters of checkout's variants, all of them 2xx. */
function counted(
  at: number,
  totals: Readonly<Record<string, number>>,
  { share = {}, seconds = 10 }: { share?: Readonly<Record<string, number>>; seconds?: number | null } = {},
): Snapshot {
  const builder = new SnapshotBuilder(new Map());
  for (const [variant, total] of Object.entries(totals)) {
    const owner = { kind: "rollout", name: "checkout", variant } as const;
    builder.number(owner, "rq_total", total);
    builder.number(owner, "rq_2xx", total);
    builder.histogram(owner, "rq_time", [{ lower: 5, width: 1, count: total }]);
    const asked = share[variant];
    if (asked !== undefined) builder.number(owner, "share", asked);
  }
  return builder.snapshot(at, seconds);
}

function totalOf(snapshot: Snapshot, variant: string): number | undefined {
  return snapshot.rollouts.get("checkout")?.variants.get(variant)?.counters.get("rq_total");
}

describe("a series", () => {
  for (const range of RANGES) {
    test(`${range.name}: as many points as it has room for, however long it runs`, () => {
      const series = new Series(range);
      const most = Math.ceil(range.spanMs / range.stepMs);
      for (let step = 0; step < 3 * most; step++) {
        const at = START + step * range.stepMs;
        series.add(at, counted(at, { canary: step * 10 }));
      }
      const { points } = series.history();
      assert.equal(points.length, most);
      assert.equal(points.at(-1)?.at, START + (3 * most - 1) * range.stepMs);
      const rates = new Set(points.map((point) => point.rollouts["checkout"]?.["canary"]?.rate));
      assert.equal(rates.size, 1, "every window is as long");
      assert.equal([...rates][0], Number(((10 * 1000) / range.stepMs).toPrecision(5)));
    });
  }

  const [fine] = RANGES;
  assert.ok(fine);

  test("a point a step, however often it is told", () => {
    const series = new Series(fine);
    for (let at = START; at <= START + 10_000; at += 100) series.add(at, counted(at, { canary: 1 }));
    assert.equal(series.history().points.length, 10);
  });

  test("a gap where nobody answered, and the whole of it counted afterwards", () => {
    const series = new Series(fine);
    const at = (second: number): number => START + second * 1000;
    series.add(at(0), counted(at(0), { canary: 0 }));
    for (let second = 1; second <= 100; second++) {
      assert.deepEqual(series.add(at(second), null)?.rollouts, {});
    }
    const point = series.add(at(101), counted(at(101), { canary: 101 }));
    assert.equal(point?.rollouts["checkout"]?.["canary"]?.rate, 1);
  });

  test("what an endpoint had counted before it was met is no traffic of now", () => {
    const series = new Series(fine);
    const totals = new Totals();
    const first = counted(START, { canary: 10 });
    totals.addBefore(first);
    series.add(START, totals.at(START, [first]));
    const late = counted(START + 1000, { canary: 1_000_000 });
    totals.addBefore(late);
    series.addBefore(late);
    const point = series.add(START + 1000, totals.at(START + 1000, [first, late]));
    assert.equal(point?.rollouts["checkout"]?.["canary"]?.rate, 0);
    assert.equal(totalOf(totals.at(START + 1000, [first, late]), "canary"), 1_000_010);
  });
});

describe("totals", () => {
  const at = (second: number): number => START + second * 1000;
  const shares = (canary: number): Readonly<Record<string, number>> => ({
    stable: 100_000 - canary,
    canary,
  });

  test("users of a shadow are as they are now, however often they are read", () => {
    const totals = new Totals();
    const read = (users: number): Snapshot => {
      const builder = new SnapshotBuilder(new Map());
      builder.number({ kind: "shadow", name: "v3" }, "sent", 10);
      for (const [leaf, value] of Object.entries({ users, evidence_period: 1, evidence_bits: 65_536 }))
        builder.number({ kind: "shadow", name: "v3" }, leaf, value);
      return builder.snapshot(at(0), 10);
    };
    for (const users of [5, 6, 7]) totals.add(read(users));
    const [one, ...more] = totals.at(at(3), [read(7)]).shadows.get("v3")?.users ?? [];
    assert.deepEqual([one?.bits.get("users"), more], [7, []]);
    assert.deepEqual(totals.at(at(4), []).shadows.get("v3")?.users, []);
  });

  test("begin anew, for the verdict, where the shares that are asked for change", () => {
    const totals = new Totals();
    const before = counted(at(0), { stable: 950, canary: 50 }, { share: shares(5000) });
    totals.add(before);
    const first = totals.at(at(0), [before]);
    assert.equal(totals.comparable("checkout", first).from, "counters");
    assert.equal(totals.comparable("checkout", first).snapshot.seconds, 10);

    const silent = totals.at(at(1), []);
    assert.equal(totals.comparable("checkout", silent).from, "counters", "nobody says what is asked for");

    const changed = counted(at(2), { stable: 0, canary: 0 }, { share: shares(20_000), seconds: 2 });
    totals.add(changed);
    totals.at(at(2), [changed]);
    totals.add(counted(at(5), { stable: 80, canary: 20 }, { seconds: 3 }));
    const later = totals.at(at(5), [changed]);
    const { from, snapshot } = totals.comparable("checkout", later);
    assert.equal(from, "shares");
    assert.equal(totalOf(snapshot, "canary"), 20);
    assert.equal(totalOf(snapshot, "stable"), 80);
    assert.equal(snapshot.seconds, 3);
    assert.equal(totalOf(later, "canary"), 70, "all is still known");
  });

  test("since when is counted is not known where one does not say", () => {
    const totals = new Totals();
    totals.add(counted(at(0), { canary: 1 }, { seconds: null }));
    totals.add(counted(at(1), { canary: 1 }, { seconds: 1 }));
    assert.equal(totals.at(at(1), []).seconds, null);
  });

  test("so many rollouts are watched, the others counted", () => {
    const totals = new Totals().at(at(0), [counted(at(0), { canary: 1 })]);
    assert.deepEqual(watchedNames(totals, [totals], new Set(), 40).rollouts, ["checkout"]);
    assert.deepEqual(watchedNames(totals, [totals], new Set(), 0), {
      rollouts: [],
      shadows: [],
      unwatched: 1,
    });
    assert.deepEqual(watchedNames(totals, [totals], new Set(["other"]), 40).rollouts, []);
  });
  test("a rollout that no Envoy has any more is gone, and one whose shares are all 0", () => {
    const totals = new Totals().at(at(0), [counted(at(0), { canary: 1 })]);
    assert.deepEqual(watchedNames(totals, [emptySnapshot(at(0))], new Set(), 40).rollouts, []);
    const left = { ...NO_VARIANT, gauges: new Map([["share", 0]]) };
    const checkout = totals.rollouts.get("checkout");
    assert.ok(checkout);
    const gone = {
      ...totals,
      rollouts: new Map([["checkout", { ...checkout, variants: new Map([["a", left]]) }]]),
    };
    assert.deepEqual(watchedNames(gone, [gone], new Set(), 40).rollouts, []);
  });
});

describe("an endpoint", () => {
  /** Answers with these totals in turn; null is no answer. */
  async function follow(
    isOneProcess: boolean,
    totals: readonly (number | null)[],
  ): Promise<(number | undefined)[]> {
    let next = 0;
    const ending = new AbortController();
    const source: Source = {
      name: "fake",
      waits: false,
      read() {
        const total = totals[next++];
        if (next >= totals.length) ending.abort();
        if (total === null || total === undefined) throw new Error("no answer");
        return Promise.resolve(counted(Date.now(), { canary: total }, { seconds: next }));
      },
      readSpan: () => Promise.reject(new Error("not asked for")),
    };
    const found: (number | undefined)[] = [];
    const endpoint = new Endpoint(source, { pauseMs: 1, isOneProcess });
    await Promise.race([
      endpoint.follow(ending.signal, (snapshot) => found.push(totalOf(snapshot, "canary"))),
      sleep(10_000),
    ]);
    return found;
  }

  test("tells what was counted since the last time", async () => {
    assert.deepEqual(await follow(true, [100, 110, null, 130, 0]), [100, 10, 20]);
  });

  test("an Envoy that began anew: all that it has is new", async () => {
    assert.deepEqual(await follow(true, [100, 7, 9, 0]), [100, 7, 2]);
  });

  test("one of many that began anew cannot be told from the sum: that step is left out", async () => {
    assert.deepEqual(await follow(false, [100, 70, 75, 0]), [100, 5]);
  });
});
