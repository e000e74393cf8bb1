// The golden signals of each variant, as `serin stats` shows them: numbers of two snapshots in, figures out.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import { CONTROL, requestsOf, shareOf, type Snapshot, type VariantCounts } from "../metrics/snapshot.ts";
import { quantileOf } from "../statistics/bins.ts";
import type { Interval } from "../statistics/evidence.ts";
import { errorFigures, errorsOf } from "../verdict/counts.ts";

export interface VariantFigures {
  readonly name: string;
  /** 0 to 1; null where nobody says, as for the control group. */
  readonly shareAsked: number | null;
  /** Of the rollout's requests; null without any, and for the control group, which is a part of the default. */
  readonly shareSeen: number | null;
  readonly requests: number;
  /** Requests a second, of late; null when it is not known yet. */
  readonly perSecond: number | null;
  readonly errors: number;
  /** 0 to 1; null when no request has ended. */
  readonly errorRate: number | null;
  /** 95 %, at all looks together. */
  readonly errorInterval: Interval;
  /** Milliseconds; null when none was counted. */
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  readonly active: number;
  /** Refused for want of room or of a healthy host; null where it is not counted. */
  readonly overflow: number | null;
  readonly grpcErrors: number | null;
}

const ALPHA = 0.05;

/** By rollout. `all`: what is shown; `recent`: of the last moments, for rates. */
export function figuresOf(all: Snapshot, recent: Snapshot | null): Map<string, VariantFigures[]> {
  return new Map(
    [...all.rollouts].map(([rollout, { variants, control }]) => {
      const total = [...variants.values()].reduce((sum, counts) => sum + requestsOf(counts), 0);
      const late = recent?.rollouts.get(rollout);
      const rows = [...variants].map(([name, counts]) => {
        const lately = late?.variants.get(name) ?? null;
        const seen = total > 0 ? requestsOf(counts) / total : null;
        return variantFigures(name, counts, seen, perSecond(lately, recent));
      });
      // Of a control group whose requests are not counted there are a share and users, and nothing to show here.
      if (control !== null && control.counters.has(statNames.RQ_TOTAL)) {
        rows.push(variantFigures(CONTROL, control, null, perSecond(late?.control ?? null, recent)));
      }
      return [rollout, rows];
    }),
  );
}

function variantFigures(
  name: string,
  counts: VariantCounts,
  shareSeen: number | null,
  rate: number | null,
): VariantFigures {
  const errors = errorFigures(errorsOf(counts), ALPHA);
  const quantile = (level: number): number | null => quantileOf(counts.latency, level);
  return {
    name,
    shareAsked: shareOf(counts),
    shareSeen,
    requests: requestsOf(counts),
    perSecond: rate,
    errors: errors.errors,
    errorRate: errors.rate,
    errorInterval: errors.rateInterval,
    p50: quantile(0.5),
    p90: quantile(0.9),
    p99: quantile(0.99),
    active: counts.gauges.get(statNames.RQ_ACTIVE) ?? 0,
    overflow: counts.counters.get(statNames.RQ_OVERFLOW) ?? null,
    grpcErrors: counts.counters.get(statNames.GRPC_ERROR) ?? null,
  };
}

function perSecond(lately: VariantCounts | null, recent: Snapshot | null): number | null {
  if (recent === null || recent.seconds === null || recent.seconds <= 0) return null;
  return (lately?.counters.get(statNames.RQ_TOTAL) ?? 0) / recent.seconds;
}
