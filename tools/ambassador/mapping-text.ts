// Mappings as text: those that the policy needs alone, or put between those that are there, whose text stays as it is.

import { Document, isCollection, parseDocument } from "yaml";

import { visible } from "../terminal/visible.ts";
import { byKey } from "./by-key.ts";
import { isOurs } from "./mapping.ts";
import { KUBERNETES_YAML, type Resource, type ResourceFile } from "./resources.ts";
import type { WantedMapping } from "./wanted.ts";

/** The Mapping as Kubernetes has it. */
export function resourceOf(mapping: WantedMapping): object {
  const { version, name, namespace, labels, spec } = mapping;
  return {
    apiVersion: `getambassador.io/${version}`,
    kind: "Mapping",
    metadata: { name, namespace, labels },
    spec,
  };
}

/** A document of its own, with a line that says what it is for. */
export function mappingText(mapping: WantedMapping): string {
  // An option that is used twice is written twice: an alias would be a riddle to whoever edits one of them.
  const document = new Document(resourceOf(mapping), { ...KUBERNETES_YAML, aliasDuplicateObjects: false });
  return `---\n# ${visible(mapping.purpose)}\n${document.toString({ lineWidth: 0 })}`;
}

/** The files with each wanted Mapping behind the one that it comes from, in place of those that we wrote before. */
export function wholeText(files: readonly ResourceFile[], wanted: readonly WantedMapping[]): string {
  const written = new Set<WantedMapping>();
  let text = "";
  const append = (part: string): void => {
    if (text !== "" && !part.startsWith("---")) text += "---\n";
    text += part === "" || part.endsWith("\n") ? part : `${part}\n`;
  };
  const madeOf = byKey(wanted, ({ base }) => base?.asRead ?? base);
  for (const file of files) {
    const inDocument = byKey(file.mappings, ({ document }) => document);
    file.texts.forEach((part, document) => {
      const mappings = inDocument.get(document) ?? [];
      const kept = withoutOurs(part, mappings.filter(isOurs));
      if (kept.trim() !== "") append(kept);
      for (const mapping of mappings.flatMap((one) => madeOf.get(one) ?? [])) {
        written.add(mapping);
        append(mappingText(mapping));
      }
    });
  }
  for (const mapping of wanted) if (!written.has(mapping)) append(mappingText(mapping));
  return text;
}

/** A document without these Mappings of it. */
function withoutOurs(part: string, ours: readonly Resource[]): string {
  if (ours.length === 0) return part;
  if (ours.some(({ path }) => path.length === 0)) return "";
  const document = parseDocument(part, KUBERNETES_YAML);
  const indices = ours.map(({ path }) => Number(path[1])).sort((a, b) => b - a);
  for (const index of indices) document.deleteIn(["items", index]);
  const items = document.get("items");
  const isEmpty = isCollection(items) && items.items.length === 0;
  return isEmpty ? "" : document.toString({ lineWidth: 0, directives: part.startsWith("---") });
}
