// YAML text -> JSON text for the filter, with the way back from each byte to the line that the person wrote. Not the
// library's own `toJS` and `getIn(pointer).range`: the filter judges order, repeated keys and the spelling of numbers,
// which a JavaScript value has lost, and names bytes, since a repeated or unknown key has no value of its own.

import { isAlias, isMap, isScalar, isSeq } from "yaml";
import type { Alias, Document, Node, Scalar, YAMLMap, YAMLSeq } from "yaml";

import * as limits from "../../assembly/vocabulary/limits.ts";
import * as codes from "../../assembly/vocabulary/problems.ts";
import { JsonWriter, type SourceMap } from "./json-writer.ts";
import type { LineIndex } from "./line-index.ts";
import { pointerStep } from "./problem.ts";
import { DEPTH_MAX, parseDocuments, pointerAt, resolveAliases } from "./yaml-document.ts";
import { Doubts } from "./yaml-doubts.ts";
import { plainJson, plainKey, scalarJson, type ScalarValue } from "./yaml-scalar.ts";

/** A fault of the YAML itself. `offset` in UTF-16 units of the text. */
export interface YamlFault {
  readonly offset: number;
  readonly pointer: string;
  readonly code: string;
  readonly message: string;
}

/** Either the JSON text with its map, or at least one fault. */
export type YamlConversion =
  | { readonly json: string; readonly sourceMap: SourceMap; readonly faults: readonly [] }
  | { readonly json: null; readonly sourceMap: null; readonly faults: readonly YamlFault[] };

const TOO_DEEP = "nested too deeply";
const CORE_TAGS = new Set(
  ["str", "int", "float", "bool", "null", "map", "seq"].map((t) => `tag:yaml.org,2002:${t}`),
);

/**
 * Converts a YAML 1.2 document (core schema). Order and repetition of keys are kept, numbers keep their
 * spelling, anchors, aliases and `<<` are expanded up to the size a policy may have. An empty document is empty
 * text. What was written in flow style (`[a, b]`) stays on one line. Doubtful spellings go to `doubts`.
 */
export function convertYaml(text: string, lines: LineIndex, doubts = new Doubts()): YamlConversion {
  const documents = parseDocuments(text);
  if ("tooDeepAt" in documents) {
    return failed([{ offset: documents.tooDeepAt, pointer: "", code: codes.LIMIT, message: TOO_DEEP }]);
  }
  const [document, second] = documents;
  if (document === undefined) return { json: "", sourceMap: new JsonWriter(0).sourceMap(), faults: [] };
  const faults = syntaxFaults(documents, lines);
  if (faults.length > 0) return failed(faults);
  if (second !== undefined) {
    const offset = second.range[0];
    return failed([
      {
        offset,
        pointer: "",
        code: codes.SYNTAX,
        message: "a second YAML document: a policy must be a single document",
      },
    ]);
  }
  if (isEmpty(document)) return { json: "", sourceMap: new JsonWriter(0).sourceMap(), faults: [] };
  return new Converter(document, doubts).convert(document.contents);
}

/** Converts a part of a document as `convertYaml` does a whole one. */
export function convertNode(document: Document, node: Node, doubts: Doubts): YamlConversion {
  return new Converter(document, doubts).convert(node);
}

function failed(faults: readonly YamlFault[]): YamlConversion {
  return { json: null, sourceMap: null, faults };
}

/** Each fault of a line once: the parser may say the same several times, a little further on each time. */
function syntaxFaults(documents: readonly Document.Parsed[], lines: LineIndex): YamlFault[] {
  const faults: YamlFault[] = [];
  const known = new Set<string>();
  for (const document of documents) {
    for (const { pos, message } of document.errors) {
      const offset = pos[0];
      const key = `${lines.lineOf(offset)} ${message}`;
      if (known.has(key)) continue;
      known.add(key);
      // A pointer is looked for from the top, and those beyond the limit are only counted.
      const pointer = faults.length < limits.PROBLEMS ? pointerAt(document, offset) : "";
      faults.push({ offset, pointer, code: codes.SYNTAX, message });
    }
  }
  return faults;
}

/** Nothing but blanks and comments; an explicit `null` is not. */
function isEmpty(document: Document): boolean {
  const contents = document.contents;
  return (
    contents === null ||
    (isScalar(contents) && contents.value === null && !contents.source && !contents.anchor)
  );
}

/** One member of a mapping as it will be written. */
interface Member {
  readonly name: string;
  readonly keyOffset: number;
  /** How a plain key is spelled. */
  readonly plain: string | null;
  readonly value: Node | null;
}

/** Thrown inside the converter alone, and caught there: nothing after it could be right. */
class Stop extends Error {
  constructor(readonly fault: YamlFault) {
    super(fault.message);
  }
}

class Converter {
  readonly #writer = new JsonWriter(limits.POLICY_BYTES);
  /** Found when the first alias is met: most documents have none. */
  #aliases: ReadonlyMap<Alias, Node> | null = null;
  /** Nodes being written now: an alias to one of them never ends. */
  readonly #open = new Set<Node>();
  readonly #members = new Map<YAMLMap, readonly Member[]>();
  readonly #pointer: string[] = [];

  constructor(
    private readonly document: Document,
    private readonly doubts: Doubts,
  ) {}

  convert(node: Node | null): YamlConversion {
    try {
      this.#write(node, 0, false);
      this.#writer.punctuation("\n");
    } catch (error) {
      if (error instanceof Stop) return failed([error.fault]);
      throw error;
    }
    return { json: this.#writer.text(), sourceMap: this.#writer.sourceMap(), faults: [] };
  }

  #stop(offset: number, code: string, message: string): never {
    throw new Stop({ offset, pointer: this.#pointer.map(pointerStep).join(""), code, message });
  }

  /** `fallbackOffset` is the place of a value that has none, as in `{ key }`. `inline`: no line breaks. */
  #write(written: Node | null, fallbackOffset: number, inline: boolean): void {
    const node = this.#follow(written);
    const offset = node?.range?.[0] ?? fallbackOffset;
    if (this.#writer.overflowed) {
      this.#stop(
        offset,
        codes.LIMIT,
        `the policy is over ${limits.POLICY_BYTES} bytes as JSON (aliases expanded)`,
      );
    }
    if (this.#pointer.length > DEPTH_MAX) this.#stop(offset, codes.LIMIT, TOO_DEEP);
    if (node === null) return this.#writer.token("null", offset);
    if (this.#open.has(node)) {
      const alias = written?.range?.[0] ?? offset;
      this.#stop(alias, codes.REFERENCE, "an alias of a node that contains it");
    }
    this.#checkTag(node, offset);
    this.#open.add(node);
    if (isMap(node)) this.#writeMap(node, offset, inline || node.flow === true);
    else if (isSeq(node)) this.#writeSequence(node, offset, inline || node.flow === true);
    else if (isScalar(node)) this.#writer.token(this.#scalar(node, offset), offset);
    this.#open.delete(node);
  }

  #writeMap(map: YAMLMap, offset: number, inline: boolean): void {
    const members = this.#membersOf(map);
    this.#writer.token("{", offset);
    members.forEach(({ name, keyOffset, plain, value }, index) => {
      this.#writer.separate(index, this.#pointer.length + 1, inline);
      this.#pointer.push(name);
      if (plain !== null) this.#note(plain, keyOffset);
      this.#writer.token(JSON.stringify(name), keyOffset);
      this.#writer.punctuation(": ");
      this.#write(value, keyOffset, inline);
      this.#pointer.pop();
    });
    this.#writer.close("}", members.length, this.#pointer.length, inline, endOf(map, offset));
  }

  #writeSequence(sequence: YAMLSeq, offset: number, inline: boolean): void {
    this.#writer.token("[", offset);
    sequence.items.forEach((item, index) => {
      this.#writer.separate(index, this.#pointer.length + 1, inline);
      this.#pointer.push(String(index));
      this.#write(item as Node | null, offset, inline);
      this.#pointer.pop();
    });
    this.#writer.close("]", sequence.items.length, this.#pointer.length, inline, endOf(sequence, offset));
  }

  /** The mapping's members in order, with those of `<<` in its place where the mapping has none of that name. */
  #membersOf(map: YAMLMap): readonly Member[] {
    const known = this.#members.get(map);
    if (known !== undefined) return known;
    // A mapping that merges itself finds this while it is being filled.
    this.#members.set(map, []);
    const own = new Set<string>();
    for (const { key } of map.items) if (!isMergeKey(key)) own.add(this.#keyName(key as Node | null, map));
    const members: Member[] = [];
    const merged = new Set<string>();
    for (const { key, value } of map.items) {
      const keyNode = key as Node | null;
      const keyOffset = keyNode?.range?.[0] ?? endOf(map, 0);
      if (!isMergeKey(key)) {
        const followed = this.#follow(keyNode);
        const plain = isScalar(followed) && isPlain(followed) ? (followed.source ?? "") : null;
        members.push({ name: this.#keyName(keyNode, map), keyOffset, plain, value: value as Node | null });
        continue;
      }
      for (const source of this.#mergeSources(value as Node | null, keyOffset)) {
        for (const member of this.#membersOf(source)) {
          if (own.has(member.name) || merged.has(member.name)) continue;
          merged.add(member.name);
          members.push(member);
        }
      }
    }
    this.#members.set(map, members);
    return members;
  }

  #mergeSources(value: Node | null, keyOffset: number): YAMLMap[] {
    const node = this.#follow(value);
    const sources = isSeq(node) ? node.items.map((item) => this.#follow(item as Node | null)) : [node];
    return sources.map((source) => {
      if (!isMap(source)) this.#stop(keyOffset, codes.TYPE, "<< must be a mapping or a list of mappings");
      if (this.#open.has(source)) this.#stop(keyOffset, codes.REFERENCE, "<< merges a mapping into itself");
      return source;
    });
  }

  #note(source: string, offset: number): void {
    this.doubts.note(source, offset, () => this.#pointer);
  }

  /** A key as JSON knows it: text. */
  #keyName(key: Node | null, map: YAMLMap): string {
    const node = this.#follow(key);
    const offset = key?.range?.[0] ?? endOf(map, 0);
    if (isMap(node) || isSeq(node))
      this.#stop(offset, codes.TYPE, "a key must be a string, got a collection");
    if (!isScalar(node)) this.#stop(offset, codes.TYPE, "a key must be a string, got nothing");
    this.#checkTag(node, offset);
    if (typeof node.value === "string" && !isPlain(node)) return node.value;
    if (!node.source) this.#stop(offset, codes.TYPE, "a key must be a string, got nothing");
    return isPlain(node) ? plainKey(node.source) : node.source;
  }

  #follow(node: Node | null): Node | null {
    let followed: Node | null = node;
    while (isAlias(followed)) {
      this.#aliases ??= resolveAliases(this.document);
      const target = this.#aliases.get(followed);
      if (target === undefined) {
        this.#stop(
          followed.range?.[0] ?? 0,
          codes.REFERENCE,
          `alias *${followed.source} has no anchor before it`,
        );
      }
      followed = target;
    }
    return followed;
  }

  #checkTag(node: Node, offset: number): void {
    const tag = node.tag;
    if (tag === undefined || tag === "!" || CORE_TAGS.has(tag)) return;
    const shown = tag.startsWith("tag:yaml.org,2002:") ? `!!${tag.slice("tag:yaml.org,2002:".length)}` : tag;
    this.#stop(offset, codes.SYNTAX, `unsupported tag ${shown}`);
  }

  #scalar(node: Scalar, offset: number): string {
    const isUntagged = isPlain(node);
    if (isUntagged) this.#note(node.source ?? "", offset);
    const json = isUntagged
      ? plainJson(node.source ?? "")
      : scalarJson(node.value as ScalarValue, node.source);
    if (json === null)
      this.#stop(offset, codes.VALUE, `${node.source ?? "this number"} is not a JSON number`);
    return json;
  }
}

/** A scalar without quotes and tag: what it is depends on how it is spelled. */
function isPlain(node: Scalar): boolean {
  return node.type === "PLAIN" && node.tag === undefined;
}

function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.type === "PLAIN" && key.source === "<<" && key.tag === undefined;
}

/** The offset of a collection's last character. */
function endOf(node: Node, fallback: number): number {
  return node.range ? Math.max(node.range[0], node.range[1] - 1) : fallback;
}
