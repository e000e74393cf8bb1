// Tests on first setters: how many users of a variant, and of its control group, were the first of both to set a bit of
// one bitmap. Where the variant has no effect, who is first does not depend on it, so each of them is a user of the
// variant with a chance of pi, its part of the shares of both: under any heavy tail, correlation, outage or collision.
//
// Everything here is a likelihood ratio of that binomial count, or a mean of some: a martingale that begins at 1, so the
// chance that it ever reaches 1/alpha is at most alpha, whenever it is looked at (Ville 1939; Turner, Ly & Grünwald 2024,
// "Generic E-variables for exact sequential k-sample tests that allow for optional stopping", J. Stat. Plan. Inference
// 230; means of e-values: Vovk & Wang 2021, "E-values: calibration, combination and applications", Ann. Stat. 49).

/** First setters of one thing. */
export interface FirstSetters {
  readonly variant: number;
  readonly control: number;
}

/** How many times as many users the variant may hurt: what `logWorse` averages over. */
const RATIOS = [1.25, 1.5, 2, 3, 4, 6, 8, 12, 18, 25] as const;

/** Numerically safe log((exp(a) + exp(b) + …) / n); -Infinity for none. */
export function logMean(logs: readonly number[]): number {
  let largest = -Infinity;
  for (const each of logs) if (each > largest) largest = each;
  if (!Number.isFinite(largest)) return largest;
  let sum = 0;
  for (const each of logs) sum += Math.exp(each - largest);
  return largest + Math.log(sum / logs.length);
}

/**
 * Logarithm of the likelihood ratio of "the variant sets bits `ratio` times as often as the control, user for user"
 * against "as often". `pi`: the variant's part of the shares of both, above 0 and below 1.
 */
export function logLikelihoodRatio({ variant, control }: FirstSetters, pi: number, ratio: number): number {
  const odds = Math.log1p((ratio - 1) * pi);
  return variant * (Math.log(ratio) - odds) - control * odds;
}

/** Logarithm of the e-value against "the variant's users do not meet it more often": large when they do. */
export function logWorse(count: FirstSetters, pi: number): number {
  return logMeanRatio(count, pi, RATIOS);
}

function logMeanRatio({ variant, control }: FirstSetters, pi: number, ratios: readonly number[]): number {
  const { gains, costs } = growthOf(pi, ratios);
  let largest = -Infinity;
  for (let i = 0; i < ratios.length; i++) {
    const log = variant * (gains[i] as number) - control * (costs[i] as number);
    if (log > largest) largest = log;
  }
  let sum = 0;
  for (let i = 0; i < ratios.length; i++) {
    sum += Math.exp(variant * (gains[i] as number) - control * (costs[i] as number) - largest);
  }
  return largest + Math.log(sum / ratios.length);
}

interface Growth {
  /** What one more of the variant, and of the control, does to the logarithm for each ratio. */
  readonly gains: Float64Array;
  readonly costs: Float64Array;
}

/** Reports have a handful of shares, and simulations ask some million times. */
const growths = new Map<readonly number[], Map<number, Growth>>();
const MOST_GROWTHS = 256;

function growthOf(pi: number, ratios: readonly number[]): Growth {
  const all = growths.get(ratios) ?? new Map<number, Growth>();
  growths.set(ratios, all);
  const known = all.get(pi);
  if (known !== undefined) return known;
  if (all.size >= MOST_GROWTHS) all.clear();
  const costs = Float64Array.from(ratios, (ratio) => Math.log1p((ratio - 1) * pi));
  const gains = Float64Array.from(ratios, (ratio, i) => Math.log(ratio) - (costs[i] as number));
  all.set(pi, { gains, costs });
  return { gains, costs };
}

/** The same against "not less often": of something good, as an answer that is a 2xx. */
export function logFewer({ variant, control }: FirstSetters, pi: number): number {
  return logWorse({ variant: control, control: variant }, 1 - pi);
}

/** In both directions: against "as often". */
export function logShifted(count: FirstSetters, pi: number): number {
  return logMean([logWorse(count, pi), logFewer(count, pi)]);
}

/**
 * How many times as many, or as few, of the variant's users may reach a goal: a change that matters there is small, and
 * nothing is lost without the large ratios (of a goal that nobody reaches any more 8 finds nine tenths of what Infinity does).
 */
const GOAL_RATIOS = [1.1, 1.25, 1.5, 2, 3, 8] as const;

/** Of a goal: the e-values against "not more users reach it", and against "not fewer do". Their mean is against "as many". */
export function logGoal(
  { variant, control }: FirstSetters,
  pi: number,
): { readonly more: number; readonly fewer: number } {
  return {
    more: logMeanRatio({ variant, control }, pi, GOAL_RATIOS),
    fewer: logMeanRatio({ variant: control, control: variant }, 1 - pi, GOAL_RATIOS),
  };
}

/**
 * How many times as often users set a bit for the first time when their risk is `ratio` times the baseline's, of whom a
 * part `met` (0 to 1) has set it already: where many have met it anyway, `ratio` times the risk shows as less. 1 or more.
 */
export function shownRatio(ratio: number, met: number): number {
  if (met <= 0) return ratio;
  if (met >= 1) return 1;
  return -Math.expm1(ratio * Math.log1p(-met)) / met;
}

/**
 * Logarithm of the e-value against "at least `ratio` times as many of the variant's users as of the baseline's": large
 * when they are shown to be fewer. `met`: the part of the baseline's users that has met it, 0 to 1.
 */
export function logWithinRatio(count: FirstSetters, pi: number, ratio: number, met: number): number {
  return -logLikelihoodRatio(count, pi, shownRatio(ratio, met));
}

/**
 * The same of something good: logarithm of the e-value against "at most 1/`ratio` times as many of the variant's users as
 * of the baseline's reach it" (`ratio` above 1). In users, however many have reached it.
 */
export function logWithinFewer({ variant, control }: FirstSetters, pi: number, ratio: number): number {
  return -logLikelihoodRatio({ variant: control, control: variant }, 1 - pi, ratio);
}

/** Parts of the limit that `logBelow` averages over. */
const PARTS = [1 / 16, 1 / 8, 1 / 4, 1 / 2] as const;

/**
 * Logarithm of the e-value against "at least a part `delta` of the variant's users" (above 0, below 1), of the variant
 * alone: `met` of its `users`.
 */
export function logBelow(met: number, users: number, delta: number): number {
  const others = Math.max(0, users - met);
  return logMean(
    PARTS.map((part) => met * Math.log(part) + others * (Math.log1p(-part * delta) - Math.log1p(-delta))),
  );
}

/** What is held against 1/alpha of one Envoy's e-value: all of its evidence periods together keep the promise. */
export function logOfPeriod(logEvidence: number, period: number): number {
  return logEvidence - Math.log(period * (period + 1));
}
