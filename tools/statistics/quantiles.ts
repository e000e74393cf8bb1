// A quantile of a histogram, and between which values the true one lies, however often it is looked at.
//
// How many values lie below the true p-quantile is a count of trials with chance p, so evidence against p is evidence
// against a value being the quantile: Howard & Ramdas 2022, "Sequential estimation of quantiles with applications to A/B
// testing and best-arm identification", Bernoulli 28, 1704-1728 (the beta-binomial confidence sequence of section 3). At a
// single look it would be the binomial interval of order statistics.

import { totalOf, valueAt, type Bin } from "./bins.ts";
import { crossing, evidenceAgainst, type Interval } from "./evidence.ts";

export interface QuantileEstimate {
  /** Milliseconds; null without values. */
  readonly value: number | null;
  /** `lower` is 0, and `upper` Infinity, while there are too few values to bound it. */
  readonly interval: Interval;
}

/** How many values the prior weighs as much as: good from a few hundred values on. */
const CONCENTRATION = 50;

/** `level` above 0 and below 1. The interval holds at all times together with a chance of at least 1 - alpha. */
export function estimateQuantile(bins: readonly Bin[], level: number, alpha: number): QuantileEstimate {
  const total = totalOf(bins);
  if (total <= 0) return { value: null, interval: { lower: 0, upper: Infinity } };
  const ranks = rankInterval(total, level, alpha);
  return {
    value: valueAt(bins, total * level),
    interval: {
      lower: ranks.lower <= 0 ? 0 : (valueAt(bins, ranks.lower) ?? 0),
      upper: ranks.upper >= total ? Infinity : (valueAt(bins, ranks.upper) ?? Infinity),
    },
  };
}

/** Between which ranks the true quantile of `total` values lies. */
export function rankInterval(total: number, level: number, alpha: number): Interval {
  const against = evidenceAgainst(level, CONCENTRATION);
  const threshold = -Math.log(alpha);
  const excess = (rank: number): number => against({ successes: rank, trials: total }) - threshold;
  return {
    lower: crossing(excess, 0, total * level),
    upper: crossing(excess, total, total * level),
  };
}
