// One thing that users meet, as people read it: how many of each side, how many times as many, and how sure that is.

import { logBelow, logOfPeriod, shownRatio } from "../statistics/first-setters.ts";
import type { Interval } from "../statistics/evidence.ts";
import { usersBehind } from "../statistics/linear-counting.ts";
import { envoyFactor, usersToPass, usersToShowBelow } from "../statistics/needed-users.ts";
import { ratioInterval, seenRatio } from "../statistics/ratio-interval.ts";
import { periodFor, type Kind, type MeasureDecision } from "./decide.ts";
import type { Decision } from "./decision.ts";
import type { Evidence, Reader } from "./evidence.ts";
import { FALSE_PASSES, type Limits } from "./limits.ts";

/** Users of one side, of several Envoys added: who met two of them counts twice. */
export interface MetUsers {
  /** Who met it. */
  readonly met: number;
  /** Of so many. */
  readonly users: number;
}

export interface Measure extends MeasureDecision {
  readonly decision: Decision;
  readonly variant: MetUsers;
  readonly baseline: MetUsers;
  /** How many times as often the variant's users meet it; null where nobody did. */
  readonly ratio: number | null;
  /** At all looks together. */
  readonly interval: Interval & { readonly level: number };
  /** How many times as many are within the limit; null for what has no limit. */
  readonly limit: number | null;
  /** More of the variant's users until it is shown to be within the limit, if it is like the baseline; null unless that is open, Infinity when no number would do. */
  readonly usersNeeded: number | null;
}

/** Level of intervals that are shown. */
export const LEVEL = 0.95;

export function measureOf(
  evidence: readonly Evidence[],
  read: Reader,
  decided: MeasureDecision,
  limits: Limits,
  kind: Kind,
): Measure {
  const decision = decided.isSignificant ? "fail" : decided.isWithin ? "pass" : "inconclusive";
  const measure = counted(evidence, read, decided, decision, limits.maxRatio);
  const isOpen = decision === "inconclusive";
  return { ...measure, usersNeeded: isOpen ? usersNeeded(evidence, measure, limits, kind) : null };
}

/** Of what has no limit: significantly so is `worst`, else there is nothing to say against it. */
export function directionOf(
  evidence: readonly Evidence[],
  read: Reader,
  decided: MeasureDecision,
  worst: Decision,
): Measure {
  return counted(evidence, read, decided, decided.isSignificant ? worst : "pass", null);
}

/** How many of each side, how many times as many, and between which bounds that lies. */
export function counted(
  evidence: readonly Evidence[],
  read: Reader,
  decided: MeasureDecision,
  decision: Decision,
  limit: number | null,
  level = LEVEL,
): Measure {
  const counts = evidence.map(({ pi, variant, control }) => ({
    pi,
    variant: read(variant),
    control: read(control),
  }));
  const side = (of: "variant" | "control"): MetUsers => {
    let [met, users] = [0, 0];
    for (const each of evidence) {
      met += usersBehind(read(each[of]), read(each.all), each.size);
      users += usersBehind(each[of].users, each.all.users, each.size);
    }
    return { met, users: Math.max(users, met) };
  };
  return {
    ...decided,
    decision,
    variant: side("variant"),
    baseline: side("control"),
    ratio: seenRatio(counts),
    interval: { ...ratioInterval(counts, 1 - level), level },
    limit,
    usersNeeded: null,
  };
}

/** The part of the users of one side that met it; null without users. */
export function partOf({ met, users }: MetUsers): number | null {
  return users > 0 ? met / users : null;
}

function usersNeeded(
  evidence: readonly Evidence[],
  { variant, met, isCommon }: Measure,
  limits: Limits,
  kind: Kind,
): number {
  const { maxRatio, negligible, negligibleSlow } = limits;
  const [first] = evidence;
  if (first === undefined || met === null || isCommon) return Infinity;
  const period = Math.max(...evidence.map((each) => periodFor(each, limits)));
  const threshold = Math.log(period * (period + 1)) - Math.log(FALSE_PASSES);
  const ownPart = partOf(variant) ?? 0;
  const most = kind === "slow" ? negligibleSlow : negligible;
  const alone =
    kind === "slow" && met >= most ? Infinity : usersToShowBelow(Math.min(ownPart, met), most, threshold);
  const byRatio = usersToPass(met, first.pi, shownRatio(maxRatio, met), threshold);
  const all = Math.min(alone, byRatio) * envoyFactor(evidence.length);
  // Where chance has been against the variant so far, what is left is as much again.
  return all > variant.users ? all - variant.users : all;
}

/** Whether so few of the users of a variant without a baseline meet it that it does not matter. */
export function isNegligible(met: number, users: number, most: number, period: number): boolean {
  return logOfPeriod(logBelow(met, users, most), period) >= -Math.log(FALSE_PASSES);
}
