// How requests of a rollout under `signals: count` ended: the filter counts none of it, but Envoy counts it for each
// cluster, and a variant may have one of its own.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import type { PolicyOutline } from "./policy-outline.ts";
import type { Owner } from "./snapshot-builder.ts";

/** Envoy's `cluster.<name>.upstream_<leaf>`, by the same words as the filter's. */
const LEAVES = [
  statNames.RQ_1XX,
  statNames.RQ_2XX,
  statNames.RQ_3XX,
  statNames.RQ_4XX,
  statNames.RQ_5XX,
  statNames.RQ_ACTIVE,
  statNames.RQ_TIME,
] as const;

/** Envoy's stats that tell of variants with a cluster of their own: the stat's name -> whose it is, and what it counts. */
export function ownClusterStats(
  outline: PolicyOutline,
): Map<string, { readonly owner: Owner; readonly leaf: string }> {
  const stats = new Map<string, { owner: Owner; leaf: string }>();
  for (const [name, { ownClusters }] of outline) {
    for (const [variant, cluster] of ownClusters) {
      for (const leaf of LEAVES) {
        // A colon separates nothing in Envoy's stats: it stands as an underscore.
        const stat = `cluster.${cluster.replaceAll(":", "_")}.upstream_${leaf}`;
        stats.set(stat, { owner: { kind: "rollout", name, variant }, leaf });
      }
    }
  }
  return stats;
}

/** The regular expression that admits these stats and no others. */
export function filterFor(names: Iterable<string>): string {
  return `^(${[...names].map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})$`;
}
