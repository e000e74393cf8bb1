// The verdict: what was counted in, and whether each variant may go on.

import { CONTROL, requestsOf, shareOf, type RolloutCounts, type Snapshot } from "../metrics/snapshot.ts";
import { isCounted, sideOf, type Side } from "./counts.ts";
import { worstOf, type Decision } from "./decision.ts";
import { FALSE_ALARMS, type Limits } from "./limits.ts";
import { grouped } from "../terminal/numbers.ts";
import { judgeRatio, type RatioJudgement } from "./ratio.ts";
import { judgeVariant, type VariantVerdict } from "./variant.ts";

export interface Baseline {
  readonly side: Side;
  /** The default variant, which `side` is or is a slice of. */
  readonly variant: string;
  /** How it is known that this is the default. */
  readonly by: "option" | "policy" | "largest share";
}

export interface RolloutVerdict {
  readonly decision: Decision;
  /** In one sentence. */
  readonly reason: string;
  /** Null for a rollout without variants. */
  readonly baseline: Baseline | null;
  readonly ratio: RatioJudgement;
  readonly variants: ReadonlyMap<string, VariantVerdict>;
  /** Variants that no share is asked for, and why they are left out. */
  readonly leftOut: ReadonlyMap<string, string>;
}

export interface Verdict {
  readonly decision: Decision;
  readonly rollouts: ReadonlyMap<string, RolloutVerdict>;
}

/** `baselines`: default variants as somebody said, by rollout, above what the snapshot knows. */
export function judge(
  snapshot: Snapshot,
  limits: Limits,
  baselines: ReadonlyMap<string, string> = new Map(),
): Verdict {
  const rollouts = new Map(
    [...snapshot.rollouts].map(([name, rollout]) => {
      const baseline = baselineOf(rollout, baselines.get(name), snapshot.defaults.get(name));
      return [name, judgeRollout(rollout, baseline, limits, snapshot.seconds)];
    }),
  );
  return { decision: worstOf([...rollouts.values()].map(({ decision }) => decision)), rollouts };
}

/** The control group where there is one, else the default; which that is stands in no stat. */
function baselineOf(
  rollout: RolloutCounts,
  said: string | undefined,
  known: string | undefined,
): Baseline | null {
  const by = said !== undefined ? "option" : known !== undefined ? "policy" : "largest share";
  const variant = said ?? known ?? largestShare(rollout);
  const counts = variant === null ? undefined : rollout.variants.get(variant);
  if (variant === null || counts === undefined) return null;
  const control = rollout.control === null ? null : sideOf(CONTROL, rollout.control);
  const side = control !== null && isCounted(control) ? control : sideOf(variant, counts);
  return { side, variant, by };
}

function largestShare({ variants }: RolloutCounts): string | null {
  let best: { readonly name: string; readonly share: number; readonly requests: number } | null = null;
  for (const [name, counts] of variants) {
    const one = { name, share: shareOf(counts) ?? 0, requests: requestsOf(counts) };
    if (
      best === null ||
      one.share > best.share ||
      (one.share === best.share && one.requests > best.requests)
    ) {
      best = one;
    }
  }
  return best?.name ?? null;
}

function judgeRollout(
  rollout: RolloutCounts,
  baseline: Baseline | null,
  limits: Limits,
  seconds: number | null,
): RolloutVerdict {
  const ratio = judgeRatio(rollout, limits.requestsPerUser);
  const { judged, leftOut } = divide(rollout, baseline);
  const isStopped = ratio.decision === "mismatch" && !limits.ignoreRatio;
  const alpha = FALSE_ALARMS / Math.max(1, judged.length);
  const variants = new Map(
    baseline === null
      ? []
      : judged.map((side) => {
          const verdict = judgeVariant(side, baseline.side, limits, alpha, seconds);
          return [side.name, isStopped ? stopped(verdict, ratio.reason ?? "") : verdict];
        }),
  );
  const decision = worstOf([...variants.values()].map((each) => each.decision));
  const traffic = [...rollout.variants.values()].reduce((sum, counts) => sum + requestsOf(counts), 0);
  const reason = isStopped
    ? (ratio.reason ?? "")
    : traffic === 0
      ? "there was no traffic"
      : reasonOf(decision, variants, leftOut);
  return { decision, reason, baseline, ratio, variants, leftOut };
}

function divide(
  rollout: RolloutCounts,
  baseline: Baseline | null,
): { readonly judged: Side[]; readonly leftOut: Map<string, string> } {
  const judged: Side[] = [];
  const leftOut = new Map<string, string>();
  for (const [name, counts] of rollout.variants) {
    if (name === baseline?.variant) continue;
    const requests = requestsOf(counts);
    if (shareOf(counts) !== 0) judged.push(sideOf(name, counts));
    else if (requests === 0) leftOut.set(name, "gets 0 %");
    else leftOut.set(name, `gets 0 %: its ${grouped(requests)} requests were forced, or are from before`);
  }
  return { judged, leftOut };
}

/** A mismatch lets nothing be concluded, whatever the figures are. */
function stopped(verdict: VariantVerdict, reason: string): VariantVerdict {
  return { ...verdict, decision: "inconclusive", reasons: [reason], requestsNeeded: null };
}

function reasonOf(
  decision: Decision,
  variants: ReadonlyMap<string, VariantVerdict>,
  leftOut: ReadonlyMap<string, string>,
): string {
  if (variants.size === 0) {
    return leftOut.size > 0
      ? "no variant but the default gets traffic"
      : "there is nothing to compare the default with";
  }
  const deciding = [...variants].filter(([, each]) => each.decision === decision);
  if (decision === "pass") return `${deciding.map(([name]) => name).join(", ")}: within what is tolerated`;
  return deciding.map(([name, { reasons }]) => `${name}: ${reasons[0] ?? ""}`).join("; ");
}
