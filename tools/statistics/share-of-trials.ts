// Whether some part of trials is above a limit, or below it: two tests, one in each direction, that may be looked at as often
// as one likes.
//
// A trial scores 1 (bad), 0, or -1 (bad for what it is compared with, where that is noisy too), and the share is the mean
// score. Against "the mean is at least d", 1 + b (d - score) with a fixed b that keeps it above 0 has an expectation of at
// most 1 whatever the distribution is, so a product of them is a martingale or falls, and it depends on nothing but the three
// counts: Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by betting", JRSS-B 86; the chance that it
// ever reaches 1/alpha is at most alpha (Ville 1939). Without scores of -1 it is the likelihood ratio of two binomial rates.
// Some b are averaged, since the true share is not known.

import { crossing } from "./evidence.ts";
import { logMean } from "./first-setters.ts";

/** What was counted. Fractions are allowed; all of it is 0 or more. */
export interface Trials {
  /** How many there were, scores of 0 among them. */
  readonly count: number;
  /** How many scored 1. */
  readonly bad: number;
  /** How many scored -1, which scores 0 with a 1 at once; null where nothing can: that test is the stronger one. */
  readonly offset: number | null;
}

/** The mean score, -1 to 1; null without trials. */
export function shareOfTrials({ count, bad, offset }: Trials): number | null {
  return count > 0 ? (bad - (offset ?? 0)) / count : null;
}

/** True shares, in parts of the limit, for which the test against "at least the limit" is best; half of it is for none. */
const PARTS = [0, 0, 0, 1 / 8, 1 / 4, 1 / 2] as const;
/** The same where trials may score -1: what is noisy needs small stakes. */
const NOISY_PARTS = [0, 0, 1 / 4, 1 / 2, 0.8, 0.95, 0.99] as const;
/** True shares, in limits, for which the test against "at most the limit" is best. */
const TIMES = [1.25, 1.5, 2, 3, 5, 10, 30, 100, 300] as const;
/** Where trials may score -1: stakes, in parts of the largest. */
const NOISY_STAKES = [1, 0.75, 0.5, 0.25, 0.1, 0.03, 0.01] as const;

/** Logarithm of the e-value against "the share is at least `limit`" (above 0, below 1): large when it is shown to be less. */
export function logShareBelow(trials: Trials, limit: number): number {
  const parts = trials.offset === null ? PARTS : NOISY_PARTS;
  return logMean(
    parts.map((part) => {
      const stake = (1 - part) / (1 - limit);
      return logOf(trials, part, 1 + stake * limit, 1 + stake * (1 + limit));
    }),
  );
}

/** Logarithm of the e-value against "the share is at most `limit`" (0 to 1): large when it is shown to be more. */
export function logShareAbove(trials: Trials, limit: number): number {
  if (trials.offset !== null) {
    return logMean(
      NOISY_STAKES.map((part) => {
        const stake = part / (1 + limit);
        return logOf(trials, 1 + stake * (1 - limit), 1 - stake * limit, 1 - part);
      }),
    );
  }
  return logMean(
    TIMES.map((times) =>
      times * limit < 1 ? logOf(trials, times, (1 - times * limit) / (1 - limit), 1) : -Infinity,
    ),
  );
}

/**
 * Logarithm of a product with these factors for scores of 1, 0 and -1. How many trials were both bad and offset is not known
 * but for the least that it can be: those beyond it are taken for two, and the product of a pair's factors is less than that
 * of two zeros (it is smaller by the square of the stake), so what is not known never speaks for anything.
 */
function logOf({ count, bad, offset }: Trials, ofBad: number, ofOthers: number, ofOffset: number): number {
  const less = offset ?? 0;
  const both = Math.max(0, bad + less - count);
  const others = Math.max(0, count - bad - less) + both;
  return times(bad - both, ofBad) + times(others, ofOthers) + times(less - both, ofOffset);
}

function times(count: number, factor: number): number {
  return count > 0 ? count * Math.log(factor) : 0;
}

/** What the two tests say of every limit at once: the share is above `lower` and below `upper`, each at its own level. */
export interface Bounds {
  readonly lower: number;
  readonly upper: number;
}

/**
 * Bounds of the share at all looks together: a chance of at most `alphaLower` that it is below the lower one, of at most
 * `alphaUpper` that it is above the upper one. Evidence rises, or falls, with the limit, so each is where a test turns.
 */
export function shareBounds(trials: Trials, alphaLower: number, alphaUpper: number): Bounds {
  const seen = Math.min(1, Math.max(0, shareOfTrials(trials) ?? 0));
  // Towards 0 the evidence for more than that grows; towards 1 that for less.
  const above = (limit: number): number =>
    logShareAbove(trials, Math.max(limit, SMALLEST)) + Math.log(alphaLower);
  const below = (limit: number): number =>
    logShareBelow(trials, Math.min(1 - SMALLEST, Math.max(limit, SMALLEST))) + Math.log(alphaUpper);
  return {
    lower: above(SMALLEST) > 0 ? crossing((limit) => above(limit), SMALLEST, seen) : 0,
    upper: below(1 - SMALLEST) > 0 ? crossing((limit) => below(limit), 1 - SMALLEST, seen) : 1,
  };
}

const SMALLEST = 1e-9;

/**
 * How many trials it takes in all until a test reaches `logThreshold`, if the rest is like those that there were; Infinity
 * when it never does. `test`: of the numbers at that time.
 */
export function trialsUntil(trials: Trials, test: (trials: Trials) => number, logThreshold: number): number {
  const { count, bad, offset } = trials;
  if (!(count > 0)) return Infinity;
  const isEnough = (times: number): boolean =>
    test({ count: count * times, bad: bad * times, offset: offset === null ? null : offset * times }) >=
    logThreshold;
  if (!isEnough(MOST_TIMES)) return Infinity;
  let [short, enough] = [0, MOST_TIMES];
  for (let step = 0; step < STEPS; step++) {
    const middle = (short + enough) / 2;
    if (isEnough(middle)) enough = middle;
    else short = middle;
  }
  return count * enough;
}

/** How many trials without a bad one it takes until they are shown to be below `limit`. */
export function cleanTrials(limit: number, logThreshold: number): number {
  const clean: Trials = { count: 1 / limit, bad: 0, offset: null };
  return trialsUntil(clean, (trials) => logShareBelow(trials, limit), logThreshold);
}

const MOST_TIMES = 1e7;
const STEPS = 60;
