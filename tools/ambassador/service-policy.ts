// A policy that names services in place of clusters. The filter knows clusters alone, so `service: X` becomes
// `cluster: NAME` in its text: everything else of the file stays as it is, comments too.

import { isUtf8 } from "node:buffer";

import { isAlias, isMap, isScalar, type Document, type Node, type Pair } from "yaml";

import * as codes from "../../assembly/vocabulary/problems.ts";
import { checkPolicy, refuseFaults } from "../policy/check-policy.ts";
import { itemsOf, member, parseOrdered, type OrderedJson } from "../terminal/ordered-json.ts";
import { LineIndex, type Position } from "../policy/line-index.ts";
import { PolicyPlaces, readPolicySource, type PolicySource } from "../policy/policy-source.ts";
import { pointerStep, stepName, type Problem } from "../policy/problem.ts";
import { parseDocument } from "../policy/yaml-document.ts";

/** Where a variant or a shadow leads. */
export interface Target {
  readonly kind: "service" | "cluster";
  readonly text: string;
  /** JSON Pointer of the member. */
  readonly pointer: string;
}

/** What of a match decides which Mappings it concerns. */
export interface MatchEntry {
  readonly hosts: readonly string[];
  readonly path: string | null;
  readonly isPrefix: boolean;
  readonly method: string | null;
  readonly headers: readonly MatchCondition[];
  readonly queryParams: readonly MatchCondition[];
}

/** A header or a query parameter that must be there. */
export interface MatchCondition {
  readonly name: string;
  /** Null: with any value. */
  readonly value: string | null;
}

export interface Rollout {
  readonly name: string;
  readonly pointer: string;
  /** None: every request. */
  readonly match: readonly MatchEntry[];
  readonly secret: string | null;
  /** The variants that a header tells of, in order; without a target one is none that routes have to know. */
  readonly variants: readonly { readonly name: string; readonly target: Target | null }[];
}

export interface Shadow {
  readonly name: string;
  readonly pointer: string;
  readonly match: readonly MatchEntry[];
  readonly isMirror: boolean;
  readonly target: Target;
  readonly noise: Target | null;
}

/** A policy, its services still in it. */
export interface ServicePolicy {
  readonly rollouts: readonly Rollout[];
  readonly shadows: readonly Shadow[];
  readonly steersByHeader: boolean;
  readonly problems: readonly Problem[];
  /** A problem at something of the policy. */
  problem(pointer: string, code: string, message: string, severity?: Problem["severity"]): Problem;
  /** The text with these names of clusters in place of services, by the pointer of each. */
  withClusters(names: ReadonlyMap<string, string>): { text: string; problems: readonly Problem[] };
}

interface Edit {
  readonly begin: number;
  readonly end: number;
  readonly text: string;
}

/** Where `service: X` stands. */
interface ServicePlace {
  readonly pointer: string;
  readonly service: string;
  readonly key: readonly [begin: number, end: number];
  readonly value: readonly [begin: number, end: number];
}

/** A cluster's name while none is known: the filter looks at everything else. */
const PLACEHOLDER = "service";

/** Reads a policy, and has the filter judge it. Null when it is refused, and problems say why. */
export function readServicePolicy(
  file: string,
  bytes: Uint8Array,
  module: WebAssembly.Module,
  allowWarnings: boolean,
): { policy: ServicePolicy | null; problems: readonly Problem[] } {
  const source = readPolicySource(file, bytes);
  const early = source.problems.map((problem) => ({ file, ...problem }));
  if (source.json === null) return { policy: null, problems: early };
  const text = Buffer.from(bytes)
    .toString("utf8")
    .replace(/^\uFEFF/, "");
  if (!isUtf8(bytes)) return { policy: null, problems: checkPolicy(source, module).problems };
  const root = parsed(source.json);
  const problemAt = problemsOf(source);
  const { places, faults } = servicePlaces(text, root, problemAt);
  if (faults.length > 0) return { policy: null, problems: faults };
  const judge = (
    names: ReadonlyMap<string, string>,
  ): { text: string; problems: Problem[]; refused: boolean } => {
    const edits = places.flatMap(({ pointer, key, value }, index): Edit[] => [
      { begin: key[0], end: key[1], text: source.format === "json" ? '"cluster"' : "cluster" },
      {
        begin: value[0],
        end: value[1],
        text: JSON.stringify(names.get(pointer) ?? `${PLACEHOLDER}-${index}`),
      },
    ]);
    const edited = applyEdits(text, edits);
    const checked = refuseFaults(
      checkPolicy(readPolicySource(file, Buffer.from(edited.text)), module),
      allowWarnings,
    );
    const problems = checked.problems.map((one) => ({ ...one, ...edited.placeBefore(one) }));
    return { text: edited.text, problems, refused: checked.filter === null };
  };
  const first = judge(new Map());
  if (first.refused) return { policy: null, problems: first.problems };
  const policy: ServicePolicy = {
    rollouts: entriesOf(member(root, "rollouts")).map(([name, value]) => rolloutOf(name, value)),
    shadows: entriesOf(member(root, "shadows")).map(([name, value]) => shadowOf(name, value)),
    steersByHeader: member(root, "steer") !== "filterState",
    problems: first.problems,
    problem: problemAt,
    withClusters: judge,
  };
  return { policy, problems: first.problems };
}

/** Nothing for what is no JSON: the filter says so, and better. */
function parsed(json: Uint8Array): OrderedJson {
  try {
    return parseOrdered(Buffer.from(json).toString("utf8"));
  } catch {
    return new Map();
  }
}

function problemsOf(source: PolicySource): ServicePolicy["problem"] {
  const places = new PolicyPlaces(source);
  return (pointer, code, message, severity = "error") => ({
    file: source.file,
    ...places.of(pointer),
    pointer,
    code,
    message,
    severity,
  });
}

function entriesOf(value: OrderedJson | undefined): [string, OrderedJson][] {
  return value instanceof Map ? [...(value as ReadonlyMap<string, OrderedJson>)] : [];
}

function textIn(value: OrderedJson | undefined, name: string): string | null {
  const text = member(value, name);
  return typeof text === "string" ? text : null;
}

function targetIn(value: OrderedJson | undefined, pointer: string): Target | null {
  for (const kind of ["service", "cluster"] as const) {
    const text = textIn(value, kind);
    if (text !== null) return { kind, text, pointer: `${pointer}/${kind}` };
  }
  return null;
}

function rolloutOf(name: string, value: OrderedJson): Rollout {
  const pointer = `/rollouts${pointerStep(name)}`;
  const isAnnounced = (variant: string): boolean =>
    variant !== member(value, "default") || member(value, "announce") === "all";
  const variants = entriesOf(member(value, "variants"))
    .filter(([variant]) => isAnnounced(variant))
    .map(([variant, inner]) => ({
      name: variant,
      target: targetIn(inner, `${pointer}/variants${pointerStep(variant)}`),
    }));
  return { name, pointer, match: matchOf(value), secret: textIn(value, "headerSecret"), variants };
}

function shadowOf(name: string, value: OrderedJson): Shadow {
  const pointer = `/shadows${pointerStep(name)}`;
  // The filter has seen that there is one: nothing else gets here.
  const target = targetIn(value, pointer) ?? { kind: "cluster", text: "", pointer };
  const noise = targetIn(member(value, "noise"), `${pointer}/noise`);
  return {
    name,
    pointer,
    match: matchOf(value),
    isMirror: member(value, "dispatch") === "mirror",
    target,
    noise,
  };
}

function matchOf(value: OrderedJson): MatchEntry[] {
  return itemsOf(member(value, "match")).map((entry) => {
    const path = member(entry, "path");
    const hosts = itemsOf(member(entry, "hosts")).filter((host) => typeof host === "string");
    return {
      hosts: hosts.map((host) => host.toLowerCase().replace(/(?<=.)\.$/, "")),
      // What is no plain text may hold for any path.
      path: isPlain(path, ["PathPrefix", "Exact"]) ? textIn(path, "value") : null,
      isPrefix: textIn(path, "type") !== "Exact",
      method: textIn(entry, "method"),
      headers: conditionsOf(member(entry, "headers")),
      queryParams: conditionsOf(member(entry, "queryParams")),
    };
  });
}

function isPlain(condition: OrderedJson | undefined, types: readonly string[]): boolean {
  const type = textIn(condition, "type");
  return (type === null || types.includes(type)) && member(condition, "ignoreCase") !== true;
}

function conditionsOf(list: OrderedJson | undefined): MatchCondition[] {
  return itemsOf(list).flatMap((item): MatchCondition[] => {
    const name = textIn(item, "name");
    if (name === null || !isPlain(item, ["Exact", "Present"])) return [];
    return [{ name, value: textIn(item, "type") === "Present" ? null : textIn(item, "value") }];
  });
}

/** Pointers of all objects that may name a cluster. */
function targetObjects(root: OrderedJson): [pointer: string, value: OrderedJson][] {
  const found: [string, OrderedJson][] = [];
  for (const [name, rollout] of entriesOf(member(root, "rollouts"))) {
    for (const [variant, value] of entriesOf(member(rollout, "variants")))
      found.push([`/rollouts${pointerStep(name)}/variants${pointerStep(variant)}`, value]);
  }
  for (const [name, shadow] of entriesOf(member(root, "shadows"))) {
    found.push([`/shadows${pointerStep(name)}`, shadow]);
    const noise = member(shadow, "noise");
    if (noise !== undefined) found.push([`/shadows${pointerStep(name)}/noise`, noise]);
  }
  return found;
}

function servicePlaces(
  text: string,
  root: OrderedJson,
  problemAt: ServicePolicy["problem"],
): { places: ServicePlace[]; faults: Problem[] } {
  const document = parseDocument(text);
  const places: ServicePlace[] = [];
  const faults: Problem[] = [];
  for (const [owner, value] of targetObjects(root)) {
    const service = member(value, "service");
    if (service === undefined) continue;
    const pointer = `${owner}/service`;
    if (typeof service !== "string" || service === "") {
      faults.push(problemAt(pointer, codes.TYPE, "must be a service, like checkout-v2.shop:8080"));
      continue;
    }
    if (member(value, "cluster") !== undefined) {
      faults.push(problemAt(pointer, codes.CONFLICT, "service and cluster exclude each other: remove one"));
      continue;
    }
    const place = placeIn(document, pointer);
    const isSecond = places.some(({ key }) => key[0] === place?.key[0]);
    if (place === null || isSecond) {
      // An anchor may stand for two places whose clusters have two names.
      const message = "must be written out here, not come from an alias or <<";
      faults.push(problemAt(pointer, codes.VALUE, message));
      continue;
    }
    places.push({ pointer, service, ...place });
  }
  return { places, faults };
}

type Place = Pick<ServicePlace, "key" | "value">;

function placeIn(document: Document, pointer: string): Place | null {
  let node: unknown = document.contents;
  let pair: Pair | undefined;
  for (const name of pointer.split("/").slice(1).map(stepName)) {
    while (isAlias(node)) node = node.resolve(document);
    if (!isMap(node)) return null;
    pair = node.items.find(({ key }) => isScalar(key) && String(key.source ?? key.value) === name);
    node = pair?.value;
  }
  const key = (pair?.key as Node | undefined)?.range;
  const value = (pair?.value as Node | undefined)?.range;
  return key && value ? { key: [key[0], key[1]], value: [value[0], value[1]] } : null;
}

interface EditedText {
  readonly text: string;
  /** The place in the text as it was of a place in the text as it is. */
  placeBefore(place: Position): Position;
}

/** Edits that lie in no order and do not overlap. */
function applyEdits(text: string, edits: readonly Edit[]): EditedText {
  const ordered = [...edits].sort((a, b) => a.begin - b.begin);
  let edited = "";
  let at = 0;
  const shifts: [from: number, shift: number, origin: number | null][] = [[0, 0, null]];
  for (const { begin, end, text: put } of ordered) {
    edited += text.slice(at, begin);
    // What stands inside of an edit came from its beginning.
    shifts.push([edited.length, 0, begin]);
    edited += put;
    shifts.push([edited.length, end - edited.length, null]);
    at = end;
  }
  edited += text.slice(at);
  const before = new LineIndex(text);
  const after = new LineIndex(edited);
  const placeBefore = (place: Position): Position => {
    const offset = after.offsetAt(place);
    const [, shift, origin] = shifts.findLast(([from]) => from <= offset) ?? [0, 0, null];
    return before.positionAt(origin ?? offset + shift);
  };
  return { text: edited, placeBefore };
}
