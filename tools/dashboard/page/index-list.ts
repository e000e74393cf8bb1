// The index of a page with many rollouts: how many of each verdict there are, and a link to each.

import type { RolloutState, ShadowState } from "../wire.ts";
import { byId, element, setAttribute, setText } from "./elements.ts";
import { verdictPicture, type Word } from "./verdict-badge.ts";

/** From so many on a page has an index, and folds. */
export const MANY = 4;

/** What stands first is what somebody has to look at. */
const ORDER: readonly Word[] = ["fail", "inconclusive", "pass", "not judged"];

export function wordOf({ decision }: RolloutState): Word {
  return decision ?? "not judged";
}

/** Failing ones first, and in the order of the policy otherwise. */
export function sorted(rollouts: readonly RolloutState[]): RolloutState[] {
  return [...rollouts].sort((a, b) => ORDER.indexOf(wordOf(a)) - ORDER.indexOf(wordOf(b)));
}

export class IndexList {
  readonly #nav = byId("index");
  readonly #counts = element("p");
  readonly #list = element("ul");
  #shown = "";

  constructor() {
    this.#nav.append(this.#counts, this.#list);
  }

  /** `rollouts`: as the page has them, in order. */
  show(rollouts: readonly RolloutState[], shadows: readonly ShadowState[]): void {
    this.#nav.hidden = rollouts.length + shadows.length < MANY;
    const counts = ORDER.flatMap((word) => {
      const count = rollouts.filter((each) => wordOf(each) === word).length;
      return count === 0 ? [] : [`${count} ${word}`];
    });
    if (shadows.length > 0) counts.push(`${shadows.length} ${shadows.length === 1 ? "shadow" : "shadows"}`);
    setText(this.#counts, counts.join(" · "));
    const entries = [
      ...rollouts.map((each) => ({ id: `rollout-${each.name}`, name: each.name, word: wordOf(each) })),
      ...shadows.map(({ name }) => ({ id: `shadow-${name}`, name, word: null })),
    ];
    const structure = JSON.stringify(entries);
    if (structure === this.#shown) return;
    this.#shown = structure;
    this.#list.replaceChildren(
      ...entries.map(({ id, name, word }) => {
        const link = element("a", { href: `#${encodeURIComponent(id)}`, title: name });
        if (word === null) link.append(element("small", {}, "shadow"));
        else {
          const picture = element("span", { class: "verdict" }, verdictPicture(word));
          setAttribute(picture, "data-decision", word);
          link.append(picture, element("span", { class: "unseen" }, `${word}: `));
        }
        link.append(element("span", { class: "name" }, name));
        return element("li", {}, link);
      }),
    );
  }
}
