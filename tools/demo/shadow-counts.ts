// What Envoy counted of a shadow, since start or since a moment in between.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import { difference } from "../metrics/difference.ts";
import { NO_SHADOW } from "../metrics/snapshot.ts";
import { quantileOf } from "../statistics/bins.ts";
import { copyCounts, type CopyCounts } from "../verdict/shadow-counts.ts";
import { NO_COUNTS, type EnvoyCounts } from "./envoy-counts.ts";

export interface ShadowCounts extends CopyCounts {
  /** Drawn, but not sent. */
  readonly overBudget: number;
  readonly tooLarge: number;
  readonly unavailable: number;
  /** Milliseconds, of the same requests; null before Envoy's first flush. */
  readonly p50: number | null;
  readonly productionP50: number | null;
}

export function shadowCountsOf(
  now: EnvoyCounts,
  shadow: string,
  before: EnvoyCounts = NO_COUNTS,
): ShadowCounts {
  const counts = difference(now.snapshot, before.snapshot).shadows.get(shadow) ?? NO_SHADOW;
  const counter = (leaf: string): number => counts.counters.get(leaf) ?? 0;
  return {
    ...copyCounts(counts),
    overBudget: counter(statNames.OVER_BUDGET),
    tooLarge: counter(statNames.TOO_LARGE),
    unavailable: counter(statNames.UNAVAILABLE),
    p50: quantileOf(counts.latency, 0.5),
    productionP50: quantileOf(counts.productionLatency, 0.5),
  };
}

export function drawnOf({ sent, overBudget, tooLarge, unavailable }: ShadowCounts): number {
  return sent + overBudget + tooLarge + unavailable;
}
