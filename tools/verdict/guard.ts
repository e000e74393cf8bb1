// What the guard of a rollout does with each variant, for people: watching, in alarm, rolled back, or off and why.

import type { RolloutTerms } from "../metrics/snapshot.ts";
import type { UserCounts } from "../metrics/users.ts";
import { grouped } from "../terminal/numbers.ts";
import { noEvidenceReason } from "./no-evidence.ts";

/** What the guard does with one variant; what matters most is first. */
export const GUARD_WORDS = ["rolled back", "alarm", "off", "watching"] as const;
export type GuardWord = (typeof GUARD_WORDS)[number];

export interface GuardState {
  readonly word: GuardWord;
  /** Why it is off; null otherwise. */
  readonly reason: string | null;
  /** How many Envoys say so, of how many that have the variant. */
  readonly envoys: number;
  readonly of: number;
}

/**
 * The guard's state of a variant over all Envoys: the one that matters most. Null where no guard is asked for, and for a
 * variant without a share on which none has acted.
 */
export function guardOf(
  name: string,
  users: readonly UserCounts[],
  { guard }: Pick<RolloutTerms, "guard">,
): GuardState | null {
  const found = users.flatMap((counts) => stateOn(name, counts, guard) ?? []);
  const word = GUARD_WORDS.find((each) => found.some((state) => state.word === each));
  if (word === undefined) return null;
  const same = found.filter((state) => state.word === word);
  return { word, reason: same[0]?.reason ?? null, envoys: same.length, of: users.length };
}

interface Found {
  readonly word: GuardWord;
  readonly reason: string | null;
}

function stateOn(name: string, counts: UserCounts, asked: RolloutTerms["guard"]): Found | null {
  const side = counts.variants.get(name);
  if (side?.guard === "rolled back" || side?.guard === "alarm") return { word: side.guard, reason: null };
  // A gauge stays when a policy drops its guard; without the policy nothing else says that there is one.
  const isAsked = asked === "unknown" ? side?.guard === "watching" : asked !== "none";
  if (side === undefined || !isAsked || side.share === null || side.share <= 0) return null;
  if (side.share >= 1) {
    return { word: "off", reason: `${name} has the whole share, so there is no control group` };
  }
  const missing = noEvidenceReason([counts]);
  if (missing !== null) return { word: "off", reason: `no evidence: ${missing}` };
  return { word: "watching", reason: null };
}

/** `rolled back on 1 of 3 Envoys`, `off: canary has the whole share, …` */
export function guardWords({ word, reason, envoys, of }: GuardState): string {
  const where = envoys < of ? ` on ${grouped(envoys)} of ${grouped(of)} Envoys` : "";
  return `${word}${where}${reason === null ? "" : `: ${reason}`}`;
}

/** All of a rollout in one line: `watching`, or each variant by name where they differ; null without any guard. */
export function guardsWords(guards: ReadonlyMap<string, GuardState>): string | null {
  const all = [...guards].map(([name, state]) => [name, guardWords(state)] as const);
  const [first] = all;
  if (first === undefined) return null;
  const isOne = all.every(([, words]) => words === first[1]);
  if (isOne && (all.length > 1 || ["watching", "off"].includes(guards.get(first[0])?.word ?? "")))
    return first[1];
  return all.map(([name, words]) => `${name} ${words}`).join("; ");
}
