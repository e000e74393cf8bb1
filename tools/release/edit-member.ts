// Changes one member of one object in a person's YAML or JSON file, and nothing else of it: the text around stays byte for
// byte. It works on places in the text, never by printing the document anew.

import { isAlias, isMap, isNode, isScalar, type Document, type Pair, type YAMLMap } from "yaml";

import { LineIndex } from "../policy/line-index.ts";
import { parseDocuments } from "../policy/yaml-document.ts";

/** The file says it in a way that no single place can be changed. The message says which, and what to do. */
export class EditRefusal extends Error {
  override readonly name = "EditRefusal";
}

/** What a member is set to: a number, or a word. */
export type Scalar = number | string;

/**
 * The texts that set `key` of the object at `path`, most natural first: the value that is there replaced, or one member
 * more, on a line of its own where the object has lines. `text` is without a byte order mark. Which of them mean what they
 * should is for the caller to find out: YAML has more ways of saying things than are known here. `isThere`: whether the
 * object has such a member now, wherever it comes from.
 * @throws EditRefusal where it is behind an alias or a merge, stands there twice, or the text is broken
 */
export function withMember(
  text: string,
  path: readonly string[],
  key: string,
  value: Scalar,
  isThere: boolean,
): string[] {
  const lines = new LineIndex(text);
  const place = (node: unknown): string =>
    isNode(node) && node.range ? `line ${lines.positionAt(node.range[0]).line}` : "the file";
  let holder: Pair | null = null;
  let map = rootOf(text);
  for (const [depth, name] of path.entries()) {
    const where = path.slice(0, depth + 1).join(".");
    holder = pairOf(map, name, where, place);
    if (holder === null) throw new EditRefusal(absent(map, where, place));
    const inner = holder.value;
    if (isAlias(inner)) throw new EditRefusal(aliased(where, inner.source, place(inner)));
    if (!isMap(inner)) throw new EditRefusal(`${where} is not an object (${place(inner)})`);
    map = inner;
  }
  const where = [...path, key].join(".");
  const own = pairOf(map, key, where, place);
  if (own === null && isThere) throw new EditRefusal(absent(map, where, place));
  if (own === null) return insertions(text, holder, map, key, value);
  const { value: there } = own;
  if (isAlias(there)) throw new EditRefusal(aliased(where, there.source, place(there)));
  if (!isScalar(there) || !there.range)
    throw new EditRefusal(`${where} is no single value (${place(there)})`);
  const [from, to] = there.range;
  return [text.slice(0, from) + spelled(value, text.slice(from, to)) + text.slice(to)];
}

/** The anchors on the way to a member, by their names: what is changed there changes wherever they are used. */
export function anchorsOn(text: string, path: readonly string[]): string[] {
  const found: string[] = [];
  let node: unknown = documentOf(text).contents;
  for (const name of ["", ...path]) {
    if (name !== "" && isMap(node)) node = node.items.find((pair) => keyOf(pair) === name)?.value;
    if (isNode(node) && !isAlias(node) && node.anchor !== undefined) found.push(node.anchor);
  }
  return found;
}

function documentOf(text: string): Document.Parsed {
  const documents = parseDocuments(text);
  if ("tooDeepAt" in documents) throw new EditRefusal("the document is nested too deeply");
  const [document] = documents;
  if (document === undefined || documents.length > 1)
    throw new EditRefusal("the file has no single document");
  const [error] = document.errors;
  if (error !== undefined) throw new EditRefusal(`the text is broken: ${error.message}`);
  return document;
}

function rootOf(text: string): YAMLMap {
  const { contents } = documentOf(text);
  if (!isMap(contents)) throw new EditRefusal("the document is not an object");
  return contents;
}

function keyOf({ key }: Pair): string | null {
  return isScalar(key) ? String(key.source ?? key.value) : null;
}

/** The pair of that name; null when there is none. */
function pairOf(map: YAMLMap, name: string, where: string, place: (node: unknown) => string): Pair | null {
  const [first, second] = map.items.filter((pair) => keyOf(pair) === name);
  if (second !== undefined) throw new EditRefusal(`${where} is there twice (${place(second.key)})`);
  return first ?? null;
}

function aliased(where: string, anchor: string, place: string): string {
  return `${where} is the alias *${anchor} (${place}), and what it stands for may be used elsewhere: write it out there`;
}

function absent(map: YAMLMap, where: string, place: (node: unknown) => string): string {
  const merge = map.items.find((pair) => keyOf(pair) === "<<");
  return merge === undefined
    ? `the file has no ${where}`
    : `${where} comes from a merge (<<, ${place(merge.key)}): write it out there`;
}

/** One member more. `holder`: the pair whose value the object is. */
function insertions(text: string, holder: Pair | null, map: YAMLMap, key: string, value: Scalar): string[] {
  const first = map.items[0];
  const start = isNode(first?.key) ? first.key.range?.[0] : undefined;
  if (first === undefined || start === undefined) throw new EditRefusal(`there is nothing beside ${key}`);
  const quote = text[start] === '"' ? '"' : "";
  const member = `${quote}${key}${quote}:${gapAfter(text, first)}${spelled(value, quote)}`;
  const lineStart = text.lastIndexOf("\n", start - 1) + 1;
  const indent = text.slice(lineStart, start);
  const isOnLines = /^[ \t]*$/.test(indent);
  const newline = lineStart > 1 && text[lineStart - 2] === "\r" ? "\r\n" : "\n";
  const at = (offset: number, piece: string): string => text.slice(0, offset) + piece + text.slice(offset);
  if (map.flow === true) {
    return [
      at(
        start,
        isOnLines
          ? `${member},${newline}${indent}`
          : `${member},${/\s/.test(text[start - 1] ?? "") || gapAfter(text, first) !== "" ? " " : ""}`,
      ),
    ];
  }
  if (!isOnLines) return [];
  const line = `${indent}${member}${newline}`;
  // Behind the line that names the object, so that comments stay with what they are about.
  const header = isNode(holder?.key) ? (holder.key.range?.[1] ?? 0) : 0;
  const behind = holder === null ? -1 : text.indexOf("\n", header) + 1;
  return [...(behind > 0 && behind <= lineStart ? [at(behind, line)] : []), at(lineStart, line)];
}

/** What stands between a key's colon and its value, as this file has it: nothing in JSON without blanks. */
function gapAfter(text: string, { key, value }: Pair): string {
  const [from, to] = [isNode(key) ? key.range?.[1] : undefined, isNode(value) ? value.range?.[0] : undefined];
  return from !== undefined && to !== undefined && text.slice(from, to) === ":" ? "" : " ";
}

/** The value as it is written beside, or in the place of, such a text. */
function spelled(value: Scalar, beside: string): string {
  if (typeof value === "number") return String(value);
  const quote = /^["']/.exec(beside)?.[0] ?? "";
  return quote + value + quote;
}
