// Each method against published values, or against scipy: test/statistics/reference.py printed those numbers.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { valueAt, type Bin } from "../../tools/statistics/bins.ts";
import { crossing, rateInterval, type Count } from "../../tools/statistics/evidence.ts";
import {
  logBelow,
  logFewer,
  logLikelihoodRatio,
  logMean,
  logOfPeriod,
  logShifted,
  logWithinRatio,
  logWorse,
  shownRatio,
} from "../../tools/statistics/first-setters.ts";
import { usersBehind } from "../../tools/statistics/linear-counting.ts";
import { usersToFind, usersToPass, usersToShowBelow } from "../../tools/statistics/needed-users.ts";
import { ratioInterval, seenRatio } from "../../tools/statistics/ratio-interval.ts";
import { ratioEvidence } from "../../tools/statistics/sample-ratio.ts";

function near(actual: number, expected: number, tolerance = 1e-6): void {
  const off = Math.abs(actual - expected);
  assert.ok(off <= tolerance * Math.max(1, Math.abs(expected)), `${actual} is not ${expected}`);
}

const of = (successes: number, trials: number): Count => ({ successes, trials });

describe("sample ratio", () => {
  test("the Dirichlet-multinomial mixture", () => {
    near(ratioEvidence([44_500, 5500], [0.9, 0.1]), 23.783019204893208);
    near(ratioEvidence([8900, 780, 320], [0.9, 0.07, 0.03]), 0.8281345492550827);
  });

  test("a billion users, where each request is one: as split, and off by a thousandth", () => {
    assert.ok(ratioEvidence([9e8, 1e8], [0.9, 0.1]) < 0);
    assert.ok(ratioEvidence([8.99e8, 1.01e8], [0.9, 0.1]) > 1000);
  });

  test("without traffic there is no evidence", () => {
    assert.equal(ratioEvidence([0, 0], [0.9, 0.1]), 0);
  });
});

describe("rates", () => {
  test("one rate alone", () => {
    const few = rateInterval(of(5, 1000), 0.05);
    near(few.lower, 0.0005393041658895629);
    near(few.upper, 0.01800385887130091);
    const many = rateInterval(of(300, 1000), 0.01);
    near(many.lower, 0.24343158130937);
    near(many.upper, 0.36096463066499074);
  });

  test("nothing is known without requests, and no error at all is a rate of 0", () => {
    assert.deepEqual(rateInterval(of(0, 0), 0.01), { lower: 0, upper: 1 });
    assert.equal(rateInterval(of(0, 1000), 0.01).lower, 0);
    assert.equal(rateInterval(of(1000, 1000), 0.01).upper, 1);
  });
});

test("a value at a rank is interpolated in its bin", () => {
  const bins = (counts: readonly number[]): Bin[] =>
    counts.map((count, index) => ({ lower: index * 10, width: 10, count }));
  assert.equal(valueAt(bins([0, 100, 0, 100]), 50), 15);
  assert.equal(valueAt(bins([0, 100, 0, 100]), 100), 20);
  assert.equal(valueAt(bins([0, 100, 0, 100]), 150), 35);
  assert.equal(valueAt(bins([0, 100]), 101), null);
  assert.equal(valueAt([], 0), null);
});

describe("first setters", () => {
  // Sums of powers, written out in reference.py.
  const count = (variant: number, control: number): { variant: number; control: number } => ({
    variant,
    control,
  });

  test("worse: the mean of likelihood ratios over ten ratios", () => {
    near(logWorse(count(10, 9), 0.2), 3.8716919479099676);
    near(logWorse(count(0, 40), 0.2), -4.10547169805944);
    near(logWorse(count(3, 3), 0.5), -1.0648635426330193);
    assert.equal(logWorse(count(0, 0), 0.2), 0);
    // From 1e8 on nothing overflows, and alike is alike.
    assert.ok(logWorse(count(2e8, 8e8), 0.2) < -1e6);
    assert.ok(Number.isFinite(logWorse(count(4e8, 8e8), 0.2)));
  });

  test("fewer is worse with the sides swapped; shifted is the mean of both", () => {
    near(logFewer(count(0, 40), 0.2), 7.462259773446377);
    near(logFewer(count(9, 10), 0.8), logWorse(count(10, 9), 0.2));
    near(
      logShifted(count(0, 40), 0.2),
      Math.log((Math.exp(7.462259773446377) + Math.exp(-4.10547169805944)) / 2),
    );
  });

  test("an e-value: its mean over all that can happen is 1 where the variant has no effect", () => {
    for (const [test, pi] of [
      [logWorse, 0.2],
      [logFewer, 0.2],
      [logShifted, 0.4],
    ] as const) {
      let mean = 0;
      let chance = (1 - pi) ** 30;
      for (let x = 0; x <= 30; x++) {
        mean += chance * Math.exp(test(count(x, 30 - x), pi));
        chance *= ((30 - x) / (x + 1)) * (pi / (1 - pi));
      }
      near(mean, 1, 1e-9);
    }
  });

  test("within a ratio: the same for users who are exactly at the limit", () => {
    const ratio = shownRatio(1.5, 0.1);
    const chance = (ratio * 0.2) / (1 + (ratio - 1) * 0.2);
    let mean = 0;
    let binomial = (1 - chance) ** 40;
    for (let x = 0; x <= 40; x++) {
      mean += binomial * Math.exp(logWithinRatio(count(x, 40 - x), 0.2, 1.5, 0.1));
      binomial *= ((40 - x) / (x + 1)) * (chance / (1 - chance));
    }
    near(mean, 1, 1e-9);
  });

  test("what a ratio shows as where many have met it anyway", () => {
    near(shownRatio(1.5, 0.1), 1.4618503175453756);
    near(shownRatio(1.5, 0.5), 1.2928932188134525);
    assert.equal(shownRatio(1.5, 0), 1.5);
    assert.equal(shownRatio(1.5, 1), 1);
    near(logWithinRatio(count(20, 80), 0.2, 1.5, 0), 1.421715818269206);
    near(logWithinRatio(count(20, 80), 0.2, 1.5, 0.5), 0.5550603735243613);
    near(logLikelihoodRatio(count(20, 80), 0.2, 1.5), -1.421715818269206);
  });

  test("the variant alone is below a part of its users", () => {
    near(logBelow(0, 740, 0.005), 3.0042151032170255);
    near(logBelow(1, 1220, 0.005), 3.004202077237412);
    near(logBelow(2, 1000, 0.02), 12.911051318266892);
    assert.ok(logBelow(12, 10, 0.02) < 0, "more bits than users is no error");
  });

  test("means of e-values, and what a later period takes", () => {
    near(logMean([Math.log(3), Math.log(1)]), Math.log(2));
    near(logMean([-2000, -2000 + Math.log(3)]), -2000 + Math.log(2));
    assert.equal(logMean([]), -Infinity);
    near(logOfPeriod(5, 1), 5 - Math.log(2));
    near(logOfPeriod(5, 10), 5 - Math.log(110));
  });

  test("users behind bits: Whang et al., 30,000 of 65,536 bits, a fifth of them the variant's", () => {
    near(usersBehind(6000, 30_000, 65_536), 8022.3055750747435);
    assert.equal(usersBehind(0, 30_000, 65_536), 0);
    assert.equal(usersBehind(70, 100, 0), 70);
    assert.equal(usersBehind(65_536, 65_536, 65_536), 65_536);
  });

  test("the ratio and its interval, by bisection to the last digit", () => {
    const three = { ...count(30, 40), pi: 0.2 };
    near(seenRatio([three]) ?? 0, 3);
    const { lower, upper } = ratioInterval([three], 0.05);
    near(lower, 1.3272978863282943, 1e-5);
    near(upper, 6.579123183762388, 1e-5);
    const few = ratioInterval([{ ...count(5, 100), pi: 0.2 }], 0.005);
    near(few.lower, 0.016226009652424274, 1e-4);
    near(few.upper, 0.8491322745481104, 1e-5);
    assert.equal(seenRatio([]), null);
    assert.deepEqual(ratioInterval([], 0.05), { lower: 0, upper: Infinity });
    assert.equal(ratioInterval([{ ...count(9, 0), pi: 0.2 }], 0.05).upper, Infinity);
    // Two Envoys that say the same know a little more than one, and not as much as one with all of it.
    const both = ratioInterval([three, three], 0.05);
    near(both.lower, lower, 1e-4);
    assert.ok(ratioInterval([{ ...count(60, 80), pi: 0.2 }], 0.05).lower > both.lower);
  });

  test("users that it takes: the formulas with numbers", () => {
    near(usersToPass(0.01, 0.2, 1.5, Math.log(20)), 4214.249057453675);
    near(usersToFind(0.01, 0.2, 5, Math.log(200)), 233.87961863689668);
    assert.equal(usersToPass(0, 0.2, 1.5, 3), Infinity);
    assert.equal(usersToShowBelow(0.006, 0.005, 3), Infinity);
    const needed = usersToShowBelow(0, 0.005, Math.log(20));
    assert.ok(needed > 700 && needed < 1100, String(needed));
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
