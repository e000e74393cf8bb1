// What the server told, as the charts need it: the points of the range that is shown.

import type { HistoryMessage, Point, RangeHistory, RangeName, StateMessage } from "../wire.ts";

/** Shorter than this a chart looks broken. */
const SHORTEST_MS = 60_000;

export class History {
  readonly #ranges = new Map<RangeName, RangeHistory>();

  replace({ ranges }: HistoryMessage): void {
    this.#ranges.clear();
    for (const range of ranges) this.#ranges.set(range.name, range);
  }

  add({ at, points }: StateMessage): void {
    for (const [name, range] of this.#ranges) {
      const point = points[name];
      if (point === undefined) continue;
      const kept = range.points.filter((one) => one.at >= at - range.spanMs && one.at < point.at);
      this.#ranges.set(name, { ...range, points: [...kept, point] });
    }
  }

  view(name: RangeName, now: number): View {
    const range = this.#ranges.get(name);
    const points = range?.points ?? [];
    const oldest = now - (range?.spanMs ?? SHORTEST_MS);
    const first = points[0]?.at ?? now;
    return {
      points,
      times: points.map(({ at }) => at),
      from: Math.max(oldest, Math.min(first, now - SHORTEST_MS)),
      to: now,
      windowMs: range?.windowMs ?? 0,
    };
  }
}

export interface View {
  readonly points: readonly Point[];
  readonly times: readonly number[];
  readonly from: number;
  readonly to: number;
  readonly windowMs: number;
}
