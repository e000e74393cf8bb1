// What was counted of a shadow says of its share of mismatches: within the limit, beyond it, or neither. Numbers in, numbers
// out; shadow.ts makes of it what people read. docs/decisions/statistics.md says why these tests, and the simulations of
// test/statistics run on this very code.

import { logMean, logOfPeriod } from "../statistics/first-setters.ts";
import { logShareAbove, logShareBelow, type Trials } from "../statistics/share-of-trials.ts";
import type { Decision } from "./decision.ts";
import { FALSE_SHADOW_FAILS, FALSE_SHADOW_PASSES } from "./limits.ts";

/** What is judged at once: all copies, or the users of one Envoy. */
export interface JudgedTrials {
  /** For the test that the share is within the limit, and for the one that it is beyond it. */
  readonly within: Trials;
  readonly beyond: Trials;
  /** The number of the evidence period, of users; null for copies, which have none. */
  readonly period: number | null;
}

export interface ShareDecision {
  readonly decision: Decision;
  /** Logarithms of e-values, held against 1/FALSE_SHADOW_PASSES and 1/FALSE_SHADOW_FAILS. */
  readonly logWithin: number;
  readonly logBeyond: number;
}

/** `limit`: above 0 and below 1. E-values of several Envoys, whose users may be the same, are averaged. */
export function decideShare(judged: readonly JudgedTrials[], limit: number): ShareDecision {
  const mean = (of: (one: JudgedTrials) => number): number =>
    logMean(judged.map((one) => (one.period === null ? of(one) : logOfPeriod(of(one), one.period))));
  const logWithin = mean(({ within }) => logShareBelow(within, limit));
  const logBeyond = mean(({ beyond }) => logShareAbove(beyond, limit));
  const isBeyond = logBeyond >= -Math.log(FALSE_SHADOW_FAILS);
  const isWithin = logWithin >= -Math.log(FALSE_SHADOW_PASSES);
  return { decision: isBeyond ? "fail" : isWithin ? "pass" : "inconclusive", logWithin, logBeyond };
}
