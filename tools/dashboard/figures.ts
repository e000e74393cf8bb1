// The totals of each rollout and shadow, with the verdict: what the page's tables show.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import {
  requestsOf,
  shareOf,
  type ShadowCounts,
  type Snapshot,
  type VariantCounts,
} from "../metrics/snapshot.ts";
import { errorsOf } from "../verdict/counts.ts";
import { DEFAULT_LIMITS } from "../verdict/limits.ts";
import { judge, type RolloutVerdict } from "../verdict/verdict.ts";
import { errorRateOf, quantilesOf, trafficOf } from "./point.ts";
import type { Comparable } from "./totals.ts";
import type { RolloutState, ShadowState, VariantState } from "./wire.ts";

/** `comparable` holds the rollout's counts; the verdict is the one that `serin report` gives on them. */
export function rolloutState(name: string, { from, snapshot }: Comparable): RolloutState | null {
  const rollout = snapshot.rollouts.get(name);
  const verdict = judge(snapshot, DEFAULT_LIMITS).rollouts.get(name);
  if (rollout === undefined || verdict === undefined) return null;
  const total = trafficOf(rollout);
  return {
    name,
    // What is left out of a report is nothing that could pass.
    decision: verdict.decision ?? "inconclusive",
    reason: verdict.reason,
    baseline: verdict.baseline?.variant ?? null,
    countedFrom: from,
    seconds: snapshot.seconds,
    variants: [...rollout.variants].map(([variant, counts]) => variantState(variant, counts, total, verdict)),
  };
}

function variantState(
  name: string,
  counts: VariantCounts,
  total: number,
  verdict: RolloutVerdict,
): VariantState {
  const own = verdict.variants.get(name);
  const leftOut = verdict.leftOut.get(name);
  const count = errorsOf(counts);
  return {
    name,
    decision: own?.decision ?? null,
    reasons: own?.reasons ?? (leftOut === undefined ? [] : [leftOut]),
    asked: shareOf(counts),
    seen: total > 0 ? requestsOf(counts) / total : null,
    requests: requestsOf(counts),
    ended: count.trials,
    errors: count.successes,
    errorRate: errorRateOf(counts),
    ...quantilesOf(counts.latency),
    active: counts.gauges.get(statNames.RQ_ACTIVE) ?? 0,
  };
}

export function shadowState(name: string, shadow: ShadowCounts): ShadowState {
  return {
    name,
    counters: Object.fromEntries(shadow.counters),
    latency: quantilesOf(shadow.latency),
    productionLatency: quantilesOf(shadow.productionLatency),
  };
}

/** The names to watch, of those that are there: those that were asked for, or all, and no more than `most`. */
export function watchedNames(
  totals: Snapshot,
  asked: ReadonlySet<string>,
  most: number,
): { readonly rollouts: string[]; readonly shadows: string[]; readonly unwatched: number } {
  const wanted = (name: string): boolean => asked.size === 0 || asked.has(name);
  const rollouts = [...totals.rollouts.keys()].filter(wanted);
  const shadows = [...totals.shadows.keys()].filter(wanted);
  return {
    rollouts: rollouts.slice(0, most),
    shadows: shadows.slice(0, most),
    unwatched: Math.max(0, rollouts.length - most) + Math.max(0, shadows.length - most),
  };
}
