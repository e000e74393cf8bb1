// The history of one range: so many points, no more, however long the dashboard runs.

import { difference } from "../metrics/difference.ts";
import type { Snapshot } from "../metrics/snapshot.ts";
import { emptyPoint, pointOf } from "./point.ts";
import { withBefore } from "./totals.ts";
import type { Point, RangeHistory, RangeName } from "./wire.ts";

export interface RangeOptions {
  readonly name: RangeName;
  readonly stepMs: number;
  readonly windowMs: number;
  readonly spanMs: number;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** Some hundred points each: what a chart has room for. */
export const RANGES: readonly RangeOptions[] = [
  { name: "5m", stepMs: SECOND, windowMs: 30 * SECOND, spanMs: 5 * MINUTE },
  { name: "1h", stepMs: 10 * SECOND, windowMs: MINUTE, spanMs: 60 * MINUTE },
  { name: "24h", stepMs: 5 * MINUTE, windowMs: 10 * MINUTE, spanMs: 24 * 60 * MINUTE },
];

export class Series {
  /** Totals at the ends of the steps that lie within the window: each point is the last less the first. */
  readonly #totals: Snapshot[] = [];
  #points: Point[] = [];
  #nextAt = 0;

  constructor(readonly options: RangeOptions) {}

  /**
   * Takes the totals of now when a step is over (null when nobody answered since the last one), and gives the point
   * that this makes. Totals never go back.
   */
  add(at: number, totals: Snapshot | null): Point | null {
    const { stepMs, windowMs } = this.options;
    const early = this.#nextAt - at;
    // Timers are late by a little, and a step must not be left out for that. Whoever is early by more than a step has had
    // the clock set back.
    if (early > stepMs / 10 && early <= 2 * stepMs) return null;
    if (early > 2 * stepMs) this.#nextAt = at;
    this.#nextAt = Math.max(this.#nextAt, at - stepMs / 10) + stepMs;
    if (totals === null) return this.#keep(emptyPoint(at));
    while (this.#totals.length > 1 && (this.#totals[0]?.takenAt ?? at) < at - windowMs) this.#totals.shift();
    const [first] = this.#totals;
    this.#totals.push(totals);
    return first === undefined ? null : this.#keep(pointOf(difference(totals, first)));
  }

  /** What an endpoint had counted before it was read for the first time. */
  addBefore(counted: Snapshot): void {
    this.#totals.forEach((totals, index) => (this.#totals[index] = withBefore(totals, counted)));
  }

  history(): RangeHistory {
    return { ...this.options, points: this.#points };
  }

  #keep(point: Point): Point {
    const oldest = point.at - this.options.spanMs;
    const most = Math.ceil(this.options.spanMs / this.options.stepMs);
    this.#points = [...this.#points.filter(({ at }) => at >= oldest && at < point.at), point].slice(-most);
    return point;
  }
}
