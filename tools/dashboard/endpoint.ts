// One Envoy's admin, or a Prometheus: read again and again, whether it answers or not.

import { setTimeout as sleep } from "node:timers/promises";

import { CommandError } from "../terminal/command-error.ts";
import { difference } from "../metrics/difference.ts";
import type { Snapshot } from "../metrics/snapshot.ts";
import type { Source } from "../metrics/source.ts";
import type { EndpointState } from "./wire.ts";

export interface EndpointOptions {
  readonly pauseMs: number;
  /**
   * Whether a count that went back began anew at 0: so it is in one process. In a sum over many processes it is one of
   * them that began anew, and what was counted in between cannot be told: it is left out.
   */
  readonly isOneProcess: boolean;
}

/** Reading takes at most this part of the time: an Envoy with very many stats is read less often. */
const BUSY_PART = 0.2;

export class Endpoint {
  /** As last read. */
  latest: Snapshot | null = null;
  #state: EndpointState;

  constructor(
    private readonly source: Source,
    private readonly options: EndpointOptions,
  ) {
    this.#state = { name: source.name, failure: "not asked yet", since: Date.now() };
  }

  get state(): EndpointState {
    return this.#state;
  }

  get answers(): boolean {
    return this.#state.failure === null;
  }

  /** Reads until the signal, and tells what was counted since it was read last; at first, since the counters began. */
  async follow(signal: AbortSignal, onCounted: (counted: Snapshot, isFirst: boolean) => void): Promise<void> {
    while (!signal.aborted) {
      const begin = Date.now();
      const isFirst = this.latest === null;
      const counted = await this.#read();
      if (signal.aborted) return;
      if (counted !== null) onCounted(counted, isFirst);
      // Who did not answer had nothing to do for us, and is asked soon.
      const took = counted === null ? 0 : Date.now() - begin;
      const pause = Math.max(this.options.pauseMs, (took * (1 - BUSY_PART)) / BUSY_PART);
      await sleep(pause, undefined, { signal }).catch(() => undefined);
    }
  }

  async #read(): Promise<Snapshot | null> {
    let read: Snapshot;
    try {
      read = await this.source.read();
    } catch (error) {
      // What an endpoint answers is nobody's to rely on: whatever is wrong with it, it is asked again.
      this.#become(error instanceof CommandError ? error.message : `unreadable: ${(error as Error).message}`);
      return null;
    }
    this.#become(null);
    const before = this.latest;
    this.latest = read;
    if (before === null) return read;
    const counted = difference(read, before);
    // `difference` hands on the later counts as they are when one of them went back.
    const beganAnew = counted.rollouts === read.rollouts;
    return beganAnew && !this.options.isOneProcess ? null : counted;
  }

  #become(failure: string | null): void {
    const { failure: before, name, since } = this.#state;
    const isSame = (before === null) === (failure === null);
    this.#state = { name, failure, since: isSame ? since : Date.now() };
  }
}
