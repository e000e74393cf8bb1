// A verdict as a word with a shape of its own.

import type { Decision } from "../wire.ts";
import { element, setAttribute, svg } from "./elements.ts";

/** What the page says of a rollout: its verdict, or that there is nothing to judge. */
export type Word = Decision | "not judged";

const PICTURES: Readonly<Record<Word, string>> = {
  pass: "M4 8.5l3 3 5.5-6.5",
  fail: "M4.5 4.5l7 7M11.5 4.5l-7 7",
  inconclusive: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  "not judged": "M4 8h8",
};

/** The shape alone. */
export function verdictPicture(word: Word): SVGElement {
  const path = svg("path", { d: PICTURES[word] });
  return svg("svg", { viewBox: "0 0 16 16", width: "14", height: "14", "aria-hidden": "true" }, path);
}

export class VerdictBadge {
  readonly root = element("span", { class: "verdict" });
  #shown: Word | null = null;

  show(word: Word): void {
    if (word === this.#shown) return;
    this.#shown = word;
    setAttribute(this.root, "data-decision", word);
    this.root.replaceChildren(verdictPicture(word), word);
  }
}
