// `serin advance --watch` beside the demo: the same controller, which looks every second and edits the policy file. What it
// did is kept for the picture.

import { setTimeout as sleep } from "node:timers/promises";

import type { Look } from "../release/advance.ts";

/** One percent that was changed. */
export interface ReleaseMove {
  readonly rollout: string;
  readonly variant: string;
  /** Null where the release began. */
  readonly from: number | null;
  readonly to: number;
  readonly reason: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** A person may begin the release anew as often as they like. */
const MOVES_KEPT = 20;
const LOOK_EVERY_MS = 1000;
/** How the verdict begins to say how many more users it takes. */
const FORECAST = "at the current rate ";

export class ReleaseWatch {
  readonly moves: ReleaseMove[] = [];
  /** Why a release stays where it is, by rollout and variant. */
  readonly #waiting = new Map<string, string>();

  constructor(
    private readonly look: () => Promise<Look>,
    private readonly everyMs = LOOK_EVERY_MS,
  ) {}

  /** Looks until the signal. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#keep(await this.look());
      await sleep(this.everyMs, undefined, { signal }).catch(() => undefined);
    }
  }

  waitingFor(rollout: string, variant: string): string | null {
    return this.#waiting.get(`${rollout} ${variant}`) ?? null;
  }

  #keep({ at, actions }: Look): void {
    this.#waiting.clear();
    for (const { rollout, variant, from, action, reason, details, done } of actions) {
      if ("to" in action && done) {
        this.moves.push({ rollout, variant, from, to: action.to, reason, at: at.getTime() });
        if (this.moves.length > MOVES_KEPT) this.moves.shift();
      } else if (action.kind === "wait") {
        // How long it will take is what people ask, where it is known.
        const forecast = details.find((text) => text.startsWith(FORECAST));
        const short = forecast?.slice(FORECAST.length).replace("are needed", "to go");
        this.#waiting.set(`${rollout} ${variant}`, short ?? reason);
      }
    }
  }
}
