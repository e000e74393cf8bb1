// What has to be shown before a ramp takes its next step.

import { DEFAULT_LIMITS, stepRatio, type Limits } from "../verdict/limits.ts";

/** The limits for a variant with this share, 0 to 1. Simulated in test/statistics/releases.test.ts. */
export function stepLimits(share: number): Limits {
  return { ...DEFAULT_LIMITS, maxRatio: stepRatio(share), isOfStep: true };
}
