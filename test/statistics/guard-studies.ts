// What a guard does over many simulated rollouts: how often it acts on a healthy variant, and how long a broken one stays.

import { GuardWatch } from "./guard-watch.ts";
import { VARIANT } from "./rollout.ts";
import { Simulation, type RunOptions } from "./simulation.ts";

export interface GuardStudy extends Omit<RunOptions, "requests"> {
  /** Requests a second, of all users. */
  readonly rate: number;
  readonly seconds: number;
  /** The second in which the variant breaks; with `times` as many errors. Without, it never does. */
  readonly fault?: { readonly from: number; readonly times: number };
  readonly falseAlarm?: number;
  readonly ignoresBursts?: boolean;
}

export interface GuardOutcome {
  readonly runs: number;
  /** Runs in which it acted. */
  readonly acted: number;
  /** … before the fault. */
  readonly early: number;
  /** From the fault until it acted: seconds, and errors of the variant. Medians and longest; Infinity without any. */
  readonly seconds: { readonly median: number; readonly longest: number };
  readonly errors: { readonly median: number; readonly longest: number };
}

/** The judge of the filter looks twice a second, and here once: the seconds are at most one too many. */
export function guardStudy(seed: number, runs: number, options: GuardStudy): GuardOutcome {
  const { rate, seconds, fault, falseAlarm = 0.001, ignoresBursts = false } = options;
  const begins = (fault?.from ?? 0) * rate;
  const simulation = new Simulation(seed, {
    ...options,
    requests: seconds * rate,
    ...(fault === undefined ? {} : { effect: { laterErrors: { from: begins, times: fault.times } } }),
  });
  const [delays, errors]: number[][] = [[], []];
  let [acted, early] = [0, 0];
  for (let run = 0; run < runs; run++) {
    const watch = new GuardWatch(simulation, ignoresBursts);
    let failedBefore = 0;
    simulation.run(
      () => rate,
      ([rollout], requests) => {
        if (rollout === undefined) return true;
        const now = requests / rate;
        watch.look(rollout, now);
        if (requests <= begins) failedBefore = simulation.failed[VARIANT] ?? 0;
        if (!watch.guard.isEnough(falseAlarm)) return false;
        acted++;
        if (fault !== undefined && requests <= begins) early++;
        else {
          delays?.push(now - begins / rate);
          errors?.push((simulation.failed[VARIANT] ?? 0) - failedBefore);
        }
        return true;
      },
    );
  }
  return { runs, acted, early, seconds: summaryOf(delays ?? []), errors: summaryOf(errors ?? []) };
}

function summaryOf(values: number[]): { median: number; longest: number } {
  values.sort((a, b) => a - b);
  return {
    median: values[Math.floor(values.length / 2)] ?? Infinity,
    longest: values.at(-1) ?? Infinity,
  };
}
