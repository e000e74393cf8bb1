// What Envoy counted, a line a variant: read from the admin's stats, since start or since a moment in between.

import {
  STAT_ERROR,
  STAT_NAMESPACE,
  STAT_ROLLOUT,
  STAT_RQ_5XX,
  STAT_RQ_ACTIVE,
  STAT_RQ_RESET,
  STAT_RQ_TIME,
  STAT_RQ_TOTAL,
  STAT_SHARE,
} from "../../assembly/vocabulary/stats.ts";
import type { Admin, Bin } from "../envoy/index.ts";

/** All that Serin counts in one Envoy at one moment. */
export interface EnvoyCounts {
  /** Counters and gauges by name, without Envoy's prefix. */
  readonly values: ReadonlyMap<string, number>;
  readonly histograms: ReadonlyMap<string, readonly Bin[]>;
}

export interface VariantCounts {
  /** Thousandths of a percent. */
  readonly share: number;
  readonly requests: number;
  /** Answers of class 5xx, and requests that were cut. */
  readonly errors: number;
  readonly active: number;
  /** Milliseconds; null before Envoy's first flush. */
  readonly p50: number | null;
  readonly p99: number | null;
}

export const NO_COUNTS: EnvoyCounts = { values: new Map(), histograms: new Map() };

const OURS = "^wasmcustom\\.serin\\.";

export async function readCounts(admin: Admin): Promise<EnvoyCounts> {
  const [values, histograms] = await Promise.all([admin.stats(OURS), admin.histograms(OURS)]);
  return { values: withoutNamespace(values), histograms: withoutNamespace(histograms) };
}

/** What was counted for one variant since `before`; gauges are as they are now. */
export function countsOf(
  now: EnvoyCounts,
  rollout: string,
  variant: string,
  before: EnvoyCounts = NO_COUNTS,
): VariantCounts {
  const name = (leaf: string): string => `${STAT_ROLLOUT}${rollout}.${variant}.${leaf}`;
  const gauge = (leaf: string): number => now.values.get(name(leaf)) ?? 0;
  const counter = (leaf: string): number => counterOf(now, name(leaf), before);
  const times = name(STAT_RQ_TIME);
  return {
    share: gauge(STAT_SHARE),
    requests: counter(STAT_RQ_TOTAL),
    errors: counter(STAT_RQ_5XX) + counter(STAT_RQ_RESET),
    active: gauge(STAT_RQ_ACTIVE),
    p50: quantileSince(now, times, before, 0.5),
    p99: quantileSince(now, times, before, 0.99),
  };
}

/** What a counter counted since `before`. */
export function counterOf(now: EnvoyCounts, name: string, before: EnvoyCounts): number {
  return (now.values.get(name) ?? 0) - (before.values.get(name) ?? 0);
}

/** As `quantile`, of what a histogram recorded since `before`. */
export function quantileSince(
  now: EnvoyCounts,
  name: string,
  before: EnvoyCounts,
  part: number,
): number | null {
  return quantile(sinceThen(now.histograms.get(name) ?? [], before.histograms.get(name) ?? []), part);
}

/** How often the filter survived something that should not happen. */
export function survivedErrors(counts: EnvoyCounts): number {
  return counts.values.get(STAT_ERROR) ?? 0;
}

/** Requests that have not been counted to their end. */
export function unfinished(counts: EnvoyCounts): number {
  let sum = 0;
  for (const [name, value] of counts.values) if (name.endsWith(`.${STAT_RQ_ACTIVE}`)) sum += value;
  return sum;
}

/** The value below which so large a part of what was recorded lies: a bin's middle, whole milliseconds as they are. */
export function quantile(bins: readonly Bin[], part: number): number | null {
  const total = bins.reduce((sum, bin) => sum + bin.count, 0);
  if (total === 0) return null;
  let left = Math.max(1, Math.ceil(total * part));
  for (const bin of bins) {
    left -= bin.count;
    if (left <= 0) return bin.width > 1 ? bin.lowerBound + bin.width / 2 : bin.lowerBound;
  }
  return null;
}

function sinceThen(now: readonly Bin[], before: readonly Bin[]): Bin[] {
  const earlier = new Map(before.map((bin) => [bin.lowerBound, bin.count]));
  return now.map((bin) => ({ ...bin, count: Math.max(0, bin.count - (earlier.get(bin.lowerBound) ?? 0)) }));
}

function withoutNamespace<T>(stats: ReadonlyMap<string, T>): Map<string, T> {
  return new Map([...stats].map(([name, value]) => [name.slice(STAT_NAMESPACE.length), value]));
}
