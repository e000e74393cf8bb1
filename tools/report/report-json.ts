// A report as one JSON document; docs/report.md describes it.

import type { Interval } from "../statistics/evidence.ts";
import type { Printable } from "../terminal/ordered-json.ts";
import { FALSE_MISMATCHES, FALSE_SHADOW_FAILS, FALSE_SHADOW_PASSES } from "../verdict/limits.ts";
import type { GoalMeasure } from "../verdict/goals.ts";
import { partOf, type Measure, type MetUsers } from "../verdict/measure.ts";
import type { RatioJudgement } from "../verdict/ratio.ts";
import type { ShadowVerdict, ShareMeasure } from "../verdict/shadow.ts";
import type { LatencyMeasures, VariantVerdict } from "../verdict/variant.ts";
import type { RolloutVerdict } from "../verdict/verdict.ts";
import type { Report } from "./report.ts";

export function reportJson({
  decision,
  verdict,
  shadows,
  snapshot,
  limits,
  origin,
  nothing,
}: Report): Printable {
  return {
    verdict: decision,
    ...(nothing === null ? {} : { reason: nothing }),
    rollouts: new Map([...verdict.rollouts].map(([name, rollout]) => [name, rolloutJson(rollout)])),
    shadows: new Map([...shadows].map(([name, shadow]) => [name, shadowJson(shadow)])),
    ...(snapshot.effects.size === 0 ? {} : { effects: snapshot.effects }),
    source: origin,
    takenAt: new Date(snapshot.takenAt).toISOString(),
    limits: { ...limits },
  };
}

function shadowJson({
  decision,
  by,
  reasons,
  needed,
  period,
  copies,
  places,
  ...shares
}: ShadowVerdict): Printable {
  return {
    verdict: decision,
    reasons,
    by,
    period: period === null ? null : { ...period },
    mismatch: shareJson(shares.mismatch),
    unanswered: shareJson(shares.unanswered),
    incomparable: shareJson(shares.incomparable),
    needed,
    copies: { ...copies },
    places: new Map(places.map(({ pointer, count }) => [pointer, count])),
  };
}

/** `eValue`: against "at most the limit", and `eValueWithin` against "at least the limit". */
function shareJson({ decision, bounds, logWithin, logBeyond, of, ...rest }: ShareMeasure): Printable {
  return {
    verdict: decision,
    count: rest.count,
    of,
    noiseOnly: rest.noiseOnly,
    share: rest.share,
    interval:
      bounds === null
        ? null
        : {
            ...intervalJson(bounds),
            lowerLevel: 1 - FALSE_SHADOW_FAILS,
            upperLevel: 1 - FALSE_SHADOW_PASSES,
          },
    eValue: eValueOf(logBeyond),
    eValueWithin: eValueOf(logWithin),
    limit: rest.limit,
  };
}

function rolloutJson({
  decision,
  reason,
  baseline,
  period,
  ratio,
  variants,
  guards,
  leftOut,
}: RolloutVerdict): Printable {
  return {
    verdict: decision,
    reason,
    baseline: baseline === null ? null : { ...baseline },
    period: period === null ? null : { ...period },
    ratio: ratioJson(ratio),
    variants: new Map([...variants].map(([name, variant]) => [name, variantJson(variant)])),
    guard: new Map([...guards].map(([name, state]) => [name, { ...state }])),
    leftOut,
  };
}

function ratioJson({ decision, logEvidence, shares }: RatioJudgement): Printable {
  return {
    verdict: decision,
    eValue: eValueOf(logEvidence),
    threshold: 1 / FALSE_MISMATCHES,
    shares: new Map([...shares].map(([name, share]) => [name, { ...share }])),
  };
}

function retriesJson(retries: VariantVerdict["retries"]): Printable {
  if (retries === null) return null;
  const { variant, baseline } = retries;
  return { count: variant.retried, baseline: baseline?.retried ?? null };
}

function variantJson(variant: VariantVerdict): Printable {
  const { errors, clientErrors, redirects, ok, latency, unfinished, users, goals } = variant;
  return {
    verdict: variant.decision,
    reasons: variant.reasons,
    requests: variant.requests,
    users: { count: users.variant, baseline: users.baseline, needed: variant.usersNeeded },
    errors: measureJson(errors),
    clientErrors: measureJson(clientErrors),
    redirects: measureJson(redirects),
    ok: measureJson(ok),
    latency: latencyJson(latency),
    unfinished: {
      verdict: unfinished.decision,
      count: unfinished.variant,
      baseline: unfinished.baseline,
      ratio: unfinished.ratio,
    },
    retries: retriesJson(variant.retries),
    goals: new Map([...goals].map(([name, goal]) => [name, goalJson(goal)])),
  };
}

function measureJson(measure: Measure): { readonly [name: string]: Printable } {
  const { decision, variant, baseline, ratio, interval, logEvidence, limit, usersNeeded } = measure;
  return {
    verdict: decision,
    ...metJson(variant),
    baseline: metJson(baseline),
    ratio,
    interval: { ...intervalJson(interval), level: interval.level },
    eValue: eValueOf(logEvidence),
    limit,
    usersNeeded,
  };
}

function goalJson(goal: GoalMeasure): Printable {
  const { isSignificant, isWithin, leans, value } = goal;
  return {
    ...measureJson(goal),
    difference: isSignificant ? leans : null,
    withinLimit: isWithin,
    value: { average: value.variant, baseline: value.baseline },
  };
}

function metJson(side: MetUsers): {
  readonly count: number;
  readonly users: number;
  readonly share: number | null;
} {
  return { count: side.met, users: side.users, share: partOf(side) };
}

function latencyJson({ decision, logEvidence, thresholds, description }: LatencyMeasures): Printable {
  const { quantiles, superiority } = description;
  return {
    verdict: decision,
    eValue: eValueOf(logEvidence),
    slow: new Map([...thresholds].map(([threshold, measure]) => [String(threshold), measureJson(measure)])),
    quantiles: new Map(
      quantiles.map(({ level, variant, baseline }) => [
        `p${level * 100}`,
        {
          milliseconds: variant === null ? null : intervalJson(variant),
          baseline: baseline === null ? null : intervalJson(baseline),
        },
      ]),
    ),
    superiority: superiority === null ? null : intervalJson(superiority),
  };
}

/** E-values of their periods: what is held against the threshold. The largest are beyond what a number can say. */
function eValueOf(logEvidence: number | null): number | null {
  return logEvidence === null ? null : Math.exp(Math.min(LARGEST, logEvidence));
}

const LARGEST = 700;

function intervalJson({ lower, upper }: Interval): { readonly lower: number; readonly upper: number } {
  return { lower, upper };
}
