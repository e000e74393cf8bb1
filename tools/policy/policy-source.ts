import { isUtf8 } from "node:buffer";

import * as limits from "../../assembly/vocabulary/limits.ts";
import * as codes from "../../assembly/vocabulary/problems.ts";
import { isNode, type Document } from "yaml";

import type { JsonWriter, SourceMap } from "./json-writer.ts";
import { LineIndex, type Position } from "./line-index.ts";
import { stepName, type PlacedProblem } from "./problem.ts";
import { convertSimpleYaml } from "./simple-yaml.ts";
import { parseDocument } from "./yaml-document.ts";
import { convertYaml } from "./yaml-to-json.ts";

/** A policy as the filter takes it, and the way back to the file. */
export interface PolicySource {
  /** The file's name as the person gave it. */
  readonly file: string;
  readonly format: "json" | "yaml";
  /** What the filter is given; null when the YAML is none, and `problems` say why. */
  readonly json: Uint8Array | null;
  /** Faults found before the filter is asked. */
  readonly problems: readonly PlacedProblem[];
  /** How many there are beyond those. */
  readonly more: number;
  /**
   * The place in the file of a byte of `json`. Null for JSON files: there the filter's own line and column hold.
   */
  readonly locate: ((byteOffset: number) => Position) | null;
}

/**
 * Reads a policy from a file's bytes. JSON is passed on byte for byte; YAML is converted. `.json` is JSON,
 * `.yaml` and `.yml` are YAML, anything else is JSON if its first byte that is no blank is `{`.
 */
export function readPolicySource(file: string, bytes: Uint8Array): PolicySource {
  const format = formatOf(file, bytes);
  // Before anything reads it: what a parser makes of a file takes a hundred times its size.
  if (bytes.length > limits.POLICY_BYTES) {
    const problems = [sizeProblem(bytes.length)];
    return { file, format, json: null, problems, more: 0, locate: null };
  }
  if (format === "json") return { file, format, json: bytes, problems: [], more: 0, locate: null };
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (!isUtf8(buffer))
    return { file, format, json: null, problems: [encodingProblem(buffer)], more: 0, locate: null };
  const text = buffer.toString("utf8").replace(/^\uFEFF/, "");
  const simple = convertSimpleYaml(text);
  if (simple !== null) {
    const bytes = Buffer.from(simple.text(), "utf8");
    return { file, format, json: bytes, problems: [], more: 0, locate: locateIn(text, simple) };
  }
  const lines = new LineIndex(text);
  const { json, sourceMap, faults } = convertYaml(text, lines);
  const problems = faults.slice(0, limits.PROBLEMS).map(({ offset, pointer, code, message }) => ({
    ...lines.positionAt(offset),
    pointer,
    code,
    message,
    severity: "error" as const,
  }));
  const more = faults.length - problems.length;
  if (json === null) return { file, format, json, problems, more, locate: null };
  const locate = (byteOffset: number): Position => lines.positionAt(sourceMap.originOf(byteOffset));
  return { file, format, json: Buffer.from(json, "utf8"), problems, more, locate };
}

/** The places of a simple text. The whole document is built only for the few that its reader leaves open. */
function locateIn(text: string, simple: JsonWriter): (byteOffset: number) => Position {
  let lines: LineIndex | null = null;
  let places: SourceMap | null = null;
  let whole: SourceMap | null = null;
  return (byteOffset) => {
    lines ??= new LineIndex(text);
    places ??= simple.sourceMap();
    let origin = places.originOf(byteOffset);
    if (origin < 0) {
      whole ??= convertYaml(text, lines).sourceMap;
      origin = whole?.originOf(byteOffset) ?? 0;
    }
    return lines.positionAt(origin);
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
