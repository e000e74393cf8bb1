// Which of two histograms tends to larger values: Mann & Whitney 1947, "On a test of whether one of two random variables
// is stochastically larger than the other", Ann. Math. Stat. 18, 50-60, from bins, values of one bin being ties.

import jStat from "jstat";

import { totalOf, type Bin } from "./bins.ts";
import type { Interval } from "./evidence.ts";

export interface RankComparison {
  /** The chance that a treated value is larger than one of the control, ties half: 0 to 1, and 0.5 when alike. */
  readonly superiority: number;
  /** Standard error of that: DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44, 837-845 (variance of placements). */
  readonly standardError: number;
  /** One-sided, of this one look: the chance of a superiority as large as this when it is 0.5. */
  readonly pValue: number;
  /** Where the true superiority lies, at all times together with a chance of about 1 - alpha. */
  readonly interval: Interval;
}

/** Fewer values than this on one side say nothing: standard errors and the limit theorem need some. */
const LEAST_VALUES = 100;

/** Bins in ascending order; those of both may be different ones, within each the values count as spread evenly. */
export function compareRanks(
  treated: readonly Bin[],
  control: readonly Bin[],
  alpha: number,
): RankComparison {
  const [treatedTotal, controlTotal] = [totalOf(treated), totalOf(control)];
  if (Math.min(treatedTotal, controlTotal) < LEAST_VALUES) {
    return { superiority: 0.5, standardError: 0.5, pValue: 1, interval: { lower: 0, upper: 1 } };
  }
  const above = placements(treated, control);
  const below = placements(control, treated);
  const superiority = above.mean;
  const standardError = Math.sqrt(above.variance / treatedTotal + below.variance / controlTotal);
  if (standardError === 0) return separated(superiority);
  const size = (treatedTotal * controlTotal) / (treatedTotal + controlTotal);
  const half = standardError * sequentialWidth(size, alpha);
  return {
    superiority,
    standardError,
    pValue: jStat.normal.cdf((0.5 - superiority) / standardError, 0, 1),
    interval: { lower: Math.max(0, superiority - half), upper: Math.min(1, superiority + half) },
  };
}

/**
 * How many standard errors a confidence sequence is wide to each side after `size` values: Waudby-Smith, Arbour, Sinha,
 * Kennedy & Ramdas 2024, "Time-uniform central limit theory and asymptotic confidence sequences", Ann. Stat. 52,
 * 2613-2640, theorem 2.2, tightest (by their appendix) at TUNED_SIZE.
 */
export function sequentialWidth(size: number, alpha: number): number {
  const logged = -2 * Math.log(alpha);
  const rho2 = (logged + Math.log(logged + 1)) / TUNED_SIZE;
  const information = size * rho2;
  return Math.sqrt((1 + 1 / information) * (Math.log(information + 1) + logged));
}

const TUNED_SIZE = 1000;

/** All of one side lie above all of the other, or everything is in one bin: no variance to tell an error from. */
function separated(superiority: number): RankComparison {
  const isTie = superiority === 0.5;
  return {
    superiority,
    standardError: 0,
    pValue: isTie ? 0.5 : superiority > 0.5 ? 0 : 1,
    interval: { lower: superiority, upper: superiority },
  };
}

/** Mean and variance, over the values of `bins`, of the part of `others` that lies below each. */
function placements(
  bins: readonly Bin[],
  others: readonly Bin[],
): { readonly mean: number; readonly variance: number } {
  const [total, otherTotal] = [totalOf(bins), totalOf(others)];
  let at = 0;
  let below = 0;
  let sum = 0;
  let squares = 0;
  for (const { lower, width, count } of bins) {
    if (count <= 0) continue;
    const middle = lower + width / 2;
    for (let other = others[at]; other !== undefined; other = others[++at]) {
      if (other.lower + other.width > middle) break;
      below += other.count;
    }
    const other = others[at];
    const within =
      other === undefined || other.lower >= middle ? 0 : ((middle - other.lower) / other.width) * other.count;
    const placement = (below + within) / otherTotal;
    sum += count * placement;
    squares += count * placement * placement;
  }
  const mean = sum / total;
  return { mean, variance: Math.max(0, squares / total - mean * mean) };
}
