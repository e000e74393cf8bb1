// How long one step of a release takes: until a fault is found, until the guard acts, until the step is shown to be
// within the limit. The formulas are those of the tests themselves: the expected growth of their evidence for each user
// (Grünwald, de Heide & Koolen 2024, "Safe testing", JRSS-B 86). docs/release.md says what they leave out.

import { envoyFactor, usersToFind, usersToKeep, usersToMiss } from "../statistics/needed-users.ts";
import { ALPHA_PARTS } from "../verdict/decide.ts";
import { alphaOfGoal } from "../verdict/decide-goals.ts";
import { FALSE_ALARMS, FALSE_PASSES } from "../verdict/limits.ts";
import { PERIOD_FACTOR, periodUsers, shownLimit, usersToBeWithin } from "../verdict/period-size.ts";

/** What is assumed of the traffic. */
export interface Assumptions {
  /** Requests a second that the rollout gets, of all Envoys together. */
  readonly rps: number;
  /** Requests that one user makes in an evidence period: 1 or more. */
  readonly requestsPerUser: number;
  /** Part of the baseline's requests that fail, 0 to 1. */
  readonly errorRate: number;
  /** How many times as many of them fail with the fault. */
  readonly worse: number;
  readonly envoys: number;
  /** Part of the baseline's users who reach a goal, 0 to 1. */
  readonly conversion: number;
  /** The drop to find: so many times as many of the variant's users reach it, below 1. */
  readonly fewer: number;
}

export interface StepInput {
  /** The variant's share of all users, above 0 and at most 1. */
  readonly share: number;
  readonly controlShare: number;
  /** Variants that are judged beside the default: they divide the false alarms. */
  readonly variants: number;
  /** How many times as many users may meet an error. */
  readonly limit: number;
  /** Goals that are counted for the rollout: they divide their own false alarms. */
  readonly goals: number;
  readonly guard: { readonly falseAlarm: number; readonly ignoresBursts: boolean } | null;
}

/** Users of the variant, of all Envoys, and seconds; Infinity where no number would do. */
export interface Needed {
  readonly users: number;
  readonly seconds: number;
}

export interface StepPlan {
  /** Until `serin report` says `fail` of the fault, and how many users have met an error by then. */
  readonly found: Needed & { readonly errors: number };
  /** Until the guard of an Envoy acts: on a fault that is there from the beginning, and on one that comes after an hour. */
  readonly guard: { readonly seconds: number; readonly later: number; readonly errors: number } | null;
  /** Until a variant like the baseline is shown to be within the limit. */
  readonly passes: Needed;
  /** Until a drop of a goal is found, and until as many are shown to be enough; null without goals. */
  readonly goal: { readonly found: Needed; readonly passes: Needed } | null;
  /** The variant's users whom one evidence period can hold, of all Envoys. */
  readonly periodHolds: number;
  /** The smallest limit that one period can show, where `limit` needs more users than it holds; null where it fits. */
  readonly limitShown: number | null;
}

/** Numbers of a step with a control group; null without one, where nothing can be compared. */
export function planStep(input: StepInput, given: Assumptions): StepPlan | null {
  const { share, controlShare, limit } = input;
  if (controlShare <= 0) return null;
  const pi = share / (share + controlShare);
  const usersPerSecond = (given.rps / given.requestsPerUser) * share;
  const factor = envoyFactor(given.envoys);
  const [base, bad] = userRates(given);
  const needed = (ofOne: number): Needed => {
    const users = ofOne * factor;
    return { users, seconds: users / usersPerSecond };
  };
  // Of one Envoy: its own bitmap, and its part of all users.
  const [holds, holdsFaulty] = [pi * periodUsers(base), pi * periodUsers(pi * bad + (1 - pi) * base)];
  const fits = (ofOne: number, most: number): boolean => (ofOne * factor) / given.envoys <= most;
  const alpha = (FALSE_ALARMS / input.variants) * ALPHA_PARTS.errors;
  const toFind = usersToFind(base, pi, bad / base, Math.log(PERIOD_FACTOR / alpha));
  const found = needed(fits(toFind, holdsFaulty) ? toFind : Infinity);
  const toPass = usersToBeWithin(base, pi, limit);
  const ofGoal = (toReach: number): Needed => needed(fits(toReach, holds) ? toReach : Infinity);
  return {
    found: { ...found, errors: found.users * bad },
    guard: input.guard === null ? null : guardDelay(input.guard, pi, share, given),
    passes: needed(toPass),
    goal:
      input.goals === 0
        ? null
        : { found: ofGoal(toMiss(input, pi, given)), passes: ofGoal(toKeep(input, pi, given)) },
    periodHolds: holds * given.envoys,
    limitShown: fits(toPass, holds) ? null : shownLimit(base, pi, (holds * given.envoys) / factor),
  };
}

function toMiss({ goals, variants }: StepInput, pi: number, { conversion, fewer }: Assumptions): number {
  return usersToMiss(conversion, pi, fewer, Math.log(PERIOD_FACTOR / alphaOfGoal(goals, variants)));
}

function toKeep({ limit }: StepInput, pi: number, { conversion }: Assumptions): number {
  return usersToKeep(conversion, pi, limit, Math.log(PERIOD_FACTOR / FALSE_PASSES));
}

/** Part of users who meet an error, of the baseline and of the variant with the fault. */
export function userRates({ errorRate, worse, requestsPerUser }: Assumptions): readonly [number, number] {
  const ofUsers = (rate: number): number =>
    -Math.expm1(requestsPerUser * Math.log1p(-Math.min(rate, 1 - 1e-12)));
  return [ofUsers(errorRate), ofUsers(Math.min(1, errorRate * worse))];
}

/** The guard's bets, as in assembly/core/guard.ts. */
const BETS = [1.5, 3, 8, 24];
const STAKE = 0.5;
const MINUTE_STAKE = 0.5 / 1440;
const BLOCK_REQUESTS = 20;
const BURST_SECONDS = 10;
const BURST_FACTOR = 10;

/**
 * Seconds until one Envoy's guard acts: the bet that gets there first. After an hour in health a bet is worn down to what
 * each minute adds to it, which the fault has to make up for.
 */
function guardDelay(
  { falseAlarm, ignoresBursts }: NonNullable<StepInput["guard"]>,
  pi: number,
  share: number,
  given: Assumptions,
): NonNullable<StepPlan["guard"]> {
  const [base, bad] = userRates(given);
  const perSecond = ((given.rps / given.requestsPerUser) * share) / given.envoys;
  const controlRequests = ((given.rps / given.envoys) * share * (1 - pi)) / pi;
  const level = Math.log(BETS.length / falseAlarm);
  // A block ends after a second and twenty requests of the control group: half of one is waited on average.
  const wait = Math.max(1, BLOCK_REQUESTS / controlRequests) / 2 + 1;
  const until = (begin: (growthInHealth: number) => number): number => {
    let least = Infinity;
    for (const ratio of BETS) {
      const odds = Math.log1p((ratio - 1) * pi);
      const [gain, cost] = [Math.log(ratio) - odds, ((1 - pi) / pi) * odds];
      const growth = (bad * gain - base * cost) * perSecond;
      const log = level - Math.log(begin((base * gain - base * cost) * perSecond));
      if (growth <= 0) continue;
      const blocks = ignoresBursts ? Math.ceil(log / Math.log(BURST_FACTOR)) * BURST_SECONDS : 0;
      least = Math.min(least, Math.max(log / growth, blocks));
    }
    return least + wait;
  };
  const seconds = until(() => STAKE);
  const later = until((perSecondInHealth) =>
    Math.max(STAKE * Math.exp(3600 * perSecondInHealth), MINUTE_STAKE / -Math.expm1(60 * perSecondInHealth)),
  );
  return { seconds, later, errors: seconds * perSecond * bad };
}

/**
 * False alarms of the guards of a fleet, by the promise: falseAlarm for half of each evidence period begun and half of
 * each day, for each variant and Envoy.
 */
export function falseAlarms(
  falseAlarm: number,
  { periods, days }: { readonly periods: number; readonly days: number },
  variants: number,
  envoys: number,
): number {
  return falseAlarm * (0.5 * periods + 0.5 * days) * variants * envoys;
}
