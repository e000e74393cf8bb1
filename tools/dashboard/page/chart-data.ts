// What a chart is made of: its lines over time, and its words.

import type { Mark } from "./marks.ts";

export type Style = "solid" | "dashed" | "dotted";

/** What each style of line stands for, where a chart has several. */
export type Key = readonly (readonly [style: Style, text: string])[];

export const QUANTILES: Key = [
  ["solid", "p50"],
  ["dashed", "p90"],
  ["dotted", "p99"],
];

type Values = readonly (number | null)[];

export interface Line {
  /** Lines of one name share a mark and a place in the legend: the quantiles of one variant, say. */
  readonly name: string;
  readonly mark: Mark;
  readonly values: Values;
  readonly style: Style;
  /** What stands at the line's end: its mark and its name, its mark, or nothing. */
  readonly end: "name" | "mark" | "none";
  readonly band?: { readonly lower: Values; readonly upper: Values };
}

export interface ChartData {
  /** Milliseconds. */
  readonly times: readonly number[];
  readonly from: number;
  readonly to: number;
  readonly lines: readonly Line[];
}

export interface ChartText {
  readonly title: string;
  /** What the eye cannot know. */
  readonly note: string;
  /** Which line is which. */
  readonly key?: Key;
  readonly format: (value: number | null) => string;
  /** For the scale, where it is another. */
  readonly axis?: (value: number | null) => string;
  /** The scale reaches at least so high: noise around 0 must not look like a mountain. */
  readonly leastTop: number;
}
