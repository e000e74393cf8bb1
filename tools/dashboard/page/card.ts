// What each rollout and each shadow stands in: a line with its name and how it does, and below it all that is known, folded
// or not.

import type { GuardWord } from "../wire.ts";
import { element, setAttribute, setText } from "./elements.ts";
import { VerdictBadge, type Word } from "./verdict-badge.ts";

export class Card {
  readonly root: HTMLElement;
  readonly #details: HTMLDetailsElement;
  readonly #badge = new VerdictBadge();
  readonly #guard = element("span", { class: "guard" });
  readonly #summary = element("span", { class: "line" });

  constructor(kind: "rollout" | "shadow", name: string, ...content: readonly Node[]) {
    const id = `${kind}-${name}`;
    const heading = element("h2", { id }, element("small", {}, kind), name);
    this.#badge.root.hidden = true;
    this.#guard.hidden = true;
    this.#details = element(
      "details",
      {},
      element("summary", {}, heading, this.#badge.root, this.#guard, this.#summary),
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

  /** What the guard does, beside the verdict: null where there is none. `words`: all of it. */
  showGuard(guard: { readonly word: GuardWord; readonly words: string } | null): void {
    this.#guard.hidden = guard === null;
    if (guard === null) return;
    setAttribute(this.#guard, "data-guard", guard.word);
    setAttribute(this.#guard, "title", `guard: ${guard.words}`);
    setText(this.#guard, `guard: ${guard.word}`);
  }

  set isOpen(isOpen: boolean) {
    this.#details.open = isOpen;
  }
}
