import { isMap, isNode, isScalar, isSeq, type Document } from "yaml";

import { pointerStep } from "./problem.ts";

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
