// What is counted over many simulated rollouts: how often, and after how many users of the variant, a verdict comes.

import { logMean, logOfPeriod } from "../../tools/statistics/first-setters.ts";
import { usersBehind } from "../../tools/statistics/linear-counting.ts";
import { ratioEvidence } from "../../tools/statistics/sample-ratio.ts";
import { decide, decideErrors, type Decided } from "../../tools/verdict/decide.ts";
import type { Evidence } from "../../tools/verdict/evidence.ts";
import { DEFAULT_LIMITS, FALSE_ALARMS, FALSE_MISMATCHES } from "../../tools/verdict/limits.ts";
import { Simulation, type RunOptions, type Traffic } from "./simulation.ts";

/** Looks are after every 100 requests at the begin, and after every 200 later on. */
function every(requests: number): number {
  return requests < 5000 ? 100 : 200;
}

export interface Outcome {
  readonly runs: number;
  readonly fails: number;
  readonly mismatches: number;
  readonly passes: number;
  /** Passes of errors alone, whatever 4xx and latency say. */
  readonly errorPasses: number;
  /** Median users of the variant; Infinity where there is none. */
  readonly failAt: number;
  readonly passAt: number;
  readonly errorPassAt: number;
  /** What failed first, by name. */
  readonly causes: Readonly<Record<string, number>>;
}

export interface StudyOptions extends RunOptions {
  /** `all`: the run goes on to its end, for false alarms. `fail`: until it fails. `decision`: until it fails or passes. */
  readonly until: "all" | "fail" | "decision";
}

export function study(seed: number, runs: number, options: StudyOptions): Outcome {
  const simulation = new Simulation(seed, options);
  const causes: Record<string, number> = {};
  const [failAt, passAt, errorPassAt]: number[][] = [[], [], []];
  let mismatches = 0;
  for (let run = 0; run < runs; run++) {
    let [hasFailed, hasPassed, errorsPassed, hasMismatch] = [false, false, false, false];
    let filled = -1;
    const { warmUp = 0 } = options.traffic;
    simulation.run(every, (rollouts, requests) => {
      let now = 0;
      for (const rollout of rollouts) now += rollout.filled;
      if (now === filled) return false;
      filled = now;
      const timed = Math.max(0, requests - warmUp) / requests;
      // ln(2 / FALSE_MISMATCHES), and ln(2 / (FALSE_ALARMS / 2)): nothing is found below. Nor is there a pass while
      // errors are not within the limit.
      const isSurprising = rollouts.some((each) => each.isSurprising(7.6, 5.99));
      if (options.until !== "decision" && !isSurprising) return false;
      const evidence = rollouts.map((rollout) => rollout.evidence(timed));
      if (!isSurprising && !decideErrors(evidence, DEFAULT_LIMITS, FALSE_ALARMS).isWithin) return false;
      if (!hasMismatch && isMismatch(evidence)) {
        hasMismatch = true;
        mismatches++;
      }
      const decided = decide(evidence, DEFAULT_LIMITS, FALSE_ALARMS);
      const { decision } = decided;
      if (!hasFailed && decision === "fail") {
        hasFailed = true;
        failAt?.push(usersOf(evidence));
        const cause = causeOf(decided);
        causes[cause] = (causes[cause] ?? 0) + 1;
      }
      if (!errorsPassed && decided.errors.isWithin && !decided.errors.isSignificant) {
        errorsPassed = true;
        errorPassAt?.push(usersOf(evidence));
      }
      if (!hasPassed && !hasFailed && decision === "pass") {
        hasPassed = true;
        passAt?.push(usersOf(evidence));
      }
      if (options.until === "fail") return hasFailed;
      if (options.until === "decision") return hasFailed || (hasPassed && errorsPassed);
      return hasFailed && hasMismatch;
    });
  }
  return {
    runs,
    fails: failAt?.length ?? 0,
    mismatches,
    passes: passAt?.length ?? 0,
    errorPasses: errorPassAt?.length ?? 0,
    failAt: medianOf(failAt ?? []),
    passAt: medianOf(passAt ?? []),
    errorPassAt: medianOf(errorPassAt ?? []),
    causes,
  };
}

export function isMismatch(evidence: readonly Evidence[]): boolean {
  const logs = evidence.map(({ variant, control, pi, period }) =>
    logOfPeriod(ratioEvidence([variant.users, control.users], [pi, 1 - pi]), period),
  );
  return logMean(logs) >= -Math.log(FALSE_MISMATCHES);
}

function causeOf({ errors, clientErrors, ok, latency }: Decided): string {
  if (errors.isSignificant) return "errors";
  if (clientErrors.isSignificant) return "4xx";
  if (ok.isSignificant) return "ok";
  return latency.isSignificant ? "latency" : "?";
}

function usersOf(evidence: readonly Evidence[]): number {
  let sum = 0;
  for (const { variant, all, size } of evidence) sum += usersBehind(variant.users, all.users, size);
  return sum;
}

function medianOf(values: number[]): number {
  values.sort((a, b) => a - b);
  return values[Math.floor(values.length / 2)] ?? Infinity;
}

const ZIPF_07 = { kind: "zipf", crowd: 20_000, exponent: 0.7 } as const;
const ZIPF_1 = { kind: "zipf", crowd: 20_000, exponent: 1 } as const;

/** Traffic of healthy rollouts, each a way in which requests are no independent draws. */
export const TRAFFICS: readonly Traffic[] = [
  { name: "independent requests", users: { kind: "fresh" } },
  { name: "20 requests a user", users: { kind: "sessions", requests: 20 } },
  { name: "Zipf 0.7, users alike", users: ZIPF_07 },
  { name: "Zipf 0.7, users differ (ICC 0.1)", users: ZIPF_07, errors: "differ" },
  { name: "Zipf 0.7, 1 % of users broken", users: ZIPF_07, errors: "broken" },
  { name: "Zipf 1, users differ", users: ZIPF_1, errors: "differ" },
  { name: "Zipf 0.7, users differ in speed", users: ZIPF_07, speeds: 0.7 },
  { name: "Zipf 1, users differ in speed and errors", users: ZIPF_1, errors: "differ", speeds: 0.7 },
  { name: "heavy tails (Zipf 1.2, Pareto latency)", users: { ...ZIPF_1, exponent: 1.2 }, heavy: true },
  {
    name: "outages on both sides",
    users: ZIPF_07,
    errors: "differ",
    moment: (part) => {
      const isOut = (part > 0.2 && part < 0.3) || (part > 0.6 && part < 0.62);
      return { errors: isOut ? 0.3 : 0, slower: isOut ? 5 : 1, shift: 0 };
    },
  },
  {
    name: "retry storms",
    users: ZIPF_07,
    errors: "differ",
    retries: { most: 20, fails: 0.7 },
    moment: (part) => ({ errors: part % 0.2 < 0.03 ? 0.2 : 0, slower: 1, shift: 0 }),
  },
  {
    name: "diurnal load",
    users: ZIPF_07,
    errors: "differ",
    speeds: 0.5,
    moment: (part) => {
      const day = Math.sin(4 * Math.PI * part);
      return {
        errors: 0.01 + 0.01 * day,
        slower: 1 + 0.6 * Math.max(0, day),
        shift: Math.floor(part * 24) * 700,
      };
    },
  },
  {
    name: "cold start (twice as slow for 200 requests)",
    users: { kind: "fresh" },
    coldStart: 200,
    // 30 seconds of 100 requests.
    warmUp: 3000,
  },
  { name: "five Envoys, Zipf 0.7, users differ", users: ZIPF_07, errors: "differ", speeds: 0.7, envoys: 5 },
];

/** The cells of the table of passes. */
export const PASS_TRAFFICS: readonly Traffic[] = [
  { name: "many, a request or two each", users: { kind: "zipf", crowd: 150_000, exponent: 0 } },
  { name: "many, a request each", users: { kind: "fresh" } },
  { name: "Zipf 0.7, 20,000 users", users: ZIPF_07 },
  { name: "the same, users differ (ICC 0.1)", users: ZIPF_07, errors: "differ" },
  { name: "Zipf 1, users differ", users: ZIPF_1, errors: "differ" },
  { name: "2,000 users, 100 requests each", users: { kind: "zipf", crowd: 2000, exponent: 0 } },
];
