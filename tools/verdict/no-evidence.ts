// Why a rollout or a shadow has no evidence, for people.

import * as reasons from "../../assembly/vocabulary/no-evidence.ts";
import type { EvidencePeriod, UserCounts } from "../metrics/users.ts";

const REASONS: Readonly<Record<number, string>> = {
  [reasons.NO_MEMORY]: "more rollouts and shadows gather evidence than a worker has memory for (8 MiB)",
  [reasons.POLICIES_DIFFER]: "policies that serve at the same time say different things of it",
};

/** Null where some Envoy counts the rollout's users in an evidence period. */
export function noEvidenceReason(users: readonly UserCounts[]): string | null {
  const hasNone = users.length > 0 && users.every(({ variants }) => sharesOf(variants) < 2);
  return reasonOf(users, hasNone ? "no two variants have a share to compare" : notYet("rollout"));
}

/** The same of a shadow that samples users. */
export function noShadowEvidenceReason(users: readonly EvidencePeriod[]): string | null {
  return reasonOf(users, notYet("shadow"));
}

/** What Envoys themselves give as the reason comes before `other`. */
function reasonOf(users: readonly EvidencePeriod[], other: string): string | null {
  if (users.some(({ period }) => period > 0)) return null;
  const told = users.find(({ noEvidence }) => noEvidence > 0);
  return told === undefined ? other : (REASONS[told.noEvidence] ?? `reason ${told.noEvidence}`);
}

function notYet(owner: "rollout" | "shadow"): string {
  return `no Envoy counts this ${owner}'s users yet; a period begins some seconds after its policy is loaded`;
}

function sharesOf(variants: UserCounts["variants"]): number {
  return [...variants.values()].filter(({ share }) => share !== null && share > 0).length;
}
