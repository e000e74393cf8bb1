import { setTimeout as sleep } from "node:timers/promises";

import { Option } from "@commander-js/extra-typings";

import { Screen } from "../terminal/screen.ts";
import { difference } from "../metrics/difference.ts";
import type { Snapshot } from "../metrics/snapshot.ts";
import type { Source } from "../metrics/source.ts";
import { CommandError } from "../terminal/command-error.ts";
import { nothingCounted, onlyRollout, readingCommand, sourceOf } from "../metrics/metrics-source.ts";
import { printOrdered, type Printable } from "../terminal/ordered-json.ts";
import {
  figuresOf,
  shadowFigures,
  type GoalFigures,
  type RolloutFigures,
  type VariantFigures,
} from "../report/stats-figures.ts";
import { statsTable } from "../report/stats-table.ts";
import { examples, readDuration } from "../terminal/arguments.ts";
import { processTerminal, type Terminal } from "../terminal/terminal.ts";

export const statsCommand = readingCommand("stats")
  .summary("watch traffic, errors and latency of each variant")
  .description(
    "Shows live tables. For each variant: the users of the evidence period, the share of them with errors, 4xx and 3xx, " +
      "and the evidence that the variant is worse; requests per second, how they ended, latency, requests in flight. For " +
      "each shadow: the results of its copies. Written once with --once or --json, or if the output is not a terminal.",
  )
  .option("--since <DURATION>", "only the requests of the last DURATION, like 10m", readDuration)
  .addOption(
    new Option("--interval <DURATION>", "time between two readings").argParser(readDuration).default(2, "2s"),
  )
  .option("--once", "write the table once", false)
  .option("--json", "the figures as JSON, once", false)
  .addHelpText(
    "after",
    examples("serin stats", "serin stats --rollout checkout --interval 5s", "serin stats --json"),
  );

statsCommand.action(async (options) => {
  const ending = new AbortController();
  process.once("SIGINT", () => ending.abort());
  process.exitCode = await stats(options, processTerminal(), ending.signal);
});

type Options = ReturnType<typeof statsCommand.opts>;

/** For rates: long enough for some requests, short enough to wait for. */
const RATE_SECONDS = 1;
/** Prometheus needs a few scrapes to tell a rate. */
const PROMETHEUS_RATE_SECONDS = 60;

/** Shows the golden signals of each variant until `signal` ends it; once with --once, --json or no terminal. Resolves to 0. */
async function stats(options: Options, terminal: Terminal, signal: AbortSignal): Promise<number> {
  const since = options.since ?? null;
  const pause = options.interval;
  const source = await sourceOf(options);
  const screen = new Screen(terminal.stdout);
  if (options.json || options.once || !screen.isTerminal) {
    const reading = await readOnce(source, since);
    const all = onlyRollout(reading.all, options.rollout, source);
    const figures = figuresOf(all, reading.recent);
    const text = options.json
      ? printOrdered(documentOf(source, all, figures))
      : pictureOf(source, figures, sharedOf(all, options), screen.width, terminal);
    terminal.stdout.write(`${text}\n`);
    return 0;
  }
  await watch(options, source, since, pause, screen, terminal, signal);
  return 0;
}

interface Reading {
  readonly all: Snapshot;
  readonly recent: Snapshot | null;
}

async function readOnce(source: Source, since: number | null): Promise<Reading> {
  if (since !== null && source.waits) {
    const all = await source.readSpan(since);
    return { all, recent: all };
  }
  const recent = await source.readSpan(source.waits ? RATE_SECONDS : PROMETHEUS_RATE_SECONDS);
  return { all: since === null ? await source.read() : await source.readSpan(since), recent };
}

/** With `since`, an Envoy's counts are those since the watch began, up to that long ago at first. */
async function watch(
  options: Options,
  source: Source,
  since: number | null,
  pause: number,
  screen: Screen,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const readings: Snapshot[] = [];
  try {
    while (!signal.aborted) {
      const { all, recent } = await nextReading(source, since, readings);
      const figures = figuresOf(onlyRollout(all, options.rollout, source), recent);
      const ending = terminal.colors.dim(`every ${pause} s; Ctrl-C ends`);
      screen.draw(
        `${pictureOf(source, figures, sharedOf(all, options), screen.width, terminal)}\n\n${ending}`,
      );
      await sleep(pause * 1000, undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted || error instanceof CommandError) throw error;
  } finally {
    screen.done();
  }
}

/** `readings` are those of the last `since` seconds, or the last one. */
async function nextReading(source: Source, since: number | null, readings: Snapshot[]): Promise<Reading> {
  if (!source.waits) {
    const recent = await source.readSpan(PROMETHEUS_RATE_SECONDS);
    return { all: since === null ? await source.read() : await source.readSpan(since), recent };
  }
  const now = await source.read();
  const last = readings.at(-1);
  const recent = last === undefined ? null : difference(now, last);
  readings.push(now);
  const oldest = now.takenAt - (since ?? 0) * 1000;
  while (readings.length > 1 && (readings[1]?.takenAt ?? Infinity) <= oldest) readings.shift();
  if (since === null) return { all: now, recent };
  return { all: difference(now, readings[0] ?? now), recent };
}

function pictureOf(
  source: Source,
  figures: ReadonlyMap<string, RolloutFigures>,
  { shadows, effects }: Shared,
  width: number,
  { colors }: Terminal,
): string {
  if (figures.size === 0 && shadows.size === 0 && effects.size === 0) return nothingCounted(source);
  return statsTable(figures, shadowFigures(shadows), width, colors, effects);
}

/** What belongs to no rollout. */
type Shared = Pick<Snapshot, "shadows" | "effects">;

/** With --rollout that one is shown alone. */
function sharedOf({ shadows, effects }: Snapshot, { rollout }: Options): Shared {
  return rollout === undefined ? { shadows, effects } : { shadows: new Map(), effects: new Map() };
}

function documentOf(
  source: Source,
  { takenAt, seconds, shadows, effects, flags }: Snapshot,
  figures: ReadonlyMap<string, RolloutFigures>,
): Printable {
  return {
    source: source.name,
    takenAt: new Date(takenAt).toISOString(),
    seconds,
    rollouts: new Map(
      [...figures].map(([rollout, { rows, verdict, reason, period, noEvidence, guards }]) => [
        rollout,
        {
          ...{ verdict, reason, period: period === null ? null : { ...period }, noEvidence },
          guard: new Map([...guards].map(([variant, state]) => [variant, { ...state }])),
          variants: new Map(rows.map(figuresJson)),
        },
      ]),
    ),
    shadows: new Map([...shadows].map(([name, { counters }]) => [name, counters])),
    ...(effects.size === 0 ? {} : { effects }),
    flags,
  };
}

function goalsJson(goals: ReadonlyMap<string, GoalFigures>): Printable {
  return new Map(
    [...goals].map(([goal, { interval, ...figures }]): [string, Printable] => [
      goal,
      { ...figures, interval: interval === null ? null : { ...interval } },
    ]),
  );
}

function figuresJson({ name, errorInterval, evidence, ...rest }: VariantFigures): [string, Printable] {
  const { lower, upper } = errorInterval;
  const sure = evidence?.howSure ?? null;
  const ofUsers =
    evidence === null
      ? null
      : { ...evidence, goals: goalsJson(evidence.goals), howSure: sure === null ? null : { ...sure } };
  return [name, { evidence: ofUsers, ...rest, errorInterval: { lower, upper } }];
}
