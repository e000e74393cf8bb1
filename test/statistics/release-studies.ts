// Whole releases, simulated: the steps of a ramp one after the other, judged as `serin advance` judges them, with the guard
// beside it. By errors alone; docs/release.md has the figures.

import { stepLimits } from "../../tools/release/step-limits.ts";
import { decideErrors } from "../../tools/verdict/decide.ts";
import type { Evidence } from "../../tools/verdict/evidence.ts";
import { FALSE_ALARMS } from "../../tools/verdict/limits.ts";
import { GuardWatch } from "./guard-watch.ts";
import { VARIANT, type Rollout } from "./rollout.ts";
import { SERVICE, Simulation, type Traffic } from "./simulation.ts";

export interface ReleaseStudy {
  readonly traffic: Traffic;
  /** Requests a second, of all users. */
  readonly rate: number;
  /** The variant fails so many times as often as the default, whose requests fail in 1 %. */
  readonly times: number;
  /** Parts of all users, rising; at the last, 1, nothing is judged any more. */
  readonly steps?: readonly number[];
  /** Seconds on a step, at least. */
  readonly every?: number;
  /** A step that is not over by then never is: seconds. */
  readonly most?: number;
}

export interface ReleaseOutcome {
  readonly runs: number;
  /** Releases that reached the last step. */
  readonly finished: number;
  /** Taken back, and by whom. */
  readonly rolledBack: number;
  readonly byGuard: number;
  /** On a step that was not over after `most`. */
  readonly stuck: number;
  /** Median seconds of those that finished; Infinity without any. */
  readonly seconds: number;
  /** Median of errors of the variant's requests beyond those of the default's, of those that were taken back. */
  readonly excess: number;
}

const STEPS = [0.01, 0.05, 0.25, 0.5, 1];
/** Seconds between two looks of `serin advance`. */
const INTERVAL = 10;
const FALSE_ALARM = 0.001;

type StepEnd = {
  readonly end: "over" | "verdict" | "guard" | "stuck";
  readonly seconds: number;
  readonly excess: number;
};

export function releaseStudy(seed: number, runs: number, study: ReleaseStudy): ReleaseOutcome {
  const { steps = STEPS, most = 3600, rate, traffic, times } = study;
  const judged = steps.filter((share) => share < 1);
  const simulations = judged.map(
    (share, index) =>
      new Simulation(seed * 100 + index, {
        ...{ traffic, share, requests: most * rate },
        ...(times === 1 ? {} : { effect: { errors: times } }),
      }),
  );
  const [lengths, excesses]: number[][] = [[], []];
  const ends = { over: 0, verdict: 0, guard: 0, stuck: 0 };
  for (let run = 0; run < runs; run++) {
    let [seconds, excess] = [0, 0];
    let end: StepEnd["end"] = "over";
    for (const [index, share] of judged.entries()) {
      const step = runStep(simulations[index] as Simulation, share, index, study);
      seconds += step.seconds;
      excess += step.excess;
      end = step.end;
      if (end !== "over") break;
    }
    ends[end]++;
    if (end === "over") lengths?.push(seconds);
    if (end === "verdict" || end === "guard") excesses?.push(excess);
  }
  return {
    runs,
    finished: ends.over,
    rolledBack: ends.verdict + ends.guard,
    byGuard: ends.guard,
    stuck: ends.stuck,
    seconds: medianOf(lengths ?? []),
    excess: medianOf(excesses ?? []),
  };
}

/** `before`: evidence periods that the process has had. */
function runStep(
  simulation: Simulation,
  share: number,
  before: number,
  { rate, every = 60, most = 3600, times }: ReleaseStudy,
): StepEnd {
  const watch = new GuardWatch(simulation, false);
  const limits = stepLimits(share);
  let found: Omit<StepEnd, "excess"> = { end: "stuck", seconds: most };
  simulation.run(
    () => rate,
    ([rollout], requests) => {
      if (rollout === undefined) return true;
      const now = requests / rate;
      watch.look(rollout, now);
      if (watch.guard.isEnough(FALSE_ALARM)) found = { end: "guard", seconds: now };
      else if (now % INTERVAL === 0) {
        const decided = decideErrors([evidenceOf(rollout, before)], limits, FALSE_ALARMS);
        if (decided.isSignificant) found = { end: "verdict", seconds: now };
        else if (decided.isWithin && now >= every) found = { end: "over", seconds: now };
      }
      return found.end !== "stuck";
    },
  );
  // Where the variant is like the default, nobody counts who failed.
  const failed = times === 1 ? 0 : (simulation.failed[VARIANT] ?? 0);
  const expected = times === 1 ? 0 : (simulation.ended[VARIANT] ?? 0) * SERVICE.errors;
  return { ...found, excess: failed - expected };
}

/** As tools/verdict/evidence.ts numbers periods: of the shares only where it is their first. */
function evidenceOf(rollout: Rollout, before: number): Evidence {
  const period = before + rollout.period;
  return { ...rollout.evidence(1), period, periodOfShares: rollout.period === 1 ? 1 : period };
}

function medianOf(values: number[]): number {
  values.sort((a, b) => a - b);
  return values[Math.floor(values.length / 2)] ?? Infinity;
}
