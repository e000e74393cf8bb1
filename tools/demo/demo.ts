// The demo from start to end: live until Ctrl-C, or once with a verdict.

import { setTimeout as sleep } from "node:timers/promises";

import { findDisagreements } from "./agreement.ts";
import { DemoError } from "./demo-error.ts";
import { findExamples, liveFrame, summaryLines } from "./frame.ts";
import type { DemoOptions } from "./options.ts";
import type { Screen } from "../terminal/screen.ts";
import { Session } from "./session.ts";
import { findShadowDisagreements, foundLines } from "./shadow-agreement.ts";
import { shadowLines } from "./shadow-table.ts";
import { setUp, type Stage, type StageParts } from "./stage.ts";
import { tableLines } from "./table.ts";
import { VISITS_PER_SECOND } from "./visitors.ts";

const DRAW_EVERY_MS = 500;
/** Visits of a bounded run. */
const VISITS_ONCE = 2000;
const EXIT_FINE = 0;
const EXIT_DISAGREES = 1;
/** What a shell expects of a program that a signal ended before it was done. */
const EXIT_INTERRUPTED: Readonly<Record<string, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/**
 * Runs the demo and takes everything down again, also when the signal aborts (its reason is the name of a POSIX
 * signal). Resolves to the exit status.
 * @throws DemoError, EnvoyError, CommandError: it cannot run here
 */
export async function runDemo(
  options: DemoOptions,
  screen: Screen,
  signal: AbortSignal,
  parts: StageParts = {},
): Promise<number> {
  let stage: Stage;
  try {
    stage = await setUp(options, parts, signal, (line) => screen.step(line));
  } catch (error) {
    if (!signal.aborted) throw error;
    screen.clear();
    return interrupted(signal);
  }
  const ending = new AbortController();
  const envoyEnded = stage.envoy.ended.then(() => ending.abort());
  const end = AbortSignal.any([signal, ending.signal]);
  try {
    const status = await (options.once ? runOnce : runLive)(stage, options, screen, end);
    if (ending.signal.aborted && !signal.aborted) {
      throw new DemoError(`Envoy exited: ${stage.envoy.log().trim().split("\n").at(-1) ?? ""}`);
    }
    if (!signal.aborted) return status;
    // Ctrl-C is how a person leaves the live table: no failure. A run that was to judge has not judged.
    return options.once || signal.reason !== "SIGINT" ? interrupted(signal) : EXIT_FINE;
  } finally {
    screen.done();
    await stage.takeDown();
    await envoyEnded;
  }
}

async function runLive(
  stage: Stage,
  { port, adminPort }: DemoOptions,
  screen: Screen,
  signal: AbortSignal,
): Promise<number> {
  const session = new Session(stage.envoy, stage.policyFile, stage.policy);
  const { envoyVersion } = stage;
  const policyPath = stage.policyFile.shownPath;
  let [shown, examples] = [session.policy, findExamples(session.policy)];
  const draw = async (): Promise<void> => {
    const figures = await session.figures();
    const { edited, sinceMs, notice } = session;
    if (shown !== session.policy) [shown, examples] = [session.policy, findExamples(session.policy)];
    const view = { ...figures, envoyVersion, port, adminPort, policyPath, edited, sinceMs, notice, examples };
    screen.draw(liveFrame(view, screen.width, screen.height, screen.colors));
  };
  const drawing = async (): Promise<void> => {
    screen.clear();
    while (!signal.aborted) {
      await draw();
      await sleep(DRAW_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  };
  try {
    await Promise.all([
      session.receiveVisitors(originOf(port), null, signal),
      session.followPolicy(signal),
      drawing(),
    ]);
  } catch (error) {
    // An Envoy that has ended answers nobody.
    if (!signal.aborted) throw error;
  }
  return EXIT_FINE;
}

async function runOnce(
  stage: Stage,
  { port }: DemoOptions,
  screen: Screen,
  signal: AbortSignal,
): Promise<number> {
  const session = new Session(stage.envoy, stage.policyFile, stage.policy);
  screen.step(
    `Envoy ${stage.envoyVersion} is ready: ${VISITS_ONCE} requests, ${VISITS_PER_SECOND} per second`,
  );
  await session.receiveVisitors(originOf(port), VISITS_ONCE, signal);
  if (signal.aborted) return EXIT_DISAGREES;
  const { sinceMs } = session;
  const figures = await session.finalFigures();
  const { colors } = screen;
  screen.clear();
  const sections = [
    tableLines(figures, screen.width, colors),
    shadowLines(figures, screen.width, colors),
    summaryLines({ tally: figures.tally, edited: false, sinceMs }, colors),
  ];
  for (const lines of sections) if (lines.length > 0) screen.print(`\n${lines.join("\n")}`);
  const disagreements = [
    ...findDisagreements(figures.tally, figures.counts),
    ...findShadowDisagreements(figures, stage.received),
  ];
  screen.print("");
  for (const line of disagreements) screen.print(` ${colors.red("failed")}  ${line}`);
  if (disagreements.length > 0) return EXIT_DISAGREES;
  screen.print(` ${colors.green("passed")}: the policy, what users saw and Envoy's counters agree`);
  for (const line of foundLines(figures, stage.received)) screen.print(` ${colors.green("found")}: ${line}`);
  return EXIT_FINE;
}

function originOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}

function interrupted(signal: AbortSignal): number {
  return EXIT_INTERRUPTED[String(signal.reason)] ?? EXIT_DISAGREES;
}
