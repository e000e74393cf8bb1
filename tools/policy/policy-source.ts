import { isUtf8 } from "node:buffer";

import * as limits from "../../assembly/vocabulary/limits.ts";
import * as codes from "../../assembly/vocabulary/problems.ts";
import { isNode, type Document } from "yaml";

import type { JsonWriter, SourceMap } from "./json-writer.ts";
import { readManifest, type Manifest } from "./kubernetes.ts";
import { LineIndex, type Position } from "./line-index.ts";
import { stepName, type PlacedProblem } from "./problem.ts";
import { convertSimpleYaml } from "./simple-yaml.ts";
import { parseDocument } from "./yaml-document.ts";
import { Doubts } from "./yaml-doubts.ts";
import { convertNode, convertYaml, type YamlConversion, type YamlFault } from "./yaml-to-json.ts";

/** A policy as the filter takes it, and the way back to the file. */
export interface PolicySource {
  /** The file's name as the person gave it. */
  readonly file: string;
  readonly format: "json" | "yaml";
  /** Whether the policy stands in a Kubernetes document: a FeatureFlag or a ConfigMap. */
  readonly isWrapped: boolean;
  /** What the filter is given; null when the file holds no policy, and `problems` say why. */
  readonly json: Uint8Array | null;
  /** Faults found before the filter is asked, and hints at spellings that other readers take otherwise. */
  readonly problems: readonly PlacedProblem[];
  /** How many faults there are beyond those. */
  readonly more: number;
  /**
   * The place in the file of a byte of `json`. Null for JSON files: there the filter's own line and column hold.
   */
  readonly locate: ((byteOffset: number) => Position) | null;
}

/** A text as JSON. Offsets are in UTF-16 units of the text. */
interface Converted {
  readonly json: Uint8Array | null;
  readonly faults: readonly YamlFault[];
  readonly doubts: Doubts;
  readonly originOf: (byteOffset: number) => number;
}

/**
 * Reads a policy from a file's bytes. JSON is passed on byte for byte; YAML is converted; of a Kubernetes FeatureFlag or
 * ConfigMap the policy in it is taken. `.json` is JSON, `.yaml` and `.yml` are YAML, anything else is JSON if its first
 * byte that is no blank is `{`.
 */
export function readPolicySource(file: string, bytes: Uint8Array): PolicySource {
  const format = formatOf(file, bytes);
  const base = { file, format, isWrapped: false, more: 0, locate: null };
  // Before anything reads it: what a parser makes of a file takes a hundred times its size.
  if (bytes.length > limits.POLICY_BYTES)
    return { ...base, json: null, problems: [sizeProblem(bytes.length)] };
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const mayWrap = buffer.includes("apiVersion") && isUtf8(buffer);
  if (format === "json" && !mayWrap) return { ...base, json: bytes, problems: [] };
  if (!isUtf8(buffer)) return { ...base, json: null, problems: [encodingProblem(buffer)] };
  const text = buffer.toString("utf8").replace(/^\uFEFF/, "");
  const manifest = mayWrap ? readManifest(text, format === "json") : null;
  if (manifest === null && format === "json") return { ...base, json: bytes, problems: [] };
  const { json, faults, doubts, originOf } =
    manifest === null ? convertText(text) : convertManifest(manifest);
  const lines = onDemand(() => new LineIndex(text));
  const placed = (fault: YamlFault, severity: "error" | "warning"): PlacedProblem => {
    const { offset, pointer, code, message } = fault;
    return { ...lines().positionAt(offset), pointer, code, message, severity };
  };
  const problems = [
    ...faults.slice(0, limits.PROBLEMS).map((fault) => placed(fault, "error")),
    ...doubts.all().map((doubt) => placed({ ...doubt, code: codes.PORTABILITY }, "warning")),
  ];
  return {
    file,
    format,
    isWrapped: manifest !== null,
    json,
    problems,
    more: Math.max(0, faults.length - limits.PROBLEMS),
    locate: json === null ? null : (byteOffset) => lines().positionAt(originOf(byteOffset)),
  };
}

function onDemand<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}

/** YAML, by the quick reader where it can. */
function convertText(text: string): Converted {
  const quick = new Doubts();
  const simple = convertSimpleYaml(text, quick);
  if (simple !== null) {
    const json = Buffer.from(simple.text(), "utf8");
    return { json, faults: [], doubts: quick, originOf: originsIn(text, simple) };
  }
  const doubts = new Doubts();
  return converted(convertYaml(text, new LineIndex(text), doubts), doubts);
}

function converted({ json, sourceMap, faults }: YamlConversion, doubts: Doubts): Converted {
  return {
    json: json === null ? null : Buffer.from(json, "utf8"),
    faults,
    doubts: json === null ? new Doubts() : doubts,
    originOf: (byteOffset) => sourceMap?.originOf(byteOffset) ?? 0,
  };
}

/** The policy in a Kubernetes document, with places of the document. */
function convertManifest(manifest: Manifest): Converted {
  const doubts = new Doubts();
  if (manifest.holds === "nothing")
    return { json: null, faults: [manifest.fault], doubts, originOf: () => 0 };
  if (manifest.holds === "node")
    return converted(convertNode(manifest.document, manifest.node, doubts), doubts);
  const { name, text, toFile } = manifest;
  const bytes = Buffer.from(text, "utf8");
  if (formatOf(name, bytes) === "json") {
    const originOf = (byteOffset: number): number => toFile(bytes.toString("utf8", 0, byteOffset).length);
    return { json: bytes, faults: [], doubts, originOf };
  }
  const inner = convertText(text);
  return {
    json: inner.json,
    faults: inner.faults.map((fault) => ({ ...fault, offset: toFile(fault.offset) })),
    doubts: inner.doubts.moved(toFile),
    originOf: (byteOffset) => toFile(inner.originOf(byteOffset)),
  };
}

/** The places of a simple text. The whole document is built only for the few that its reader leaves open. */
function originsIn(text: string, simple: JsonWriter): (byteOffset: number) => number {
  const places = onDemand(() => simple.sourceMap());
  const whole = onDemand((): SourceMap | null => convertYaml(text, new LineIndex(text)).sourceMap);
  return (byteOffset) => {
    const origin = places().originOf(byteOffset);
    return origin >= 0 ? origin : (whole()?.originOf(byteOffset) ?? 0);
  };
}

/**
 * Finds places in the file by JSON Pointer: that of the value, or of the innermost one that is there when the pointer
 * leads further. For a policy that is well-formed.
 */
export class PolicyPlaces {
  readonly #json: string;
  #document: Document | null = null;

  constructor(private readonly source: PolicySource) {
    this.#json = Buffer.from(source.json ?? []).toString("utf8");
  }

  /** The position of what this pointer leads to. */
  of(pointer: string): Position {
    const offset = this.#offsetOf(pointer.split("/").slice(1).map(stepName));
    const { locate } = this.source;
    return (
      locate?.(Buffer.byteLength(this.#json.slice(0, offset))) ?? new LineIndex(this.#json).positionAt(offset)
    );
  }

  /** JSON is YAML too: its parser keeps the range of each node. */
  #offsetOf(path: string[]): number {
    this.#document ??= parseDocument(this.#json);
    for (let length = path.length; length > 0; length--) {
      const node = this.#document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return node.range[0];
    }
    return this.#document.contents?.range?.[0] ?? 0;
  }
}

function formatOf(file: string, bytes: Uint8Array): "json" | "yaml" {
  if (/\.json$/i.test(file)) return "json";
  if (/\.ya?ml$/i.test(file)) return "yaml";
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  for (let at = hasMark ? 3 : 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d) continue;
    return byte === 0x7b ? "json" : "yaml";
  }
  return "yaml";
}

function sizeProblem(bytes: number): PlacedProblem {
  const message = `the file has ${bytes} bytes, more than the limit of ${limits.POLICY_BYTES}`;
  return { line: 1, column: 1, pointer: "", code: codes.LIMIT, message, severity: "error" };
}

/** Names the first character that is no UTF-8: decoded, it is a U+FFFD that the bytes do not hold. */
function encodingProblem(bytes: Buffer): PlacedProblem {
  const text = bytes.toString("utf8");
  let at = text.indexOf(REPLACEMENT);
  let byteOffset = Buffer.byteLength(text.slice(0, at));
  while (bytes.toString("latin1", byteOffset, byteOffset + 3) === REPLACEMENT_BYTES) {
    const next = text.indexOf(REPLACEMENT, at + 1);
    byteOffset += Buffer.byteLength(text.slice(at, next));
    at = next;
  }
  const { line, column } = new LineIndex(text).positionAt(at);
  return {
    line,
    column,
    pointer: "",
    code: codes.ENCODING,
    message: "invalid UTF-8",
    severity: "error",
  };
}

const REPLACEMENT = "\uFFFD";
const REPLACEMENT_BYTES = "\xEF\xBF\xBD";
