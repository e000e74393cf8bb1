// What the demo has to know of a policy: its rollouts, their variants, and its shadows, in the order of the text.

import { member, membersOf, parseOrdered, textOf } from "../terminal/ordered-json.ts";

export interface RolloutPlan {
  readonly name: string;
  readonly default: string;
  readonly variants: readonly string[];
  /** A guard rolls its variants back. */
  readonly isGuarded: boolean;
  /** The cluster of the default; null where the route decides. */
  readonly defaultCluster: string | null;
}

/** The rollouts of a policy that the filter has accepted. */
export function rolloutsOf(policyJson: string): RolloutPlan[] {
  if (policyJson.trim() === "") return [];
  return membersOf(member(parseOrdered(policyJson), "rollouts")).map(([name, rollout]) => {
    const fallback = textOf(member(rollout, "default")) ?? "";
    const variants = member(rollout, "variants");
    return {
      name,
      default: fallback,
      variants: membersOf(variants).map(([variant]) => variant),
      isGuarded: textOf(member(member(rollout, "guard"), "action")) === "rollback",
      defaultCluster: textOf(member(member(variants, fallback), "cluster")) ?? null,
    };
  });
}

export interface ShadowPlan {
  readonly name: string;
  /** 0 to 100. */
  readonly percent: number;
  /** Each request is a draw of its own (`sample: request`), so the share of requests can be judged. */
  readonly drawsRequests: boolean;
  /** Envoy's router sends the copies (`dispatch: mirror`). */
  readonly isMirror: boolean;
}

/** The shadows of a policy that the filter has accepted. */
export function shadowsOf(policyJson: string): ShadowPlan[] {
  if (policyJson.trim() === "") return [];
  return membersOf(member(parseOrdered(policyJson), "shadows")).map(([name, shadow]) => ({
    name,
    percent: Number(member(shadow, "percent") ?? 0),
    drawsRequests: textOf(member(shadow, "sample")) !== "identity",
    isMirror: textOf(member(shadow, "dispatch")) === "mirror",
  }));
}

/** Whether what is decided is told to routes by filter state, not by headers. */
export function steersByFilterState(policyJson: string): boolean {
  return policyJson.trim() !== "" && textOf(member(parseOrdered(policyJson), "steer")) === "filterState";
}
