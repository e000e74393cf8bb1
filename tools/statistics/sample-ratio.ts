// Sample ratio: did each variant get the share of the requests that was asked for? When it did not, what is compared is
// not alike, and no other number means what it seems to mean (Fabijan et al. 2019, "Diagnosing sample ratio mismatch in
// online controlled experiments", KDD '19).

import jStat from "jstat";

export interface SampleRatio {
  /** Pearson's chi-square test of this one look, 0 to 1. Small by chance once in a while when looked at often. */
  readonly pValue: number;
  /** Logarithm of the evidence against the shares: above ln(1/alpha) by chance never, but for a part alpha of all cases. */
  readonly logEvidence: number;
}

/** Requests and the share asked for (above 0, all together 1) of each variant, two or more. */
export function sampleRatio(counts: readonly number[], shares: readonly number[]): SampleRatio {
  return { pValue: chiSquarePValue(counts, shares), logEvidence: ratioEvidence(counts, shares) };
}

/**
 * The chance that chi-square is as large as this or larger: Pearson 1900, "On the criterion that a given system of
 * deviations [...]", Philosophical Magazine 50, 157-175.
 */
export function chiSquarePValue(counts: readonly number[], shares: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total <= 0) return 1;
  let chiSquare = 0;
  counts.forEach((count, index) => {
    const expected = total * (shares[index] ?? 0);
    chiSquare += (count - expected) ** 2 / expected;
  });
  return 1 - jStat.chisquare.cdf(chiSquare, counts.length - 1);
}

/** How many requests the prior weighs as much as: tuned to find a share that is off by a tenth. */
const CONCENTRATION = 100;

/**
 * The Dirichlet-multinomial mixture against the multinomial with the shares asked for: Lindon & Malek 2022,
 * "Anytime-valid inference for multinomial count data", NeurIPS 35 (arXiv:2011.03567), section 3.
 */
export function ratioEvidence(counts: readonly number[], shares: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let evidence = jStat.gammaln(CONCENTRATION) - jStat.gammaln(CONCENTRATION + total);
  counts.forEach((count, index) => {
    const share = shares[index] ?? 0;
    const weight = CONCENTRATION * share;
    evidence += jStat.gammaln(weight + count) - jStat.gammaln(weight) - count * Math.log(share);
  });
  return evidence;
}
