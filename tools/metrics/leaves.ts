// Which stats there are, for a source that has to ask for each by its name.

import * as statNames from "../../assembly/vocabulary/stats.ts";

/** How a request ends: exactly one of them each. */
export const ENDINGS = [
  statNames.RQ_1XX,
  statNames.RQ_2XX,
  statNames.RQ_3XX,
  statNames.RQ_4XX,
  statNames.RQ_5XX,
  statNames.RQ_LEFT,
  statNames.RQ_RESET,
] as const;

/** `serin.rollout.<rollout>.<variant>.<leaf>` */
export const ROLLOUT_COUNTERS: readonly string[] = [
  statNames.RQ_TOTAL,
  ...ENDINGS,
  statNames.GRPC_OK,
  statNames.GRPC_ERROR,
  statNames.RQ_OVERFLOW,
  statNames.RQ_RETRIED,
  statNames.RQ_FALLBACK,
];

/** `serin.effect.<name>.<leaf>`: calls of shadows, what each was beside production's, and calls that they left out. */
export const EFFECT_COUNTERS: readonly string[] = [
  statNames.TOTAL,
  statNames.MATCH,
  statNames.MISMATCH,
  statNames.EXTRA,
  statNames.UNPAIRED,
  statNames.MISSING,
];

/** `serin.shadow.<name>.<leaf>` */
export const SHADOW_COUNTERS: readonly string[] = [
  statNames.SENT,
  statNames.OVER_BUDGET,
  statNames.TOO_LARGE,
  statNames.UNAVAILABLE,
  statNames.MATCH,
  statNames.MISMATCH_STATUS,
  statNames.MISMATCH_HEADERS,
  statNames.MISMATCH_BODY,
  statNames.TIMEOUT,
  statNames.RESET,
  statNames.NOISE,
  statNames.INCOMPARABLE,
  statNames.NOISE_ONLY,
  statNames.NOISE_WHOLE,
  statNames.NOISE_MISSING,
];
