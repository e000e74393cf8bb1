// Is a variant slower than the baseline, by more than is tolerated?

import { scaleBins, totalOf, type Bin } from "../statistics/bins.ts";
import { estimateQuantile, type QuantileEstimate } from "../statistics/quantiles.ts";
import { compareRanks, type RankComparison } from "../statistics/rank-test.ts";
import type { Interval } from "../statistics/evidence.ts";
import type { Side } from "./counts.ts";
import type { Decision } from "./decision.ts";
import type { Limits } from "./limits.ts";
import { milliseconds, percent, times } from "../terminal/numbers.ts";

export const LEVELS = [0.5, 0.9, 0.99] as const;

export interface QuantileJudgement {
  readonly level: number;
  readonly decision: Decision;
  readonly variant: QuantileEstimate;
  readonly baseline: QuantileEstimate;
  /** Variant over baseline; null where there is none. */
  readonly ratio: number | null;
  readonly ratioInterval: Interval;
}

export interface LatencyJudgement {
  readonly decision: Decision;
  readonly quantiles: readonly QuantileJudgement[];
  /** As measured. */
  readonly ranks: RankComparison;
  /** Against a baseline that is slower by all that is tolerated. */
  readonly toleratedRanks: RankComparison;
}

type Tolerance = Pick<Limits, "maxLatencyIncrease" | "latencyResolution" | "requestsPerUser">;

/** The parts that share alpha: three quantiles and the ranks. */
const PARTS = LEVELS.length + 1;

/**
 * `fail` when a quantile is surely slower by more than is tolerated, or the whole is by its ranks; `pass` when no quantile
 * can be. A small real slowdown is no fault: a canary with little traffic has colder caches and fewer open connections.
 */
export function judgeLatency(
  variant: Side,
  baseline: Side,
  tolerance: Tolerance,
  alpha: number,
): LatencyJudgement {
  const [here, there] = [variant, baseline].map(({ latency }) =>
    scaleBins(latency, 1 / tolerance.requestsPerUser),
  ) as [Bin[], Bin[]];
  const each = alpha / PARTS;
  const slow = (value: number): number => slowed(value, tolerance);
  const quantiles = LEVELS.map((level) => judgeQuantile(here, there, level, slow, each / 2));
  const slowedThere = there.map((bin) => slowedBin(bin, slow));
  const toleratedRanks = compareRanks(here, slowedThere, each);
  const isSlower =
    toleratedRanks.interval.lower > 0.5 || quantiles.some(({ decision }) => decision === "fail");
  const isFine = quantiles.every(({ decision }) => decision === "pass");
  return {
    decision: isSlower ? "fail" : isFine ? "pass" : "inconclusive",
    quantiles,
    ranks: compareRanks(here, there, each),
    toleratedRanks,
  };
}

function judgeQuantile(
  here: readonly Bin[],
  there: readonly Bin[],
  level: number,
  slow: (value: number) => number,
  alpha: number,
): QuantileJudgement {
  const variant = estimateQuantile(here, level, alpha);
  const baseline = estimateQuantile(there, level, alpha);
  const over = (one: number, other: number): number => (other > 0 ? one / other : Infinity);
  return {
    level,
    decision: quantileDecision(variant, baseline, slow),
    variant,
    baseline,
    ratio: variant.value === null || baseline.value === null ? null : over(variant.value, baseline.value),
    ratioInterval: {
      lower: variant.interval.lower / baseline.interval.upper,
      upper: over(variant.interval.upper, baseline.interval.lower),
    },
  };
}

function quantileDecision(
  here: QuantileEstimate,
  there: QuantileEstimate,
  slow: (value: number) => number,
): Decision {
  if (here.value === null || there.value === null) return "inconclusive";
  if (here.interval.lower > slow(there.interval.upper)) return "fail";
  return here.interval.upper <= slow(there.interval.lower) ? "pass" : "inconclusive";
}

/** A latency of the baseline as slow as is tolerated. */
function slowed(value: number, { maxLatencyIncrease, latencyResolution }: Tolerance): number {
  return Math.max(value * (1 + maxLatencyIncrease), value + latencyResolution);
}

function slowedBin({ lower, width, count }: Bin, slow: (value: number) => number): Bin {
  return { lower: slow(lower), width: slow(lower + width) - slow(lower), count };
}

/** The judgement in words: what decided, or how all three quantiles stand. */
export function latencyWords(
  judgement: LatencyJudgement,
  variant: Side,
  baseline: Side,
  tolerance: Tolerance,
): string {
  if (totalOf(variant.latency) === 0) return "latency: none was counted";
  if (totalOf(baseline.latency) === 0) return `latency: none was counted for ${baseline.name}`;
  const limit = `${times(1 + tolerance.maxLatencyIncrease)} as slow is tolerated`;
  const failing = judgement.quantiles.filter(({ decision }) => decision === "fail");
  if (failing.length > 0) {
    const all = failing.map((each) =>
      quantileWords(each, `surely ${times(each.ratioInterval.lower)} or more`),
    );
    return `latency: ${all.join(", ")}: slower than ${baseline.name} beyond doubt (${limit})`;
  }
  if (judgement.decision === "fail") {
    const { superiority } = judgement.toleratedRanks;
    return (
      `latency: slower than ${baseline.name} beyond doubt (${limit}): a request took longer than one of a ` +
      `${baseline.name} slowed by that much in ${percent(superiority)} of all pairs`
    );
  }
  const asked = judgement.decision === "pass" ? judgement.quantiles : judgement.quantiles.filter(isOpen);
  const all = asked.map((each) => quantileWords(each, rangeWords(each.ratioInterval)));
  const closing = judgement.decision === "pass" ? "within what is tolerated" : "so it may be too slow";
  return `latency: ${all.join(", ")}: ${closing} (${limit})`;
}

function isOpen({ decision }: QuantileJudgement): boolean {
  return decision === "inconclusive";
}

function quantileWords({ level, variant, baseline }: QuantileJudgement, range: string): string {
  const [here, there] = [milliseconds(variant.value ?? 0), milliseconds(baseline.value ?? 0)];
  return `p${level * 100} ${here} against ${there} (${range})`;
}

function rangeWords({ lower, upper }: Interval): string {
  return upper === Infinity ? `surely ${times(lower)} or more` : `surely ${times(lower)} to ${times(upper)}`;
}
