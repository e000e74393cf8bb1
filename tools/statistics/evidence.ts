// Evidence that may be looked at as often as one likes. All of it is of one kind: the likelihood of what was counted,
// averaged over many rates, against its likelihood under one rate. Under that rate this is a martingale that begins at 1,
// so the chance that it ever reaches 1/alpha is at most alpha (Ville 1939; Robbins 1970, "Statistical methods related to
// the law of the iterated logarithm", Ann. Math. Stat. 41, 1397-1409). It depends on nothing but the counts, so it may
// be looked at whenever, from counters alone: no look has to know of those before.

import jStat from "jstat";

/** `successes` of `trials`; fractions are allowed. */
export interface Count {
  readonly successes: number;
  readonly trials: number;
}

export interface Interval {
  readonly lower: number;
  readonly upper: number;
}

/** Natural logarithm of the Beta function. Both above 0. */
export function logBeta(a: number, b: number): number {
  return jStat.gammaln(a) + jStat.gammaln(b) - jStat.gammaln(a + b);
}

/** Logarithm of the likelihood of a count under a rate (0 to 1), without the binomial coefficient; may be -Infinity. */
export function logLikelihood({ successes, trials }: Count, rate: number): number {
  const failures = trials - successes;
  return (successes > 0 ? successes * Math.log(rate) : 0) + (failures > 0 ? failures * Math.log1p(-rate) : 0);
}

/** Logarithm of the likelihood of a count, averaged over rates by a Beta(a, b) distribution. */
export function logMixture({ successes, trials }: Count, a: number, b: number): number {
  return logBeta(a + successes, b + trials - successes) - logBeta(a, b);
}

/**
 * The rates between which the true one lies at all times together with a chance of at least 1 - alpha: those against
 * which there is less evidence than 1/alpha. The mixture is Jeffreys' Beta(1/2, 1/2).
 */
export function rateInterval(count: Count, alpha: number): Interval {
  if (count.trials <= 0) return { lower: 0, upper: 1 };
  const mixture = logMixture(count, 0.5, 0.5);
  const excess = (rate: number): number => mixture - logLikelihood(count, rate) + Math.log(alpha);
  const seen = Math.min(1, Math.max(0, count.successes / count.trials));
  return { lower: crossing(excess, 0, seen), upper: crossing(excess, 1, seen) };
}

/**
 * Where a function that is above 0 at `outer` and below at `inner` crosses 0, to a part of 10^7 of the way and rather
 * towards `outer`; `outer` itself when it is below there too. By the method of Ridders 1979 ("A new algorithm for
 * computing a single root of a real continuous function", IEEE Trans. Circuits Syst. 26, 979-980), after halving as
 * long as the function is infinite.
 */
export function crossing(excess: (at: number) => number, outer: number, inner: number): number {
  let [above, below] = [outer, inner];
  let [high, low] = [excess(outer), excess(inner)];
  if (!(high > 0)) return outer;
  const narrow = (at: number, value: number): void => {
    if ((at - above) * (at - below) > 0) return;
    if (value > 0) [above, high] = [at, value];
    else [below, low] = [at, value];
  };
  const near = (outer - inner) * 1e-7;
  let last = outer;
  for (let step = 0; step < MAX_STEPS && Math.abs(above - below) > Math.abs(near); step++) {
    const middle = (above + below) / 2;
    const value = excess(middle);
    const slope = Math.sqrt(value * value - high * low);
    const guess = middle - ((above - middle) * value) / slope;
    narrow(middle, value);
    if (!Number.isFinite(slope) || !Number.isFinite(guess)) continue;
    if (Math.abs(guess - last) < Math.abs(near)) return guess + near;
    narrow(guess, excess(guess));
    last = guess;
  }
  return above;
}

const MAX_STEPS = 60;
