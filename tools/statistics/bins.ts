// A histogram as bins, read as values spread evenly over each of them.

/** `count` values in [lower, lower + width), in milliseconds. A count may be a fraction (Prometheus extrapolates). */
export interface Bin {
  readonly lower: number;
  readonly width: number;
  readonly count: number;
}

/** How many values there are. */
export function totalOf(bins: readonly Bin[]): number {
  let total = 0;
  for (const { count } of bins) total += count;
  return total;
}

/**
 * The value that `rank` of the values lie below, 0 to the total; null beyond it and for a histogram without values.
 * `bins` in ascending order. Within a bin by linear interpolation, as Prometheus' histogram_quantile does.
 */
export function valueAt(bins: readonly Bin[], rank: number): number | null {
  let below = 0;
  for (const { lower, width, count } of bins) {
    if (count <= 0) continue;
    if (rank <= below + count) return lower + (Math.max(0, rank - below) / count) * width;
    below += count;
  }
  return null;
}

/** The value that a part `level` (0 to 1) of the values lie below; null without values. */
export function quantileOf(bins: readonly Bin[], level: number): number | null {
  return valueAt(bins, totalOf(bins) * level);
}
