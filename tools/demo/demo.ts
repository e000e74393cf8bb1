// The demo from start to end: live until Ctrl-C, or once with a verdict.

import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

import { findDisagreements, findMiscounts } from "./agreement.ts";
import { DemoError } from "./demo-error.ts";
import { detailLines, findExamples, liveFrame, summaryLines } from "./frame.ts";
import type { DemoOptions } from "./options.ts";
import type { Screen } from "../terminal/screen.ts";
import { Session } from "./session.ts";
import { findShadowDisagreements, foundLines } from "./shadow-agreement.ts";
import { shadowLines } from "./shadow-table.ts";
import { setUp, type Stage, type StageParts } from "./stage.ts";
import { GOOD, isTold, judgeStory, storyLines, type Story } from "./story.ts";
import { tableLines } from "./table.ts";
import { VISITS_PER_SECOND } from "./visitors.ts";

const DRAW_EVERY_MS = 500;
/** The bad canary is healthy until then, so that a person sees it so. */
const FAILS_AFTER_MS = 25_000;
/** A bounded run ends after so many visits, whatever has become of the canaries: 165 s, and longer where they are slow. */
const MOST_VISITS = 33_000;
const ONCE_DEADLINE_MS = 360_000;
/** A bounded run in which something is wrong goes on for so long at least, to find what else is. */
const WRONG_AFTER_MS = 5000;
/** Users still come for so long when both are decided: what they see counts too. */
const AFTERWARDS_MS = 3000;
/** Who asks Envoy hears of its end a little before this process does. */
const END_IS_KNOWN_MS = 2000;
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
  const envoyEnded = stage.envoy.ended.then((status) => ending.abort(status));
  const end = AbortSignal.any([signal, ending.signal]);
  try {
    const status = await (options.once ? runOnce : runLive)(stage, options, screen, end).catch(
      async (error: unknown) => {
        await pause(END_IS_KNOWN_MS, end);
        if (!ending.signal.aborted) throw error;
        return EXIT_DISAGREES;
      },
    );
    if (ending.signal.aborted && !signal.aborted) throw new DemoError(endOf(stage, ending.signal.reason));
    if (!signal.aborted) return status;
    // Ctrl-C is how a person leaves the live table: no failure. A run that was to judge has not judged.
    return options.once || signal.reason !== "SIGINT" ? interrupted(signal) : EXIT_FINE;
  } finally {
    screen.done();
    await stage.takeDown();
    await envoyEnded;
  }
}

/** How Envoy ended, in a sentence. What it wrote last says why where that was its own doing. */
function endOf({ envoy }: Stage, status: unknown): string {
  const signal = Object.entries(constants.signals).find(([, number]) => status === 128 + number)?.[0];
  if (signal !== undefined) return `Envoy was ended by ${signal}: the demo cannot go on`;
  if (status === 0) return "Envoy was asked to end: the demo cannot go on";
  const last = envoy.log().trim().split("\n").at(-1) ?? "";
  return `Envoy ended with status ${String(status)}: ${last || "it said nothing"}`;
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
  const started = Date.now();
  let [shown, examples] = [session.policy, findExamples(session.policy)];
  const draw = async (): Promise<void> => {
    const figures = await session.figures();
    const { edited, sinceMs, notice } = session;
    if (shown !== session.policy) [shown, examples] = [session.policy, findExamples(session.policy)];
    const view = {
      ...{ ...figures, envoyVersion, port, adminPort, policyPath, edited, sinceMs, notice, examples },
      story: storyOf(stage, session, started),
    };
    screen.draw(liveFrame(view, screen.width, screen.height, screen.colors));
  };
  const drawing = async (): Promise<void> => {
    screen.clear();
    while (!signal.aborted) {
      await draw();
      await pause(DRAW_EVERY_MS, signal);
    }
  };
  try {
    await Promise.all([
      session.receiveVisitors(originOf(port), null, signal),
      session.followPolicy(signal),
      stage.releases.watch(signal),
      beginFault(stage, signal),
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
    `Envoy ${stage.envoyVersion} is ready: ${VISITS_PER_SECOND} requests per second until both canaries are decided`,
  );
  const started = Date.now();
  const over = new AbortController();
  const end = AbortSignal.any([signal, over.signal]);
  await Promise.all([
    session.receiveVisitors(originOf(port), null, end),
    session.followPolicy(end),
    stage.releases.watch(end),
    beginFault(stage, end),
    untilTold(session, started, end).finally(() => over.abort()),
  ]);
  if (signal.aborted) return EXIT_DISAGREES;
  const { sinceMs, edited } = session;
  const story = storyOf(stage, session, started);
  const figures = await session.finalFigures();
  const { colors, width } = screen;
  screen.clear();
  const sections = [
    tableLines(figures, width, colors),
    shadowLines(figures, width, colors),
    storyLines(story, figures, width, colors),
    [
      ...summaryLines({ ...figures, edited, sinceMs }, colors),
      ...detailLines({ ...figures, edited }, colors),
    ],
  ];
  for (const lines of sections) if (lines.length > 0) screen.print(`\n${lines.join("\n")}`);
  const disagreements = [
    ...session.disagreements,
    ...findDisagreements(figures),
    ...findMiscounts(session.policy.plan, figures),
    ...findShadowDisagreements(figures, stage.received),
  ];
  const told = judgeStory(story, figures);
  const failed = [...disagreements, ...told.failed];
  screen.print("");
  for (const line of failed) screen.print(` ${colors.red("failed")}: ${line}`);
  for (const line of told.passed) screen.print(` ${colors.green("passed")}: ${line}`);
  if (disagreements.length === 0) {
    screen.print(` ${colors.green("passed")}: the policy, what users saw and Envoy's counters agree`);
    for (const line of foundLines(figures, stage.received)) {
      screen.print(` ${colors.green("found")}: ${line}`);
    }
  }
  return failed.length === 0 ? EXIT_FINE : EXIT_DISAGREES;
}

/** Both canaries are decided and users have come since, or something is wrong already, or it is too late. */
async function untilTold(session: Session, started: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && Date.now() < started + ONCE_DEADLINE_MS) {
    await pause(DRAW_EVERY_MS, signal);
    const figures = await session.figures();
    const { failed, differing } = figures.tally;
    const isWrong = session.disagreements.length + failed + differing > 0;
    if (isWrong && Date.now() > started + WRONG_AFTER_MS) return;
    if (figures.ledger.visits >= MOST_VISITS) return;
    if (isTold(figures)) {
      await pause(AFTERWARDS_MS, signal);
      return;
    }
  }
}

async function beginFault({ fault }: Stage, signal: AbortSignal): Promise<void> {
  await pause(FAILS_AFTER_MS, signal);
  if (!signal.aborted) fault.begin();
}

function storyOf({ fault, releases }: Stage, { sinceMs }: Session, started: number): Story {
  const { moves } = releases;
  const failsAt = fault.since ?? started + FAILS_AFTER_MS;
  const waitsFor = releases.waitingFor(GOOD.rollout, GOOD.variant);
  const now = Date.now();
  return { started, now, failsAt, changedAt: now - sinceMs, moves, waitsFor };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

function originOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}

function interrupted(signal: AbortSignal): number {
  return EXIT_INTERRUPTED[String(signal.reason)] ?? EXIT_DISAGREES;
}
