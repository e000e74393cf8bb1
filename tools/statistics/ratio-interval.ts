// Between which bounds the ratio of two risks lies, from first setters, at all looks together.

import { crossing, logLikelihood, logMixture, type Interval } from "./evidence.ts";
import { logMean, type FirstSetters } from "./first-setters.ts";

/** What one Envoy counted. `pi`: the variant's part of the shares of both. */
export interface CountedSetters extends FirstSetters {
  readonly pi: number;
}

/** How many times as often the variant's users are first setters as the control's; null when nobody has set a bit. */
export function seenRatio(counts: readonly CountedSetters[]): number | null {
  const { variant, control, pi } = together(counts);
  return variant + control > 0 ? ratioOf(variant / (variant + control), pi) : null;
}

/**
 * The ratios against which there is less evidence than 1/alpha: the binomial count's mixture over Jeffreys' prior, as
 * for a single rate, averaged over Envoys. From 0 to Infinity while nothing is known.
 */
export function ratioInterval(counts: readonly CountedSetters[], alpha: number): Interval {
  const all = together(counts);
  const trials = all.variant + all.control;
  if (trials <= 0) return { lower: 0, upper: Infinity };
  const each = counts.filter(({ variant, control }) => variant + control > 0).map(evidenceOf);
  // Places are the chance that a first setter is the variant's, were all counted with the mean pi: from 0 to 1.
  const excess = (place: number): number =>
    logMean(each.map((against) => against(ratioOf(place, all.pi)))) + Math.log(alpha);
  const seen = all.variant / trials;
  // Envoys that contradict each other: no ratio fits them all, and the interval shrinks to what was seen.
  if (!(excess(seen) < 0)) {
    const ratio = ratioOf(seen, all.pi);
    return { lower: ratio, upper: ratio };
  }
  return {
    lower: ratioOf(crossing(excess, 0, seen), all.pi),
    upper: ratioOf(crossing(excess, 1, seen), all.pi),
  };
}

function evidenceOf({ variant, control, pi }: CountedSetters): (ratio: number) => number {
  const count = { successes: variant, trials: variant + control };
  const mixture = logMixture(count, 0.5, 0.5);
  return (ratio) => mixture - logLikelihood(count, ratio === Infinity ? 1 : chanceOf(ratio, pi));
}

function chanceOf(ratio: number, pi: number): number {
  return (ratio * pi) / (1 + (ratio - 1) * pi);
}

function ratioOf(chance: number, pi: number): number {
  return (chance / (1 - chance)) * ((1 - pi) / pi);
}

/** Counts added, and the mean of pi by how much was counted with it. */
function together(counts: readonly CountedSetters[]): CountedSetters {
  let [variant, control, weighted] = [0, 0, 0];
  for (const each of counts) {
    variant += each.variant;
    control += each.control;
    weighted += (each.variant + each.control) * each.pi;
  }
  const trials = variant + control;
  return { variant, control, pi: trials > 0 ? weighted / trials : 0.5 };
}
