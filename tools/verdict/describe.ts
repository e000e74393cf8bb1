// What is told of requests beside the verdict. It decides nothing: requests of one user are no independent draws, and a
// value can be anywhere in its bin, which is why everything here is from the bins' edges.

import { totalOf, type Bin } from "../statistics/bins.ts";
import type { Interval } from "../statistics/evidence.ts";

export const LEVELS = [0.5, 0.9, 0.99] as const;

/** Between which values, in milliseconds, a quantile lies: the edges of its bin. Null without values. */
export interface QuantileEdges {
  readonly level: number;
  readonly variant: Interval | null;
  readonly baseline: Interval | null;
}

export interface Description {
  readonly quantiles: readonly QuantileEdges[];
  /** The chance that a request of the variant took longer than one of the baseline, ties half: its bounds; null without values. */
  readonly superiority: Interval | null;
  /** Some bin that a quantile lies in is too wide to say anything: its end is more than half as large again as its begin. */
  readonly isCoarse: boolean;
}

const COARSE = 1.5;
/** Bins that end below so many milliseconds are fine enough. */
const FINE_MS = 5;

export function describe(variant: readonly Bin[], baseline: readonly Bin[]): Description {
  const quantiles = LEVELS.map((level) => ({
    level,
    variant: edgesAt(variant, level),
    baseline: edgesAt(baseline, level),
  }));
  const all = quantiles.flatMap((each) => [each.variant, each.baseline]);
  return {
    quantiles,
    superiority: superiorityOf(variant, baseline),
    isCoarse: all.some(
      (edges) => edges !== null && edges.upper > FINE_MS && edges.upper > edges.lower * COARSE,
    ),
  };
}

/** The bin that holds the quantile: the value that so large a part of all is at most. */
function edgesAt(bins: readonly Bin[], level: number): Interval | null {
  const rank = totalOf(bins) * level;
  let below = 0;
  for (const { lower, width, count } of bins) {
    if (count <= 0) continue;
    below += count;
    if (below >= rank) return { lower, upper: lower + width };
  }
  return null;
}

/** Mann & Whitney 1947 (Ann. Math. Stat. 18, 50-60), with values at the edges that are best and worst for the variant. */
function superiorityOf(variant: readonly Bin[], baseline: readonly Bin[]): Interval | null {
  const pairs = totalOf(variant) * totalOf(baseline);
  if (pairs <= 0) return null;
  let [surely, maybe] = [0, 0];
  for (const own of variant) {
    for (const other of baseline) {
      const count = own.count * other.count;
      if (own.lower >= other.lower + other.width) surely += count;
      else if (own.lower + own.width > other.lower) maybe += count;
    }
  }
  return { lower: surely / pairs, upper: (surely + maybe) / pairs };
}

/** A threshold of slowness, in milliseconds, that about so large a part of requests is slower than; null without values. */
export function thresholdFor(bins: readonly Bin[], part: number): number | null {
  const edges = edgesAt(bins, 1 - part);
  return edges === null ? null : Math.max(1, Number(edges.upper.toPrecision(2)));
}

/** Buckets that tell latencies apart, for an Envoy that Prometheus scrapes: a block of its bootstrap. */
export const BUCKET_SETTINGS = `stats_config:
  histogram_bucket_settings:
    - match: { prefix: wasmcustom.serin. }
      buckets: [1, 2, 3, 5, 7, 10, 14, 20, 28, 40, 56, 80, 110, 160, 220, 320, 450, 640, 900, 1300, 1800, 2600, 3600, 5200, 7400, 10000]`;
