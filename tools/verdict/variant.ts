// The verdict on one variant, against the baseline.

import { totalOf } from "../statistics/bins.ts";
import { isCounted, scaleSide, type Side } from "./counts.ts";
import { worstOf, type Decision } from "./decision.ts";
import { errorWords, judgeErrors, type ErrorJudgement } from "./errors.ts";
import { forecast } from "./forecast.ts";
import { judgeLatency, latencyWords, type LatencyJudgement } from "./latency.ts";
import type { Limits } from "./limits.ts";
import { duration, grouped } from "../terminal/numbers.ts";

export interface Comparison {
  readonly decision: Decision;
  readonly errors: ErrorJudgement;
  readonly latency: LatencyJudgement;
}

export interface VariantVerdict extends Comparison {
  readonly requests: number;
  readonly reasons: readonly string[];
  /** More requests of this variant that it takes to decide; Infinity when no number would; null when it is decided. */
  readonly requestsNeeded: number | null;
}

/**
 * Compares one variant with the baseline. `alpha`: the chance, for all looks together, that a variant like the baseline
 * fails. Half of it each goes to errors and latency.
 */
export function compare(variant: Side, baseline: Side, limits: Limits, alpha: number): Comparison {
  const errors = judgeErrors(variant, baseline, limits, alpha / 2);
  const latency = judgeLatency(variant, baseline, limits, alpha / 2);
  return { decision: worstOf([errors.decision, latency.decision]), errors, latency };
}

/** The same in words, with how much more traffic it takes where that is the question. `seconds`: since when was counted. */
export function judgeVariant(
  variant: Side,
  baseline: Side,
  limits: Limits,
  alpha: number,
  seconds: number | null,
): VariantVerdict {
  const comparison = compare(variant, baseline, limits, alpha);
  const needed =
    comparison.decision === "inconclusive" ? moreRequests(variant, baseline, limits, alpha) : null;
  const reasons = [
    wordsOf(comparison, variant, baseline, limits),
    needed === null ? [] : [needWords(needed, variant, baseline, seconds)],
  ].flat();
  return { ...comparison, requests: variant.requests, reasons, requestsNeeded: needed };
}

/** What decided comes first. */
function wordsOf({ errors, latency }: Comparison, variant: Side, baseline: Side, limits: Limits): string[] {
  const words = [
    { decision: errors.decision, text: errorWords(errors, baseline.name, limits.maxErrorIncrease) },
    { decision: latency.decision, text: latencyWords(latency, variant, baseline, limits) },
  ];
  const rank: Record<Decision, number> = { fail: 0, inconclusive: 1, pass: 2 };
  return words.sort((a, b) => rank[a.decision] - rank[b.decision]).map(({ text }) => text);
}

function moreRequests(variant: Side, baseline: Side, limits: Limits, alpha: number): number {
  if (!isCounted(variant) || !isCounted(baseline)) return Infinity;
  if (totalOf(variant.latency) === 0 || totalOf(baseline.latency) === 0) return Infinity;
  const { factor } = forecast(
    (more) =>
      compare(scaleSide(variant, more), scaleSide(baseline, more), limits, alpha).decision !== "inconclusive",
  );
  return variant.requests * (factor - 1);
}

function needWords(needed: number, variant: Side, baseline: Side, seconds: number | null): string {
  if (variant.requests === 0) return `${variant.name} has had no request yet`;
  if (baseline.requests === 0) return `${baseline.name} has had no request yet`;
  if (needed === Infinity) {
    return "more of the same traffic would not decide it: change what is tolerated, or what is counted";
  }
  const rate = seconds === null || seconds <= 0 ? null : variant.requests / seconds;
  const wait = rate === null ? "" : ` (${duration(needed / rate)} at the present rate)`;
  return `if it goes on like this, it takes about ${grouped(roughly(needed))} more requests of ${variant.name}${wait}`;
}

/** To two digits: a forecast is no more exact. */
function roughly(count: number): number {
  return Math.max(1, Number(count.toPrecision(2)));
}
