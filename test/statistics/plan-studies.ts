// Simulated releases beside what `serin plan` says of them: how long each takes, in seconds.

import { planRollout } from "../../tools/plan/release-plan.ts";
import { stepsOf } from "../../tools/plan/policy-steps.ts";
import type { Assumptions } from "../../tools/plan/evidence-plan.ts";
import { parseOrdered } from "../../tools/terminal/ordered-json.ts";
import { decideErrors } from "../../tools/verdict/decide.ts";
import { stepLimits } from "../../tools/release/step-limits.ts";
import { DEFAULT_LIMITS, FALSE_ALARMS } from "../../tools/verdict/limits.ts";
import { guardStudy } from "./guard-studies.ts";
import { SERVICE, Simulation, type Effect, type Traffic } from "./simulation.ts";

export const STEPS = [1, 5, 25, 50, 100];
const FALSE_ALARM = 0.001;
/** A second is short enough for any of these. */
const LONGEST = 8;

export interface PlannedCase {
  readonly name: string;
  readonly requestsPerUser: number;
  readonly errorRate: number;
  readonly worse: number;
  readonly rate: number;
}

/** What is planned, the simulated times in ascending order, and how many of them are within a factor of two. */
export interface Comparison {
  readonly name: string;
  readonly planned: number;
  readonly simulated: readonly number[];
  readonly median: number;
  readonly near: number;
}

export const CASES: readonly PlannedCase[] = [
  { name: "1% errors", requestsPerUser: 1, errorRate: 0.01, worse: 5, rate: 200 },
  { name: "5% errors, 3 times", requestsPerUser: 1, errorRate: 0.05, worse: 3, rate: 200 },
  { name: "0.1% errors, 20 times", requestsPerUser: 1, errorRate: 0.001, worse: 20, rate: 1000 },
  { name: "20 requests per user", requestsPerUser: 20, errorRate: 0.01, worse: 3, rate: 1000 },
];

function trafficOf({ requestsPerUser }: PlannedCase): Traffic {
  return {
    name: "planned",
    users: requestsPerUser === 1 ? { kind: "fresh" } : { kind: "sessions", requests: requestsPerUser },
  };
}

function planOf({ rate, ...given }: PlannedCase): ReturnType<typeof planRollout>["variants"][number] {
  const ramp = { steps: STEPS, every: "1s" };
  const policy = {
    rollouts: { r: { default: "a", variants: { a: {}, b: { ramp } }, guard: { falseAlarm: FALSE_ALARM } } },
  };
  const assumptions: Assumptions = { ...given, rps: rate, envoys: 1, conversion: 0.05, fewer: 0.8 };
  const [rollout] = stepsOf(parseOrdered(JSON.stringify(policy))).rollouts;
  if (rollout === undefined) throw new Error("nothing is planned");
  const [variant] = planRollout(rollout, assumptions).variants;
  if (variant === undefined) throw new Error("no variant is planned");
  return variant;
}

/** Good canaries from the first step to the last: the seconds that evidence takes, by `advance`'s rule for errors. */
export function releases(seed: number, runs: number, given: PlannedCase): Comparison {
  const planned = planOf(given);
  const sums = new Float64Array(runs);
  for (const step of planned.steps.slice(0, -1)) {
    const seconds = step.evidence?.passes.seconds ?? 0;
    const times = stepTimes(seed++, runs, given, step.percent, seconds, {}, (evidence) => {
      return decideErrors(evidence, stepLimits(step.percent / 100), FALSE_ALARMS).isWithin;
    });
    times.forEach((time, run) => (sums[run] = (sums[run] as number) + time));
  }
  return compared(`release, ${given.name}`, planned.byEvidence, [...sums]);
}

/** Bad canaries on one step: the seconds until `serin report` says fail. */
export function faults(seed: number, runs: number, given: PlannedCase, percent: number): Comparison {
  const step = planOf(given).steps.find((each) => each.percent === percent);
  const seconds = step?.evidence?.found.seconds ?? Infinity;
  const effect = { errors: given.worse };
  const times = stepTimes(seed, runs, given, percent, seconds, effect, (evidence) => {
    return decideErrors(evidence, DEFAULT_LIMITS, FALSE_ALARMS).isSignificant;
  });
  return compared(`fault at ${percent}%, ${given.name}`, seconds, times);
}

/** Bad canaries on one step of 5%: the seconds until the guard acts, on a fault from the begin or after an hour. */
export function guards(seed: number, runs: number, given: PlannedCase, from: 0 | 3600): Comparison {
  const guard = planOf(given).steps.find(({ percent }) => percent === 5)?.evidence?.guard;
  const planned = (from === 0 ? guard?.seconds : guard?.later) ?? Infinity;
  const service = { ...SERVICE, errors: given.errorRate };
  const options = { traffic: trafficOf(given), service, share: 0.05, rate: given.rate };
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    const { seconds } = guardStudy(seed + run, 1, {
      ...options,
      falseAlarm: FALSE_ALARM,
      seconds: from + Math.ceil(planned * LONGEST),
      fault: { from, times: given.worse },
    });
    times.push(seconds.median);
  }
  return compared(`guard after ${from / 60} min, ${given.name}`, planned, times);
}

function stepTimes(
  seed: number,
  runs: number,
  given: PlannedCase,
  percent: number,
  planned: number,
  effect: Effect,
  isDone: (evidence: Parameters<typeof decideErrors>[0]) => boolean,
): number[] {
  const { rate } = given;
  const simulation = new Simulation(seed, {
    traffic: trafficOf(given),
    service: { ...SERVICE, errors: given.errorRate },
    effect,
    share: percent / 100,
    requests: Math.max(rate, Math.ceil(planned * LONGEST * rate)),
  });
  return Array.from({ length: runs }, () => {
    let done = Infinity;
    simulation.run(
      () => rate,
      ([rollout], requests) => {
        if (rollout === undefined || !isDone([rollout.evidence(1)])) return false;
        done = requests / rate;
        return true;
      },
    );
    return done;
  });
}

function compared(name: string, planned: number, times: readonly number[]): Comparison {
  const simulated = [...times].sort((a, b) => a - b);
  const near = simulated.filter((time) => time <= 2 * planned && time >= planned / 2).length;
  return { name, planned, simulated, median: simulated[Math.floor(simulated.length / 2)] ?? Infinity, near };
}
