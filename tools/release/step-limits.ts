// What has to be shown before a ramp takes its next step.

import { DEFAULT_LIMITS, type Limits } from "../verdict/limits.ts";

/** Below these shares (0 to 1) so many times as many users as of the baseline may meet errors, 4xx or slow answers. */
const RATIOS: readonly (readonly [below: number, ratio: number])[] = [
  [0.05, 3],
  [0.25, 2],
  [0.5, 1.5],
];
const LAST_RATIO = 1.3;

/**
 * The limits for a variant with this share, 0 to 1: wide while few users have it, since little evidence has to do, and
 * narrow before the last steps. Simulated in test/statistics/releases.test.ts.
 */
export function stepLimits(share: number): Limits {
  const maxRatio = RATIOS.find(([below]) => share < below)?.[1] ?? LAST_RATIO;
  return { ...DEFAULT_LIMITS, maxRatio, isOfStep: true };
}
