// Mappings that share requests: Emissary makes one group of them (irhttpmapping.py, _group_id), and splits it by weight.

import { byKey } from "./by-key.ts";
import type { Hosted, Hosts } from "./hosts.ts";
import {
  headerConditions,
  hostTextOf,
  isRedirect,
  matchKey,
  precedenceOf,
  queryConditions,
} from "./mapping.ts";
import { isText, type Fields, type Resource } from "./resources.ts";

/** Mappings that share their requests. */
export interface Group {
  /** The one that others are made of: that without a weight, if there is one. */
  readonly base: Resource;
  readonly members: readonly Resource[];
  /** Hosts look at the labels of all of them together (irhttpmappinggroup.py, finalize). */
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Mappings as Emissary serves them. Of one group to it, those that differ from its first are refused. Those that do not say
 * how their prefix is read have it read like the first one's, and in any case if the last that says something says so.
 */
export function served(mappings: readonly Resource[], hosts: Hosts): Resource[] {
  const refused = new Set<Resource>();
  const readLike = new Map<Resource, Resource>();
  for (const group of byKey(mappings, (mapping) => groupKey(mapping, hosts)).values()) {
    if (group.length === 1) continue;
    const [first, ...others] = inEmissarysOrder(group);
    if (first === undefined) continue;
    const accepted = [first];
    for (const one of others) {
      if (isRefused(first, one)) refused.add(one);
      else accepted.push(one);
    }
    const common = commonSpec(first, accepted);
    for (const one of accepted) {
      const missing = Object.entries(common).filter(([key]) => one.spec[key] === undefined);
      if (missing.length > 0)
        readLike.set(one, { ...one, spec: { ...one.spec, ...Object.fromEntries(missing) }, asRead: one });
    }
  }
  return mappings.filter((one) => !refused.has(one)).map((one) => readLike.get(one) ?? one);
}

/** What one Mapping of a group says for those that say nothing. */
function commonSpec({ spec }: Resource, accepted: readonly Resource[]): Fields {
  const saying = accepted.findLast((one) => isLive(one) && one.spec["case_sensitive"] !== undefined);
  return {
    ...Object.fromEntries(FIRST_HAS.filter((key) => spec[key] === true).map((key) => [key, true])),
    ...(saying?.spec["case_sensitive"] === false ? { case_sensitive: false } : {}),
  };
}

function isLive(mapping: Resource): boolean {
  return mapping.spec["shadow"] !== true && !isRedirect(mapping);
}

/**
 * `mappings`: as they are served. In the order of their bases. One of a group has Mappings made of it: those that share its
 * requests would have the same.
 */
export function groupsOf(mappings: readonly Resource[], hosts: Hosts): Group[] {
  const found = byKey(mappings, (mapping) => requestsKey(mapping, hosts));
  const groups = [...found.values()].flatMap((members): Group[] => {
    const plain = members.filter((one) => !isRedirect(one));
    const serving = plain.length > 0 ? plain : members;
    const base = serving.find(({ spec }) => spec["weight"] === undefined) ?? serving[0];
    if (base === undefined) return [];
    const labels: Record<string, string> = {};
    for (const one of inEmissarysOrder(serving)) Object.assign(labels, one.labels);
    return [{ base, members, labels }];
  });
  const place = new Map(mappings.map((mapping, index) => [mapping, index]));
  return groups.sort((a, b) => (place.get(a.base) ?? 0) - (place.get(b.base) ?? 0));
}

/** Mappings with one key take the same requests, at the same precedence. */
function requestsKey(mapping: Hosted, hosts: Hosts): string {
  return `${matchKey(mapping)} ${hosts.labelsThatCount(mapping)} ${precedenceOf(mapping)}`;
}

/** Mappings with one key are one group to Emissary, even where some have a pattern for what others have as text. */
export function groupKey(mapping: Hosted, hosts: Hosts): string {
  const { spec } = mapping;
  const conditions = [...headerConditions(mapping), ...queryConditions(mapping)];
  return JSON.stringify([
    ...[hostTextOf(mapping), spec["prefix"], isText(spec["method"]) ? spec["method"] : null],
    conditions.map(({ name, value }) => [name, value]),
    ...[hosts.labelsThatCount(mapping), precedenceOf(mapping)],
  ]);
}

/** Options in which a group's Mappings must agree with its first (irhttpmappinggroup.py, CoreMappingKeys). */
const CORE_KEYS = [
  ...["prefix_regex", "prefix_exact", "bypass_auth", "circuit_breakers", "connect_timeout_ms"],
  ...["cluster_timeout_ms", "cluster_idle_timeout_ms", "cluster_max_connection_lifetime_ms"],
  ...["keepalive", "labels", "load_balancer"],
];
/** Of those the ones that the first has for all, where others say nothing. */
const FIRST_HAS = ["prefix_regex", "prefix_exact"];

/** In what a Mapping differs from the first of its group, so that Emissary refuses it or takes it for another. */
export function differenceFrom(first: Resource, mapping: Resource): string | undefined {
  if (kindsOf(first) !== kindsOf(mapping)) return "headers and regex_headers";
  return CORE_KEYS.find(
    (key) => (mapping.spec[key] !== undefined || FIRST_HAS.includes(key)) && differs(key, first, mapping),
  );
}

function isRefused(first: Resource, mapping: Resource): boolean {
  return (
    kindsOf(first) !== kindsOf(mapping) ||
    CORE_KEYS.some((key) => mapping.spec[key] !== undefined && differs(key, first, mapping))
  );
}

function kindsOf(mapping: Resource): string {
  return JSON.stringify(headerConditions(mapping).map(({ isPattern }) => isPattern));
}

function differs(key: string, { spec: first }: Resource, { spec }: Resource): boolean {
  return JSON.stringify(spec[key]) !== JSON.stringify(first[key]);
}

/** As Emissary reads them: by name and namespace (fetcher.py, sorted). */
export function inEmissarysOrder(mappings: readonly Resource[]): Resource[] {
  const rank = ({ name, namespace }: Resource): string => `${name}.${namespace}`;
  return [...mappings].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}
