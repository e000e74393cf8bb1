// What the dashboard knows: endpoints are read, totals and histories kept, and whoever looks is told each second.

import type { Snapshot } from "../metrics/snapshot.ts";
import type { Source } from "../metrics/source.ts";
import { Endpoint, type EndpointOptions } from "./endpoint.ts";
import { rolloutState, shadowState, watchedNames } from "./figures.ts";
import { RANGES, Series, type RangeOptions } from "./series.ts";
import { Totals } from "./totals.ts";
import type { HistoryMessage, Point, RangeName, RolloutState, ShadowState, StateMessage } from "./wire.ts";

export interface WatchOptions extends EndpointOptions {
  /** Rollouts and shadows to watch; all when there is none. */
  readonly names: ReadonlySet<string>;
  readonly tickMs?: number;
  readonly ranges?: readonly RangeOptions[];
}

/** Of rollouts, and of shadows: more is neither readable nor cheap. */
const MOST_WATCHED = 40;
const TICK_MS = 1000;
/** A verdict is a search over intervals, and no figure in it moves faster than people read. */
const JUDGE_EVERY_MS = 2000;

export class Watch {
  readonly #endpoints: readonly Endpoint[];
  readonly #totals = new Totals();
  readonly #series: readonly Series[];
  readonly #listeners = new Set<(state: StateMessage) => void>();
  #hasCounted = false;
  #judged: { readonly at: number; readonly rollouts: readonly RolloutState[] } = { at: 0, rollouts: [] };
  #latest: StateMessage | null = null;

  constructor(
    sources: readonly Source[],
    private readonly options: WatchOptions,
  ) {
    this.#endpoints = sources.map((source) => new Endpoint(source, options));
    this.#series = (options.ranges ?? RANGES).map((range) => new Series(range));
  }

  /** All that is kept, and the last state; null before the first. */
  get history(): HistoryMessage {
    return { ranges: this.#series.map((series) => series.history()) };
  }

  get latest(): StateMessage | null {
    return this.#latest;
  }

  /** Tells of each state from now on, until the function that it returns is called. */
  listen(onState: (state: StateMessage) => void): () => void {
    this.#listeners.add(onState);
    return () => this.#listeners.delete(onState);
  }

  /** Until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    const ticking = setInterval(() => this.#tick(), this.options.tickMs ?? TICK_MS);
    const reading = this.#endpoints.map((endpoint) =>
      endpoint.follow(signal, (counted, isFirst) => this.#take(counted, isFirst)),
    );
    await Promise.all(reading).finally(() => clearInterval(ticking));
  }

  #take(counted: Snapshot, isFirst: boolean): void {
    this.#hasCounted = true;
    if (!isFirst) return this.#totals.add(counted);
    this.#totals.addBefore(counted);
    for (const series of this.#series) series.addBefore(counted);
  }

  #tick(): void {
    const at = Date.now();
    const answering = this.#endpoints.filter(({ answers }) => answers);
    const now = (answering.length > 0 ? answering : this.#endpoints).flatMap(({ latest }) => latest ?? []);
    const totals = this.#totals.at(at, now);
    const { rollouts, shadows, unwatched } = watchedNames(
      totals,
      this.#endpoints.flatMap(({ latest }) => latest ?? []),
      this.options.names,
      MOST_WATCHED,
    );
    const watched: Snapshot = {
      ...totals,
      rollouts: only(totals.rollouts, rollouts),
      shadows: only(totals.shadows, shadows),
      effects: new Map(),
      flags: new Map(),
    };
    const isKnown = this.#hasCounted && answering.length > 0;
    const points: Partial<Record<RangeName, Point>> = {};
    for (const series of this.#series) {
      const point = series.add(at, isKnown ? watched : null);
      if (point !== null) points[series.options.name] = point;
    }
    if (at - this.#judged.at >= JUDGE_EVERY_MS || rollouts.length !== this.#judged.rollouts.length) {
      const states = rollouts.flatMap(
        (name) => rolloutState(name, this.#totals.comparable(name, totals)) ?? [],
      );
      this.#judged = { at, rollouts: states };
    }
    const shadowStates = [...watched.shadows].map(([name, shadow]): ShadowState => shadowState(name, shadow));
    const endpoints = this.#endpoints.map(({ state }) => state);
    const state = { at, endpoints, rollouts: this.#judged.rollouts, shadows: shadowStates, unwatched };
    this.#latest = { ...state, points: {} };
    for (const tell of this.#listeners) tell({ ...state, points });
  }
}

function only<Value>(map: ReadonlyMap<string, Value>, names: readonly string[]): Map<string, Value> {
  const found = new Map<string, Value>();
  for (const name of names) {
    const value = map.get(name);
    if (value !== undefined) found.set(name, value);
  }
  return found;
}
