// A verdict as a word with a shape of its own.

import type { Decision } from "../wire.ts";
import { element, setAttribute, svg } from "./elements.ts";

const PICTURES: Readonly<Record<Decision, string>> = {
  pass: "M4 8.5l3 3 5.5-6.5",
  fail: "M4.5 4.5l7 7M11.5 4.5l-7 7",
  inconclusive: "M3.5 8h.01M8 8h.01M12.5 8h.01",
};

export class VerdictBadge {
  readonly root = element("span", { class: "verdict" });
  #shown: Decision | null = null;

  show(decision: Decision): void {
    if (decision === this.#shown) return;
    this.#shown = decision;
    setAttribute(this.root, "data-decision", decision);
    const path = svg("path", { d: PICTURES[decision] });
    this.root.replaceChildren(
      svg("svg", { viewBox: "0 0 16 16", width: "14", height: "14", "aria-hidden": "true" }, path),
      decision,
    );
  }
}
