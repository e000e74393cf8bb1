// What Envoys counted of users, as the tests look at it.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import type { RolloutCounts, RolloutTerms } from "../metrics/snapshot.ts";
import { fellBackSince, type UserBits, type UserCounts } from "../metrics/users.ts";

/** Bits that a side was the first to set, by what its users met. */
export interface Bits {
  readonly users: number;
  readonly errors: number;
  readonly clientErrors: number;
  readonly redirects: number;
  readonly ok: number;
  /** By the index of the threshold. */
  readonly slow: readonly number[];
  /** Who reached it, by the index of the goal. */
  readonly goals: readonly number[];
}

/** What one Envoy counted of a variant and of the control group in its present evidence period. */
export interface Evidence {
  /** Number of the period since the process began: 1, 2, 3, … */
  readonly period: number;
  /** Of the present shares: 1 in their first period, and where that is over at most the number since the process began. */
  readonly periodOfShares: number;
  /** Bits of each bitmap; 0 where each request is a user. */
  readonly size: number;
  /** The variant's part of the target shares of variant and control: above 0 and below 1. */
  readonly pi: number;
  /** The part of the period in which slow answers were counted, 0 to 1: not while it warmed up. */
  readonly timed: number;
  /** Users of the variant got the default in this period, while the control group's were counted: fewer is no evidence. */
  readonly fellBack?: boolean;
  readonly variant: Bits;
  readonly control: Bits;
  /** Bits of all variants and the control together. */
  readonly all: Bits;
}

/** That of the Envoys on which the variant's users always got the variant: there, fewer of something says something. */
export function whole(evidence: readonly Evidence[]): readonly Evidence[] {
  return evidence.filter(({ fellBack }) => fellBack !== true);
}

/** One measure's count. */
export type Reader = (bits: Bits) => number;

export const READERS = {
  errors: (bits: Bits) => bits.errors,
  clientErrors: (bits: Bits) => bits.clientErrors,
  redirects: (bits: Bits) => bits.redirects,
  ok: (bits: Bits) => bits.ok,
} satisfies Record<string, Reader>;

export function slowReader(index: number): Reader {
  return ({ slow }) => slow[index] ?? 0;
}

export function goalReader(index: number): Reader {
  return ({ goals }) => goals[index] ?? 0;
}

/** The goals of a rollout: the policy's, or where none is known those that are counted. */
export function goalsOf({ users }: RolloutCounts, { goals }: RolloutTerms): readonly string[] {
  if (goals !== null) return goals;
  const found = new Set<string>();
  for (const { variants, control } of users) {
    for (const { bits } of [...variants.values(), ...(control === null ? [] : [control])]) {
      for (const leaf of bits.keys()) {
        if (leaf.startsWith(`${statNames.USERS_GOAL}.`))
          found.add(leaf.slice(statNames.USERS_GOAL.length + 1));
      }
    }
  }
  return [...found].sort();
}

/** Thresholds of slowness, in milliseconds: the policy's, and what else is counted. */
export function thresholdsOf({ users }: RolloutCounts, terms: RolloutTerms): number[] {
  const found = new Set(users.some(hasEndings) ? terms.slow : []);
  for (const { variants, control } of users) {
    for (const { bits } of [...variants.values(), ...(control === null ? [] : [control])]) {
      for (const leaf of bits.keys()) {
        if (leaf.startsWith(`${statNames.USERS_SLOW}.`))
          found.add(Number(leaf.slice(statNames.USERS_SLOW.length + 1)));
      }
    }
  }
  return [...found].filter((one) => one >= 0).sort((a, b) => a - b);
}

/**
 * The evidence of each Envoy that gathers some on this variant. `now`: when it was read, unix seconds. `thresholds`: see
 * thresholdsOf; `goals`: see goalsOf.
 */
export function evidenceOf(
  { users }: RolloutCounts,
  variant: string,
  thresholds: readonly number[],
  goals: readonly string[],
  { warmup }: RolloutTerms,
  now: number,
): Evidence[] {
  return users.flatMap((counts): Evidence[] => {
    const { period, size, control, variants } = counts;
    const own = variants.get(variant);
    if (period < 1 || own === undefined || control === null || !hasEndings(counts)) return [];
    const [share, controlShare] = [own.share ?? 0, control.share ?? 0];
    if (share <= 0 || controlShare <= 0) return [];
    const sides = [...variants].filter(([, side]) => isCompared(side.bits)).map(([, { bits }]) => bits);
    const all = [...sides, control.bits].map((bits) => bitsOf(bits, thresholds, goals));
    return [
      {
        period,
        periodOfShares: counts.began > 0 && counts.began === counts.sharesBegan ? 1 : period,
        size,
        pi: share / (share + controlShare),
        timed: timedPart(counts, warmup, now),
        fellBack: fellBackSince(own, counts.began),
        variant: bitsOf(own.bits, thresholds, goals),
        control: bitsOf(control.bits, thresholds, goals),
        all: sumOfBits(all),
      },
    ];
  });
}

/** Only what compares sets bits; the default's users beside the control group set none. */
function isCompared(bits: UserBits): boolean {
  return (bits.get(statNames.USERS) ?? 0) > 0;
}

/** Whether more than users is counted; zeros are left out by a scrape of used stats alone. */
export function hasEndings({ variants, control }: UserCounts): boolean {
  const sides = [...variants.values(), ...(control === null ? [] : [control])];
  return sides.some(
    ({ bits }) =>
      bits.has(statNames.USERS_ERROR) || bits.has(statNames.USERS_OK) || bits.has(statNames.USERS_4XX),
  );
}

/** Slowness is no evidence for `warmup` seconds after the shares changed; in a later period of the same shares it is. */
function timedPart({ began, sharesBegan }: UserCounts, warmup: number, now: number): number {
  if (began <= 0 || sharesBegan <= 0) return 1;
  const [since, whole] = [now - Math.max(began, sharesBegan + warmup), now - began];
  return whole <= 0 ? 0 : Math.min(1, Math.max(0, since / whole));
}

function bitsOf(bits: UserBits, thresholds: readonly number[], goals: readonly string[]): Bits {
  const of = (leaf: string): number => bits.get(leaf) ?? 0;
  return {
    users: of(statNames.USERS),
    errors: of(statNames.USERS_ERROR),
    clientErrors: of(statNames.USERS_4XX),
    redirects: of(statNames.USERS_3XX),
    ok: of(statNames.USERS_OK),
    slow: thresholds.map((threshold) => of(`${statNames.USERS_SLOW}.${threshold}`)),
    goals: goals.map((goal) => of(`${statNames.USERS_GOAL}.${goal}`)),
  };
}

function sumOfBits(all: readonly Bits[]): Bits {
  const of = (read: Reader): number => all.reduce((sum, bits) => sum + read(bits), 0);
  return {
    users: of(({ users }) => users),
    errors: of(READERS.errors),
    clientErrors: of(READERS.clientErrors),
    redirects: of(READERS.redirects),
    ok: of(READERS.ok),
    slow: (all[0]?.slow ?? []).map((_, index) => of(slowReader(index))),
    goals: (all[0]?.goals ?? []).map((_, index) => of(goalReader(index))),
  };
}
