// Why a rollout has no evidence, for people.

import * as reasons from "../../assembly/vocabulary/no-evidence.ts";
import type { EvidencePeriod, UserCounts } from "../metrics/users.ts";

const REASONS: Readonly<Record<number, string>> = {
  [reasons.NO_MEMORY]: "more rollouts gather evidence than a worker has memory for (8 MiB)",
  [reasons.POLICIES_DIFFER]: "policies that serve at the same time say different things of it",
};

/** Null where some Envoy counts the rollout's users in an evidence period. */
export function noEvidenceReason(users: readonly UserCounts[]): string | null {
  if (users.some(({ period }) => period > 0)) return null;
  const told = users.find(({ noEvidence }) => noEvidence > 0);
  if (told !== undefined) return REASONS[told.noEvidence] ?? `reason ${told.noEvidence}`;
  if (users.length > 0 && users.every(({ variants }) => sharesOf(variants) < 2)) {
    return "no two variants have a share to compare";
  }
  return "no Envoy counts this rollout's users yet; a period begins some seconds after its policy is loaded";
}

/** The same of a shadow that samples users. */
export function noShadowEvidenceReason(users: readonly EvidencePeriod[]): string | null {
  if (users.some(({ period }) => period > 0)) return null;
  const told = users.find(({ noEvidence }) => noEvidence > 0);
  if (told !== undefined) return REASONS[told.noEvidence] ?? `reason ${told.noEvidence}`;
  return "no Envoy counts this shadow's users yet; a period begins some seconds after its policy is loaded";
}

function sharesOf(variants: UserCounts["variants"]): number {
  return [...variants.values()].filter(({ share }) => share !== null && share > 0).length;
}
