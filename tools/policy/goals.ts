// Which goals of a policy are counted for a rollout.

import { itemsOf, member, type OrderedJson } from "../terminal/ordered-json.ts";

/** The names of those that name it, or name none, in the policy's order. `goals`: of an accepted policy. */
export function goalsFor(rollout: string, goals: OrderedJson | undefined): string[] {
  if (!(goals instanceof Map)) return [];
  return [...(goals as ReadonlyMap<string, OrderedJson>)].flatMap(([name, goal]) => {
    const named = member(goal, "rollouts");
    return named === undefined || itemsOf(named).includes(rollout) ? [name] : [];
  });
}
