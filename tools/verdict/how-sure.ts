// How sure it is that a variant is worse: e-values beside the limits at which they decide.

import { FALSE_ALARMS, FALSE_MISMATCHES } from "./limits.ts";
import { ALPHA_PARTS } from "./decide.ts";
import { alphaOfGoal } from "./decide-goals.ts";
import type { RolloutVerdict } from "./verdict.ts";

export interface HowSure {
  readonly measure: "errors" | "4xx" | "fewer 2xx and 3xx" | "slow answers" | "3xx" | `fewer ${string}`;
  /** Of a goal `fewer <goal>`. Evidence that more of the variant's users meet it than of its baseline's: likely from some ten on, decided at `limit`. */
  readonly eValue: number;
  readonly limit: number;
}

/** The largest that is told: what is beyond it is as sure as can be. */
const LARGEST = Math.log(1e300);

/** Of each measure of one variant, what is nearest to its limit first; none without a verdict. */
export function howSure({ variants }: RolloutVerdict, variant: string): HowSure[] {
  const verdict = variants.get(variant);
  if (verdict === undefined) return [];
  const alpha = FALSE_ALARMS / variants.size;
  const { errors, clientErrors, ok, latency, redirects, goals } = verdict;
  const all: readonly (readonly [HowSure["measure"], number, number])[] = [
    ["errors", errors.logEvidence, alpha * ALPHA_PARTS.errors],
    ["4xx", clientErrors.logEvidence, alpha * ALPHA_PARTS.clientErrors],
    ["fewer 2xx and 3xx", ok.logEvidence, alpha * ALPHA_PARTS.ok],
    ["slow answers", latency.logEvidence, alpha * ALPHA_PARTS.latency],
    ["3xx", redirects.logEvidence, alpha],
    ...[...goals].map(([name, { logFewer }]): readonly [HowSure["measure"], number, number] => [
      `fewer ${name}`,
      logFewer,
      alphaOfGoal(goals.size, variants.size),
    ]),
  ];
  return all
    .map(([measure, log, part]) => ({ measure, eValue: Math.exp(Math.min(LARGEST, log)), limit: 1 / part }))
    .filter(({ eValue }) => Number.isFinite(eValue))
    .sort((a, b) => b.eValue / b.limit - a.eValue / a.limit);
}

/** The same of the sample ratio; null while nothing is known. */
export function howSureOfRatio({ ratio }: RolloutVerdict): Omit<HowSure, "measure"> | null {
  if (ratio.logEvidence === null) return null;
  return { eValue: Math.exp(Math.min(LARGEST, ratio.logEvidence)), limit: 1 / FALSE_MISMATCHES };
}
