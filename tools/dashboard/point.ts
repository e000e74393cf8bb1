// What one window of time, or all of it, comes to.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import { ENDINGS } from "../metrics/leaves.ts";
import {
  requestsOf,
  shareOf,
  type RolloutCounts,
  type ShadowCounts,
  type Snapshot,
  type VariantCounts,
} from "../metrics/snapshot.ts";
import { totalOf, valueAt, type Bin } from "../statistics/bins.ts";
import { rateInterval } from "../statistics/evidence.ts";
import { errorsOf } from "../verdict/counts.ts";
import type { Estimate, Point, Quantiles, ShadowPoint, VariantPoint } from "./wire.ts";

/** The bands of error rates hold the true rate with a chance of at least 1 - ALPHA. */
const ALPHA = 0.05;

/** `window`: what was counted within `window.seconds`. */
export function pointOf(window: Snapshot): Point {
  const seconds = Math.max(0.001, window.seconds ?? 1);
  return {
    at: window.takenAt,
    rollouts: mapped(window.rollouts, (rollout) => {
      const total = trafficOf(rollout);
      return mapped(rollout.variants, (variant) => variantPoint(variant, total, seconds));
    }),
    shadows: mapped(window.shadows, (shadow) => shadowPoint(shadow, seconds)),
  };
}

/** A time at which nobody answered: lines have a gap there. */
export function emptyPoint(at: number): Point {
  return { at, rollouts: {}, shadows: {} };
}

function variantPoint(variant: VariantCounts, total: number, seconds: number): VariantPoint {
  return {
    asked: shareOf(variant),
    seen: total > 0 ? rounded(requestsOf(variant) / total) : null,
    rate: rounded(requestsOf(variant) / seconds),
    errorRate: errorRateOf(variant),
    redirects: partOf(variant, statNames.RQ_3XX),
    clientErrors: partOf(variant, statNames.RQ_4XX),
    ...quantilesOf(variant.latency),
    active: variant.gauges.get(statNames.RQ_ACTIVE) ?? 0,
  };
}

function partOf(variant: VariantCounts, leaf: string): number | null {
  return classesOf(variant)[leaf] ?? null;
}

function shadowPoint(shadow: ShadowCounts, seconds: number): ShadowPoint {
  return {
    rates: mapped(shadow.counters, (count) => rounded(count / seconds)),
    latency: quantilesOf(shadow.latency),
    productionLatency: quantilesOf(shadow.productionLatency),
  };
}

/** Requests of all variants. */
export function trafficOf({ variants }: RolloutCounts): number {
  let total = 0;
  for (const variant of variants.values()) total += requestsOf(variant);
  return total;
}

/** Which part of the requests that ended is of which class; none without any. */
export function classesOf({ counters }: VariantCounts): Record<string, number> {
  const counts = ENDINGS.map((leaf) => [leaf, counters.get(leaf) ?? 0] as const);
  const ended = counts.reduce((sum, [, count]) => sum + count, 0);
  if (ended === 0) return {};
  return Object.fromEntries(counts.map(([leaf, count]) => [leaf, rounded(count / ended)]));
}

/** Null when no request has ended. */
export function errorRateOf(variant: VariantCounts): Estimate | null {
  const count = errorsOf(variant);
  if (count.trials <= 0) return null;
  const { lower, upper } = rateInterval(count, ALPHA);
  return {
    value: rounded(count.successes / count.trials),
    lower: rounded(lower),
    upper: rounded(upper),
  };
}

export function quantilesOf(bins: readonly Bin[]): Quantiles {
  const total = totalOf(bins);
  const at = (level: number): number | null => {
    const value = total > 0 ? valueAt(bins, total * level) : null;
    return value === null ? null : rounded(value);
  };
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}

/** Five digits: more than a screen shows, and a third of the bytes. */
function rounded(value: number): number {
  return Number(value.toPrecision(5));
}

function mapped<Value, Result>(
  map: ReadonlyMap<string, Value>,
  change: (value: Value) => Result,
): Record<string, Result> {
  return Object.fromEntries([...map].map(([name, value]) => [name, change(value)]));
}
