// Two error rates, compared from counts alone, however often.
//
// The test is the one of universal inference (Wasserman, Ramdas & Balakrishnan 2020, "Universal inference", PNAS 117,
// 16880-16890, sections 7 and 8): the likelihood of both counts averaged over all pairs of rates, over the largest
// likelihood that any pair of rates with the supposed difference can give them. The largest is at least that of the true
// pair, so the quotient is never above a martingale that begins at 1, and reaches 1/alpha with a chance of at most alpha,
// whenever it is looked at, whatever part of the traffic each variant gets, and however that part changed.

import { crossing, logLikelihood, logMixture, type Count, type Interval } from "./evidence.ts";

export interface RateComparison {
  /** Rate of the treated less that of the control, -1 to 1. */
  readonly difference: number;
  /** Where the true difference lies, at all times together with a chance of at least 1 - alpha. */
  readonly interval: Interval;
  /** Logarithm of the evidence against equal rates. */
  readonly logEvidence: number;
}

/** Compares errors of requests. Without requests on one side nothing is known: the interval is -1 to 1. */
export function compareRates(treated: Count, control: Count, alpha: number): RateComparison {
  if (treated.trials <= 0 || control.trials <= 0) {
    return { difference: 0, interval: { lower: -1, upper: 1 }, logEvidence: 0 };
  }
  const difference = rateOf(treated) - rateOf(control);
  const mixture = logMixture(treated, 0.5, 0.5) + logMixture(control, 0.5, 0.5);
  const evidence = (supposed: number): number => mixture - bestLogLikelihood(treated, control, supposed);
  const excess = (supposed: number): number => evidence(supposed) + Math.log(alpha);
  return {
    difference,
    interval: { lower: crossing(excess, -1, difference), upper: crossing(excess, 1, difference) },
    logEvidence: evidence(0),
  };
}

/** Logarithm of the largest likelihood that two rates with this difference give the counts. */
export function bestLogLikelihood(treated: Count, control: Count, difference: number): number {
  const rate = bestControlRate(treated, control, difference);
  return logLikelihood(control, rate) + logLikelihood(treated, clamp(rate + difference, 0, 1));
}

/**
 * The control's rate at which the likelihood is largest when the treated rate is larger by `difference`: the root of a
 * cubic (Farrington & Manning 1990, "Test statistics and sample size formulae for comparative binomial trials",
 * Statistics in Medicine 9, 1447-1454, appendix).
 */
function bestControlRate(treated: Count, control: Count, difference: number): number {
  const lowest = Math.max(0, -difference);
  const highest = Math.min(1, 1 - difference);
  const weight = control.trials / treated.trials;
  const [one, two] = [rateOf(treated), rateOf(control)];
  const a = 1 + weight;
  const b = -(1 + weight + one + weight * two + difference * (weight + 2));
  const c = difference ** 2 + difference * (2 * one + weight + 1) + one + weight * two;
  const d = -one * difference * (1 + difference);
  const third = b / (3 * a);
  const v = third ** 3 - (b * c) / (6 * a * a) + d / (2 * a);
  const u = (v < 0 ? -1 : 1) * Math.sqrt(Math.max(0, third ** 2 - c / (3 * a)));
  if (u === 0) return clamp(-third - difference, lowest, highest);
  const angle = (Math.PI + Math.acos(clamp(v / u ** 3, -1, 1))) / 3;
  return clamp(2 * u * Math.cos(angle) - third - difference, lowest, highest);
}

function rateOf({ successes, trials }: Count): number {
  return successes / trials;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
