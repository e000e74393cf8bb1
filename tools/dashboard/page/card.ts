// What each rollout and each shadow stands in: a line with its name and how it does, and below it all that is known, folded
// or not.

import { element, setText } from "./elements.ts";
import { VerdictBadge, type Word } from "./verdict-badge.ts";

export class Card {
  readonly root: HTMLElement;
  readonly #details: HTMLDetailsElement;
  readonly #badge = new VerdictBadge();
  readonly #summary = element("span", { class: "line" });

  constructor(kind: "rollout" | "shadow", name: string, ...content: readonly Node[]) {
    const id = `${kind}-${name}`;
    const heading = element("h2", { id }, element("small", {}, kind), name);
    this.#badge.root.hidden = true;
    this.#details = element(
      "details",
      {},
      element("summary", {}, heading, this.#badge.root, this.#summary),
      element("div", { class: "content" }, ...content),
    );
    this.root = element("section", { class: "card", "aria-labelledby": id }, this.#details);
  }

  /** `line`: what stands beside the name while it is folded. */
  show(word: Word | null, line: string): void {
    this.#badge.root.hidden = word === null;
    if (word !== null) this.#badge.show(word);
    setText(this.#summary, line);
  }

  set isOpen(isOpen: boolean) {
    this.#details.open = isOpen;
  }
}
