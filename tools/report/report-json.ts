// A report as one JSON document; docs/report.md describes it.

import type { Interval } from "../statistics/evidence.ts";
import type { ErrorFigures } from "../verdict/errors.ts";
import type { LatencyJudgement, QuantileJudgement } from "../verdict/latency.ts";
import type { ShareFigures } from "../verdict/ratio.ts";
import type { VariantVerdict } from "../verdict/variant.ts";
import type { RolloutVerdict } from "../verdict/verdict.ts";
import type { Printable } from "../terminal/ordered-json.ts";
import type { Report } from "./report.ts";

export function reportJson({ verdict, snapshot, limits, origin, nothing }: Report): Printable {
  return {
    verdict: verdict.decision,
    ...(nothing === null ? {} : { reason: nothing }),
    rollouts: new Map([...verdict.rollouts].map(([name, rollout]) => [name, rolloutJson(rollout)])),
    source: origin,
    takenAt: new Date(snapshot.takenAt).toISOString(),
    seconds: snapshot.seconds,
    limits: { ...limits },
  };
}

function rolloutJson({ decision, reason, baseline, ratio, variants, leftOut }: RolloutVerdict): Printable {
  return {
    verdict: decision,
    reason,
    baseline:
      baseline === null
        ? null
        : {
            name: baseline.side.name,
            variant: baseline.variant,
            by: baseline.by,
            requests: baseline.side.requests,
            errors: baseline.side.errors.successes,
            ended: baseline.side.errors.trials,
          },
    ratio: { verdict: ratio.decision, pValue: ratio.pValue, logEvidence: ratio.logEvidence },
    variants: new Map(
      [...variants].map(([name, variant]) => [name, variantJson(variant, ratio.shares.get(name))]),
    ),
    leftOut,
  };
}

function variantJson(variant: VariantVerdict, share: ShareFigures | undefined): Printable {
  const { errors, latency } = variant;
  return {
    verdict: variant.decision,
    reasons: variant.reasons,
    requests: variant.requests,
    requestsNeeded: variant.requestsNeeded,
    share: share === undefined ? null : { ...share },
    errors: {
      verdict: errors.decision,
      ...errorsJson(errors.variant),
      baseline: errorsJson(errors.baseline),
      difference: { value: errors.difference, ...intervalJson(errors.interval) },
      logEvidence: errors.logEvidence,
    },
    latency: latencyJson(latency),
  };
}

function errorsJson({ errors, ended, rate, rateInterval }: ErrorFigures): Record<string, Printable> {
  return { count: errors, ended, rate, ...intervalJson(rateInterval) };
}

function latencyJson({ decision, quantiles, ranks }: LatencyJudgement): Printable {
  const { superiority, pValue, interval } = ranks;
  return {
    verdict: decision,
    quantiles: new Map(quantiles.map((each) => [`p${each.level * 100}`, quantileJson(each)])),
    ranks: { superiority, ...intervalJson(interval), pValue },
  };
}

function quantileJson({ decision, variant, baseline, ratio, ratioInterval }: QuantileJudgement): Printable {
  return {
    verdict: decision,
    milliseconds: variant.value,
    ...intervalJson(variant.interval),
    baseline: { milliseconds: baseline.value, ...intervalJson(baseline.interval) },
    ratio: { value: ratio, ...intervalJson(ratioInterval) },
  };
}

function intervalJson({ lower, upper }: Interval): { readonly lower: number; readonly upper: number } {
  return { lower, upper };
}
