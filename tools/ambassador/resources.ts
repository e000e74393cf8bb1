// Files of Kubernetes resources as people keep them: several documents in YAML or JSON, Lists among them.

import { Document, isCollection, isNode, isScalar, parseDocument, type Tags } from "yaml";

import * as codes from "../../assembly/vocabulary/problems.ts";
import { LineIndex, type Position } from "../policy/line-index.ts";
import { pointerStep, type Problem } from "../policy/problem.ts";
import { quickDocument } from "./quick-resources.ts";

export type Path = readonly (string | number)[];
export type Fields = Readonly<Record<string, unknown>>;

/** One resource, with its place. */
export interface Resource {
  readonly file: string;
  /** Number of the document in its file. */
  readonly document: number;
  /** Where it stands in the document: nowhere deeper, or an item of a List. */
  readonly path: Path;
  readonly version: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: Fields;
  /** What its file has, where Emissary serves it as if it said something else. */
  readonly asRead?: Resource;
  /** The place of something in it; of the innermost that is there when the path leads further. */
  placeOf(path: Path): Position;
  /** The JSON Pointer of something in it, from the document's root. */
  pointerOf(path: Path): string;
}

/** A file as it was read. */
export interface ResourceFile {
  readonly file: string;
  /** The text of each document as it stands there, with the `---` before it: together they are the file. */
  readonly texts: readonly string[];
  /** Mappings, in order. */
  readonly mappings: readonly Resource[];
  /** All other resources of Ambassador's. */
  readonly others: readonly Resource[];
  readonly problems: readonly Problem[];
}

const GROUP = "getambassador.io/";
const VERSIONS = ["v2", "v3alpha1"];
/** In what Kubernetes makes of YAML 1.1 a date is text, and so is 22:30. */
const NOT_OF_KUBERNETES = /:(timestamp|binary|omap|pairs|set)$/;

const YAML_OPTIONS = {
  version: "1.1",
  prettyErrors: false,
  logLevel: "silent",
  customTags: (tags: Tags): Tags =>
    tags.filter(
      (tag) => typeof tag === "string" || (!NOT_OF_KUBERNETES.test(tag.tag) && tag.format !== "TIME"),
    ),
} as const;

/** How Kubernetes reads YAML: 1.1, so that `on` is true and `"on"` a text. Its schema is made once, not for each document. */
export const KUBERNETES_YAML = { ...YAML_OPTIONS, schema: new Document(null, YAML_OPTIONS).schema };

/** Reads a file of resources. `namespace` is that of resources that name none. */
export function readResources(file: string, text: string, namespace: string): ResourceFile {
  const lines = new LineIndex(text);
  const texts = text.split(/^(?=---(?:\s|$))/m);
  const mappings: Resource[] = [];
  const others: Resource[] = [];
  const problems: Problem[] = [];
  let offset = 0;
  texts.forEach((part, index) => {
    const begin = offset;
    offset += part.length;
    const quick = quickDocument(part);
    let parsed: Document | undefined;
    const documentOf = (): Document => (parsed ??= parseDocument(part, KUBERNETES_YAML));
    const positionAt = (at: number): Position => lines.positionAt(begin + at);
    const fault = quick === undefined ? documentOf().errors[0] : undefined;
    if (fault !== undefined) {
      const message = `invalid YAML or JSON: ${fault.message}`;
      problems.push(problemAt(file, positionAt(fault.pos[0]), "", codes.SYNTAX, message));
      return;
    }
    const content = { quick, documentOf };
    for (const { resource, problem } of resourcesIn(file, index, content, positionAt, namespace)) {
      if (problem !== undefined) problems.push(problem);
      else (resource.kind === "Mapping" ? mappings : others).push(resource);
    }
  });
  return { file, texts, mappings, others, problems };
}

/** A document: what it says, where that was read quickly, and itself for the places in it. */
interface Content {
  readonly quick: unknown;
  documentOf(): Document;
}

type Found =
  | { readonly resource: Resource; readonly problem?: undefined }
  | { readonly resource?: undefined; readonly problem: Problem };

function resourcesIn(
  file: string,
  document: number,
  content: Content,
  positionAt: (offset: number) => Position,
  fallbackNamespace: string,
): Found[] {
  let value: unknown;
  try {
    value = content.quick ?? content.documentOf().toJS();
  } catch (error) {
    // Aliases of nothing, or far too many.
    const message = `invalid YAML: ${(error as Error).message}`;
    return [{ problem: problemAt(file, positionAt(0), "", codes.SYNTAX, message) }];
  }
  const items = isFields(value) && String(value["kind"]).endsWith("List") ? value["items"] : null;
  const entries: [Path, unknown][] = Array.isArray(items)
    ? items.map((item: unknown, index): [Path, unknown] => [["items", index], item])
    : [[[], value]];
  return entries.flatMap(([path, entry]): Found[] => {
    if (!isFields(entry) || !isText(entry["apiVersion"]) || !entry["apiVersion"].startsWith(GROUP)) return [];
    const placeOf = (inner: Path): Position =>
      positionAt(offsetOf(content.documentOf(), [...path, ...inner]));
    const pointerOf = (inner: Path): string => [...path, ...inner].map(pointerStep).join("");
    const fault = (inner: Path, message: string): Found[] => [
      { problem: problemAt(file, placeOf(inner), pointerOf(inner), codes.VALUE, message) },
    ];
    const version = entry["apiVersion"].slice(GROUP.length);
    if (!VERSIONS.includes(version)) {
      return fault(["apiVersion"], `must be ${GROUP}v2 or ${GROUP}v3alpha1, got ${entry["apiVersion"]}`);
    }
    const metadata = isFields(entry["metadata"]) ? entry["metadata"] : {};
    if (!isText(metadata["name"])) return fault(["metadata"], "must have a name");
    const resource: Resource = {
      file,
      document,
      path,
      version,
      kind: String(entry["kind"]),
      name: metadata["name"],
      namespace: isText(metadata["namespace"]) ? metadata["namespace"] : fallbackNamespace,
      labels: isFields(metadata["labels"]) ? (metadata["labels"] as Record<string, string>) : {},
      spec: isFields(entry["spec"]) ? entry["spec"] : {},
      placeOf,
      pointerOf,
    };
    if (resource.kind !== "Mapping") return [{ resource }];
    if (!isText(resource.spec["prefix"])) return fault(["spec"], "a Mapping must have a prefix");
    if (!isText(resource.spec["service"])) return fault(["spec"], "a Mapping must have a service");
    return [{ resource }];
  });
}

/** Where the value of a path begins, or its name when it is an object's member. */
function offsetOf(document: Document, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    if (!isCollection(parent)) continue;
    const step = path[length - 1];
    for (const [index, item] of parent.items.entries()) {
      if (isNode(item)) {
        if (index === step) return item.range?.[0] ?? 0;
      } else {
        const { key } = item as { key: unknown };
        if (isScalar(key) && key.value === step) return key.range?.[0] ?? 0;
      }
    }
  }
  return document.contents?.range?.[0] ?? 0;
}

/** Whether a resource is one of the Ambassador with this id (config.py, good_ambassador_id). */
export function belongsTo({ spec }: Resource, id: string): boolean {
  const ids = [spec["ambassadorId"] ?? spec["ambassador_id"] ?? "default"].flat();
  return ids.includes(id) || (ids.length === 1 && ids[0] === "_automatic_");
}

/** A problem at a place of a resource. */
export function problemOf(
  resource: Resource,
  path: Path,
  code: string,
  message: string,
  severity: Problem["severity"] = "error",
): Problem {
  const { line, column } = resource.placeOf(path);
  return { file: resource.file, line, column, pointer: resource.pointerOf(path), code, message, severity };
}

function problemAt(file: string, place: Position, pointer: string, code: string, message: string): Problem {
  return { file, line: place.line, column: place.column, pointer, code, message, severity: "error" };
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isText(value: unknown): value is string {
  return typeof value === "string";
}
