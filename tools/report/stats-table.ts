// The live tables: a rollout's evidence and its requests, and shadows. Pure: figures in, text out.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import { CONTROL } from "../metrics/snapshot.ts";
import { duration, grouped, multiple, percent } from "../terminal/numbers.ts";
import { clip, clipMiddle, plainTable } from "../terminal/table.ts";
import type { Colors } from "../terminal/terminal.ts";
import type { Decision } from "../verdict/decision.ts";
import { guardsWords, type GuardState } from "../verdict/guard.ts";
import type { HowSure } from "../verdict/how-sure.ts";
import type { EffectCounts } from "./effect-words.ts";
import type { GoalFigures, RolloutFigures, ShadowFigures, VariantFigures } from "./stats-figures.ts";

interface Column<Row> {
  readonly heading: string;
  /** Left out below so many columns of the terminal. */
  readonly from?: number;
  readonly cell: (row: Row) => string;
}

const NOTHING = "–";
const GAP = 2;
/** Shorter than this a name says nothing. */
const SHORTEST_NAME = 8;
const LONGEST_GOAL = 20;
const LONGEST_MEASURE = 12;

const EVIDENCE: readonly Column<VariantFigures>[] = [
  { heading: "users", cell: ({ evidence }) => optional(evidence?.users, grouped) },
  { heading: "target", cell: ({ evidence }) => optional(evidence?.target, percent) },
  { heading: "actual", cell: ({ evidence }) => optional(evidence?.actual, short) },
  { heading: "errors", cell: ({ evidence }) => optional(evidence?.errors, short) },
  { heading: "4xx", cell: ({ evidence }) => optional(evidence?.clientErrors, short) },
  { heading: "3xx", cell: ({ evidence }) => optional(evidence?.redirects, short) },
  {
    heading: "slow",
    from: 100,
    cell: ({ evidence }) =>
      optional(evidence?.slow, (part) => `${short(part)} > ${grouped(evidence?.slowerThan ?? 0)} ms`),
  },
  { heading: "how sure (limit)", cell: ({ evidence }) => sureCell(evidence?.howSure ?? null) },
];

const REQUESTS: readonly Column<VariantFigures>[] = [
  { heading: "requests", from: 100, cell: ({ requests }) => grouped(requests) },
  { heading: "actual", from: 110, cell: ({ shareSeen }) => optional(shareSeen, short) },
  { heading: "per s", cell: ({ perSecond }) => optional(perSecond, rate) },
  { heading: "2xx", cell: classCell(statNames.RQ_2XX) },
  { heading: "3xx", cell: classCell(statNames.RQ_3XX) },
  { heading: "4xx", cell: classCell(statNames.RQ_4XX) },
  { heading: "5xx", cell: classCell(statNames.RQ_5XX) },
  { heading: "reset", cell: classCell(statNames.RQ_RESET) },
  { heading: "left", from: 110, cell: classCell(statNames.RQ_LEFT) },
  { heading: "p50", cell: ({ p50 }) => optional(p50, milliseconds) },
  { heading: "p90", from: 110, cell: ({ p90 }) => optional(p90, milliseconds) },
  { heading: "p99 ms", cell: ({ p99 }) => optional(p99, milliseconds) },
  { heading: "in flight", cell: ({ active }) => grouped(active) },
  { heading: "overflow", from: 130, cell: ({ overflow }) => optional(overflow, grouped) },
];

/** Only where they are counted. */
const RETRIED: Column<VariantFigures> = {
  heading: "retried",
  cell: ({ retried }) => optional(retried, grouped),
};

function requestColumns(rows: readonly VariantFigures[]): readonly Column<VariantFigures>[] {
  return rows.some(({ retried }) => retried !== null) ? [...REQUESTS, RETRIED] : REQUESTS;
}

interface GoalRow {
  readonly name: string;
  readonly goal: string;
  readonly reached: GoalFigures;
}

const GOALS: readonly Column<GoalRow>[] = [
  { heading: "goal", cell: ({ goal }) => clipMiddle(goal, LONGEST_GOAL) },
  { heading: "users", cell: ({ reached }) => grouped(reached.users) },
  { heading: "of users", cell: ({ reached }) => optional(reached.part, short) },
  { heading: "vs baseline", cell: ({ reached }) => optional(reached.ratio, multiple) },
  {
    heading: "99% CI",
    cell: ({ reached: { interval } }) =>
      interval === null ? NOTHING : `${multiple(interval.lower)} to ${multiple(interval.upper)}`,
  },
];

/** Only where there are any. */
const INCOMPARABLE: Column<ShadowFigures> = {
  heading: "incomparable",
  cell: ({ incomparable }) => grouped(incomparable),
};

const HEADERS: Column<ShadowFigures> = { heading: "headers", cell: (row) => comparedCell(row, row.headers) };

const SHADOWS: readonly Column<ShadowFigures>[] = [
  { heading: "sent", cell: ({ sent }) => grouped(sent) },
  { heading: "match", cell: (row) => comparedCell(row, row.match) },
  { heading: "status", cell: (row) => comparedCell(row, row.status) },
  HEADERS,
  { heading: "body", cell: (row) => comparedCell(row, row.body) },
  { heading: "noise", cell: (row) => comparedCell(row, row.noise) },
  { heading: "timeout", cell: ({ timeout }) => grouped(timeout) },
  { heading: "reset", cell: ({ reset }) => grouped(reset) },
  INCOMPARABLE,
  { heading: "p50", cell: ({ p50 }) => optional(p50, milliseconds) },
  { heading: "production", from: 100, cell: ({ productionP50 }) => optional(productionP50, milliseconds) },
];

function shadowColumns(shadows: readonly ShadowFigures[]): readonly Column<ShadowFigures>[] {
  const idle: Column<ShadowFigures>[] = [];
  if (!shadows.some(({ incomparable }) => incomparable > 0)) idle.push(INCOMPARABLE);
  if (!shadows.some(({ headers }) => headers > 0)) idle.push(HEADERS);
  return SHADOWS.filter((column) => !idle.includes(column));
}

interface EffectRow {
  readonly name: string;
  readonly counts: EffectCounts;
}

const EFFECTS: readonly Column<EffectRow>[] = [
  statNames.TOTAL,
  statNames.MATCH,
  statNames.MISMATCH,
  statNames.EXTRA,
  statNames.MISSING,
  statNames.UNPAIRED,
].map((leaf) => ({ heading: leaf, cell: ({ counts }: EffectRow) => grouped(counts.get(leaf) ?? 0) }));

/** Two tables a rollout, one of shadows, and one of effects. `width`: of the terminal; what does not fit is left out, names are cut. */
export function statsTable(
  rollouts: ReadonlyMap<string, RolloutFigures>,
  shadows: readonly ShadowFigures[],
  width: number,
  colors: Colors,
  effects: ReadonlyMap<string, EffectCounts> = new Map(),
): string {
  const parts: string[] = [];
  for (const [name, rollout] of rollouts) {
    const compared = rollout.rows.filter(({ evidence }) => evidence !== null);
    // Of a control group whose requests are not counted there are a share and users.
    const counted = rollout.rows.filter(({ name: row, ended, active, requests }) => {
      return row !== CONTROL || ended + active + requests > 0;
    });
    const tables = [
      ...(compared.length === 0 ? [] : [tableOf("users", compared, EVIDENCE, width, colors)]),
      ...goalsTable(compared, width, colors),
      tableOf("requests", counted, requestColumns(counted), width, colors),
    ];
    parts.push([...headingOf(name, rollout, width, colors), ...tables].join("\n"));
  }
  if (shadows.length > 0) {
    const table = tableOf("copies", shadows, shadowColumns(shadows), width, colors);
    parts.push([colors.bold("shadows"), ...verdictLines(shadows, width, colors), table].join("\n"));
  }
  if (effects.size > 0) {
    const rows = [...effects].map(([name, counts]): EffectRow => ({ name, counts }));
    parts.push(`${colors.bold("effects")}\n${tableOf("calls of shadows", rows, EFFECTS, width, colors)}`);
  }
  return parts.join("\n\n");
}

/** `checkout-v3: fail by copies: mismatches 2% …`, a line each. */
function verdictLines(shadows: readonly ShadowFigures[], width: number, colors: Colors): string[] {
  return shadows.map(({ name, verdict, by, reason }) => {
    const word = verdict === null ? "not judged" : `${verdict} by ${by}`;
    const title = clipMiddle(name, Math.max(SHORTEST_NAME, width - word.length - 6));
    const room = width - title.length - word.length - 6;
    const why = room < SHORTEST_NAME ? "" : `: ${clip(reason, room)}`;
    return `  ${title}: ${painted(verdict, word, colors)}${colors.dim(why)}`;
  });
}

/** `checkout: fail  period 3, 4 min old`, and why if there is room for it. */
function headingOf(
  name: string,
  { verdict, reason, period, noEvidence, guards }: RolloutFigures,
  width: number,
  colors: Colors,
): string[] {
  const word = verdict === null ? "not judged" : verdict;
  const since =
    period === null
      ? "no evidence"
      : `evidence period ${period.number}` +
        (period.began > 0 ? `, for ${duration(Date.now() / 1000 - period.began)}` : "") +
        (period.envoys > 1 ? `, ${period.envoys} Envoys` : "");
  const title = clipMiddle(name, Math.max(SHORTEST_NAME, width - word.length - since.length - 4));
  return [
    `${colors.bold(title)}: ${painted(verdict, word, colors)}, ${since}`,
    ...(noEvidence === null ? [] : [`  ${clip(`evidence: none (${noEvidence})`, width - 2)}`]),
    ...guardLine(guards, width, colors),
    ...(reason === "" || noEvidence !== null ? [] : [`  ${colors.dim(clip(reason, width - 2))}`]),
  ];
}

/** `guard: canary rolled back`; nothing where no policy asks for one. */
function guardLine(guards: ReadonlyMap<string, GuardState>, width: number, colors: Colors): string[] {
  const words = guardsWords(guards);
  if (words === null) return [];
  const line = `  ${clip(`guard: ${words}`, width - 2)}`;
  const all = [...guards.values()].map(({ word }) => word);
  if (all.includes("rolled back")) return [colors.red(line)];
  return [all.includes("alarm") ? colors.yellow(line) : line];
}

/** A row for each variant and goal; none without goals. */
function goalsTable(rows: readonly VariantFigures[], width: number, colors: Colors): string[] {
  const all = rows.flatMap(({ name, evidence }) =>
    [...(evidence?.goals ?? [])].map(([goal, reached]): GoalRow => ({ name, goal, reached })),
  );
  return all.length === 0 ? [] : [tableOf("goals", all, GOALS, width, colors)];
}

function painted(verdict: Decision | null, word: string, colors: Colors): string {
  if (verdict === null) return word;
  return { pass: colors.green, fail: colors.red, inconclusive: colors.yellow }[verdict](word);
}

function tableOf<Row extends { readonly name: string }>(
  title: string,
  rows: readonly Row[],
  all: readonly Column<Row>[],
  width: number,
  colors: Colors,
): string {
  const columns = all.filter(({ from = 0 }) => width >= from);
  const cells = rows.map((row) => columns.map(({ cell }) => cell(row)));
  const widths = columns.map(({ heading }, index) =>
    Math.max(heading.length, ...cells.map((row) => row[index]?.length ?? 0)),
  );
  const used = widths.reduce((sum, each) => sum + each + GAP, 0);
  const longest = Math.max(title.length, ...rows.map(({ name }) => name.length));
  const room = Math.max(SHORTEST_NAME, Math.min(longest, width - used - 2));
  const table = plainTable(1, columns.length + 1, GAP, [room + 2, ...widths]);
  table.push([`  ${colors.dim(title)}`, ...columns.map(({ heading }) => colors.dim(heading))]);
  rows.forEach((row, index) => table.push([`  ${clipMiddle(row.name, room)}`, ...(cells[index] ?? [])]));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

function classCell(leaf: string): Column<VariantFigures>["cell"] {
  return ({ classes, ended }) => {
    if (ended === 0) return NOTHING;
    return short((classes[leaf] ?? 0) / ended);
  };
}

function comparedCell({ compared }: ShadowFigures, count: number): string {
  return compared === 0 ? NOTHING : short(count / compared);
}

/** `errors 2.3 (400)`: the e-value, and at which it is decided. */
function sureCell(sure: HowSure | null): string {
  if (sure === null) return NOTHING;
  const measure =
    sure.measure === "fewer 2xx and 3xx"
      ? "fewer 2xx"
      : sure.measure === "slow answers"
        ? "slow"
        : clip(sure.measure, LONGEST_MEASURE);
  return `${measure} ${amount(sure.eValue)} (${grouped(sure.limit)})`;
}

/** An e-value: what it is above a million does not matter, nor below a tenth. */
function amount(value: number): string {
  if (value >= 1e6) return ">1e6";
  return value < 0.1 ? "<0.1" : value < 10 ? value.toFixed(1) : grouped(value);
}

function optional(value: number | null | undefined, words: (value: number) => string): string {
  return value === null || value === undefined ? NOTHING : words(value);
}

/** A part in at most five characters: `3.87%`, `99.9%`, `100%`. */
function short(part: number): string {
  const value = part * 100;
  if (value === 0 || value === 100) return `${value}%`;
  if (value < 0.01) return "<.01%";
  if (value > 99.9) return ">99.9%";
  return `${value < 1 ? value.toFixed(2) : value.toFixed(1)}%`;
}

function rate(perSecond: number): string {
  return perSecond >= 10 || perSecond === 0 ? grouped(perSecond) : perSecond.toFixed(1);
}

function milliseconds(value: number): string {
  return value < 10 ? value.toFixed(1) : grouped(value);
}
