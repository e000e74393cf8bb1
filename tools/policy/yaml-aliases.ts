import { isAlias, isNode, visit, type Alias, type Document, type Node } from "yaml";

/** What each alias stands for: the latest node before it with that anchor. One pass over the document. */
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
