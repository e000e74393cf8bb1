// What an Envoy would have counted, from names and numbers as a test writes them.

import { NO_COUNTS, type EnvoyCounts } from "../../tools/demo/envoy-counts.ts";
import { snapshotOf } from "../../tools/metrics/envoy-source.ts";
import { NO_OUTLINE } from "../../tools/metrics/policy-outline.ts";

/** Names without Envoy's prefix: `serin.rollout.checkout.canary.rq_total`. A bin: its lower end, width and count. */
export function countsFrom(
  values: ReadonlyMap<string, number>,
  histograms: Readonly<Record<string, readonly [lower: number, width: number, count: number][]>> = {},
): EnvoyCounts {
  const stats = [...values].map(([name, value]) => ({ name: `wasmcustom.${name}`, value }));
  const details = Object.entries(histograms).map(([name, bins]) => ({
    name: `wasmcustom.${name}`,
    totals: bins.map(([lower_bound, width, count]) => ({ lower_bound, width, count })),
  }));
  const snapshot = snapshotOf({ stats: [...stats, { histograms: { details } }] }, NO_OUTLINE, 0, null);
  return { ...NO_COUNTS, snapshot, survivedErrors: values.get("serin.error") ?? 0 };
}
