// What is tolerated, and how sure a verdict is.

export interface Limits {
  /** By how much the rate of errors may be larger than the baseline's: 0 to 1, 0.005 is half a percentage point. */
  readonly maxErrorIncrease: number;
  /** By how much a latency may be larger than the baseline's: 0.2 is a fifth. */
  readonly maxLatencyIncrease: number;
  /** How many milliseconds slower is no difference: what the histogram cannot tell. */
  readonly latencyResolution: number;
  /** How many requests of one user count as one, since they all get one variant: 1 or more. */
  readonly requestsPerUser: number;
  /** Judge although the variants did not get their shares. */
  readonly ignoreRatio: boolean;
}

export const DEFAULT_LIMITS: Limits = {
  maxErrorIncrease: 0.005,
  maxLatencyIncrease: 0.2,
  latencyResolution: 1,
  requestsPerUser: 1,
  ignoreRatio: false,
};

/** The chance, for a rollout and for all looks at it together, that variants like the baseline are called `fail`. */
export const FALSE_ALARMS = 0.01;
/** The same for a sample ratio that is called a mismatch. */
export const FALSE_MISMATCHES = 0.001;
