// What the demo has to know of a policy: its rollouts and their variants, in the order of the text.

import { member, membersOf, parseOrdered, textOf } from "../commands/ordered-json.ts";

export interface RolloutPlan {
  readonly name: string;
  readonly default: string;
  readonly variants: readonly string[];
}

/** The rollouts of a policy that the filter has accepted. */
export function rolloutsOf(policyJson: string): RolloutPlan[] {
  if (policyJson.trim() === "") return [];
  return membersOf(member(parseOrdered(policyJson), "rollouts")).map(([name, rollout]) => ({
    name,
    default: textOf(member(rollout, "default")) ?? "",
    variants: membersOf(member(rollout, "variants")).map(([variant]) => variant),
  }));
}

/** Whether what is decided is told to routes by filter state, not by headers. */
export function steersByFilterState(policyJson: string): boolean {
  return policyJson.trim() !== "" && textOf(member(parseOrdered(policyJson), "steer")) === "filterState";
}
