// Which goals of a policy are counted for a rollout.

import { itemsOf, member, type OrderedJson } from "../terminal/ordered-json.ts";

/** Whether each request of a rollout is a visitor of its own, in an accepted policy. */
export function isRandom(policy: OrderedJson, rollout: OrderedJson): boolean {
  const identity = identityOf(policy, rollout);
  return identity.length === 1 && member(identity[0], "random") === true;
}

/**
 * The names of the goals that are counted for the rollout of this name, in the order of the policy, which was accepted:
 * those that name it, or name none. As the filter has it (assembly/policy/read-goals.ts): none where no user is counted
 * by what it meets, or where no user comes back.
 */
export function goalsFor(policy: OrderedJson, name: string, rollout: OrderedJson): string[] {
  const goals = member(policy, "goals");
  if (!(goals instanceof Map) || member(rollout, "signals") === "count") return [];
  if (identityOf(policy, rollout).length === 0 || isRandom(policy, rollout)) return [];
  return [...(goals as ReadonlyMap<string, OrderedJson>)].flatMap(([goal, definition]) => {
    const named = member(definition, "rollouts");
    return named === undefined || itemsOf(named).includes(name) ? [goal] : [];
  });
}

/** The rollout's own, or the policy's. */
function identityOf(policy: OrderedJson, rollout: OrderedJson): readonly OrderedJson[] {
  return itemsOf(member(rollout, "identity") ?? member(policy, "identity"));
}
