// The shadows under the table: a line each, and where its answers differ. Pure: numbers in, text out.

import { exactPercent, grouped, percent } from "../terminal/numbers.ts";
import { clip, paintLines, plainTable } from "../terminal/table.ts";
import type { Colors } from "../terminal/terminal.ts";
import { isFarFrom } from "./shares.ts";
import type { ShadowPlan } from "./policy-plan.ts";
import { drawnOf, shadowCountsOf, type ShadowCounts } from "./shadow-counts.ts";
import { INDENT, milliseconds, type Figures } from "./table.ts";

const HEADINGS = [
  "\nshadow",
  "target\nshare",
  "actual\nshare",
  "\ncopies",
  "\nmatch",
  "\nmismatch",
  "\ntimeout",
  "over\nbudget",
  "shadow\np50",
  "prod\np50",
] as const;
const NUMBER_WIDTHS = [7, 6, 7, 7, 8, 7, 6, 6, 5] as const;
const NAME_MIN = 8;
const PLACES_SHOWN = 3;

/** The lines, none wider than `width` where the terminal has 80 columns or more; none without a shadow. */
export function shadowLines(figures: Figures, width: number, colors: Colors): string[] {
  const { shadows } = figures;
  if (shadows.length === 0) return [];
  const numbers = NUMBER_WIDTHS.reduce((sum, each) => sum + each, 0);
  const longest = Math.max(NAME_MIN, ...shadows.map(({ name }) => name.length));
  const room = width - INDENT - numbers;
  const gap = room - longest >= 2 * NUMBER_WIDTHS.length ? 2 : 1;
  const first = Math.min(longest, Math.max(NAME_MIN, room - gap * NUMBER_WIDTHS.length));
  const table = plainTable(1, HEADINGS.length, gap, [first, ...NUMBER_WIDTHS]);
  table.push(HEADINGS.map((heading) => paintLines(heading, colors.dim)));
  const counted = shadows.map((shadow) => ({
    shadow,
    counts: shadowCountsOf(figures.counts, shadow.name, figures.before),
  }));
  for (const { shadow, counts } of counted) {
    const requests = figures.tally.requestsFor(shadow.name);
    table.push([colors.bold(clip(shadow.name, first)), ...cellsOf(shadow, counts, requests, colors)]);
  }
  const [top = "", heading = "", ...rows] = table.toString().split("\n");
  const indent = " ".repeat(first + gap);
  return [
    top,
    heading,
    ...rows.flatMap((row, index) => {
      const at = counted[index];
      const remarks = at && remarksOf(at.counts, figures.places.of(at.shadow.name), colors);
      return remarks ? [row, `${indent}${remarks}`] : [row];
    }),
  ].map((line) => `${" ".repeat(INDENT)}${line.trimEnd()}`);
}

function cellsOf(
  { percent: target, drawsRequests }: ShadowPlan,
  counts: ShadowCounts,
  requests: number,
  colors: Colors,
): string[] {
  // Just after an edit Envoy is a few requests ahead of the client.
  const seen = Math.min(1, drawnOf(counts) / requests);
  const share = percent(seen, 1);
  const isFar = isFarFrom(seen, target / 100, requests);
  const judged = drawsRequests ? (isFar ? colors.yellow(share) : colors.green(share)) : share;
  return [
    exactPercent(target / 100),
    requests === 0 ? colors.dim("–") : judged,
    grouped(counts.sent),
    grouped(counts.match),
    counts.mismatches === 0 ? "0" : colors.yellow(grouped(counts.mismatches)),
    grouped(counts.timeout),
    grouped(counts.overBudget),
    // Envoy's histograms come late: without a copy what they have is of the policy before.
    ...[counts.p50, counts.productionP50].map((time) => milliseconds(counts.sent === 0 ? null : time)),
  ];
}

/** Where answers differ, and what else has become of copies: what there is. */
function remarksOf(counts: ShadowCounts, places: readonly string[], colors: Colors): string | null {
  const others: readonly [count: number, words: string][] = [
    [counts.noise, "noise"],
    [counts.reset, "reset"],
    [counts.incomparable, "incomparable"],
    [counts.tooLarge, "too large"],
    [counts.unavailable, "unavailable"],
  ];
  const more = places.length - PLACES_SHOWN;
  const shown = [...places.slice(0, PLACES_SHOWN), ...(more > 0 ? [`${more} more`] : [])];
  const remarks = [
    ...(places.length > 0
      ? [`${colors.yellow(`mismatch at ${shown.join(", ")}`)}${colors.dim(" (no user sees it)")}`]
      : []),
    ...others.filter(([count]) => count > 0).map(([count, words]) => `${grouped(count)} ${words}`),
  ];
  return remarks.length === 0 ? null : remarks.join("; ");
}
