// Who gets another variant of a flag. Serin's flags are flagd's: a `fractional` cuts the space of users by the sums of its
// weights, which holds in each generation of its hashing.

import { itemsOf, member, type OrderedJson } from "../terminal/ordered-json.ts";
import { expandRules, printed, wordOf } from "./meaning.ts";
import { changesAcross, changesBetween, everybody, isWhole, totalOf, type Change } from "./moves.ts";
import { SPACE, type Segment } from "./slots.ts";

export interface FlagDiff {
  /** Part of those who ask for the flag, 0 to 1; null when it cannot be known. */
  readonly moved: number | null;
  readonly changes: readonly Change[];
  /** Whether it holds only for those whom the rules lead to the changed `fractional`. */
  readonly scope?: "some";
  readonly unknown?: string;
  readonly notes?: readonly string[];
}

/** A `fractional` that is all of a targeting, or a part of it. */
interface Cut {
  /** The hash's input: other users stand elsewhere in the space when it changes. */
  readonly by: string;
  readonly segments: readonly Segment[];
}

/** Compares one flag of two policies. */
export function flagDiff(key: string, before: OrderedJson, after: OrderedJson): FlagDiff {
  const [was, is] = [member(member(before, "flags"), key), member(member(after, "flags"), key)];
  const notes = notesOf(was, is);
  // An application that asks for a flag that was not there has its own default: nobody is moved.
  if (was === undefined) return { moved: 0, changes: [], notes };
  const [old, now] = [answersOf(was, before), answersOf(is, after)];
  const isSame =
    old.text === now.text && generationOf(before) === generationOf(after) && old.values === now.values;
  if (isSame) return { moved: 0, changes: [], ...(notes.length > 0 ? { notes } : {}) };
  const difference = compared(old, now, generationOf(before) === generationOf(after));
  return {
    ...difference,
    ...(is === undefined && difference.moved === null
      ? { unknown: "which variant a user had depends on its targeting" }
      : {}),
    ...(notes.length > 0 ? { notes } : {}),
  };
}

/** What a flag can answer. */
interface Answers {
  /** All that decides, as text. */
  readonly text: string;
  /** The same with every `fractional` left out. */
  readonly frame: string;
  readonly values: string;
  /** When one cut is all there is: a variant for everybody, or one `fractional`. */
  readonly whole: Cut | null;
  /** Each `fractional`, in order; null for one with weights that are rules. */
  readonly cuts: readonly (Cut | null)[];
}

function answersOf(flag: OrderedJson | undefined, policy: OrderedJson): Answers {
  const values = printed(member(flag, "variants") ?? null);
  const fallback = textOrNull(member(flag, "defaultVariant"));
  const targeting = expandRules(member(flag, "targeting") ?? null, policy);
  const isOff = flag === undefined || member(flag, "state") === "DISABLED";
  const isRuled = targeting instanceof Map && targeting.size > 0;
  const cuts: (Cut | null)[] = [];
  const frame = printed([fallback, isOff, withoutFractionals(targeting, cuts)]);
  const text = printed([fallback, isOff, targeting]);
  if (isOff) return { text, frame, values, whole: { by: "", segments: everybody(null) }, cuts };
  if (!isRuled) return { text, frame, values, whole: { by: "", segments: everybody(fallback) }, cuts };
  const own =
    (targeting as ReadonlyMap<string, OrderedJson>).size === 1
      ? cutOf(member(targeting, "fractional"))
      : null;
  return { text, frame, values, whole: own, cuts };
}

function compared(was: Answers, is: Answers, isSameHash: boolean): FlagDiff {
  if (was.values !== is.values && was.text === is.text)
    return { moved: null, changes: [], unknown: "the values of its variants have changed" };
  if (was.whole !== null && is.whole !== null) {
    const isComparable = isSameHash && was.whole.by === is.whole.by;
    const isConstant = isWhole(was.whole.segments) || isWhole(is.whole.segments);
    const changes =
      isComparable || isConstant ? changesAcrossOrBetween(was.whole, is.whole, isComparable) : null;
    if (changes !== null) return { moved: totalOf(changes), changes };
    return { moved: null, changes: [], unknown: hashReason(isSameHash) };
  }
  if (was.frame !== is.frame || was.cuts.length !== is.cuts.length)
    return { moved: null, changes: [], unknown: "its targeting has changed" };
  const all: (Change[] | null)[] = was.cuts.map((cut, index) => {
    const other = is.cuts[index] ?? null;
    if (cut === null || other === null) return null;
    if (cut.by !== other.by || !isSameHash) return changesAcross(cut.segments, other.segments);
    return changesBetween(cut.segments, other.segments);
  });
  if (all.includes(null)) return { moved: null, changes: [], unknown: hashReason(isSameHash) };
  const known = all as Change[][];
  const largest = known.reduce((most, one) => (totalOf(one) > totalOf(most) ? one : most), []);
  return { moved: totalOf(largest), changes: largest, scope: "some" };
}

function changesAcrossOrBetween(was: Cut, is: Cut, isComparable: boolean): Change[] | null {
  return isComparable ? changesBetween(was.segments, is.segments) : changesAcross(was.segments, is.segments);
}

function hashReason(isSameHash: boolean): string {
  return isSameHash ? "the bucketing value has changed" : "flagd.fractional has changed";
}

/** The targeting with a mark in the place of each `fractional`, which go to `cuts`. */
function withoutFractionals(value: OrderedJson, cuts: (Cut | null)[]): OrderedJson {
  if (Array.isArray(value)) return value.map((item) => withoutFractionals(item, cuts));
  if (!(value instanceof Map)) return value;
  return new Map(
    [...(value as ReadonlyMap<string, OrderedJson>)].map(([name, inner]): [string, OrderedJson] => {
      if (name !== "fractional") return [name, withoutFractionals(inner, cuts)];
      cuts.push(cutOf(inner));
      return [name, null];
    }),
  );
}

/** The cut that a `fractional` makes; null when a weight is a rule, or the whole gives nothing. */
function cutOf(given: OrderedJson | undefined): Cut | null {
  if (!Array.isArray(given) || given.length === 0) return null;
  const items = itemsOf(given);
  const isShort = Array.isArray(items[0]);
  const buckets = items.slice(isShort ? 0 : 1).map((bucket): [string, number] | null => {
    const [variant, weight = 1] = itemsOf(bucket);
    if (typeof variant !== "string" || typeof weight !== "number" || !Number.isInteger(weight)) return null;
    return [variant, Math.max(weight, 0)];
  });
  if (buckets.includes(null)) return null;
  const known = buckets as [string, number][];
  const sum = known.reduce((total, [, weight]) => total + weight, 0);
  if (sum <= 0 || sum > MOST) return null;
  let seen = 0;
  const segments = known.map(([gets, weight]): Segment => {
    const begin = (seen / sum) * SPACE;
    seen += weight;
    return { begin, end: (seen / sum) * SPACE, gets };
  });
  return {
    by: isShort ? "" : printed(items[0] ?? null),
    segments: segments.filter(({ begin, end }) => begin < end),
  };
}

/** What flagd allows as the sum of weights. */
const MOST = 2_147_483_647;

function generationOf(policy: OrderedJson): string {
  return wordOf(member(member(policy, "flagd"), "fractional")) || "v2";
}

function textOrNull(value: OrderedJson | undefined): string | null {
  return typeof value === "string" ? value : null;
}

function notesOf(was: OrderedJson | undefined, is: OrderedJson | undefined): string[] {
  if (was === undefined) return ["new"];
  if (is === undefined) return ["removed"];
  const off = (flag: OrderedJson): boolean => member(flag, "state") === "DISABLED";
  return off(was) === off(is) ? [] : [off(is) ? "disabled" : "enabled again"];
}
