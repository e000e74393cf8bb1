// What a change of the policy does to users, before it is live: per rollout, flag and shadow who gets something else,
// exactly where the policy says it, and "cannot be known" where only the users themselves could tell.

import { itemsOf, member, type OrderedJson } from "../terminal/ordered-json.ts";
import { flagDiff, type FlagDiff } from "./diff-flags.ts";
import { expandRules, printed, wordOf } from "./meaning.ts";
import { changesAcross, changesBetween, everybody, totalOf, type Change } from "./moves.ts";
import { SPACE, slotsOf, type Segment, type Slots } from "./slots.ts";

/** What the new policy does to one rollout's users, or to a shadow's requests. */
export interface PartDiff {
  /** Part of all identified users who get another variant, 0 to 1; null when it cannot be known: everybody may move. */
  readonly moved: number | null;
  readonly changes: readonly Change[];
  /** Whether `match` or `when` differ: `changes` hold for requests that both concern. */
  readonly scope?: "changed";
  /** With a changed scope: what requests get that only the new policy, or only the old one, concerns. */
  readonly entering?: readonly Change[];
  readonly leaving?: readonly Change[];
  /** The name that it had; its salt is the same. */
  readonly renamedFrom?: string;
  /** Why it cannot be known. */
  readonly unknown?: string;
  /** What else people notice, in words. */
  readonly notes?: readonly string[];
}

export interface PolicyDiff {
  /** The largest of one rollout; null before all others. */
  readonly moved: number | null;
  readonly rollouts: ReadonlyMap<string, PartDiff>;
  readonly flags: ReadonlyMap<string, FlagDiff>;
  readonly shadows: ReadonlyMap<string, PartDiff>;
}

export interface DiffOptions {
  readonly module: WebAssembly.Module;
  /** When the policies are looked at, nanoseconds since 1970. Default: now. */
  readonly at?: bigint;
}

/** Compares two accepted policies. */
export function diffPolicies(before: OrderedJson, after: OrderedJson, options: DiffOptions): PolicyDiff {
  const rollouts = rolloutDiffs(before, after, options);
  return {
    moved: largest([...rollouts.values()].map(({ moved }) => moved)),
    rollouts,
    flags: flagDiffs(before, after),
    shadows: shadowDiffs(before, after),
  };
}

/** Which part moves at most, of anything that `--fail-if-moved` looks at; null where it cannot be known. */
export function mostMoved({ moved, flags }: PolicyDiff): number | null {
  return largest([moved, ...[...flags.values()].map((flag) => flag.moved)]);
}

function largest(parts: readonly (number | null)[]): number | null {
  return parts.includes(null) ? null : Math.max(0, ...parts.map(Number));
}

function rolloutDiffs(
  before: OrderedJson,
  after: OrderedJson,
  { module, at }: DiffOptions,
): Map<string, PartDiff> {
  const [old, now] = [namedIn(before, "rollouts"), namedIn(after, "rollouts")];
  const [oldSlots, slots] = [slotsOf(before, module, at), slotsOf(after, module, at)];
  const renamed = renames(old, now);
  const diffs = new Map<string, PartDiff>();
  for (const [name, rollout] of now) {
    const from = old.has(name) ? name : renamed.get(name);
    const was = sideOf(before, from, old, oldSlots);
    const is = sideOf(after, name, now, slots);
    diffs.set(name, {
      ...rolloutDiff(was, is),
      ...(from === undefined || from === name ? {} : { renamedFrom: from }),
      ...notesOf(from === undefined ? undefined : old.get(from), rollout),
    });
  }
  const kept = new Set(renamed.values());
  for (const name of old.keys()) {
    if (now.has(name) || kept.has(name)) continue;
    diffs.set(name, { ...rolloutDiff(sideOf(before, name, old, oldSlots), null), notes: ["removed"] });
  }
  return diffs;
}

/** A rollout of one of the two policies. */
interface Side {
  readonly segments: readonly Segment[];
  readonly salt: string;
  readonly identity: string;
  readonly scope: string;
  /** The default where having it is not the same as having no rollout at all. */
  readonly silent: string | null;
}

function sideOf(
  policy: OrderedJson,
  name: string | undefined,
  rollouts: ReadonlyMap<string, OrderedJson>,
  slots: Slots,
): Side | null {
  if (name === undefined) return null;
  const rollout = rollouts.get(name) as OrderedJson;
  const fallback = wordOf(member(rollout, "default"));
  const identity = member(rollout, "identity") ?? member(policy, "identity");
  const cut = slots.get(name) ?? everybody(fallback);
  const isOff = member(rollout, "state") === "DISABLED" || itemsOf(identity).length === 0;
  return {
    segments: isOff ? everybody(fallback) : cut,
    salt: saltOf(name, rollout),
    identity: printed(itemsOf(identity).map(hashed)),
    scope: printed([member(rollout, "match") ?? null, expandRules(member(rollout, "when") ?? null, policy)]),
    silent: silentDefault(rollout),
  };
}

/** The default of a rollout where having it is the same as having no rollout at all; null where it is told. */
function silentDefault(rollout: OrderedJson): string | null {
  const fallback = wordOf(member(rollout, "default"));
  const isTold =
    member(rollout, "announce") === "all" ||
    member(member(member(rollout, "variants"), fallback), "cluster") !== undefined;
  return isTold ? null : fallback;
}

/** The silent defaults of all rollouts of a policy, by rollout. */
export function silentDefaults(policy: OrderedJson): Map<string, string> {
  return new Map(
    [...namedIn(policy, "rollouts")].flatMap(([name, rollout]): [string, string][] => {
      const fallback = silentDefault(rollout);
      return fallback === null ? [] : [[name, fallback]];
    }),
  );
}

/** What of an identity's source decides whose hash it is: how a cookie is issued does not. */
function hashed(source: OrderedJson): OrderedJson {
  const issued = member(source, "issueCookie");
  if (issued === undefined) return source;
  return new Map<string, OrderedJson>([
    ["issueCookie", member(issued, "name") ?? null],
    ["keep", member(issued, "keep") ?? false],
  ]);
}

function rolloutDiff(was: Side | null, is: Side | null): Omit<PartDiff, "renamedFrom"> {
  if (was === null || is === null) {
    const side = (was ?? is) as Side;
    const changes =
      was === null
        ? changesBetween(everybody(null), unless(side))
        : changesBetween(unless(side), everybody(null));
    return { moved: totalOf(changes), changes };
  }
  const reasons = [
    ...(was.identity === is.identity ? [] : ["the identity has changed"]),
    ...(was.salt === is.salt ? [] : [`the salt has changed ("${was.salt}" before, "${is.salt}" now)`]),
  ];
  const changes =
    reasons.length === 0
      ? changesBetween(was.segments, is.segments)
      : changesAcross(was.segments, is.segments);
  const total = changes === null ? null : totalOf(changes);
  const known = { moved: total, changes: changes ?? [] };
  const unknown = changes === null ? { unknown: reasons.join(", and ") } : {};
  if (was.scope === is.scope) return { ...known, ...unknown };
  const entering = changesBetween(everybody(null), unless(is));
  const leaving = changesBetween(unless(was), everybody(null));
  return {
    moved: total === null ? null : Math.max(total, totalOf(entering), totalOf(leaving)),
    changes: known.changes,
    scope: "changed",
    entering,
    leaving,
    ...unknown,
  };
}

/** As a request sees it that had no such rollout: a default that is told nowhere is nothing. */
function unless({ segments, silent }: Side): Segment[] {
  return segments.map((segment) => (segment.gets === silent ? { ...segment, gets: null } : segment));
}

/** Rollouts that are gone, and that came with the same salt: by their new names. */
function renames(
  old: ReadonlyMap<string, OrderedJson>,
  now: ReadonlyMap<string, OrderedJson>,
): Map<string, string> {
  const gone = new Map(
    [...old].filter(([name]) => !now.has(name)).map(([name, one]) => [saltOf(name, one), name]),
  );
  const found = new Map<string, string>();
  for (const [name, rollout] of now) {
    const from = old.has(name) ? undefined : gone.get(saltOf(name, rollout));
    if (from === undefined) continue;
    found.set(name, from);
    gone.delete(saltOf(name, rollout));
  }
  return found;
}

function saltOf(name: string, rollout: OrderedJson): string {
  const salt = member(rollout, "salt");
  return typeof salt === "string" ? salt : name;
}

function notesOf(was: OrderedJson | undefined, is: OrderedJson): { notes?: readonly string[] } {
  if (was === undefined) return { notes: ["new"] };
  const notes: string[] = [];
  const clusterIn = (rollout: OrderedJson, variant: string): string =>
    wordOf(member(member(member(rollout, "variants"), variant), "cluster")) || "the route's own";
  const [old, now] = [namedIn(was, "variants"), namedIn(is, "variants")];
  for (const variant of now.keys()) {
    if (!old.has(variant)) continue;
    const [from, to] = [clusterIn(was, variant), clusterIn(is, variant)];
    if (from !== to) notes.push(`${variant}: cluster ${to} in place of ${from}`);
  }
  const [from, to] = [wordOf(member(was, "default")), wordOf(member(is, "default"))];
  if (from !== to) notes.push(`the default is ${to} in place of ${from}`);
  const state = (rollout: OrderedJson): boolean => member(rollout, "state") === "DISABLED";
  if (state(was) !== state(is)) notes.push(state(is) ? "disabled" : "enabled again");
  return notes.length === 0 ? {} : { notes };
}

function flagDiffs(before: OrderedJson, after: OrderedJson): Map<string, FlagDiff> {
  const [old, now] = [namedIn(before, "flags"), namedIn(after, "flags")];
  return new Map(
    [...new Set([...now.keys(), ...old.keys()])].map((key) => [key, flagDiff(key, before, after)]),
  );
}

function shadowDiffs(before: OrderedJson, after: OrderedJson): Map<string, PartDiff> {
  const [old, now] = [namedIn(before, "shadows"), namedIn(after, "shadows")];
  return new Map(
    [...new Set([...now.keys(), ...old.keys()])].map((name) => [
      name,
      shadowDiff(before, old.get(name), after, now.get(name)),
    ]),
  );
}

/** Copied requests: `from` and `to` are clusters, null where no copy is sent. */
function shadowDiff(
  before: OrderedJson,
  was: OrderedJson | undefined,
  after: OrderedJson,
  is: OrderedJson | undefined,
): PartDiff {
  const cut = (shadow: OrderedJson | undefined): Segment[] => {
    if (shadow === undefined || member(shadow, "state") === "DISABLED") return everybody(null);
    const end = Math.round((Number(member(shadow, "percent") ?? 0) / 100) * SPACE);
    const gets = wordOf(member(shadow, "cluster"));
    return [
      { begin: 0, end, gets },
      { begin: end, end: SPACE, gets: null },
    ].filter((segment) => segment.begin < segment.end);
  };
  const scopeOf = (policy: OrderedJson, shadow: OrderedJson | undefined): string =>
    printed([
      member(shadow, "match") ?? null,
      expandRules(member(shadow, "when") ?? null, policy),
      member(shadow, "methods") ?? null,
    ]);
  const changes = changesBetween(cut(was), cut(is));
  const both = was !== undefined && is !== undefined;
  const isScoped = both && scopeOf(before, was) !== scopeOf(after, is);
  const notes = was === undefined ? ["new"] : is === undefined ? ["removed"] : [];
  return {
    moved: totalOf(changes),
    changes,
    ...(isScoped ? { scope: "changed" as const } : {}),
    ...(notes.length > 0 ? { notes } : {}),
  };
}

function namedIn(value: OrderedJson, part: string): ReadonlyMap<string, OrderedJson> {
  const inner = member(value, part);
  return inner instanceof Map ? (inner as ReadonlyMap<string, OrderedJson>) : new Map();
}
