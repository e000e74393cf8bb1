// How requests ended, for people who look at counters. Verdicts are by users: measure.ts.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import { ENDINGS } from "../metrics/leaves.ts";
import type { VariantCounts } from "../metrics/snapshot.ts";
import { rateInterval, type Count, type Interval } from "../statistics/evidence.ts";

export interface ErrorFigures {
  readonly errors: number;
  /** Requests that have ended. */
  readonly ended: number;
  /** 0 to 1; null when none has ended. */
  readonly rate: number | null;
  readonly rateInterval: Interval;
}

/**
 * Errors of requests that have ended. An HTTP error of a gRPC request is in the class and in `grpc_error`: where only
 * gRPC requests come the two are the same errors, and where others come too, at most those can have the class alone.
 */
export function errorsOf({ counters }: VariantCounts): Count {
  const of = (leaf: string): number => counters.get(leaf) ?? 0;
  const trials = ENDINGS.reduce((sum, leaf) => sum + of(leaf), 0);
  const resets = of(statNames.RQ_RESET);
  const [http, grpc] = [of(statNames.RQ_5XX), of(statNames.GRPC_ERROR)];
  const others = Math.max(0, trials - resets - of(statNames.GRPC_OK) - grpc);
  const answered = Math.max(http, Math.min(http, others) + grpc);
  return { successes: Math.min(trials, answered + resets), trials };
}

/** An error rate by itself, and where the true one lies at all looks together with a chance of at least 1 - alpha. */
export function errorFigures(count: Count, alpha: number): ErrorFigures {
  return {
    errors: count.successes,
    ended: count.trials,
    rate: count.trials > 0 ? count.successes / count.trials : null,
    rateInterval: rateInterval(count, alpha),
  };
}
