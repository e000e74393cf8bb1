// The live table: variants of a rollout below each other. Pure: figures in, text out.

import { grouped, percent } from "../terminal/numbers.ts";
import { plainTable } from "../terminal/table.ts";
import type { VariantFigures } from "./stats-figures.ts";
import type { Colors } from "../terminal/terminal.ts";

interface Column {
  readonly heading: string;
  /** Left out below so many columns of the terminal. */
  readonly from?: number;
  readonly cell: (figures: VariantFigures) => string;
}

const NOTHING = "–";

const COLUMNS: readonly Column[] = [
  { heading: "asked", cell: ({ shareAsked }) => optional(shareAsked, percent) },
  { heading: "seen", cell: ({ shareSeen }) => optional(shareSeen, percent) },
  { heading: "requests", cell: ({ requests }) => grouped(requests) },
  { heading: "per s", cell: ({ perSecond }) => optional(perSecond, rate) },
  { heading: "errors", cell: ({ errorRate }) => optional(errorRate, percent) },
  { heading: "95% CI", from: 100, cell: intervalCell },
  { heading: "p50 ms", cell: ({ p50 }) => optional(p50, milliseconds) },
  { heading: "p90 ms", cell: ({ p90 }) => optional(p90, milliseconds) },
  { heading: "p99 ms", cell: ({ p99 }) => optional(p99, milliseconds) },
  { heading: "active", cell: ({ active }) => grouped(active) },
  { heading: "overflow", from: 110, cell: ({ overflow }) => optional(overflow, grouped) },
];

/** One table a rollout. `width`: of the terminal; columns that do not fit are left out. */
export function statsTable(
  rollouts: ReadonlyMap<string, readonly VariantFigures[]>,
  width: number,
  colors: Colors,
): string {
  const columns = COLUMNS.filter(({ from = 0 }) => width >= from);
  const table = plainTable(1, columns.length + 1, 2);
  for (const [rollout, rows] of rollouts) {
    if (table.length > 0) table.push([""]);
    table.push([colors.bold(rollout), ...columns.map(({ heading }) => colors.dim(heading))]);
    for (const row of rows) table.push([`  ${row.name}`, ...columns.map(({ cell }) => cell(row))]);
  }
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

function optional(value: number | null, words: (value: number) => string): string {
  return value === null ? NOTHING : words(value);
}

function intervalCell({ errorRate, errorInterval: { lower, upper } }: VariantFigures): string {
  return errorRate === null ? NOTHING : `${percent(lower).replace("%", "")} to ${percent(upper)}`;
}

function rate(perSecond: number): string {
  return perSecond >= 10 || perSecond === 0 ? grouped(perSecond) : perSecond.toFixed(1);
}

function milliseconds(value: number): string {
  return value < 10 ? value.toFixed(1) : grouped(value);
}
