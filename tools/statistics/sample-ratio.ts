// Sample ratio: did each variant get its target share of users? When it did not, what is compared is
// not alike, and no other number means what it seems to mean (Fabijan et al. 2019, "Diagnosing sample ratio mismatch in
// online controlled experiments", KDD '19).

import jStat from "jstat";

/** How many users the prior weighs as much as: tuned to find a share that is off by a tenth. */
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
