// What of a shadow's copies was compared, and what they came to.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import type { ShadowCounts } from "../metrics/snapshot.ts";
import type { Trials } from "../statistics/share-of-trials.ts";

/** Copies by their verdict. Each that is settled has exactly one. */
export interface CopyCounts {
  readonly sent: number;
  readonly match: number;
  readonly status: number;
  readonly headers: number;
  readonly body: number;
  readonly noise: number;
  readonly timeout: number;
  readonly reset: number;
  readonly incomparable: number;
  /** That have a verdict: those in flight have none yet. */
  readonly settled: number;
  /** Mismatches: of status, headers and body. */
  readonly mismatches: number;
  /** Of which something was compared: matches, mismatches, and noise beside which the rest was compared. */
  readonly compared: number;
}

export function copyCounts({ counters }: ShadowCounts): CopyCounts {
  const of = (leaf: string): number => counters.get(leaf) ?? 0;
  const [match, noise] = [of(statNames.MATCH), of(statNames.NOISE)];
  const [status, headers, body] = [
    of(statNames.MISMATCH_STATUS),
    of(statNames.MISMATCH_HEADERS),
    of(statNames.MISMATCH_BODY),
  ];
  const [timeout, reset] = [of(statNames.TIMEOUT), of(statNames.RESET)];
  const whole = Math.min(noise, of(statNames.NOISE_WHOLE));
  const incomparable = of(statNames.INCOMPARABLE) + whole;
  const mismatches = status + headers + body;
  const compared = match + mismatches + noise - whole;
  return {
    ...{ sent: of(statNames.SENT), match, status, headers, body, noise, timeout, reset, incomparable },
    ...{ mismatches, compared, settled: compared + incomparable + timeout + reset },
  };
}

/**
 * The copies as trials. With a `noise` instance, copies in which it differed where the shadow did not are held against the
 * mismatches: of a shadow that is as production's second instance there are as many of both.
 */
export function copyTrials(shadow: ShadowCounts, copies: CopyCounts): Trials {
  const offset = shadow.counters.get(statNames.NOISE_ONLY);
  return {
    count: copies.compared,
    bad: copies.mismatches,
    offset: hasNoiseInstance(shadow) ? Math.min(offset ?? 0, copies.compared) : null,
  };
}

/** Whether production has a second instance to tell noise by. */
function hasNoiseInstance({ counters }: ShadowCounts): boolean {
  return counters.has(statNames.NOISE_ONLY);
}

/** Mismatches about which the second instance could not be asked: they speak against a pass, and not for a fail. */
export function unaskedMismatches({ counters }: ShadowCounts, { mismatches }: CopyCounts): number {
  return Math.min(mismatches, counters.get(statNames.NOISE_MISSING) ?? 0);
}
