// Kubernetes documents that hold a policy or a flag file: a FeatureFlag of the OpenFeature operator, and a ConfigMap with
// one entry. The policy is taken out of them; places stay those of the file.

import { isMap, isNode, isScalar } from "yaml";
import type { Document, Node, Scalar, YAMLMap } from "yaml";

import * as codes from "../../assembly/vocabulary/problems.ts";
import { parseDocuments } from "./yaml-document.ts";
import type { YamlFault } from "./yaml-to-json.ts";

/** What a Kubernetes document has in it, or why nothing is taken from it. Offsets are in UTF-16 units of the file. */
export type Manifest =
  /** The policy is this part of the YAML. */
  | { readonly holds: "node"; readonly document: Document; readonly node: Node }
  /** The policy is a text, with a name that says its format. */
  | {
      readonly holds: "text";
      readonly name: string;
      readonly text: string;
      readonly toFile: (offset: number) => number;
    }
  | { readonly holds: "nothing"; readonly fault: YamlFault };

/** Reads a text as a Kubernetes document. Null when it is none, or one that nobody can read. */
export function readManifest(text: string, isJson: boolean): Manifest | null {
  if (!/["']?apiVersion["']?\s*:/.test(text) || (isJson && !isSound(text))) return null;
  const documents = parseDocuments(text);
  if ("tooDeepAt" in documents) return null;
  const [document, second] = documents;
  if (document === undefined || second !== undefined || document.errors.length > 0) return null;
  const root = document.contents;
  if (!isMap(root)) return null;
  const kind = root.get("kind");
  const group = String(root.get("apiVersion")).split("/")[0];
  if (typeof kind !== "string" || !root.has("apiVersion")) return null;
  const rootOffset = (root as YAMLMap).range?.[0] ?? 0;
  if (kind === "ConfigMap" && group === "v1") return entryOf(document, text, rootOffset);
  if (group === "core.openfeature.dev" && kind === "FeatureFlag")
    return specOf(document, text, "flagSpec", isJson);
  // What the operator called it before.
  if (group === "core.openfeature.dev" && kind === "FeatureFlagConfiguration")
    return specOf(document, text, "featureFlagSpec", isJson);
  return nothing(
    rootOffset,
    "/kind",
    `a Kubernetes ${kind}: only a FeatureFlag or a ConfigMap can hold a policy`,
  );
}

/** JSON has stricter rules than YAML, and the filter says which one is broken. */
function isSound(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function nothing(offset: number, pointer: string, message: string): Manifest {
  return { holds: "nothing", fault: { offset, pointer, code: codes.VALUE, message } };
}

function specOf(document: Document, text: string, key: string, isJson: boolean): Manifest {
  const spec = document.getIn(["spec", key], true);
  const at = isNode(spec) ? spec : document.getIn(["spec"], true);
  const offset = isNode(at) ? (at.range?.[0] ?? 0) : (document.contents?.range?.[0] ?? 0);
  if (isScalar(spec) && typeof spec.value === "string") return textOf(`${key}.json`, spec, text);
  if (!isMap(spec)) return nothing(offset, "/spec", `spec.${key} has to hold the flags`);
  if (!isJson) return { holds: "node", document, node: spec as Node };
  const [begin = 0, end = 0] = spec.range ?? [];
  return { holds: "text", name: "spec.json", text: text.slice(begin, end), toFile: (at) => begin + at };
}

function entryOf(document: Document, text: string, rootOffset: number): Manifest {
  const data = document.get("data", true);
  const entries = isMap(data) ? data.items : [];
  const offset = isNode(data) ? (data.range?.[0] ?? rootOffset) : rootOffset;
  const [entry] = entries;
  if (entry === undefined || entries.length > 1) {
    const names = entries.map(({ key }) => (isScalar(key) ? String(key.value) : "?")).join(", ");
    const found = entries.length === 0 ? "it has none" : `it has ${entries.length}: ${names}`;
    return nothing(offset, "/data", `a ConfigMap has to have one entry in data, the policy: ${found}`);
  }
  const { key, value } = entry;
  if (!isScalar(value) || typeof value.value !== "string")
    return nothing(offset, "/data", "the entry of a ConfigMap has to be a string");
  return textOf(isScalar(key) ? String(key.value) : "", value, text);
}

function textOf(name: string, scalar: Scalar, file: string): Manifest {
  return { holds: "text", name, text: String(scalar.value), toFile: wayBack(scalar, file) };
}

/** From an offset in a scalar's value to one in the file; to the scalar's begin where lines were folded. */
function wayBack(scalar: Scalar, file: string): (offset: number) => number {
  const [begin = 0, end = 0] = scalar.range ?? [];
  const value = String(scalar.value);
  const source = file.slice(begin, end);
  if (scalar.type === "BLOCK_LITERAL") return wayIntoLines(value, source, begin);
  const offsets = scalar.type === "QUOTE_DOUBLE" && !source.includes("\n") ? unitsOf(source) : null;
  if (offsets?.length === value.length) return (offset) => begin + (offsets[offset] ?? source.length - 1);
  return () => begin;
}

/** A literal block keeps its lines: they are indented, and stand behind the line of the `|`. */
function wayIntoLines(value: string, source: string, begin: number): (offset: number) => number {
  const lines = source.split("\n").slice(1);
  const starts: number[] = [];
  let start = source.indexOf("\n") + 1;
  for (const line of lines) {
    starts.push(start);
    start += line.length + 1;
  }
  const first = value.split("\n").findIndex((line) => line.trim() !== "");
  const indentOf = (line = ""): number => line.length - line.trimStart().length;
  const indent = first < 0 ? 0 : indentOf(lines[first]) - indentOf(value.split("\n")[first]);
  return (offset) => {
    const before = value.slice(0, offset);
    const line = before.split("\n").length - 1;
    const column = offset - (before.lastIndexOf("\n") + 1);
    return begin + (starts[line] ?? source.length) + indent + column;
  };
}

/** Where each UTF-16 unit of a double-quoted scalar's value is in its source. */
function unitsOf(source: string): number[] {
  const offsets: number[] = [];
  for (let at = 1; at < source.length - 1;) {
    const escape = /^\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)/.exec(source.slice(at, at + 10));
    offsets.push(at);
    if (escape?.[0].startsWith("\\U") && Number.parseInt(escape[0].slice(2), 16) > 0xffff) offsets.push(at);
    at += escape?.[0].length ?? 1;
  }
  return offsets;
}
