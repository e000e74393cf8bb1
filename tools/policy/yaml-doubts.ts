// Spellings that readers of the same YAML file take for different values: flagd, kubectl, Helm, PyYAML, editors. What is
// said of them are hints: the file is read as flagd reads it.

import { pointerStep } from "./problem.ts";
import { numberJson } from "./yaml-scalar.ts";

type Kind = "word" | "date" | "sexagesimal" | "underscore" | "octal" | "base" | "exponent";

/** What matters only where others read the same part of the file. */
const OF_FLAGS: ReadonlySet<Kind> = new Set(["word", "date", "sexagesimal", "exponent"]);
/** What flagd reads. */
const FLAGD_KEYS = new Set(["flags", "$evaluators", "metadata"]);

/** The first place of a kind of doubtful spelling. `offset` in UTF-16 units of the text. */
export interface Doubt {
  readonly offset: number;
  readonly pointer: string;
  readonly message: string;
}

interface Found extends Doubt {
  readonly places: Set<number>;
}

/** The doubtful spellings of a text, each kind once. */
export class Doubts {
  readonly #found = new Map<Kind, Found>();

  /** Looks at a plain scalar. `pathOf` gives the names of the members that lead to it. */
  note(source: string, offset: number, pathOf: () => readonly string[]): void {
    if (!MAY_DIFFER.test(source)) return;
    const doubt = doubtOf(source);
    if (doubt === null) return;
    const path = pathOf();
    const [kind, message] = doubt;
    if (OF_FLAGS.has(kind) && !FLAGD_KEYS.has(path[0] ?? "")) return;
    const known = this.#found.get(kind);
    if (known !== undefined) known.places.add(offset);
    else {
      const pointer = path.map(pointerStep).join("");
      this.#found.set(kind, { offset, pointer, message, places: new Set([offset]) });
    }
  }

  /** The same, with offsets of another text. */
  moved(to: (offset: number) => number): Doubts {
    const moved = new Doubts();
    for (const [kind, found] of this.#found) moved.#found.set(kind, { ...found, offset: to(found.offset) });
    return moved;
  }

  /** In the order of the text; how often a kind is there beyond its first place is said. */
  all(): Doubt[] {
    return [...this.#found.values()]
      .map(({ offset, pointer, message, places }) => {
        const others = places.size - 1;
        const more = others === 0 ? "" : ` (and ${others} more like it)`;
        return { offset, pointer, message: message + more };
      })
      .sort((a, b) => a.offset - b.offset);
  }
}

const WORDS = new Set(
  ["y", "n", "yes", "no", "on", "off"].flatMap((word) => [
    word,
    word.toUpperCase(),
    word.charAt(0).toUpperCase() + word.slice(1),
  ]),
);
const DATE = /^\d{4}-\d{1,2}-\d{1,2}(?:$|[Tt ])/;
/** A time that flagd's reader would write the same way. */
const SAME_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d*[1-9])?(?:Z|[-+]\d{2}:\d{2})$/;
const SEXAGESIMAL = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;
/** Numbers of YAML 1.1 as PyYAML knows them, but for those with underscores and other bases. */
const PYYAML_NUMBER =
  /^[-+]?(?:0|[1-9][0-9]*|0[0-7]+)$|^[-+]?[0-9]+\.[0-9]*(?:[eE][-+][0-9]+)?$|^\.[0-9]+(?:[eE][-+][0-9]+)?$/;
/** What begins otherwise and is longer than the words is beyond doubt. */
const MAY_DIFFER = /^(?:[-+.0-9]|[nNoOyY].{0,2}$)/;

function doubtOf(source: string): [kind: Kind, message: string] | null {
  if (WORDS.has(source)) {
    const meant = /^(?:y|on)/i.test(source);
    const readers = source.length === 1 ? "kubectl and Helm" : "kubectl, Helm and PyYAML";
    const message = `${source} is a string here, as in flagd; ${readers} read it as ${meant}: write "${source}"`;
    return ["word", message];
  }
  if (DATE.test(source)) {
    if (SAME_TIME.test(source)) return null;
    const message = `${source} stays the string that it is here; flagd reads a time and writes it like 2026-01-31T00:00:00Z: write "${source}"`;
    return ["date", message];
  }
  if (SEXAGESIMAL.test(source)) {
    const message = `${source} is a string here, as in flagd; PyYAML reads a number to the base of 60: write "${source}"`;
    return ["sexagesimal", message];
  }
  const json = numberJson(source);
  if (json === null) return null;
  const value = `${source} is ${json} here, as in flagd`;
  if (source.includes("_"))
    return ["underscore", `${value}; readers of YAML 1.2 take it for a string: write ${json}`];
  if (/^[-+]?0[0-7]+$/.test(source)) {
    if (BigInt(json) === BigInt(source.replace("+", ""))) return null;
    return ["octal", `${value}; readers of YAML 1.2 take it for a decimal number: write ${json}`];
  }
  if (/^[-+]?0[xXoObB]/.test(source)) {
    if (/^0x[0-9a-fA-F]+$/.test(source)) return null;
    return ["base", `${value}; some readers take it for a string: write ${json}`];
  }
  if (PYYAML_NUMBER.test(source)) return null;
  return ["exponent", `${value}; PyYAML takes it for a string: write ${everywhere(json)}`];
}

/** A number in a spelling that every reader takes. */
function everywhere(json: string): string {
  const text = String(Number(json));
  return text.includes("e") ? text.replace(/^(-?[0-9]+)e/, "$1.0e") : text;
}
