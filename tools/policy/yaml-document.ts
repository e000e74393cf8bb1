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

/** Where the first token is that is more than so many levels deep; null when there is none. Each is met once. */
function offsetBelow(tokens: readonly CST.Token[], levels: number): number | null {
  const deepest = levels + 2;
  // What is still to be looked at, the next one last.
  const open = tokens.map((token) => ({ token, depth: 0 })).reverse();
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next;
    if (depth === deepest) return token.offset;
    if (token.type === "document") {
      if (token.value) open.push({ token: token.value, depth: depth + 1 });
    } else if ("items" in token) {
      for (let i = token.items.length - 1; i >= 0; i--) {
        const { key, value } = token.items[i] ?? {};
        // Scalars hold nothing, so only where one is too deep itself does it count.
        if (value && ("items" in value || depth + 1 === deepest))
          open.push({ token: value, depth: depth + 1 });
        if (key && ("items" in key || depth + 1 === deepest)) open.push({ token: key, depth: depth + 1 });
      }
    }
  }
  return null;
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
