// What Serin counted, at one moment or within one span of time: read from Envoys or from Prometheus, judged by verdict/.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import type { Bin } from "../statistics/bins.ts";
import type { ShadowUsers, UserCounts } from "./users.ts";

/** A slice of the default's users that is counted apart, for a fair comparison. No variant may have this name. */
export const CONTROL = statNames.CONTROL;

/** Of one variant. Counters and gauges by the last word of their name: `rq_total`, `share`. */
export interface VariantCounts {
  readonly counters: ReadonlyMap<string, number>;
  readonly gauges: ReadonlyMap<string, number>;
  /** `rq_time` in milliseconds, in ascending order. */
  readonly latency: readonly Bin[];
}

export interface RolloutCounts {
  /** In the policy's order where it is known, else in that of appearance. */
  readonly variants: ReadonlyMap<string, VariantCounts>;
  readonly control: VariantCounts | null;
  /** Variants for which not all Envoys are asked for the same share, and the shares, in thousandths of a percent. */
  readonly shareConflicts: ReadonlyMap<string, readonly number[]>;
  /** What users met, of each Envoy by itself: counts of several cannot be added, the same user may meet two. */
  readonly users: readonly UserCounts[];
}

export interface ShadowCounts {
  readonly counters: ReadonlyMap<string, number>;
  /** Differences by their place, a JSON Pointer. */
  readonly places: ReadonlyMap<string, number>;
  /** Under `sample: identity`: what users met, of each Envoy by itself. */
  readonly users: readonly ShadowUsers[];
  readonly latency: readonly Bin[];
  readonly productionLatency: readonly Bin[];
}

export interface Snapshot {
  /** Milliseconds since 1970. */
  readonly takenAt: number;
  /** For how long was counted, as far as it is known. */
  readonly seconds: number | null;
  readonly rollouts: ReadonlyMap<string, RolloutCounts>;
  readonly shadows: ReadonlyMap<string, ShadowCounts>;
  /** Counters of effects, by the last word of their name. */
  readonly effects: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** How often each flag gave each variant. */
  readonly flags: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** The default variant of each rollout, as far as it is known: stats do not tell. */
  readonly defaults: ReadonlyMap<string, string>;
  /** What else the policy says of each rollout, as far as it is known. */
  readonly terms: ReadonlyMap<string, RolloutTerms>;
}

/** What a policy says of a rollout's evidence. */
export interface RolloutTerms {
  /** What counts as slow, in milliseconds, rising. */
  readonly slow: readonly number[];
  /** For so many seconds after the shares changed slowness is no evidence. */
  readonly warmup: number;
  /** The names of its goals, in the policy's order; null where no policy is known. */
  readonly goals: readonly string[] | null;
  /** What its guard does about a variant that is worse; `unknown` where no policy is known. */
  readonly guard: "rollback" | "alarm" | "none" | "unknown";
}

/** Where the policy is not known, or says nothing. */
export const DEFAULT_TERMS: RolloutTerms = {
  slow: [5, 25, 100, 250, 1000, 5000],
  warmup: 30,
  goals: null,
  guard: "unknown",
};

/** Leaves that say how it is now; all others only grow. */
export const GAUGES: ReadonlySet<string> = new Set([
  statNames.SHARE,
  statNames.RQ_ACTIVE,
  statNames.RQ_ENDED,
]);

export const NO_VARIANT: VariantCounts = { counters: new Map(), gauges: new Map(), latency: [] };
export const NO_SHADOW: ShadowCounts = {
  counters: new Map(),
  places: new Map(),
  users: [],
  latency: [],
  productionLatency: [],
};

export function emptySnapshot(takenAt: number): Snapshot {
  return {
    takenAt,
    seconds: null,
    rollouts: new Map(),
    shadows: new Map(),
    effects: new Map(),
    flags: new Map(),
    defaults: new Map(),
    terms: new Map(),
  };
}

/** Requests that were given the variant. */
export function requestsOf(variant: VariantCounts): number {
  return variant.counters.get(statNames.RQ_TOTAL) ?? 0;
}

/** The share asked for, 0 to 1; null where no gauge says. */
export function shareOf(variant: VariantCounts): number | null {
  const share = variant.gauges.get(statNames.SHARE);
  return share === undefined ? null : share / 100_000;
}

/** Whether no policy has the rollout any more: its counters stay, and the shares of all its variants are 0. */
export function hasLeft({ variants }: RolloutCounts): boolean {
  return variants.size > 0 && [...variants.values()].every((variant) => shareOf(variant) === 0);
}
