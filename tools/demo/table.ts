// The table: a line a variant, what was asked beside what was seen. Pure: numbers in, text out.

import { exactPercent, grouped, percent } from "../terminal/numbers.ts";
import { clip, paintLines, plainTable } from "../terminal/table.ts";
import type { Colors } from "../terminal/terminal.ts";
import { isFarFrom } from "./shares.ts";
import { countsOf, type EnvoyCounts } from "./envoy-counts.ts";
import type { MismatchPlaces, Rollback } from "./envoy-log.ts";
import type { Ledger } from "./ledger.ts";
import type { ShadowPlan } from "./policy-plan.ts";
import type { Tally } from "./tally.ts";

/** The numbers of one moment. */
export interface Figures {
  readonly tally: Tally;
  readonly counts: EnvoyCounts;
  /** Envoy's counts when the policy last changed: requests are those since. */
  readonly before: EnvoyCounts;
  readonly shadows: readonly ShadowPlan[];
  /** Where their answers have differed since the policy last changed. */
  readonly places: MismatchPlaces;
  /** What the client saw since Envoy's start. */
  readonly ledger: Ledger;
  /** What guards have rolled back since Envoy's start, in the order of the log. */
  readonly rollbacks: readonly Rollback[];
}

const HEADINGS = [
  "\nrollout",
  "\nvariant",
  "target\nshare",
  "share of\nusers",
  "share of\nrequests",
  "\nrequests",
  "\nerrors",
  "p50\nms",
  "p99\nms",
  "in\nflight",
] as const;
/** What the columns of numbers need: shares to a thousandth, a million requests. */
const NUMBER_WIDTHS = [7, 8, 8, 9, 6, 5, 5, 6] as const;
const NAME_MIN = 7;
const GAP_MAX = 3;
export const INDENT = 1;

/** The table's lines, none wider than `width` where the terminal has 74 columns or more. */
export function tableLines(figures: Figures, width: number, colors: Colors): string[] {
  const rows = rowsOf(figures, colors);
  const longest = (column: 0 | 1): number =>
    Math.max(NAME_MIN, ...rows.map((row) => row.names[column].length));
  const numbers = NUMBER_WIDTHS.reduce((sum, each) => sum + each, 0);
  const gaps = HEADINGS.length - 1;
  const forNames = width - INDENT - numbers;
  const gap = clamp(Math.floor((forNames - longest(0) - longest(1)) / gaps), 1, GAP_MAX);
  const [first, second] = shareOut(longest(0), longest(1), forNames - gap * gaps);
  const table = plainTable(2, HEADINGS.length, gap, [first, second, ...NUMBER_WIDTHS]);
  table.push(HEADINGS.map((heading) => paintLines(heading, colors.dim)));
  for (const { names, cells } of rows) {
    table.push([colors.bold(clip(names[0], first)), clip(names[1], second), ...cells]);
  }
  const lines = table.toString().split("\n");
  if (rows.length === 0) lines.push(clip("the policy has no rollouts", width - INDENT));
  const rule = colors.dim("─".repeat(Math.min(width - INDENT, first + second + numbers + gap * gaps)));
  return [...lines.slice(0, 2), rule, ...lines.slice(2)].map(
    (line) => `${" ".repeat(INDENT)}${line.trimEnd()}`,
  );
}

interface Row {
  readonly names: readonly [rollout: string, variant: string];
  readonly cells: readonly string[];
}

function rowsOf({ tally, counts, before }: Figures, colors: Colors): Row[] {
  return tally.plan.flatMap(({ name, variants }) => {
    const counted = variants.map((variant) => ({ variant, ...countsOf(counts, name, variant, before) }));
    const all = counted.reduce((sum, { requests }) => sum + requests, 0);
    const users = tally.usersOf(name);
    return counted.map(({ variant, share, requests, errors, active, p50, p99 }, index): Row => {
      const asked = share / 100_000;
      const seen = (part: number, whole: number): string => {
        if (whole === 0) return colors.dim("–");
        const text = percent(part / whole, 1);
        return isFarFrom(part / whole, asked, whole) ? colors.yellow(text) : colors.green(text);
      };
      return {
        names: [index === 0 ? name : "", variant],
        cells: [
          exactPercent(asked),
          seen(tally.usersWith(name, variant), users),
          // Requests of one user are no independent draws: only the users' share is judged.
          all === 0 ? colors.dim("–") : percent(requests / all, 1),
          grouped(requests),
          errors === 0 ? "0" : colors.red(grouped(errors)),
          milliseconds(p50),
          milliseconds(p99),
          String(active),
        ],
      };
    });
  });
}

export function milliseconds(value: number | null): string {
  return value === null ? "–" : grouped(Math.round(value));
}

/** Two columns in a room that may be too small for both: the shorter one keeps its length where it can. */
function shareOut(first: number, second: number, room: number): [number, number] {
  if (first + second <= room) return [first, second];
  const half = Math.max(NAME_MIN, Math.floor(room / 2));
  if (first <= half) return [first, Math.max(NAME_MIN, room - first)];
  if (second <= half) return [Math.max(NAME_MIN, room - second), second];
  return [half, half];
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
