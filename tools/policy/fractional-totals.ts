// What a change of a policy does to users that no percent says: which of them move between a flag's variants though no
// weight asks for it (docs/flags.md). A bucket of `fractional` ends at the share `sum of weights so far / sum of all` of the
// hashes, in each generation: weights that are all multiplied by the same number move nobody at all.

import { percent } from "../terminal/numbers.ts";
import { overlaid } from "./overlay.ts";
import { pointerStep } from "./problem.ts";

/** One `fractional` of a policy. */
export interface Fractional {
  /** Where it would stand if shared rules stood in the place of their names: what it is recognised by. */
  readonly path: string;
  /** JSON Pointer of where it stands. */
  readonly pointer: string;
  /** The bucketing value, as JSON; "" for flag key and targeting key. */
  readonly by: string;
  /** Variants, as JSON, and their weights; null when a weight is a rule, or the whole can give nothing. */
  readonly buckets: readonly (readonly [variant: string, weight: number])[] | null;
}

/** Something that moves users, and where. */
export interface Move {
  readonly pointer: string;
  readonly message: string;
}

/** What flagd allows as the sum of weights. */
const MOST = 2147483647;

/** The `fractional`s of the flags and rollouts of a policy, those of shared rules wherever these are named. */
export function fractionalsOf(policy: unknown): Fractional[] {
  const shared = memberOf(policy, "$evaluators");
  const found: Fractional[] = [];
  const visit = (given: unknown, path: string, at: string, isShared: boolean): void => {
    const reference = isShared ? null : referenceIn(given);
    if (reference !== null && hasMember(shared, reference)) {
      visit(memberOf(shared, reference), path, `/$evaluators${pointerStep(reference)}`, true);
      return;
    }
    if (typeof given !== "object" || given === null) return;
    for (const [key, inner] of Object.entries(given) as [string, unknown][]) {
      const step = pointerStep(key);
      const list = isShared ? inner : expanded(inner, shared);
      if (key === "fractional" && Array.isArray(list)) {
        found.push({ path: path + step, pointer: at + step, ...partsOf(list) });
      }
      visit(inner, path + step, at + step, isShared);
    }
  };
  for (const part of ["flags", "rollouts"]) visit(memberOf(policy, part), `/${part}`, `/${part}`, false);
  return found;
}

/** What the new policy moves that no weight asks for, beside the old one. */
export function movedUsers(before: unknown, after: unknown): Move[] {
  const old = fractionalsOf(before);
  const now = fractionalsOf(after);
  const moves = [...generationMoves(before, after, now), ...renamedFlags(before, after, now)];
  for (const fractional of now) {
    const message = moveOf(counterpart(fractional, old, now), fractional);
    const isTold = moves.some((move) => move.pointer === fractional.pointer && move.message === message);
    if (message !== null && !isTold) moves.push({ pointer: fractional.pointer, message });
  }
  return moves;
}

/** The same `fractional` before: in its place, or the only one of its flag wherever that stands. */
function counterpart(one: Fractional, old: Fractional[], now: Fractional[]): Fractional | undefined {
  const owner = one.path.split("/", 3).join("/") + "/";
  const isOwned = ({ path }: Fractional): boolean => path.startsWith(owner);
  const inPlace = old.find(({ path }) => path === one.path);
  if (inPlace !== undefined) return inPlace;
  const were = old.filter(isOwned);
  return were.length === 1 && now.filter(isOwned).length === 1 ? were[0] : undefined;
}

function moveOf(was: Fractional | undefined, is: Fractional): string | null {
  if (was === undefined) return null;
  if (was.by !== is.by) return "the bucketing value has changed, which reassigns nearly all users";
  if (was.buckets === null || is.buckets === null) return null;
  const moved = movedShare(was.buckets, is.buckets);
  const needed = neededShare(was.buckets, is.buckets);
  // Sums of doubles: what is below no user can be.
  if (moved < SMALLEST) return null;
  const far = moved - needed < SMALLEST ? "" : ` (${percent(needed)} would be enough)`;
  const [before, now] = [sumOf(was.buckets), sumOf(is.buckets)];
  if (before !== now) {
    return `the sum of the weights changed from ${before} to ${now}, which moves ${percent(moved)} of users${far}: keep the sum and shift weights within it`;
  }
  if (far !== "" && orderChanged(was.buckets, is.buckets)) {
    return `the order of the buckets changed, which moves ${percent(moved)} of users${far}: keep the order and shift weights within it`;
  }
  return null;
}

type Buckets = readonly (readonly [variant: string, weight: number])[];

const SMALLEST = 1e-10;

function sumOf(buckets: Buckets): number {
  return buckets.reduce((sum, [, weight]) => sum + weight, 0);
}

/** The share of users whose variant is another one. */
function movedShare(was: Buckets, is: Buckets): number {
  const cutOf = (buckets: Buckets): { variant: string; end: number }[] => {
    let sum = 0;
    return buckets.map(([variant, weight]) => ({ variant, end: (sum += weight) / sumOf(buckets) }));
  };
  let moved = 0;
  for (const { was: old, is: now, width } of overlaid(cutOf(was), cutOf(is)))
    if (old.variant !== now.variant) moved += width;
  return moved;
}

/** The least share that can move when the variants' shares change so. */
function neededShare(was: Buckets, is: Buckets): number {
  const share = (buckets: Buckets, of: string): number =>
    sumOf(buckets.filter(([variant]) => variant === of)) / sumOf(buckets);
  const variants = new Set([...was, ...is].map(([variant]) => variant));
  return [...variants].reduce((sum, of) => sum + Math.max(share(is, of) - share(was, of), 0), 0);
}

/** Whether the variants that both have come in another order. */
function orderChanged(was: Buckets, is: Buckets): boolean {
  const order = (buckets: Buckets, other: Buckets): string =>
    JSON.stringify(
      buckets.map(([variant]) => variant).filter((name) => other.some(([also]) => also === name)),
    );
  return order(was, is) !== order(is, was);
}

/** The generation of bucketing that a policy asks for. */
function generationOf(policy: unknown): string {
  const given = memberOf(memberOf(policy, "flagd"), "fractional");
  return typeof given === "string" ? given : "v2";
}

function generationMoves(before: unknown, after: unknown, now: Fractional[]): Move[] {
  const [was, is] = [generationOf(before), generationOf(after)];
  if (was === is || now.length === 0) return [];
  const settings = memberOf(after, "flagd");
  const pointer =
    settings === undefined ? "" : hasMember(settings, "fractional") ? "/flagd/fractional" : "/flagd";
  const message = `bucketing changed from ${was} to ${is}, which reassigns nearly all users of every fractional`;
  return [{ pointer, message }];
}

/** Flags that have another key and are the same otherwise: the key is part of what is hashed. */
function renamedFlags(before: unknown, after: unknown, now: Fractional[]): Move[] {
  const [old, flags] = [memberOf(before, "flags"), memberOf(after, "flags")];
  if (typeof old !== "object" || old === null || typeof flags !== "object" || flags === null) return [];
  const gone = new Map<string, string>();
  for (const [key, flag] of Object.entries(old))
    if (!hasMember(flags, key)) gone.set(JSON.stringify(flag), key);
  return Object.entries(flags).flatMap(([key, flag]) => {
    const was = hasMember(old, key) ? undefined : gone.get(JSON.stringify(flag));
    const hashed = now.find(
      ({ path, by }) =>
        path.startsWith(`/flags${pointerStep(key)}/`) && (by === "" || by.includes('"$flagd.flagKey"')),
    );
    if (was === undefined || hashed === undefined) return [];
    const message = `the flag was renamed from ${JSON.stringify(was)}, and its key is part of the bucketing value: nearly all users are reassigned`;
    return [{ pointer: hashed.pointer, message }];
  });
}

function partsOf(list: readonly unknown[]): Pick<Fractional, "by" | "buckets"> {
  const isShort = list.length === 0 || Array.isArray(list[0]);
  const by = isShort ? "" : JSON.stringify(list[0]);
  const buckets: [string, number][] = [];
  for (const bucket of list.slice(isShort ? 0 : 1)) {
    if (!Array.isArray(bucket) || bucket.length === 0) return { by, buckets: null };
    const weight: unknown = bucket.length < 2 ? 1 : bucket[1];
    if (typeof weight !== "number" || !Number.isInteger(weight)) return { by, buckets: null };
    buckets.push([JSON.stringify(bucket[0]), Math.max(weight, 0)]);
  }
  const sum = sumOf(buckets);
  return { by, buckets: sum === 0 || sum > MOST ? null : buckets };
}

/** A value with data of `$evaluators` in the place of their names. */
function expanded(value: unknown, shared: unknown): unknown {
  const reference = referenceIn(value);
  if (reference !== null && hasMember(shared, reference)) return memberOf(shared, reference);
  return Array.isArray(value) ? value.map((item) => expanded(item, shared)) : value;
}

function referenceIn(value: unknown): string | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const keys = Object.keys(value);
  const name = memberOf(value, "$ref");
  return keys.length === 1 && typeof name === "string" ? name : null;
}

function hasMember(object: unknown, key: string): boolean {
  return typeof object === "object" && object !== null && Object.hasOwn(object, key);
}

function memberOf(object: unknown, key: string): unknown {
  return hasMember(object, key) ? (object as Record<string, unknown>)[key] : undefined;
}
