// Holds what the module imports and exports, and how much memory and room it takes, to the contract.

import { ALLOWED_IMPORTS, MAXIMUM_BYTES, MAXIMUM_MEMORY_PAGES, REQUIRED_EXPORTS } from "./contract.ts";
import { lists, words, type Node } from "./text.ts";

/** What the module shows to its host. */
export interface Surface {
  imports: string[];
  exports: string[];
  /** Pages of 64 KiB; `maximum` is absent when the module sets none. */
  memory: { initial: number; maximum?: number };
  hasStart: boolean;
}

/** Reads the module's surface from its text. */
export function readSurface(module: Node): Surface {
  const surface: Surface = { imports: [], exports: [], memory: { initial: 0 }, hasStart: false };
  for (const node of lists(module)) {
    if (node.head === "import") {
      const [from, name] = words(node).map(unquoted);
      const kind = lists(node)[0]?.head;
      surface.imports.push(kind === "func" ? `${from}.${name}` : `${from}.${name} (${kind})`);
    } else if (node.head === "export") {
      surface.exports.push(unquoted(words(node)[0] ?? ""));
    } else if (node.head === "memory") {
      const [initial, maximum] = words(node)
        .filter((word) => /^\d+$/.test(word))
        .map(Number);
      surface.memory.initial = initial ?? 0;
      if (maximum !== undefined) surface.memory.maximum = maximum;
    } else if (node.head === "start") {
      surface.hasStart = true;
    }
  }
  return surface;
}

/** What is wrong with the surface, a sentence each. */
export function checkSurface(surface: Surface, bytes: number): string[] {
  const faults: string[] = [];
  for (const name of surface.imports) {
    if (!ALLOWED_IMPORTS.has(name)) faults.push(`import ${name}: not in the contract, Envoy would refuse it`);
  }
  for (const name of surface.exports) {
    if (!REQUIRED_EXPORTS.has(name)) faults.push(`export ${name}: not in the contract`);
  }
  for (const name of REQUIRED_EXPORTS) {
    if (!surface.exports.includes(name)) faults.push(`export ${name}: missing`);
  }
  if (surface.hasStart) faults.push("start section: Envoy runs it before the host is ready, use _initialize");
  if (surface.memory.maximum === undefined) {
    faults.push(`memory: no maximum, must be ${MAXIMUM_MEMORY_PAGES} pages`);
  } else if (surface.memory.maximum !== MAXIMUM_MEMORY_PAGES) {
    faults.push(`memory: maximum ${surface.memory.maximum} pages, must be ${MAXIMUM_MEMORY_PAGES}`);
  }
  if (bytes > MAXIMUM_BYTES) faults.push(`size: ${bytes} bytes, at most ${MAXIMUM_BYTES}`);
  return faults;
}

function unquoted(word: string): string {
  return word.replace(/^"|"$/g, "");
}
