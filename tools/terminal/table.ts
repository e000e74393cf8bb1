// What tables of a terminal have in common.

import Table from "cli-table3";

const NO_BORDERS = Object.fromEntries(
  ["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"]
    .concat(["left", "left-mid", "mid", "mid-mid", "right", "right-mid", "middle"])
    .map((place) => [place, ""]),
);

/**
 * A table without lines: columns that are `gap` characters apart, names (the first `names` columns) to the left and
 * numbers to the right. `widths`: of each column, without the gap; by default each is as wide as what is in it.
 */
export function plainTable(
  names: number,
  columns: number,
  gap: number,
  widths?: readonly number[],
): Table.Table {
  return new Table({
    chars: NO_BORDERS,
    style: { head: [], border: [], "padding-left": 0, "padding-right": gap, compact: true },
    colAligns: Array.from({ length: columns }, (_, column) => (column < names ? "left" : "right")),
    ...(widths === undefined ? {} : { colWidths: widths.map((width) => width + gap) }),
    wordWrap: false,
  });
}

/** Cut to a width, with a sign that it was. */
export function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/** Cut in its middle: names that begin alike often end otherwise. */
export function clipMiddle(text: string, width: number): string {
  if (text.length <= width) return text;
  const end = Math.max(0, Math.floor((width - 1) / 2));
  return `${text.slice(0, Math.max(0, width - 1 - end))}…${end === 0 ? "" : text.slice(-end)}`;
}

/** Paints each line by itself, so that no color runs over a line end. */
export function paintLines(text: string, paint: (line: string) => string): string {
  return text
    .split("\n")
    .map((line) => (line === "" ? line : paint(line)))
    .join("\n");
}
