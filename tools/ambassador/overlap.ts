// Which Mappings a rollout or a shadow concerns: those that serve a request that its match may hold for.

import { byKey } from "./by-key.ts";
import { globsMeet, includesGlob } from "./globs.ts";
import type { Hosts } from "./hosts.ts";
import { headerConditions, hostOf, isRedirect, queryConditions, type Condition } from "./mapping.ts";
import { areOfOneLength, comesBefore } from "./order.ts";
import { isText, type Resource } from "./resources.ts";
import type { MatchCondition, MatchEntry } from "./service-policy.ts";

/** What a match has to do with Mappings. */
export interface Concerned {
  /** They serve requests of the match. In their order, as all of these. */
  readonly mappings: readonly Resource[];
  /** Redirects that come before one of them, and would come after a Mapping made of it. */
  readonly redirects: readonly Resource[];
  /** They serve nothing of it but the path itself, without what is below: `/` where `/checkout/` serves the rest. */
  readonly remainders: readonly { readonly mapping: Resource; readonly path: string }[];
}

/** Finds out which of these Mappings a match concerns. */
export class Overlap {
  readonly #known = new Map<readonly MatchEntry[], Concerned>();
  readonly #serving: readonly Resource[];
  readonly #redirects: readonly Resource[];

  /** `mappings`: one of each group. */
  constructor(
    readonly mappings: readonly Resource[],
    private readonly hosts: Hosts,
  ) {
    this.#serving = mappings.filter((mapping) => !isRedirect(mapping));
    this.#redirects = mappings.filter(isRedirect);
  }

  concerned(match: readonly MatchEntry[]): Concerned {
    const known = this.#known.get(match) ?? this.#find(match);
    this.#known.set(match, known);
    return known;
  }

  #find(match: readonly MatchEntry[]): Concerned {
    const found = new Set(match.length === 0 ? this.#serving : []);
    const remainders = new Map<Resource, string>();
    for (const entry of match) this.#findFor(entry, found, remainders);
    const mappings = this.#serving.filter((mapping) => found.has(mapping));
    return {
      mappings,
      redirects: this.#redirects.filter((redirect) => isInTheWay(redirect, match, mappings)),
      remainders: [...remainders]
        .filter(([mapping]) => !found.has(mapping))
        .map(([mapping, path]) => ({ mapping, path })),
    };
  }

  #findFor(entry: MatchEntry, found: Set<Resource>, remainders: Map<Resource, string>): void {
    const candidates = this.#serving.filter((mapping) => meets(entry, mapping));
    const covering = new ByHost(candidates.filter((mapping) => takesPath(entry, mapping) !== "no"));
    const exactly = { ...entry, isPrefix: false };
    const exact = new ByHost(candidates.filter((mapping) => takesPath(exactly, mapping) === "all"));
    for (const mapping of candidates) {
      // What serves a part of the match alone, nothing else is asked about.
      const before = isAround(entry, mapping)
        ? covering.thatMayTake(mapping).filter((other) => this.#takesAll(entry, mapping, other))
        : [];
      if (before.length === 0) {
        found.add(mapping);
      } else if (before.every((other) => takesPath(entry, other) === "below")) {
        const isTaken = exact
          .thatMayTake(mapping)
          .some((other) => other !== mapping && this.#takesAll(exactly, mapping, other));
        if (!isTaken) remainders.set(mapping, entry.path ?? "");
      }
    }
  }

  /** Whether every request of both the entry and the Mapping goes to another first, as far as one can tell by looking. */
  #takesAll(entry: MatchEntry, mapping: Resource, other: Resource): boolean {
    const { method } = other.spec;
    const isMethodTaken =
      !isText(method) ||
      (other.spec["method_regex"] !== true &&
        (method === entry.method ||
          (method === mapping.spec["method"] && mapping.spec["method_regex"] !== true)));
    return (
      other !== mapping &&
      isMethodTaken &&
      areImplied(headerConditions(other), entry.headers, headerConditions(mapping), true) &&
      areImplied(queryConditions(other), entry.queryParams, queryConditions(mapping), false) &&
      takesHosts(entry, mapping, other) &&
      this.hosts.haveWherever(other, mapping) &&
      comesBefore(other, mapping)
    );
  }
}

/** Mappings by their glob of hosts, so that of thousands of hosts each looks at its own. */
class ByHost {
  readonly #exact: ReadonlyMap<string | null, readonly Resource[]>;
  readonly #globs: readonly Resource[];

  constructor(mappings: readonly Resource[]) {
    const placed = mappings.filter((mapping) => hostOf(mapping) !== null);
    const isGlob = (mapping: Resource): boolean => hostOf(mapping)?.includes("*") === true;
    this.#globs = placed.filter(isGlob);
    this.#exact = byKey(
      placed.filter((mapping) => !isGlob(mapping)),
      hostOf,
    );
  }

  /** Those that may take the requests of this one: not those of another host. */
  thatMayTake(mapping: Resource): readonly Resource[] {
    const glob = hostOf(mapping);
    if (glob === null || glob.includes("*")) return [...[...this.#exact.values()].flat(), ...this.#globs];
    return [...(this.#exact.get(glob) ?? []), ...this.#globs];
  }
}

/** Whether some request may fit both. */
function meets(entry: MatchEntry, mapping: Resource): boolean {
  return (
    hostsMeet(entry, mapping) &&
    methodsMeet(entry, mapping) &&
    pathsMeet(entry, mapping) &&
    !areApart(entry.headers, headerConditions(mapping), true) &&
    // A redirect asks for no query parameters: diagd leaves them out (v3route.py).
    (isRedirect(mapping) || !areApart(entry.queryParams, queryConditions(mapping), false))
  );
}

function isInTheWay(
  redirect: Resource,
  match: readonly MatchEntry[],
  mappings: readonly Resource[],
): boolean {
  if (match.length > 0 && !match.some((entry) => meets(entry, redirect))) return false;
  return mappings.some(
    (mapping) =>
      areOfOneLength(redirect, mapping) &&
      comesBefore(redirect, mapping) &&
      globsMeet(hostOf(redirect) ?? "*", hostOf(mapping) ?? "*"),
  );
}

/** The path of an entry and the prefix of a Mapping, folded as the Mapping reads them. */
function pathsOf(entry: MatchEntry, { spec }: Resource): { path: string; prefix: string } | null {
  // Nobody can say of two patterns whether some path is in both.
  if (entry.path === null || spec["prefix_regex"] === true) return null;
  const fold = (text: string): string => (spec["case_sensitive"] === false ? text.toLowerCase() : text);
  const path = entry.isPrefix ? entry.path.replace(/\/+$/, "") : entry.path;
  return { path: fold(path), prefix: fold(String(spec["prefix"])) };
}

function pathsMeet(entry: MatchEntry, mapping: Resource): boolean {
  const paths = pathsOf(entry, mapping);
  if (paths === null) return true;
  const { path, prefix } = paths;
  if (entry.isPrefix && (prefix === path || prefix.startsWith(`${path}/`))) return true;
  return mapping.spec["prefix_exact"] === true ? prefix === path : path.startsWith(prefix);
}

/** Whether it serves more paths than those of the entry, so that another may serve all of those. */
function isAround(entry: MatchEntry, mapping: Resource): boolean {
  const paths = pathsOf(entry, mapping);
  return paths !== null && paths.path.startsWith(paths.prefix) && paths.path !== paths.prefix;
}

/**
 * Whether it takes each path of the entry. `below`: all but the path itself, which a Mapping for `/checkout/` leaves to
 * others. Who writes that means all of `/checkout`, as a rule.
 */
function takesPath(entry: MatchEntry, mapping: Resource): "all" | "below" | "no" {
  const paths = pathsOf(entry, mapping);
  if (paths === null) return "no";
  const { path, prefix } = paths;
  if (mapping.spec["prefix_exact"] === true) return !entry.isPrefix && path === prefix ? "all" : "no";
  if (path.startsWith(prefix)) return "all";
  return entry.isPrefix && prefix === `${path}/` ? "below" : "no";
}

/** Whether hosts that both fit are all the other's. */
function takesHosts({ hosts }: MatchEntry, mapping: Resource, other: Resource): boolean {
  const glob = hostOf(other);
  if (glob === null) return false;
  return (
    includesGlob(glob, hostOf(mapping)) ||
    (hosts.length > 0 && hosts.every((host) => includesGlob(glob, host)))
  );
}

function hostsMeet({ hosts }: MatchEntry, mapping: Resource): boolean {
  const glob = hostOf(mapping);
  return hosts.length === 0 || glob === null || hosts.some((host) => globsMeet(host, glob));
}

function methodsMeet({ method }: MatchEntry, { spec }: Resource): boolean {
  return (
    method === null || !isText(spec["method"]) || spec["method_regex"] === true || spec["method"] === method
  );
}

/** Whether the two ask for different values of one name. */
function areApart(
  wanted: readonly MatchCondition[],
  conditions: readonly Condition[],
  foldsNames: boolean,
): boolean {
  return wanted.some(({ name, value }) =>
    conditions.some(
      (condition) =>
        isNamed(condition, name, foldsNames) &&
        !condition.isPattern &&
        ![null, value].includes(condition.value) &&
        value !== null,
    ),
  );
}

/** Whether a request of both the entry and the Mapping has all that these conditions ask for. */
function areImplied(
  conditions: readonly Condition[],
  wanted: readonly MatchCondition[],
  ofMapping: readonly Condition[],
  foldsNames: boolean,
): boolean {
  return conditions.every(
    (condition) =>
      wanted.some(
        ({ name, value }) =>
          isNamed(condition, name, foldsNames) &&
          !condition.isPattern &&
          (condition.value === null || condition.value === value),
      ) ||
      ofMapping.some(
        ({ name, value, isPattern }) =>
          isNamed(condition, name, foldsNames) &&
          (condition.value === null
            ? !condition.isPattern
            : condition.value === value && condition.isPattern === isPattern),
      ),
  );
}

function isNamed(condition: Condition, name: string, foldsNames: boolean): boolean {
  return foldsNames ? condition.name.toLowerCase() === name.toLowerCase() : condition.name === name;
}
