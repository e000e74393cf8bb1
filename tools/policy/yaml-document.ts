// YAML documents as the `yaml` library has them, and three things that it does not do: bound the depth, resolve many
// aliases in one pass, and say which pointer an offset is in.

import { Composer, Document, isAlias, isMap, isNode, isScalar, isSeq, Parser, visit } from "yaml";
import type { Alias, CST, Node } from "yaml";

import { pointerStep } from "./problem.ts";

/**
 * Far beyond the 64 levels of the filter, and far below what exhausts the stack: the library composes a document
 * recursively, and V8 ends the process when a stack runs out within a regular expression.
 */
export const DEPTH_MAX = 256;

/** The documents of a YAML 1.2 text (core schema), or of a JSON text; else the offset at which it is nested too deeply. */
export function parseDocuments(text: string): readonly Document.Parsed[] | { readonly tooDeepAt: number } {
  const tokens = [...new Parser().parse(text)];
  const tooDeepAt = offsetBelow(tokens, DEPTH_MAX);
  if (tooDeepAt !== null) return { tooDeepAt };
  const composer = new Composer({
    schema: "core",
    version: "1.2",
    uniqueKeys: false,
    prettyErrors: false,
    resolveKnownTags: false,
    stringKeys: false,
    logLevel: "silent",
  });
  return [...composer.compose(tokens)];
}

/** The first document; an empty one when it is nested too deeply or there is none. */
export function parseDocument(text: string): Document {
  const documents = parseDocuments(text);
  return ("tooDeepAt" in documents ? undefined : documents[0]) ?? new Document();
}

/** Where the first token stands that is more than so many levels deep; null when there is none. */
function offsetBelow(tokens: readonly CST.Token[], levels: number): number | null {
  let level = tokens;
  for (let depth = 0; depth <= levels + 1; depth++) {
    level = level.flatMap(childrenOf);
    if (level.length === 0) return null;
  }
  return level[0]?.offset ?? null;
}

function childrenOf(token: CST.Token): CST.Token[] {
  if (token.type === "document") return token.value ? [token.value] : [];
  if (!("items" in token)) return [];
  return token.items.flatMap(({ key, value }) => [key, value]).filter((child) => !!child);
}

/**
 * What each alias stands for: the latest node before it with that anchor. One pass over the document, where
 * `Alias.resolve` takes one for each alias.
 */
export function resolveAliases(document: Document): ReadonlyMap<Alias, Node> {
  const anchored = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  visit(document, (_key, node) => {
    if (isAlias(node)) {
      const target = anchored.get(node.source);
      if (target !== undefined) targets.set(node, target);
    } else if (isNode(node) && node.anchor !== undefined) {
      anchored.set(node.anchor, node);
    }
  });
  return targets;
}

/**
 * The JSON Pointer of the innermost collection around an offset, as far as a document with errors lets it be
 * known. Offsets in UTF-16 units.
 */
export function pointerAt(document: Document, offset: number): string {
  let pointer = "";
  let node: unknown = document.contents;
  for (;;) {
    const children: [step: string, child: unknown][] = isMap(node)
      ? node.items.map(({ key, value }) => [isScalar(key) ? String(key.source ?? key.value) : "", value])
      : isSeq(node)
        ? node.items.map((child, index) => [String(index), child])
        : [];
    const inner = children.find(([, child]) => (isMap(child) || isSeq(child)) && holds(child, offset));
    if (inner === undefined) return pointer;
    pointer += pointerStep(inner[0]);
    node = inner[1];
  }
}

function holds(node: unknown, offset: number): boolean {
  return isNode(node) && !!node.range && node.range[0] <= offset && offset < node.range[2];
}
