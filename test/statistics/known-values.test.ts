// Each method against published values, or against scipy: test/statistics/reference.py printed those numbers.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { quantileSorted } from "simple-statistics";

import { valueAt, type Bin } from "../../tools/statistics/bins.ts";
import { bestLogLikelihood, compareRates } from "../../tools/statistics/error-rate.ts";
import { crossing, rateInterval, type Count } from "../../tools/statistics/evidence.ts";
import { estimateQuantile, rankInterval } from "../../tools/statistics/quantiles.ts";
import { compareRanks, sequentialWidth } from "../../tools/statistics/rank-test.ts";
import { chiSquarePValue, ratioEvidence } from "../../tools/statistics/sample-ratio.ts";

function near(actual: number, expected: number, tolerance = 1e-6): void {
  const off = Math.abs(actual - expected);
  assert.ok(off <= tolerance * Math.max(1, Math.abs(expected)), `${actual} is not ${expected}`);
}

const of = (successes: number, trials: number): Count => ({ successes, trials });

describe("sample ratio", () => {
  test("chi-square: Mendel's peas, 315 : 101 : 108 : 32 for 9 : 3 : 3 : 1 (published: 0.470 with 3 degrees, p 0.925)", () => {
    near(chiSquarePValue([315, 101, 108, 32], [9 / 16, 3 / 16, 3 / 16, 1 / 16]), 0.925425895);
  });

  test("chi-square: scipy.stats.chisquare", () => {
    near(chiSquarePValue([4650, 350], [0.95, 0.05]), 8.649e-11, 1e-12);
    near(chiSquarePValue([8900, 780, 320], [0.9, 0.07, 0.03]), 0.003046838468575526);
  });

  test("the Dirichlet-multinomial mixture", () => {
    near(ratioEvidence([44_500, 5500], [0.9, 0.1]), 23.783019204893208);
    near(ratioEvidence([8900, 780, 320], [0.9, 0.07, 0.03]), 0.8281345492550827);
  });

  test("without traffic there is no evidence", () => {
    assert.equal(ratioEvidence([0, 0], [0.9, 0.1]), 0);
    assert.equal(chiSquarePValue([0, 0], [0.9, 0.1]), 1);
  });
});

describe("error rates", () => {
  test("the best pair of rates with a difference, against a search by scipy.optimize", () => {
    const cases: [Count, Count, number, number][] = [
      [of(50, 1000), of(90, 9000), 0, -736.633107293249],
      [of(50, 1000), of(90, 9000), 0.02, -708.0217654508656],
      [of(50, 1000), of(90, 9000), -0.01, -771.6959946804579],
      [of(0, 300), of(5, 2700), 0.004, -38.18489669797011],
      [of(3, 50), of(0, 60), 0.01, -13.150596980025222],
      [of(56, 70), of(48, 80), 0.3, -89.84457193352011],
    ];
    for (const [treated, control, difference, expected] of cases) {
      near(bestLogLikelihood(treated, control, difference), expected, 1e-9);
    }
  });

  test("the interval of the difference, and the evidence against none", () => {
    const { difference, interval, logEvidence } = compareRates(of(50, 1000), of(90, 9000), 0.005);
    near(difference, 0.04);
    near(interval.lower, 0.010989816188517723);
    near(interval.upper, 0.08479560444688197);
    near(logEvidence, 25.644667078674388);
    const few = compareRates(of(3, 200), of(20, 1800), 0.01);
    near(few.interval.lower, -0.022127915191997773);
    near(few.interval.upper, 0.08614131930067799);
    near(few.logEvidence, -6.754635707580988);
  });

  test("one rate alone", () => {
    const few = rateInterval(of(5, 1000), 0.05);
    near(few.lower, 0.0005393041658895629);
    near(few.upper, 0.01800385887130091);
    const many = rateInterval(of(300, 1000), 0.01);
    near(many.lower, 0.24343158130937);
    near(many.upper, 0.36096463066499074);
  });

  test("nothing is known without requests, and no error at all is a rate of 0", () => {
    assert.deepEqual(compareRates(of(0, 0), of(1, 10), 0.01).interval, { lower: -1, upper: 1 });
    assert.deepEqual(rateInterval(of(0, 0), 0.01), { lower: 0, upper: 1 });
    assert.equal(rateInterval(of(0, 1000), 0.01).lower, 0);
    assert.equal(rateInterval(of(1000, 1000), 0.01).upper, 1);
  });

  test("swapping the sides turns the interval round", () => {
    const { interval } = compareRates(of(50, 1000), of(90, 9000), 0.005);
    const swapped = compareRates(of(90, 9000), of(50, 1000), 0.005).interval;
    near(swapped.lower, -interval.upper);
    near(swapped.upper, -interval.lower);
  });
});

describe("quantiles", () => {
  const bins = (counts: readonly number[]): Bin[] =>
    counts.map((count, index) => ({ lower: index * 10, width: 10, count }));

  test("between which ranks the quantile lies", () => {
    const tail = rankInterval(10_000, 0.99, 0.000625);
    near(tail.lower, 9851.288315314941);
    near(tail.upper, 9941.04813585434);
    const middle = rankInterval(2000, 0.5, 0.01);
    near(middle.lower, 918.6470715630478);
    near(middle.upper, 1081.3529284369492);
  });

  test("a value at a rank is interpolated in its bin", () => {
    assert.equal(valueAt(bins([0, 100, 0, 100]), 50), 15);
    assert.equal(valueAt(bins([0, 100, 0, 100]), 100), 20);
    assert.equal(valueAt(bins([0, 100, 0, 100]), 150), 35);
    assert.equal(valueAt(bins([0, 100]), 101), null);
    assert.equal(valueAt([], 0), null);
  });

  test("near the sample's own quantile (simple-statistics) for values that fill the bins", () => {
    const values = Array.from({ length: 5000 }, (_, i) => (i * 200) / 5000);
    const counts = new Array<number>(20).fill(250);
    for (const level of [0.5, 0.9, 0.99]) {
      const { value, interval } = estimateQuantile(bins(counts), level, 0.01);
      near(value ?? 0, quantileSorted(values, level), 1e-3);
      assert.ok(interval.lower < (value ?? 0) && interval.upper > (value ?? 0));
    }
  });

  test("too few values bound nothing above", () => {
    assert.equal(estimateQuantile(bins([100]), 0.99, 0.01).interval.upper, Infinity);
    assert.deepEqual(estimateQuantile([], 0.5, 0.01).value, null);
  });
});

describe("ranks", () => {
  const LOWERS = [10, 11, 12, 13];
  const bins = (counts: readonly number[]): Bin[] =>
    counts.map((count, index) => ({ lower: LOWERS[index] ?? 0, width: 1, count }));
  const treated = bins([40, 80, 60, 20]);
  const control = bins([150, 200, 100, 50]);

  test("scipy.stats.mannwhitneyu's U over all pairs; its standard error by DeLong from all pairs one by one", () => {
    const { superiority, standardError, pValue } = compareRanks(treated, control, 0.01);
    near(superiority, 0.565);
    near(standardError, 0.022331032219760908);
    near(pValue, 0.0018028253794655433);
  });

  test("the width of the confidence sequence (theorem 2.2 of Waudby-Smith et al., written out)", () => {
    near(sequentialWidth(1000, 0.05), 3.035208990376253);
    near(sequentialWidth(20_000, 0.01), 3.836562141848599);
  });

  test("the sides swapped, the chance is the other one", () => {
    near(compareRanks(control, treated, 0.01).superiority, 1 - 0.565);
  });

  test("bins of two kinds: a shift by half a bin", () => {
    const shifted = control.map((bin) => ({ ...bin, lower: bin.lower + 0.5 }));
    const { superiority } = compareRanks(shifted, control, 0.01);
    // For each pair of one bin, a half of the later one is above all of the earlier one.
    assert.ok(superiority > 0.6 && superiority < 0.68, String(superiority));
  });

  test("too few values, and values that are all alike, decide nothing", () => {
    assert.equal(compareRanks(bins([10]), control, 0.01).superiority, 0.5);
    const alike = compareRanks(bins([500]), bins([900]), 0.01);
    assert.deepEqual([alike.superiority, alike.interval], [0.5, { lower: 0.5, upper: 0.5 }]);
  });
});

test("crossings are found from both sides, and where the function is infinite", () => {
  near(
    crossing((x) => x * x - 2, 2, 0),
    Math.SQRT2,
  );
  near(
    crossing((x) => x * x - 2, -2, 0),
    -Math.SQRT2,
  );
  near(
    crossing((x) => (x > 1 ? Infinity : x - 0.25), 1e6, 0),
    0.25,
    0.11,
  );
  assert.equal(
    crossing(() => -1, 5, 0),
    5,
  );
});
