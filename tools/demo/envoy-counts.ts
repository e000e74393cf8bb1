// What Envoy counted, a line a variant: of the snapshot that the report is made from, since start or since a moment.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import type { Admin } from "../envoy/index.ts";
import { difference } from "../metrics/difference.ts";
import { EnvoySource } from "../metrics/envoy-source.ts";
import { emptySnapshot, NO_VARIANT, requestsOf, type Snapshot } from "../metrics/snapshot.ts";
import { quantileOf } from "../statistics/bins.ts";
import { errorsOf } from "../verdict/counts.ts";

/** All that Serin counts in one Envoy at one moment. */
export interface EnvoyCounts {
  readonly snapshot: Snapshot;
  /** How often the filter survived something that should not happen. */
  readonly survivedErrors: number;
}

export interface VariantCounts {
  /** Thousandths of a percent. */
  readonly share: number;
  readonly requests: number;
  /** Answers of class 5xx, and requests that were cut. */
  readonly errors: number;
  readonly active: number;
  /** Milliseconds; null before Envoy's first flush. */
  readonly p50: number | null;
  readonly p99: number | null;
}

export const NO_COUNTS: EnvoyCounts = { snapshot: emptySnapshot(0), survivedErrors: 0 };

const SURVIVED = statNames.NAMESPACE + statNames.ERROR;

export async function readCounts(admin: Admin): Promise<EnvoyCounts> {
  const [snapshot, survived] = await Promise.all([
    new EnvoySource([admin.url]).read(),
    admin.stats(`^${SURVIVED.replaceAll(".", "\\.")}$`),
  ]);
  return { snapshot, survivedErrors: survived.get(SURVIVED) ?? 0 };
}

/** What was counted for one variant since `before`; gauges are as they are now. */
export function countsOf(
  now: EnvoyCounts,
  rollout: string,
  variant: string,
  before: EnvoyCounts = NO_COUNTS,
): VariantCounts {
  const { rollouts } = difference(now.snapshot, before.snapshot);
  const counts = rollouts.get(rollout)?.variants.get(variant) ?? NO_VARIANT;
  return {
    share: counts.gauges.get(statNames.SHARE) ?? 0,
    requests: requestsOf(counts),
    errors: errorsOf(counts).successes,
    active: counts.gauges.get(statNames.RQ_ACTIVE) ?? 0,
    p50: quantileOf(counts.latency, 0.5),
    p99: quantileOf(counts.latency, 0.99),
  };
}

/** Requests that have not been counted to their end. */
export function unfinished({ snapshot }: EnvoyCounts): number {
  let sum = 0;
  for (const { variants, control } of snapshot.rollouts.values()) {
    for (const { gauges } of [...variants.values(), control ?? NO_VARIANT]) {
      sum += gauges.get(statNames.RQ_ACTIVE) ?? 0;
    }
  }
  return sum;
}
