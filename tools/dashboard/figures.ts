// The totals of each rollout and shadow, with the verdict: what the page's tables show.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import {
  hasLeft,
  requestsOf,
  shareOf,
  type ShadowCounts,
  type Snapshot,
  type VariantCounts,
} from "../metrics/snapshot.ts";
import { errorsOf } from "../verdict/counts.ts";
import { GUARD_WORDS, guardsWords } from "../verdict/guard.ts";
import { howSure, howSureOfRatio } from "../verdict/how-sure.ts";
import { DEFAULT_LIMITS, DEFAULT_SHADOW_LIMITS } from "../verdict/limits.ts";
import { partOf, type Measure } from "../verdict/measure.ts";
import { judgeShadow } from "../verdict/shadow.ts";
import { judge, type RolloutVerdict } from "../verdict/verdict.ts";
import { classesOf, errorRateOf, quantilesOf, trafficOf } from "./point.ts";
import type { Comparable } from "./totals.ts";
import type { RolloutState, ShadowState, UsersState, VariantState } from "./wire.ts";

/** `comparable` holds the rollout's counts; the verdict is the one that `serin report` gives on them. */
export function rolloutState(name: string, { from, snapshot }: Comparable): RolloutState | null {
  const rollout = snapshot.rollouts.get(name);
  const verdict = judge(snapshot, DEFAULT_LIMITS).rollouts.get(name);
  if (rollout === undefined || verdict === undefined) return null;
  const total = trafficOf(rollout);
  const { decision, baseline, period } = verdict;
  // A page takes no options; the command that serves it does.
  const isUnknown = baseline === null && decision !== null;
  return {
    ...{ name, decision, period, countedFrom: from, seconds: snapshot.seconds },
    reason: isUnknown ? UNKNOWN_DEFAULT : verdict.reason,
    baseline: baseline?.variant ?? null,
    ratio: howSureOfRatio(verdict),
    guard: guardState(verdict),
    variants: [...rollout.variants].map(([variant, counts]) => variantState(variant, counts, total, verdict)),
  };
}

function guardState({ guards }: RolloutVerdict): RolloutState["guard"] {
  const words = guardsWords(guards);
  const word = GUARD_WORDS.find((each) => [...guards.values()].some((state) => state.word === each));
  return words === null || word === undefined ? null : { word, words };
}

const UNKNOWN_DEFAULT = "which variant is the default is not known: start serin dashboard with --policy FILE";

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
    guard: verdict.guards.get(name)?.word ?? null,
    users: usersState(name, counts, verdict),
    asked: shareOf(counts),
    seen: total > 0 ? requestsOf(counts) / total : null,
    requests: requestsOf(counts),
    ended: count.trials,
    classes: classesOf(counts),
    errors: count.successes,
    errorRate: errorRateOf(counts),
    ...quantilesOf(counts.latency),
    active: counts.gauges.get(statNames.RQ_ACTIVE) ?? 0,
  };
}

/** The baseline's are those of the control group, as the first variant is compared with it. */
function usersState(name: string, counts: VariantCounts, verdict: RolloutVerdict): UsersState | null {
  const isBaseline = name === verdict.baseline?.variant;
  const judged = isBaseline ? [...verdict.variants.values()][0] : verdict.variants.get(name);
  if (judged === undefined) return null;
  const side = isBaseline ? "baseline" : "variant";
  const part = (measure: Measure): number | null => partOf(measure[side]);
  return {
    count: judged.users[side],
    target: isBaseline ? null : shareOf(counts),
    actual: isBaseline ? null : (verdict.ratio.shares.get(name)?.actual ?? null),
    errors: part(judged.errors),
    clientErrors: part(judged.clientErrors),
    redirects: part(judged.redirects),
    slow: [...judged.latency.thresholds].map(([threshold, measure]) => [threshold, part(measure)] as const),
    goals: [...judged.goals].map(([goal, { [side]: reached, ratio, interval }]) => ({
      name: goal,
      count: reached.met,
      part: partOf(reached),
      ratio:
        isBaseline || ratio === null
          ? null
          : { value: finite(ratio), lower: interval.lower, upper: finite(interval.upper) },
    })),
    sure: isBaseline ? [] : howSure(verdict, name),
  };
}

/** JSON has no Infinity. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

export function shadowState(name: string, shadow: ShadowCounts): ShadowState {
  const verdict = judgeShadow(shadow, DEFAULT_SHADOW_LIMITS);
  return {
    name,
    counters: Object.fromEntries(shadow.counters),
    latency: quantilesOf(shadow.latency),
    productionLatency: quantilesOf(shadow.productionLatency),
    ...{ decision: verdict.decision, by: verdict.by, reasons: verdict.reasons, places: verdict.places },
    mismatch: { count: verdict.mismatch.count, of: verdict.mismatch.of },
  };
}

/**
 * The names to watch, of those that are there: those that were asked for, or all, and no more than `most`. `latest`: what
 * each endpoint said last: a rollout that none of them has any more has gone with its Envoy.
 */
export function watchedNames(
  totals: Snapshot,
  latest: readonly Snapshot[],
  asked: ReadonlySet<string>,
  most: number,
): { readonly rollouts: string[]; readonly shadows: string[]; readonly unwatched: number } {
  const wanted = (name: string): boolean => asked.size === 0 || asked.has(name);
  const isThere = (name: string): boolean => latest.some((each) => each.rollouts.has(name));
  // What has left the policy stays in Envoy's counters, and would stay here.
  const rollouts = [...totals.rollouts]
    .filter(([name, rollout]) => wanted(name) && isThere(name) && !hasLeft(rollout))
    .map(([name]) => name);
  const shadows = [...totals.shadows.keys()].filter(wanted);
  return {
    rollouts: rollouts.slice(0, most),
    shadows: shadows.slice(0, most),
    unwatched: Math.max(0, rollouts.length - most) + Math.max(0, shadows.length - most),
  };
}
