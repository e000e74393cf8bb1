// Parts of two policies compared by what they say, not by how they are spelt.

import { member, printOrdered, type OrderedJson } from "../terminal/ordered-json.ts";

/** A string of an accepted policy; "" for anything else. */
export function wordOf(value: OrderedJson | undefined): string {
  return typeof value === "string" ? value : "";
}

/** As text: the same for what says the same. Members stand in the order of their names. */
export function printed(value: OrderedJson): string {
  return printOrdered(sorted(value));
}

function sorted(value: OrderedJson): OrderedJson {
  if (Array.isArray(value)) return value.map(sorted);
  if (!(value instanceof Map)) return value;
  const members = [...(value as ReadonlyMap<string, OrderedJson>)];
  members.sort(([a], [b]) => (a < b ? -1 : 1));
  return new Map(members.map(([name, inner]) => [name, sorted(inner)]));
}

/** A rule with the shared rules of the policy's `$evaluators` in the place of their names, as flagd reads them. */
export function expandRules(rule: OrderedJson, policy: OrderedJson): OrderedJson {
  const shared = member(policy, "$evaluators");
  const visit = (value: OrderedJson): OrderedJson => {
    if (Array.isArray(value)) return value.map(visit);
    if (!(value instanceof Map)) return value;
    const members = value as ReadonlyMap<string, OrderedJson>;
    const name = members.get("$ref");
    if (members.size === 1 && typeof name === "string") return member(shared, name) ?? value;
    return new Map([...members].map(([key, inner]) => [key, visit(inner)]));
  };
  return visit(rule);
}
