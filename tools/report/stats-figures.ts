// What `serin stats` shows of each rollout: its evidence and verdict, and of each variant how its requests ended.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import { ENDINGS } from "../metrics/leaves.ts";
import {
  CONTROL,
  hasLeft,
  requestsOf,
  shareOf,
  type ShadowCounts,
  type Snapshot,
  type VariantCounts,
} from "../metrics/snapshot.ts";
import { quantileOf } from "../statistics/bins.ts";
import type { Interval } from "../statistics/evidence.ts";
import { errorFigures, errorsOf } from "../verdict/counts.ts";
import type { Decision } from "../verdict/decision.ts";
import { type GuardState } from "../verdict/guard.ts";
import type { GoalMeasure } from "../verdict/goals.ts";
import { howSure, type HowSure } from "../verdict/how-sure.ts";
import { DEFAULT_LIMITS, DEFAULT_SHADOW_LIMITS } from "../verdict/limits.ts";
import { partOf, type Measure } from "../verdict/measure.ts";
import { noEvidenceReason } from "../verdict/no-evidence.ts";
import { judgeShadow } from "../verdict/shadow.ts";
import { judge, type RolloutVerdict } from "../verdict/verdict.ts";

export interface RolloutFigures {
  readonly verdict: Decision | null;
  readonly reason: string;
  readonly period: RolloutVerdict["period"];
  /** Why there is no evidence; null where there is some. */
  readonly noEvidence: string | null;
  /** What the guard does with each variant that it is there for. */
  readonly guards: ReadonlyMap<string, GuardState>;
  readonly rows: readonly VariantFigures[];
}

/** Which part of the users met it, 0 to 1; null where no user was counted. */
export interface EvidenceFigures {
  readonly verdict: Decision | null;
  /** Null for a control group of which nothing but its users is counted: they are not summed over Envoys. */
  readonly users: number | null;
  /** The share that is asked for, 0 to 1. */
  readonly target: number | null;
  /** What it comes to among users; null for the control group. */
  readonly actual: number | null;
  readonly errors: number | null;
  readonly clientErrors: number | null;
  readonly redirects: number | null;
  /** Of the threshold at which most is known against it. */
  readonly slow: number | null;
  /** In milliseconds: that threshold. */
  readonly slowerThan: number | null;
  /** Who reached each goal, by name. */
  readonly goals: ReadonlyMap<string, GoalFigures>;
  /** What is nearest to its limit; null for the control group. */
  readonly howSure: HowSure | null;
}

export interface GoalFigures {
  /** Who reached it, whether or not they met the rollout. */
  readonly users: number;
  /** Of the users, 0 to 1; null without any. */
  readonly part: number | null;
  /** How many times as many as of the baseline's; null for the control group, and while nobody did. */
  readonly ratio: number | null;
  /** At all looks together. */
  readonly interval: GoalMeasure["interval"] | null;
  /** What a user who reached it is worth on average; null where the policy has no `value`. */
  readonly value: number | null;
}

export interface VariantFigures {
  readonly name: string;
  /** Null for the default, whose users are counted in the control group. */
  readonly evidence: EvidenceFigures | null;
  /** 0 to 1; null where nobody says. */
  readonly shareAsked: number | null;
  /** Of the rollout's requests; null without any, and for the control group, which is a part of the default. */
  readonly shareSeen: number | null;
  readonly requests: number;
  /** Requests a second, of late; null when it is not known yet. */
  readonly perSecond: number | null;
  /** Requests that have ended, by class: `rq_2xx`, `rq_reset`. Empty where they are not counted. */
  readonly classes: Readonly<Record<string, number>>;
  /** Requests that have ended. */
  readonly ended: number;
  readonly errors: number;
  /** 0 to 1; null when no request has ended. */
  readonly errorRate: number | null;
  /** 95%, at all looks together. */
  readonly errorInterval: Interval;
  /** Milliseconds; null when none was counted. */
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  readonly active: number;
  /** Refused for want of room or of a healthy host; null where it is not counted. */
  readonly overflow: number | null;
  /** Requests that Envoy sent to an upstream more than once; null where they are not counted. */
  readonly retried: number | null;
  readonly grpcErrors: number | null;
}

const ALPHA = 0.05;

/** By rollout, without those that have left the policy. `all`: what is shown; `recent`: of the last moments, for rates. */
export function figuresOf(all: Snapshot, recent: Snapshot | null): Map<string, RolloutFigures> {
  const { rollouts } = judge(all, DEFAULT_LIMITS);
  return new Map(
    [...all.rollouts].flatMap(([rollout, counts]): [string, RolloutFigures][] => {
      const verdict = rollouts.get(rollout);
      if (verdict === undefined || hasLeft(counts)) return [];
      const { variants, control } = counts;
      const total = [...variants.values()].reduce((sum, each) => sum + requestsOf(each), 0);
      const late = recent?.rollouts.get(rollout);
      const rows = [...variants].map(([name, own]) => {
        const lately = late?.variants.get(name) ?? null;
        const seen = total > 0 ? requestsOf(own) / total : null;
        return variantFigures(name, own, seen, perSecond(lately, recent), evidenceOf(verdict, name, own));
      });
      const compared = controlEvidence(verdict, control);
      if (control !== null && compared !== null) {
        const lately = late?.control ?? null;
        rows.push(variantFigures(CONTROL, control, null, perSecond(lately, recent), compared));
      }
      const { decision, reason, period, guards } = verdict;
      const noEvidence = noEvidenceReason(counts.users);
      return [[rollout, { verdict: decision, reason, period, noEvidence, guards, rows }]];
    }),
  );
}

function evidenceOf(verdict: RolloutVerdict, name: string, counts: VariantCounts): EvidenceFigures | null {
  const own = verdict.variants.get(name);
  if (own === undefined) return null;
  const [slowerThan, slow] = slowest(own.latency.thresholds) ?? [null, null];
  return {
    verdict: own.decision,
    // Under signals: count users are counted, and nothing that they met.
    users: Math.round(verdict.ratio.shares.get(name)?.users ?? own.users.variant),
    target: shareOf(counts),
    actual: verdict.ratio.shares.get(name)?.actual ?? null,
    errors: partOf(own.errors.variant),
    clientErrors: partOf(own.clientErrors.variant),
    redirects: partOf(own.redirects.variant),
    slow: slow === null ? null : partOf(slow.variant),
    slowerThan,
    goals: new Map([...own.goals].map(([goal, measure]) => [goal, goalFigures(measure, "variant")])),
    howSure: partOf(own.errors.variant) === null ? null : (howSure(verdict, name)[0] ?? null),
  };
}

function goalFigures(measure: GoalMeasure, side: "variant" | "baseline"): GoalFigures {
  const { ratio, interval, value } = measure;
  const isOwn = side === "variant" && ratio !== null;
  return {
    users: measure[side].met,
    part: partOf(measure[side]),
    ratio: isOwn ? ratio : null,
    interval: isOwn ? interval : null,
    value: value[side],
  };
}

/** The control group beside the first variant that it is compared with. */
function controlEvidence(verdict: RolloutVerdict, control: VariantCounts | null): EvidenceFigures | null {
  const [first] = verdict.variants.values();
  if (first === undefined || control === null) return null;
  const [slowerThan, slow] = slowest(first.latency.thresholds) ?? [null, null];
  return {
    verdict: null,
    users: partOf(first.errors.baseline) === null ? null : first.users.baseline,
    target: shareOf(control),
    actual: null,
    errors: partOf(first.errors.baseline),
    clientErrors: partOf(first.clientErrors.baseline),
    redirects: partOf(first.redirects.baseline),
    slow: slow === null ? null : partOf(slow.baseline),
    slowerThan,
    goals: new Map([...first.goals].map(([goal, measure]) => [goal, goalFigures(measure, "baseline")])),
    howSure: null,
  };
}

/** The threshold that speaks most against the variant. */
function slowest(thresholds: ReadonlyMap<number, Measure>): readonly [number, Measure] | null {
  return [...thresholds].sort(([, a], [, b]) => b.logEvidence - a.logEvidence)[0] ?? null;
}

function variantFigures(
  name: string,
  counts: VariantCounts,
  shareSeen: number | null,
  rate: number | null,
  evidence: EvidenceFigures | null,
): VariantFigures {
  const errors = errorFigures(errorsOf(counts), ALPHA);
  const quantile = (level: number): number | null => quantileOf(counts.latency, level);
  const classes = ENDINGS.flatMap((leaf): [string, number][] => {
    const count = counts.counters.get(leaf);
    return count === undefined ? [] : [[leaf, count]];
  });
  return {
    name,
    evidence,
    shareAsked: shareOf(counts),
    shareSeen,
    requests: requestsOf(counts),
    perSecond: rate,
    classes: Object.fromEntries(classes),
    ended: errors.ended,
    errors: errors.errors,
    errorRate: errors.rate,
    errorInterval: errors.rateInterval,
    p50: quantile(0.5),
    p90: quantile(0.9),
    p99: quantile(0.99),
    active: counts.gauges.get(statNames.RQ_ACTIVE) ?? 0,
    overflow: counts.counters.get(statNames.RQ_OVERFLOW) ?? null,
    retried: counts.counters.get(statNames.RQ_RETRIED) ?? null,
    grpcErrors: counts.counters.get(statNames.GRPC_ERROR) ?? null,
  };
}

function perSecond(lately: VariantCounts | null, recent: Snapshot | null): number | null {
  if (recent === null || recent.seconds === null || recent.seconds <= 0) return null;
  return (lately?.counters.get(statNames.RQ_TOTAL) ?? 0) / recent.seconds;
}

/** What came of a shadow's copies. */
export interface ShadowFigures {
  readonly name: string;
  /** Since the counters began. */
  readonly sent: number;
  /** Of the copies that were compared. */
  readonly compared: number;
  readonly match: number;
  readonly status: number;
  readonly headers: number;
  readonly body: number;
  readonly noise: number;
  /** Copies without an answer to compare. */
  readonly timeout: number;
  readonly reset: number;
  /** Copies whose answer cannot be compared with production's. */
  readonly incomparable: number;
  readonly p50: number | null;
  readonly productionP50: number | null;
  /** As `serin report` has it, with its first reason; null where it is left out. */
  readonly verdict: Decision | null;
  readonly by: "users" | "copies";
  readonly reason: string;
}

export function shadowFigures(shadows: ReadonlyMap<string, ShadowCounts>): ShadowFigures[] {
  return [...shadows].map(([name, shadow]) => {
    const { latency, productionLatency } = shadow;
    const verdict = judgeShadow(shadow, DEFAULT_SHADOW_LIMITS);
    const { sent, compared, match, status, headers, body, noise, timeout, reset, incomparable } =
      verdict.copies;
    return {
      ...{ name, sent, compared, match, status, headers, body, noise, timeout, reset, incomparable },
      p50: quantileOf(latency, 0.5),
      productionP50: quantileOf(productionLatency, 0.5),
      ...{ verdict: verdict.decision, by: verdict.by, reason: verdict.reasons[0] ?? "" },
    };
  });
}
