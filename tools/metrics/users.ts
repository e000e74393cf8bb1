// The gauges that hold how many distinct users met what in an evidence period, kept apart from counters, since they begin
// anew with each period.

import * as statNames from "../../assembly/vocabulary/stats.ts";

const OF_ROLLOUT: ReadonlySet<string> = new Set([
  statNames.EVIDENCE_BEGAN,
  statNames.EVIDENCE_PERIOD,
  statNames.EVIDENCE_BITS,
  statNames.EVIDENCE_NONE,
  statNames.EVIDENCE_EPOCH,
  statNames.SHARES_BEGAN,
]);

/** Whether a stat is of the rollout itself. */
export function isOfRollout(leaf: string): boolean {
  return OF_ROLLOUT.has(leaf);
}

/** Whether a stat of a variant counts users, or what those are worth: `users`, `users_slow.250`, `goal.orders.value`. */
export function isOfUsers(leaf: string): boolean {
  return leaf === statNames.USERS || leaf.startsWith("users_") || leaf.startsWith(`${statNames.GOAL}.`);
}

/** Whether a stat of a variant is a gauge that says something of each Envoy by itself. */
export function isOfEnvoy(leaf: string): boolean {
  return isOfUsers(leaf) || OF_ENVOY.has(leaf);
}

const OF_ENVOY: ReadonlySet<string> = new Set([statNames.GUARD, statNames.FALLBACK, statNames.FALLBACK_LAST]);

/** First setters of one variant or the control, by the last words of their gauges: `users`, `users_slow.250`. */
export type UserBits = ReadonlyMap<string, number>;

/** What a guard has done about a variant, by the value of its gauge. */
export const GUARDS = ["watching", "alarm", "rolled back"] as const;
export type Guard = (typeof GUARDS)[number];

export interface UserSide {
  /** The target share of all users, 0 to 1; null where no gauge says. */
  readonly share: number | null;
  readonly bits: UserBits;
  /** Null where no guard watches. */
  readonly guard: Guard | null;
  /** Null where the policy has no `fallback` for it. */
  readonly fallback: Fallback | null;
}

/** What `fallback` does for a variant on one Envoy. */
export interface Fallback {
  /** Whether its users get the default now. */
  readonly isNow: boolean;
  /** When one of them last did: unix seconds, 0 for never. */
  readonly last: number;
}

/** Whether users of a variant got the default in an evidence period that began then, or get it now. */
export function fellBackSince({ fallback }: UserSide, began: number): boolean {
  return fallback !== null && (fallback.isNow || (fallback.last > 0 && fallback.last >= began));
}

/** One Envoy's evidence period of a rollout or a shadow. */
export interface EvidencePeriod {
  /** For people: its URL, or its label in Prometheus. */
  readonly envoy: string;
  /** 1, 2, 3 … since the process began; 0 while it gathers no evidence. */
  readonly period: number;
  /** Unix seconds; 0 where it is not known. */
  readonly began: number;
  /** Bits of each bitmap; 0 where each request is a user. */
  readonly size: number;
  /** Why it gathers none, as the gauge `evidence_none` says; 0 where nothing is wrong. */
  readonly noEvidence: number;
}

/** What one Envoy has counted of a shadow's users in its present evidence period. */
export interface ShadowUsers extends EvidencePeriod {
  readonly bits: UserBits;
}

/** What one Envoy has counted of a rollout's users in its present evidence period. */
export interface UserCounts extends EvidencePeriod {
  /** When the shares changed last, unix seconds; 0 where it is not known. */
  readonly sharesBegan: number;
  /** The rollout's epoch, as the period has it; null where no gauge says. */
  readonly epoch: number | null;
  readonly variants: ReadonlyMap<string, UserSide>;
  readonly control: UserSide | null;
}
