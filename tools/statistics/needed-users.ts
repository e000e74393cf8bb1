// How many users of a variant it takes, by the expected growth of the evidence in each of them (Grünwald, de Heide &
// Koolen 2024, "Safe testing", JRSS-B 86): how long a comparison will take, before it begins and while it runs.

/**
 * Users of the variant until it is shown, at the median, that fewer than `ratio` times as many of them as of the
 * baseline's meet something, when in truth as many do. `met`: the part of users that meet it, 0 to 1; `pi`: the
 * variant's part of the shares of variant and control; `logThreshold`: of the evidence, ln(1/alpha) or more. Infinity
 * when nobody meets it.
 */
export function usersToPass(met: number, pi: number, ratio: number, logThreshold: number): number {
  const odds = Math.log1p((ratio - 1) * pi);
  const growth = (met / pi) * (odds - pi * Math.log(ratio));
  return growth > 0 ? logThreshold / growth : Infinity;
}

/**
 * Users of the variant until it is found that `ratio` times as many of them as of the baseline's meet something. The
 * 1.15 is what averaging over ratios that are not known costs (within -7 to +23 % of simulations).
 */
export function usersToFind(met: number, pi: number, ratio: number, logThreshold: number): number {
  const odds = Math.log1p((ratio - 1) * pi);
  const growth = ratio * met * (Math.log(ratio) - odds) - met * ((1 - pi) / pi) * odds;
  return growth > 0 ? (logThreshold + 1.15) / growth : Infinity;
}

/**
 * Users of the variant until it is shown that more than 1/`ratio` times as many of them as of the baseline's reach something
 * good, when in truth as many do: the same test with both sides exchanged.
 */
export function usersToKeep(reached: number, pi: number, ratio: number, logThreshold: number): number {
  return usersToPass(reached, 1 - pi, ratio, logThreshold) * (pi / (1 - pi));
}

/**
 * Users of the variant until it is found that only `ratio` times (below 1) as many of them as of the baseline's, of whom a
 * part `reached` does, reach something good. Looking in both directions costs ln 2 more.
 */
export function usersToMiss(reached: number, pi: number, ratio: number, logThreshold: number): number {
  const ofControl = usersToFind(reached * ratio, 1 - pi, 1 / ratio, logThreshold + Math.LN2);
  return ofControl * (pi / (1 - pi));
}

/** Users until a part of them that is in truth `met` is shown to be below `delta`; Infinity when it is not below. */
export function usersToShowBelow(met: number, delta: number, logThreshold: number): number {
  let least = Infinity;
  for (const part of [1 / 16, 1 / 8, 1 / 4, 1 / 2]) {
    const growth = met * Math.log(part) + (1 - met) * (Math.log1p(-part * delta) - Math.log1p(-delta));
    if (growth > 0) least = Math.min(least, (logThreshold + Math.log(4)) / growth);
  }
  return least;
}

/**
 * How many times the users of one Envoy several need that are judged each by itself: the mean of their e-values adds
 * none. Simulated: 2, 4 and 16 need 1.7, 3.1 and 10 times as many.
 */
export function envoyFactor(envoys: number): number {
  const [before, after] = [
    KNOWN.findLast(([known]) => known <= envoys),
    KNOWN.find(([known]) => known > envoys),
  ];
  const [from, low] = before ?? [1, 1];
  const [to, high] = after ?? [from * 16, low * 10];
  return low * (high / low) ** (Math.log(envoys / from) / Math.log(to / from));
}

/** Envoys, and times as many users. */
const KNOWN: readonly (readonly [envoys: number, times: number])[] = [
  [1, 1],
  [2, 1.7],
  [4, 3.1],
  [16, 10],
];
