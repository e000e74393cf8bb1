// What of a variant's counts a verdict looks at.

import { STAT_GRPC_ERROR, STAT_RQ_5XX, STAT_RQ_RESET } from "../../assembly/vocabulary/stats.ts";
import { ENDINGS } from "../metrics/leaves.ts";
import { requestsOf, type VariantCounts } from "../metrics/snapshot.ts";
import { scaleBins, totalOf, type Bin } from "../statistics/bins.ts";
import type { Count } from "../statistics/evidence.ts";

/** One side of a comparison. */
export interface Side {
  /** For people: the variant's name. */
  readonly name: string;
  /** Requests that were given the variant. */
  readonly requests: number;
  /** Errors of those that have ended and whose end was counted. */
  readonly errors: Count;
  /** Milliseconds. */
  readonly latency: readonly Bin[];
}

export function sideOf(name: string, counts: VariantCounts): Side {
  return { name, requests: requestsOf(counts), errors: errorsOf(counts), latency: counts.latency };
}

/** A gRPC response with an error may also be a 5xx or be cut: it is one error, and there are never more than requests. */
export function errorsOf({ counters }: VariantCounts): Count {
  const of = (leaf: string): number => counters.get(leaf) ?? 0;
  const trials = ENDINGS.reduce((sum, leaf) => sum + of(leaf), 0);
  return { successes: Math.min(trials, of(STAT_RQ_5XX) + of(STAT_RQ_RESET) + of(STAT_GRPC_ERROR)), trials };
}

/** The same side with `factor` times the traffic. */
export function scaleSide(side: Side, factor: number): Side {
  if (factor === 1) return side;
  const { successes, trials } = side.errors;
  return {
    ...side,
    requests: side.requests * factor,
    errors: { successes: successes * factor, trials: trials * factor },
    latency: scaleBins(side.latency, factor),
  };
}

/** Whether there is anything to compare: ends or latencies were counted. */
export function isCounted(side: Side): boolean {
  return side.errors.trials > 0 || totalOf(side.latency) > 0;
}
