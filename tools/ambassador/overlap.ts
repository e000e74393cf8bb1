// Which Mappings a rollout or a shadow concerns: those that serve a request that its match may hold for.

import type { MatchEntry } from "./service-policy.ts";
import { hostOf, precedenceOf } from "./mapping.ts";
import { isText, type Resource } from "./resources.ts";

/** The Mappings, of these, that serve requests of the match; all of them without one. */
export function concerned(match: readonly MatchEntry[], mappings: readonly Resource[]): Resource[] {
  if (match.length === 0) return [...mappings];
  const found = new Set(match.flatMap((entry) => concernedBy(entry, mappings)));
  return mappings.filter((mapping) => found.has(mapping));
}

function concernedBy(entry: MatchEntry, mappings: readonly Resource[]): Resource[] {
  const candidates = mappings.filter((mapping) => hostsMeet(entry, mapping) && methodsMeet(entry, mapping));
  const inside: Resource[] = [];
  const around = new Map<string, Resource[]>();
  for (const mapping of candidates) {
    const relation = relationOf(entry, mapping);
    if (relation === "inside") inside.push(mapping);
    if (relation !== "around") continue;
    const key = hostKey(mapping);
    around.set(key, [...(around.get(key) ?? []), mapping]);
  }
  // Of those that serve more than the match says, the longest prefix takes its requests, unless one takes them all.
  for (const [host, wider] of around) {
    if (inside.some((mapping) => hostKey(mapping) === host && takesAll(entry, mapping))) continue;
    const longest = Math.max(...wider.map((mapping) => prefixOf(mapping).length));
    inside.push(...wider.filter((mapping) => prefixOf(mapping).length === longest));
  }
  return inside;
}

/** `inside`: what it serves is part of what the match says; `around`: the other way round. */
function relationOf(entry: MatchEntry, mapping: Resource): "inside" | "around" | "apart" {
  // Nobody can say of two patterns whether some path is in both.
  if (entry.path === null || mapping.spec["prefix_regex"] === true) return "inside";
  const isExact = mapping.spec["prefix_exact"] === true;
  const folds = mapping.spec["case_sensitive"] === false;
  const fold = (text: string): string => (folds ? text.toLowerCase() : text);
  const prefix = fold(prefixOf(mapping));
  const path = fold(entry.isPrefix ? entry.path.replace(/\/+$/, "") : entry.path);
  if (entry.isPrefix && (prefix === path || prefix.startsWith(`${path}/`))) return "inside";
  if (isExact) return prefix === path ? "inside" : "apart";
  return path.startsWith(prefix) || (path === "" && prefix === "/") ? "around" : "apart";
}

/** `/checkout/` counts as all of `/checkout`: what of it the stable Mapping leaves to another stays there. */
function takesAll({ path }: MatchEntry, mapping: Resource): boolean {
  return path !== null && prefixOf(mapping).replace(/\/+$/, "") === path.replace(/\/+$/, "");
}

function prefixOf({ spec }: Resource): string {
  return String(spec["prefix"]);
}

function hostKey(mapping: Resource): string {
  return `${hostOf(mapping) ?? String(mapping.spec["host"])} ${precedenceOf(mapping)}`;
}

function hostsMeet({ hosts }: MatchEntry, mapping: Resource): boolean {
  const glob = hostOf(mapping);
  return hosts.length === 0 || glob === null || hosts.some((host) => globsMeet(host, glob));
}

/** Whether some host fits both: globs have their `*` at the beginning or at the end. */
export function globsMeet(first: string, second: string): boolean {
  const a = first.replace(/:\d+$/, "");
  const b = second.replace(/:\d+$/, "");
  if (!a.includes("*")) return fits(a, b);
  if (!b.includes("*")) return fits(b, a);
  if (a.startsWith("*") && b.startsWith("*")) return a.endsWith(b.slice(1)) || b.endsWith(a.slice(1));
  if (a.endsWith("*") && b.endsWith("*")) return a.startsWith(b.slice(0, -1)) || b.startsWith(a.slice(0, -1));
  return true;
}

function fits(host: string, glob: string): boolean {
  if (glob === "*") return true;
  if (glob.startsWith("*")) return host.endsWith(glob.slice(1));
  return glob.endsWith("*") ? host.startsWith(glob.slice(0, -1)) : host === glob;
}

function methodsMeet({ method }: MatchEntry, { spec }: Resource): boolean {
  return (
    method === null || !isText(spec["method"]) || spec["method_regex"] === true || spec["method"] === method
  );
}
