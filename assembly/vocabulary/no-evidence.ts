// Why a rollout has no evidence, as the gauge `evidence_none` says it: 0 where nothing is wrong.

/** More rollouts gather evidence than a worker has memory for. */
export const NO_MEMORY = 1;
/** Policies that serve at the same time say different things of the rollout. */
export const POLICIES_DIFFER = 2;
