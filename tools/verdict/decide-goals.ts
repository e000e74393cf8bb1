// What the bits of evidence periods say of the goals of one variant: fewer users reach it, more, or neither. Numbers in,
// numbers out, as decide.ts; goals.ts makes of it what people read.

import { logGoal, logMean, logOfPeriod, logWithinFewer } from "../statistics/first-setters.ts";
import { metOf, periodFor, setters, type MeasureDecision } from "./decide.ts";
import { goalReader, whole, type Evidence } from "./evidence.ts";
import { FALSE_GOALS, FALSE_PASSES, type Limits } from "./limits.ts";

export interface GoalDecision extends MeasureDecision {
  /** Where the evidence leans; it is significantly so with `isSignificant`. Null where nobody has reached it. */
  readonly leans: "fewer" | "more" | null;
  /** Logarithm of what the test against "not fewer" is of the e-value. */
  readonly logFewer: number;
}

/** The part of the false alarms that one goal of one variant has. */
export function alphaOfGoal(goals: number, variants: number): number {
  return FALSE_GOALS / (Math.max(1, goals) * Math.max(1, variants));
}

/** The goal with this index. `alpha`: the chance, for all looks and periods together, that it is called different by chance. */
export function decideGoal(
  evidence: readonly Evidence[],
  index: number,
  limits: Limits,
  alpha: number,
): GoalDecision {
  const read = goalReader(index);
  const judged = whole(evidence);
  const each = judged.map((one) => logGoal(setters(one, read), one.pi));
  const mean = (of: "fewer" | "more"): number =>
    logMean(judged.map(({ period }, envoy) => logOfPeriod(each[envoy]?.[of] ?? 0, period)));
  const [fewer, more] = [mean("fewer"), mean("more")];
  const logEvidence = logMean([fewer, more]);
  const within = logMean(
    judged.map((one) =>
      logOfPeriod(logWithinFewer(setters(one, read), one.pi, limits.maxRatio), periodFor(one, limits)),
    ),
  );
  return {
    logEvidence,
    isSignificant: logEvidence >= -Math.log(alpha),
    isWithin: within >= -Math.log(FALSE_PASSES),
    by: "ratio",
    isCommon: false,
    met: metOf(evidence, read, "errors"),
    logFewer: fewer - Math.LN2,
    leans: fewer === more ? null : fewer > more ? "fewer" : "more",
  };
}
