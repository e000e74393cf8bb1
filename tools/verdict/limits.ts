// What is within the limit, and how sure a verdict is.

export interface Limits {
  /**
   * So many times as many of the variant's users as of the baseline's may meet errors, 4xx or slow answers: above 1. A goal
   * may be reached so many times less often.
   */
  readonly maxRatio: number;
  /** A part of the variant's users (0 to 1) that may meet errors, or 4xx, whatever the baseline's do. */
  readonly negligible: number;
  /** The same for slow answers, at thresholds that few of the baseline's users meet. */
  readonly negligibleSlow: number;
  /**
   * Of a step of a ramp: the chance of a wrong pass is kept for each step by itself, so periods count from when the shares
   * changed and not from when the process began.
   */
  readonly isOfStep?: true;
}

export const DEFAULT_LIMITS: Limits = { maxRatio: 1.5, negligible: 0.005, negligibleSlow: 0.02 };

/** What is within the limit of a shadow: parts of its copies, above 0 and below 1. */
export interface ShadowLimits {
  /** That differ from production, of those that were compared; by users, of users. */
  readonly maxMismatch: number;
  /** Without a whole answer to compare, of those that are settled. */
  readonly maxUnanswered: number;
  /** Whose answers cannot be compared, of those that were answered. */
  readonly maxIncomparable: number;
}

export const DEFAULT_SHADOW_LIMITS: ShadowLimits = {
  maxMismatch: 0.001,
  maxUnanswered: 0.05,
  maxIncomparable: 0.5,
};

/** The chance, for a shadow and for all looks and periods together, that one within the limit is called `fail`. */
export const FALSE_SHADOW_FAILS = 0.01;
/** The same for a `pass` of one beyond it. */
export const FALSE_SHADOW_PASSES = 0.05;

/** The chance, for a rollout and for all looks and periods together, that variants like the baseline are called `fail`. */
export const FALSE_ALARMS = 0.01;
/** The same for their goals, in both directions together: more than that are called different by chance. */
export const FALSE_GOALS = 0.01;
/** The same for a sample ratio that is called a mismatch. */
export const FALSE_MISMATCHES = 0.001;
/** The chance of a `pass` for a variant beyond the limit, for all looks and periods together. */
export const FALSE_PASSES = 0.05;

/**
 * How many times as many users may meet a thing before a ramp takes its next step: strict where many users are at stake.
 * `share`: of all users, 0 to 1.
 */
export function stepRatio(share: number): number {
  if (share < 0.05) return 3;
  if (share < 0.25) return 2;
  return share < 0.5 ? 1.5 : 1.3;
}
