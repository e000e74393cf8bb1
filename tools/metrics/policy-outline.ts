// What of a policy a reader of stats has to know, since no stat says it: which variant is the default, the order, and
// under `signals: count` whose clusters tell how requests ended, and what counts as slow.

import { goalsFor } from "../policy/goals.ts";
import { itemsOf, member, parseOrdered, type OrderedJson } from "../terminal/ordered-json.ts";
import { DEFAULT_TERMS, type RolloutTerms } from "./snapshot.ts";

export interface RolloutOutline {
  readonly default: string;
  readonly variants: readonly string[];
  /** Under `signals: count`: the clusters of variants, of those that no other variant of the policy names. */
  readonly ownClusters: ReadonlyMap<string, string>;
  readonly terms: RolloutTerms;
}

/** By rollout, in the policy's order. */
export type PolicyOutline = ReadonlyMap<string, RolloutOutline>;

export const NO_OUTLINE: PolicyOutline = new Map();

/** The outline of a policy, JSON; empty for anything else. */
export function outlineOf(json: string): PolicyOutline {
  let policy: OrderedJson;
  try {
    policy = parseOrdered(json);
  } catch {
    return NO_OUTLINE;
  }
  const rollouts = member(policy, "rollouts");
  const outline = new Map<string, RolloutOutline>();
  if (!(rollouts instanceof Map)) return outline;
  const named = [...(rollouts as ReadonlyMap<string, OrderedJson>).values()].flatMap((rollout) => [
    ...clustersOf(rollout).values(),
  ]);
  for (const [name, rollout] of rollouts as ReadonlyMap<string, OrderedJson>) {
    const variants = member(rollout, "variants");
    const own = member(rollout, "default");
    if (typeof own !== "string" || !(variants instanceof Map)) continue;
    const clusters = member(rollout, "signals") === "count" ? [...clustersOf(rollout)] : [];
    outline.set(name, {
      default: own,
      variants: [...(variants as ReadonlyMap<string, OrderedJson>).keys()],
      ownClusters: new Map(
        clusters.filter(([, cluster]) => named.filter((one) => one === cluster).length === 1),
      ),
      terms: termsOf(rollout, goalsFor(policy, name, rollout)),
    });
  }
  return outline;
}

/** `slow`, `warmup` and `guard`, of a policy that was accepted: what cannot be read is as if it were not there. */
function termsOf(rollout: OrderedJson, goals: readonly string[]): RolloutTerms {
  const slow = itemsOf(member(rollout, "slow")).map(millisecondsOf);
  const warmup = millisecondsOf(member(rollout, "warmup"));
  return {
    slow: slow.length > 0 && slow.every(Number.isFinite) ? slow : DEFAULT_TERMS.slow,
    warmup: Number.isFinite(warmup) ? warmup / 1000 : DEFAULT_TERMS.warmup,
    goals,
    guard: guardOf(member(rollout, "guard")),
  };
}

function guardOf(guard: OrderedJson | undefined): RolloutTerms["guard"] {
  if (!(guard instanceof Map)) return "none";
  return member(guard, "action") === "alarm" ? "alarm" : "rollback";
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `250ms`, `1s`; NaN for anything else. */
function millisecondsOf(value: OrderedJson | undefined): number {
  const [, count, unit = ""] = typeof value === "string" ? (/^(\d+)(ms|s|m|h|d)$/.exec(value) ?? []) : [];
  return count === undefined ? NaN : Number(count) * (UNITS[unit] ?? NaN);
}

/** The clusters that a rollout's variants name, by variant. */
function clustersOf(rollout: OrderedJson): Map<string, string> {
  const clusters = new Map<string, string>();
  const variants = member(rollout, "variants");
  if (!(variants instanceof Map)) return clusters;
  for (const [name, variant] of variants as ReadonlyMap<string, OrderedJson>) {
    const cluster = member(variant, "cluster");
    if (typeof cluster === "string") clusters.set(name, cluster);
  }
  return clusters;
}

/**
 * The outlines of the policies in an Envoy's configuration dump: Serin's configuration stands in it as text. Of two
 * policies with a rollout of one name the last counts.
 */
export function outlineOfDump(dump: string): PolicyOutline {
  return new Map(configurationsIn(parseOrdered(dump)).flatMap((json) => [...outlineOf(json)]));
}

const TEXT = "type.googleapis.com/google.protobuf.StringValue";

function configurationsIn(value: OrderedJson): string[] {
  if (Array.isArray(value)) return itemsOf(value).flatMap(configurationsIn);
  if (!(value instanceof Map)) return [];
  const text = member(value, "value");
  if (member(value, "@type") === TEXT && typeof text === "string") return [text];
  return [...(value as ReadonlyMap<string, OrderedJson>).values()].flatMap(configurationsIn);
}
