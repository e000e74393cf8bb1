// Does a variant give more errors than the baseline?

import { compareRates } from "../statistics/error-rate.ts";
import { rateInterval, type Count, type Interval } from "../statistics/evidence.ts";
import type { Side } from "./counts.ts";
import type { Decision } from "./decision.ts";
import type { Limits } from "./limits.ts";
import { grouped, percent, points } from "../terminal/numbers.ts";

export interface ErrorFigures {
  readonly errors: number;
  /** Requests that have ended. */
  readonly ended: number;
  /** 0 to 1; null when none has ended. */
  readonly rate: number | null;
  readonly rateInterval: Interval;
}

export interface ErrorJudgement {
  readonly decision: Decision;
  readonly variant: ErrorFigures;
  readonly baseline: ErrorFigures;
  /** Of the rates, variant less baseline. */
  readonly difference: number;
  readonly interval: Interval;
  /** Logarithm of the evidence that the rates differ. */
  readonly logEvidence: number;
}

/**
 * `pass` when the increase is surely within what is tolerated; `fail` when there surely is one and it may be more than
 * that. So a variant that is known to be worse has to show that it is tolerable, and one that is not need not be found
 * guilty of more than is tolerated before it is stopped.
 */
export function judgeErrors(
  variant: Side,
  baseline: Side,
  { maxErrorIncrease, requestsPerUser }: ErrorLimits,
  alpha: number,
): ErrorJudgement {
  const { difference, interval, logEvidence } = compareRates(
    fewer(variant.errors, requestsPerUser),
    fewer(baseline.errors, requestsPerUser),
    alpha,
  );
  return {
    decision: interval.upper <= maxErrorIncrease ? "pass" : interval.lower > 0 ? "fail" : "inconclusive",
    variant: errorFigures(variant.errors, requestsPerUser, alpha),
    baseline: errorFigures(baseline.errors, requestsPerUser, alpha),
    difference,
    interval,
    logEvidence,
  };
}

type ErrorLimits = Pick<Limits, "maxErrorIncrease" | "requestsPerUser">;

/** An error rate by itself, and where the true one lies at all times together with a chance of at least 1 - alpha. */
export function errorFigures(count: Count, requestsPerUser: number, alpha: number): ErrorFigures {
  return {
    errors: count.successes,
    ended: count.trials,
    rate: count.trials > 0 ? count.successes / count.trials : null,
    rateInterval: rateInterval(fewer(count, requestsPerUser), alpha),
  };
}

function fewer({ successes, trials }: Count, times: number): Count {
  return { successes: successes / times, trials: trials / times };
}

/** The judgement in words. */
export function errorWords(judgement: ErrorJudgement, baseline: string, tolerated: number): string {
  const { variant, interval, decision } = judgement;
  if (variant.rate === null) return "errors: no request has ended whose end was counted";
  if (judgement.baseline.rate === null)
    return `errors: no request of ${baseline} has ended whose end was counted`;
  const rates = `${rateWords(variant)} against ${rateWords(judgement.baseline)} of ${baseline}`;
  const range = `${points(judgement.difference)} points, surely ${points(interval.lower)} to ${points(interval.upper)}`;
  const limit = `${points(tolerated)} are tolerated`;
  if (decision === "fail") return `errors: ${rates}: ${range}; more errors beyond doubt (${limit})`;
  if (decision === "inconclusive") return `errors: ${rates}: ${range}; ${limit}, so it may be too many`;
  return `errors: ${rates}: ${range}; ${interval.lower > 0 ? "more, but tolerated" : "within what is tolerated"} (${points(tolerated)})`;
}

function rateWords({ errors, ended, rate }: ErrorFigures): string {
  return `${percent(rate ?? 0)} (${grouped(errors)} of ${grouped(ended)})`;
}
