// Which stats there are, for a source that has to ask for each by its name.

import {
  STAT_GRPC_ERROR,
  STAT_GRPC_OK,
  STAT_MATCH,
  STAT_MISMATCH_BODY,
  STAT_MISMATCH_STATUS,
  STAT_NOISE,
  STAT_OVER_BUDGET,
  STAT_RESET,
  STAT_RQ_1XX,
  STAT_RQ_2XX,
  STAT_RQ_3XX,
  STAT_RQ_4XX,
  STAT_RQ_5XX,
  STAT_RQ_OVERFLOW,
  STAT_RQ_LEFT,
  STAT_RQ_RESET,
  STAT_RQ_TOTAL,
  STAT_SENT,
  STAT_TIMEOUT,
  STAT_TOO_LARGE,
  STAT_UNAVAILABLE,
} from "../../assembly/vocabulary/stats.ts";

/** How a request ends: exactly one of them each. */
export const ENDINGS = [
  STAT_RQ_1XX,
  STAT_RQ_2XX,
  STAT_RQ_3XX,
  STAT_RQ_4XX,
  STAT_RQ_5XX,
  STAT_RQ_LEFT,
  STAT_RQ_RESET,
] as const;

/** `serin.rollout.<rollout>.<variant>.<leaf>` */
export const ROLLOUT_COUNTERS: readonly string[] = [
  STAT_RQ_TOTAL,
  ...ENDINGS,
  STAT_GRPC_OK,
  STAT_GRPC_ERROR,
  STAT_RQ_OVERFLOW,
];

/** `serin.shadow.<name>.<leaf>` */
export const SHADOW_COUNTERS: readonly string[] = [
  STAT_SENT,
  STAT_OVER_BUDGET,
  STAT_TOO_LARGE,
  STAT_UNAVAILABLE,
  STAT_MATCH,
  STAT_MISMATCH_STATUS,
  STAT_MISMATCH_BODY,
  STAT_TIMEOUT,
  STAT_RESET,
  STAT_NOISE,
];
