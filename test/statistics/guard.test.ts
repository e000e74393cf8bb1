// The guard's promise and its delays, on made-up rollouts: a small form, seeds fixed, of what run-simulations.ts runs in
// full (--only guard). And that what is simulated is what the filter computes.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { loadGuest } from "../support/guest.ts";
import { seeded } from "../support/random.ts";
import { guardStudy } from "./guard-studies.ts";
import { factorOf, Guard } from "./guard.ts";
import { SERVICE } from "./simulation.ts";
import { TRAFFICS } from "./studies.ts";

/** The filter's own functions, over one record. */
const GUEST = `
import { beginGuard, endBlock, evidenceOfGuard, factorOf, GuardCounts, GuardRecord, isEnough, payMinutes } from "../../assembly/core/guard";
const guard = changetype<GuardRecord>(memory.data(offsetof<GuardRecord>(), 8));
const counts = changetype<GuardCounts>(memory.data(offsetof<GuardCounts>(), 8));
export function factor(ratio: f64, part: f64, errors: u32, controlErrors: u32): f64 { return factorOf(ratio, part, errors, controlErrors); }
export function begin(now: u32): void { beginGuard(guard, 1, (now as u64) * 1000000000); }
export function block(errors: u32, controlErrors: u32, ended: u32, controlEnded: u32, part: f64, ignoresBursts: bool, now: u32): void {
  counts.errors = errors; counts.controlErrors = controlErrors; counts.ended = ended; counts.controlEnded = controlEnded;
  endBlock(guard, counts, part, ignoresBursts, (now as u64) * 1000000000);
}
export function minutes(now: u32): void { payMinutes(guard, (now as u64) * 1000000000); }
export function evidence(): f64 { return evidenceOfGuard(guard); }
export function enough(falseAlarm: f64): bool { return isEnough(guard, falseAlarm); }
`;

interface Guest {
  factor(ratio: number, part: number, errors: number, controlErrors: number): number;
  begin(now: number): void;
  block(...counts: [number, number, number, number, part: number, ignoresBursts: number, now: number]): void;
  minutes(now: number): void;
  evidence(): number;
  enough(falseAlarm: number): number;
}

describe("what is simulated", () => {
  test("is bit by bit what the filter computes, over 2,000 made-up periods", async () => {
    const guest = await loadGuest<Guest>("test/statistics/guard-guest.ts", { source: GUEST });
    const random = seeded(23);
    for (let run = 0; run < 2_000; run++) {
      const part = run % 2 === 0 ? 0.2 : 0.05 + 0.9 * random.part();
      const ignoresBursts = run % 5 === 0;
      const guard = new Guard(part, ignoresBursts);
      let now = 1_000_000;
      const sums: [number, number, number, number] = [0, 0, 0, 0];
      guard.begin(now);
      guest.begin(now);
      for (let step = 0; step < 30; step++) {
        const most = random.pick([1, 3, 20, 3_000]);
        for (const place of [0, 1] as const) sums[place] += random.below(most);
        sums[2] += random.pick([0, 1, 50]);
        sums[3] += random.pick([5, 19, 20, 200]);
        now += random.pick([0, 1, 1, 2, 15, 61, 1_000, -30]);
        guard.endBlock(
          { errors: sums[0], controlErrors: sums[1], ended: sums[2], controlEnded: sums[3] },
          now,
        );
        guest.block(...sums, part, ignoresBursts ? 1 : 0, now);
        guard.payMinutes(now);
        guest.minutes(now);
        assert.ok(Object.is(guard.evidence, guest.evidence()), `run ${run}, step ${step}`);
        assert.equal(guard.isEnough(0.001), guest.enough(0.001) !== 0);
      }
    }
    for (const ratio of [1.5, 3, 8, 24]) {
      for (const [errors, others] of [
        [0, 0],
        [1, 7],
        [400, 3],
        [3, 4_000],
        [60_000, 60_000],
      ] as const) {
        assert.ok(Object.is(factorOf(ratio, 0.2, errors, others), guest.factor(ratio, 0.2, errors, others)));
      }
    }
  });
});

const SHARE = 0.05;

describe("a guard at falseAlarm 0.001, 30 minutes at 200 requests a second", () => {
  test("acts on at most 0.2% of healthy variants, whatever the traffic", (t) => {
    const RUNS = 20;
    let [acted, runs] = [0, 0];
    for (const [index, traffic] of TRAFFICS.entries()) {
      if (traffic.envoys !== undefined) continue;
      const found = guardStudy(900 + index, RUNS, { traffic, share: SHARE, rate: 200, seconds: 1_800 });
      t.diagnostic(`${traffic.name}: ${found.acted} of ${found.runs}`);
      acted += found.acted;
      runs += found.runs;
    }
    // 0.2% of 260 is half a run; two are within chance, three are not.
    assert.ok(acted <= 2, `${acted} of ${runs}`);
  });

  test("acts on most outages of one side alone: the simulation can tell", (t) => {
    const found = guardStudy(930, 10, {
      traffic: TRAFFICS[2] as (typeof TRAFFICS)[number],
      share: SHARE,
      rate: 200,
      seconds: 300,
      fault: { from: 0, times: 5 },
    });
    t.diagnostic(JSON.stringify(found));
    assert.equal(found.acted, 10);
  });
});

describe("delays", () => {
  const alike = TRAFFICS[0] as (typeof TRAFFICS)[number];
  const CELLS: [name: string, rate: number, times: number, from: number, most: number, errors: number][] = [
    ["20% errors, 200/s, from the start", 200, 20, 0, 4, 9],
    ["20% errors, 200/s, after 10 minutes", 200, 20, 600, 8, 16],
    ["5% errors, 200/s, from the start", 200, 5, 0, 26, 15],
    ["20% errors, 20/s, from the start", 20, 20, 0, 48, 9],
  ];
  for (const [index, [name, rate, times, from, most, errors]] of CELLS.entries()) {
    test(`${name}: at most 1.25 times ${most} s and ${errors} errors in the median`, (t) => {
      const fault = { from, times };
      const options = { traffic: alike, share: SHARE, service: SERVICE, rate, seconds: from + 240, fault };
      const found = guardStudy(940 + index, 40, options);
      t.diagnostic(JSON.stringify(found));
      assert.equal(found.acted - found.early, found.runs);
      assert.ok(found.seconds.median <= 1.25 * most, `${found.seconds.median} s`);
      assert.ok(found.errors.median <= 1.25 * errors, `${found.errors.median} errors`);
    });
  }
});
