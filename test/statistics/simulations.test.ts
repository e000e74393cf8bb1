// What the verdict promises, tried on made-up canaries that are looked at again and again. All seeds are fixed; each test
// says what it found (`npx tsx tools/project/test-all.ts simulations` shows it), and docs/report.md quotes it.

import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";

import { median } from "simple-statistics";

import { sampleRatio } from "../../tools/statistics/sample-ratio.ts";
import { FALSE_ALARMS, FALSE_MISMATCHES, DEFAULT_LIMITS, type Limits } from "../../tools/verdict/limits.ts";
import { compare, type Comparison } from "../../tools/verdict/variant.ts";
import { seeded, Variant, type Behaviour } from "./traffic.ts";

const STABLE: Behaviour = { errors: 0.01, latency: { median: 40, p99: 120 } };
/** Any difference that is beyond doubt fails: what holds here holds for whatever is tolerated. */
const NOTHING_TOLERATED: Limits = {
  ...DEFAULT_LIMITS,
  maxErrorIncrease: 0,
  maxLatencyIncrease: 0,
  latencyResolution: 0,
};

interface Setting {
  readonly seed: number;
  readonly canaries: number;
  readonly looks: number;
  /** Requests between two looks. */
  readonly every?: number;
  readonly canary: Behaviour;
  readonly limits: Limits;
  readonly share?: number;
  readonly alpha?: number;
  /** Errors of a moment that hit both variants, by the number of the look. */
  readonly outage?: (look: number) => number;
}

/** Runs canaries until `isOver` says so at a look; gives the canary's requests at that look, or null. */
function simulate(
  setting: Setting,
  isOver: (comparison: Comparison, stable: Variant, canary: Variant) => boolean,
): (number | null)[] {
  const { seed, canaries, looks, every = 100, share = 0.1, alpha = FALSE_ALARMS, outage } = setting;
  const random = seeded(seed);
  return Array.from({ length: canaries }, () => {
    const stable = new Variant("stable", STABLE);
    const canary = new Variant("canary", setting.canary);
    for (let look = 0; look < looks; look++) {
      const excess = outage?.(look) ?? 0;
      for (let i = 0; i < every; i++) (random() < share ? canary : stable).serve(random, excess);
      const comparison = compare(canary.side(), stable.side(), setting.limits, alpha);
      if (isOver(comparison, stable, canary)) return canary.requests;
    }
    return null;
  });
}

const fails = ({ decision }: Comparison): boolean => decision === "fail";

function tell(
  t: TestContext,
  outcomes: readonly (number | null)[],
  what: string,
): { part: number; at: number } {
  const found = outcomes.filter((each) => each !== null);
  const part = found.length / outcomes.length;
  const at = found.length === 0 ? Infinity : median(found);
  const when = found.length === 0 ? "" : `, median after ${at} canary requests`;
  t.diagnostic(`${what}: ${found.length} of ${outcomes.length} (${(part * 100).toFixed(2)} %)${when}`);
  return { part, at };
}

/** Two proportions by Pearson's z, as at a single look. */
function plainZ(stable: Variant, canary: Variant): number {
  const rate = (stable.errors + canary.errors) / (stable.requests + canary.requests);
  const error = Math.sqrt(rate * (1 - rate) * (1 / stable.requests + 1 / canary.requests));
  return error === 0 ? 0 : (canary.errors / canary.requests - stable.errors / stable.requests) / error;
}

describe("canaries like the default", () => {
  test("2,000, looked at after every 100 requests: at most 1 % fail, though nothing is tolerated", (t) => {
    let plain = 0;
    const setting = { seed: 1, canaries: 2000, looks: 100, canary: STABLE, limits: NOTHING_TOLERATED };
    let isCounted = false;
    const outcomes = simulate(setting, (comparison, stable, canary) => {
      if (stable.requests + canary.requests === 100) isCounted = false;
      // One-sided p below 1 % at this look.
      if (!isCounted && plainZ(stable, canary) > 2.326) {
        isCounted = true;
        plain++;
      }
      return fails(comparison);
    });
    const { part } = tell(t, outcomes, "false fail");
    t.diagnostic(`a plain test at 1 %, at the same looks: ${((plain / 2000) * 100).toFixed(2)} %`);
    assert.ok(part <= FALSE_ALARMS);
    assert.ok(
      plain / 2000 > 3 * FALSE_ALARMS,
      "looking often does inflate a plain test: the simulation can tell",
    );
  });

  test("half of the traffic each", (t) => {
    const setting = {
      seed: 2,
      canaries: 400,
      looks: 50,
      canary: STABLE,
      limits: NOTHING_TOLERATED,
      share: 0.5,
    };
    assert.ok(tell(t, simulate(setting, fails), "false fail").part <= FALSE_ALARMS);
  });

  test("an outage in between that hits both, 20 % errors for a quarter of the time", (t) => {
    const outage = (look: number): number => (look >= 20 && look < 35 ? 0.2 : 0);
    const setting = { seed: 3, canaries: 300, looks: 60, canary: STABLE, limits: NOTHING_TOLERATED, outage };
    assert.ok(tell(t, simulate(setting, fails), "false fail").part <= FALSE_ALARMS);
  });

  test("with what is tolerated by default they pass in the end", (t) => {
    const setting = { seed: 4, canaries: 60, looks: 60, every: 5000, canary: STABLE, limits: DEFAULT_LIMITS };
    const passes = simulate(setting, ({ decision }) => decision === "pass");
    assert.ok(tell(t, passes, "pass").part >= 0.95);
    const failed = tell(t, simulate(setting, fails), "false fail");
    assert.equal(failed.part, 0);
  });
});

describe("canaries that are worse", () => {
  test("5 % errors against 1 %: fail within a median of 1,500 canary requests", (t) => {
    const canary = { ...STABLE, errors: 0.05 };
    const setting = { seed: 5, canaries: 300, looks: 300, canary, limits: DEFAULT_LIMITS };
    const { part, at } = tell(t, simulate(setting, fails), "fail");
    assert.ok(part === 1 && at <= 1500);
  });

  test("a p99 three times slower: all of it, the spread, or the slowest fiftieth alone", (t) => {
    for (const [what, latency] of [
      ["everything three times slower", { median: 120, p99: 360 }],
      ["the same median", { median: 40, p99: 360 }],
      ["the slowest fiftieth three times slower", { median: 40, p99: 120, tail: { part: 0.02, factor: 3 } }],
    ] as const) {
      const canary = { ...STABLE, latency };
      const setting = { seed: 6, canaries: 60, looks: 200, every: 500, canary, limits: DEFAULT_LIMITS };
      assert.equal(tell(t, simulate(setting, fails), `${what}, fail`).part, 1);
    }
  });

  test("just beyond what is tolerated: at most 1 % pass", (t) => {
    const canary = { ...STABLE, errors: STABLE.errors + DEFAULT_LIMITS.maxErrorIncrease };
    const setting = { seed: 7, canaries: 200, looks: 40, every: 5000, canary, limits: DEFAULT_LIMITS };
    const passes = simulate(setting, ({ errors }) => errors.decision === "pass");
    assert.ok(tell(t, passes, "false pass").part <= FALSE_ALARMS);
  });
});

describe("intervals hold at all looks together", () => {
  test("95 % of them: the difference of rates, each quantile, the ranks", (t) => {
    // judgeErrors gets half of alpha, each part of judgeLatency an eighth, each side of a quantile a sixteenth.
    const setting = { seed: 8, canaries: 200, looks: 60, canary: STABLE, limits: NOTHING_TOLERATED };
    const rates = simulate({ ...setting, alpha: 0.1 }, ({ errors: { interval } }) => {
      return interval.lower > 0 || interval.upper < 0;
    });
    assert.ok(tell(t, rates, "the interval of the difference ever missed 0").part <= 0.05);
    const ranks = simulate({ ...setting, alpha: 0.4 }, ({ latency: { ranks: own } }) => {
      return own.interval.lower > 0.5 || own.interval.upper < 0.5;
    });
    assert.ok(tell(t, ranks, "the interval of the ranks ever missed 0.5").part <= 0.05);
    const tails = simulate({ ...setting, alpha: 0.4 }, ({ latency: { quantiles } }) =>
      quantiles.some(({ ratioInterval: { lower, upper } }) => lower > 1 || upper < 1),
    );
    assert.ok(tell(t, tails, "any interval of a ratio of quantiles ever missed 1").part <= 0.15);
  });
});

describe("sample ratio", () => {
  /** Requests at which the split was called a mismatch, or null. Each user makes as many requests. */
  function mismatches(
    seed: number,
    runs: number,
    got: number,
    requestsPerUser = 1,
    counted = 1,
  ): (number | null)[] {
    const random = seeded(seed);
    return Array.from({ length: runs }, () => {
      const counts = [0, 0];
      for (let requests = 100; requests <= 50_000; requests += 100) {
        for (let i = 0; i < 100; i += requestsPerUser) {
          const variant = random() < got ? 1 : 0;
          counts[variant] = (counts[variant] ?? 0) + requestsPerUser;
        }
        const { logEvidence } = sampleRatio(
          counts.map((count) => count / counted),
          [0.9, 0.1],
        );
        if (logEvidence >= -Math.log(FALSE_MISMATCHES)) return requests;
      }
      return null;
    });
  }

  test("10 % that really get 11 % are stopped by 50,000 requests", (t) => {
    const outcomes = mismatches(9, 500, 0.11);
    const found = outcomes.filter((each) => each !== null);
    const at = [...found].sort((a, b) => a - b);
    t.diagnostic(
      `stopped: ${found.length} of 500, median after ${median(found)} requests, the last after ${at.at(-1)}`,
    );
    assert.ok(found.length >= 0.99 * 500);
  });

  test("10 % that get 10 % are not, looked at 500 times", (t) => {
    const found = mismatches(10, 2000, 0.1).filter((each) => each !== null).length;
    t.diagnostic(`false mismatch: ${found} of 2000`);
    assert.ok(found <= 2 * FALSE_MISMATCHES * 2000);
  });

  test("20 requests of each user are one draw: told so, it does not take their clumps for a mismatch", (t) => {
    const [alone, told] = [1, 20].map(
      (counted) => mismatches(11, 200, 0.1, 20, counted).filter((each) => each !== null).length,
    );
    t.diagnostic(
      `false mismatch of clumped requests: ${alone} of 200, with --requests-per-user 20 ${told} of 200`,
    );
    assert.ok((told ?? 200) <= 1);
    assert.ok((alone ?? 0) > 20, "the clumps are large enough to tell");
  });
});
