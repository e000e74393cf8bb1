/** Ordered from the best: of several the last in this order decides, except that all have to pass to be a pass. */
export type Decision = "pass" | "inconclusive" | "fail";

const ORDER: readonly Decision[] = ["pass", "inconclusive", "fail"];

/** The worst decides: fail before inconclusive before pass. None is inconclusive. */
export function worstOf(decisions: readonly Decision[]): Decision {
  if (decisions.length === 0) return "inconclusive";
  return ORDER[Math.max(...decisions.map((each) => ORDER.indexOf(each)))] ?? "inconclusive";
}
