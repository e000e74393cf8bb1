// A plan as people read it, and as JSON.

import { cleanTrials } from "../statistics/share-of-trials.ts";
import { duration, grouped, multiple, percent as percentOf } from "../terminal/numbers.ts";
import type { Printable } from "../terminal/ordered-json.ts";
import { plainTable } from "../terminal/table.ts";
import type { Colors } from "../terminal/terminal.ts";
import { visible } from "../terminal/visible.ts";
import { DEFAULT_SHADOW_LIMITS, FALSE_SHADOW_PASSES } from "../verdict/limits.ts";
import type { Assumptions } from "./evidence-plan.ts";
import type { Advice, PlannedRollout, PlannedStep, PlannedVariant } from "./release-plan.ts";

const NOTHING = "–";

export interface Plan {
  readonly assumptions: Assumptions;
  readonly rollouts: readonly PlannedRollout[];
  readonly leftOut: ReadonlyMap<string, string>;
}

/** Prose is as wide as the tables. */
const WIDTH = 80;

export function planInWords({ assumptions, rollouts, leftOut }: Plan, colors: Colors): string {
  const { rps, requestsPerUser, errorRate, worse, envoys, conversion, fewer } = assumptions;
  const hasGoals = rollouts.some(({ rollout }) => rollout.goals.length > 0);
  const bad = Math.min(1, errorRate * worse);
  const lines = [
    ...wrapped(
      `Assumed: ${count(rps, "request")}/s on ${count(envoys, "Envoy")}, ${count(requestsPerUser, "request")} per user, ` +
        `errors in ${percentOf(errorRate)} of requests. The fault to find: errors in ${percentOf(bad)} of a variant's requests.` +
        (hasGoals
          ? ` A goal is reached by ${percentOf(conversion)} of users (--conversion); the drop to find: ${multiple(fewer)} as many (--fewer).`
          : ""),
    ),
    "",
  ];
  for (const planned of rollouts) lines.push(...rolloutLines(planned, assumptions, colors), "");
  for (const [name, why] of leftOut) lines.push(...wrapped(`${name}: left out, ${why}`), "");
  if (rollouts.length > 0)
    lines.push(...legend(rollouts).flatMap((text) => wrapped(text)), ...wrapped(envoyWords(envoys)));
  return `${lines.join("\n").trimEnd()}\n`;
}

/** What the columns say: of those that the table has. */
function legend(rollouts: readonly PlannedRollout[]): string[] {
  const hasGuard = rollouts.some(({ rollout }) => rollout.guard !== null);
  const hasGoals = rollouts.some(({ rollout }) => rollout.goals.length > 0);
  const areWaitedFor = rollouts.some(({ variants }) =>
    variants.some(({ variant }) => variant.goals.length > 0),
  );
  return [
    "fault found in: until serin report says fail. users hit: the users who have met an error by then. " +
      (hasGuard
        ? "guard acts in: from a fault that is there from the start to one that comes after an hour without faults. "
        : "") +
      "passes in: until a variant like its baseline is shown to be within the limit.",
    "These are expectations for errors alone: by chance a release may take half or twice as long. 4xx and latency have to " +
      "be within the limit too, and what few users meet takes as long as errors that are as rare. A user who comes back " +
      "is no new evidence: --requests-per-user says how many requests one user makes.",
    ...(hasGoals
      ? [
          "goal drop in: until serin report says fail because so many fewer users reach the goal. " +
            (areWaitedFor
              ? "goals in: until the ramp's goals are shown to be within the limit, if as many users reach them. "
              : "") +
            "Users who reach a goal and never met the rollout make it longer.",
        ]
      : []),
  ];
}

function envoyWords(envoys: number): string {
  const needs = "2, 4 and 16 Envoys need 1.7, 3.1 and 10 times the requests of one";
  const why = "Each Envoy is judged by itself, and the mean over Envoys adds no evidence";
  return envoys === 1 ? `${why}: ${needs} (--envoys N).` : `${why}: ${needs}, which is in the figures.`;
}

/** Words of a line that fit, the next ones below it. */
function wrapped(text: string, indent = ""): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= WIDTH)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`${indent}${lines.length > 0 && indent !== "" ? "  " : ""}${word}`);
  }
  return lines;
}

function rolloutLines(planned: PlannedRollout, assumptions: Assumptions, colors: Colors): string[] {
  const { rollout, variants } = planned;
  return variants.flatMap((each, index) => [
    ...(index === 0 ? [] : [""]),
    ...headingLines(rollout.name, each, colors),
    ...tableLines(each, planned, colors),
    ...reachedWords(each).flatMap((text) => wrapped(text, "  ")),
    ...adviceWords(each, assumptions).flatMap((text) =>
      wrapped(text, "  ").map((line) => colors.yellow(line)),
    ),
    ...(index < variants.length - 1
      ? []
      : guardWords(planned, assumptions).flatMap((text) => wrapped(text, "  "))),
  ]);
}

function headingLines(rollout: string, planned: PlannedVariant, colors: Colors): string[] {
  const title = `${rollout}: ${planned.variant.name}`;
  const [first = "", ...rest] = wrapped(`${title}, ${rampWords(planned)}`);
  return [first.startsWith(title) ? colors.bold(title) + first.slice(title.length) : first, ...rest];
}

function rampWords({ variant }: PlannedVariant): string {
  const { by, every, isPaused, isStopped, after } = variant;
  if (by === null) return "no ramp";
  const paused = isPaused ? ", paused" : "";
  if (by === "clock") return `ramp by the clock, a step each ${duration(every)}${paused}`;
  const stopped = isStopped ? "; stopped at 0% now: a percent and a raised epoch begin it again" : "";
  const copies = Math.ceil(cleanTrials(DEFAULT_SHADOW_LIMITS.maxMismatch, -Math.log(FALSE_SHADOW_PASSES)));
  const begins =
    after === null
      ? ""
      : `; it begins once shadow ${visible(after)} passes, after about ${grouped(Number(copies.toPrecision(2)))} copies if none has a mismatch`;
  return `ramp by evidence, at least ${duration(every)} on a step${paused}${stopped}${begins}`;
}

function tableLines(
  { variant, steps }: PlannedVariant,
  { rollout }: PlannedRollout,
  colors: Colors,
): string[] {
  const heads = [
    "step",
    ...(variant.by === null ? [] : [variant.by === "clock" ? "at (UTC)" : "from"]),
    "fault found in",
    "users hit",
    ...(rollout.guard === null ? [] : ["guard acts in"]),
    "passes in",
    ...(rollout.goals.length === 0 ? [] : ["goal drop in"]),
    ...(variant.goals.length === 0 ? [] : ["goals in"]),
    "limit",
  ];
  const table = plainTable(1, heads.length, 2);
  table.push([`  ${colors.dim(heads[0] ?? "")}`, ...heads.slice(1).map((head) => colors.dim(head))]);
  for (const step of steps) {
    const { evidence } = step;
    table.push([
      `  ${number(step.percent)}%`,
      ...(variant.by === null ? [] : [fromCell(step)]),
      evidence === null ? NOTHING : time(evidence.found.seconds),
      evidence === null ? NOTHING : users(evidence.found.errors),
      ...(rollout.guard === null ? [] : [guardCell(step)]),
      evidence === null ? NOTHING : evidence.limitShown === null ? time(evidence.passes.seconds) : "never",
      ...(rollout.goals.length === 0 ? [] : [goalCell(step, "found")]),
      ...(variant.goals.length === 0 ? [] : [goalCell(step, "passes")]),
      evidence === null ? NOTHING : multiple(step.limit),
    ]);
  }
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd());
}

function goalCell({ evidence }: PlannedStep, of: "found" | "passes"): string {
  return evidence === null || evidence.goal === null ? NOTHING : time(evidence.goal[of].seconds);
}

function fromCell({ at, from }: PlannedStep): string {
  if (at !== null) return new Date(at).toISOString().slice(0, 16).replace("T", " ");
  return from === 0 ? "0" : time(from);
}

/** `4 to 8 s`: on a fault from the start, and on one that comes after an hour without faults. */
function guardCell({ evidence }: PlannedStep): string {
  const guard = evidence?.guard ?? null;
  if (guard === null) return "off";
  const [soon, later] = [time(guard.seconds), time(guard.later)];
  const [, unit = ""] = soon.split(" ");
  return soon === later
    ? soon
    : later.endsWith(` ${unit}`)
      ? `${soon.split(" ")[0]} to ${later}`
      : `${soon} to ${later}`;
}

function reachedWords({ variant, steps, reachedAfter, byEvidence }: PlannedVariant): string[] {
  const last = steps.at(-1);
  if (last === undefined) return [];
  const end = `${number(last.percent)}%`;
  const whole =
    last.evidence === null
      ? [`At ${end} there is no control group left: nothing is compared, and a guard is off.`]
      : [];
  if (variant.by !== "evidence" || steps.length < 2) return whole;
  if (reachedAfter === Infinity) {
    return [`${end} is not reached: a step before it cannot be shown to be within its limit.`, ...whole];
  }
  return [
    `${end} is reached after about ${time(reachedAfter)} if all is well: evidence alone takes ${time(byEvidence)}.`,
    ...whole,
  ];
}

/** One sentence for each kind, with all steps that it is about. */
function adviceWords({ variant, advice }: PlannedVariant, { rps }: Assumptions): string[] {
  const kinds = [...new Set(advice.map(({ kind }) => kind))];
  return kinds.map((kind) => {
    const all = advice.filter((each) => each.kind === kind);
    const steps = listed(
      all.map(
        ({ percent, seconds }) => `${number(percent)}%${seconds === Infinity ? "" : ` (${time(seconds)})`}`,
      ),
      "and",
    );
    return `${adviceText(kind, steps, all, rps)}${betterWords(all, variant.by !== null)}`;
  });
}

function adviceText(kind: Advice["kind"], steps: string, all: readonly Advice[], rps: number): string {
  switch (kind) {
    case "too-many-users": {
      const shown = all.flatMap(({ percent, limitShown }) =>
        limitShown === null || limitShown === Infinity
          ? []
          : [`${multiple(Math.ceil(limitShown * 100) / 100)} at ${number(percent)}%`],
      );
      const instead =
        shown.length === 0
          ? "No limit can be shown there."
          : `The smallest that can be: ${listed(shown, "and")}.`;
      return `At ${steps} the limit takes more users than one evidence period holds, so it is never shown. ${instead}`;
    }
    case "clock-is-faster":
      return `At ${steps} the clock takes the next step before there is enough evidence: raise every, or leave start out, so that serin advance takes the steps.`;
    case "slow-to-pass":
      return `At ${steps} it takes long to pass: ${count(rps, "request")}/s is little traffic for that.`;
    case "slow-to-find":
      return all.every(({ seconds }) => seconds === Infinity)
        ? `At ${steps} a fault of this size is not found within one evidence period.`
        : `At ${steps} it takes long to find a fault of this size.`;
    case "slow-goal":
      return (
        (all.every(({ seconds }) => seconds === Infinity)
          ? `At ${steps} a drop of a goal of this size is not found within one evidence period.`
          : `At ${steps} it takes long to find a drop of a goal of this size.`) + GOAL_WAYS
      );
    case "goal-holds":
      return (
        (all.every(({ seconds }) => seconds === Infinity)
          ? `At ${steps} the ramp's goals cannot be shown to be within the limit within one evidence period, so it never goes on.`
          : `At ${steps} the ramp waits long for its goals.`) + GOAL_WAYS
      );
  }
}

const GOAL_WAYS =
  " Quicker: a larger share, or a goal that more users reach, such as an earlier step of the same journey " +
  "(the cart in place of the order).";

/** Larger shares and, outside of ramps, larger limits that are quicker than the slowest of these steps. */
function betterWords(all: readonly Advice[], isRamp: boolean): string {
  const [first] = all;
  if (first === undefined) return "";
  const slowest = Math.max(...all.map(({ seconds }) => seconds));
  const taken = new Set(all.map(({ percent }) => percent));
  const shares = first.largerShares
    .filter(([share, seconds]) => seconds < slowest && !taken.has(share))
    .slice(0, 2)
    .map(([share, seconds]) => `a ${isRamp ? "step" : "share"} of ${number(share)}% (${time(seconds)})`);
  const limits = isRamp
    ? []
    : first.largerLimits
        .slice(0, 2)
        .map(([limit, seconds]) => `serin report --max-ratio ${number(limit)} (${time(seconds)})`);
  const ways = [...shares, ...limits];
  return ways.length === 0 ? "" : ` Quicker: ${listed(ways, "or")}.`;
}

function listed(parts: readonly string[], word: "and" | "or"): string {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} ${word} ${parts.at(-1) ?? ""}`;
}

function guardWords({ rollout, variants, falseAlarms }: PlannedRollout, { envoys }: Assumptions): string[] {
  if (falseAlarms === null || rollout.guard === null) return [];
  const { falseAlarm } = rollout.guard;
  const of = `falseAlarm ${number(falseAlarm)}, ${count(variants.length, "variant")}, ${count(envoys, "Envoy")}`;
  const year = falseAlarms.year === 0 ? "" : `, and then at most ${times(falseAlarms.year)} a year`;
  const release =
    falseAlarms.release > 1
      ? `at most ${times(falseAlarms.release)} in such a release`
      : `in at most ${percentOf(falseAlarms.release)} of such releases`;
  const less =
    envoys > 1
      ? ` With falseAlarm: ${number(falseAlarm / envoys)} it would be as seldom as for one Envoy.`
      : "";
  return [`The guard acts on a healthy variant ${release}${year} (${of}).${less}`];
}

/** `3 times`, `0.38 times`: a count to two digits. */
function times(value: number): string {
  const shown = Number(value.toPrecision(2));
  return `${number(shown)} ${shown === 1 ? "time" : "times"}`;
}

/** To two digits: a forecast is no more exact. */
function time(seconds: number): string {
  if (seconds === Infinity) return "never";
  const years = seconds / (365 * 86_400);
  return years >= 2 ? `${grouped(years)} years` : duration(inUnit(seconds));
}

/** Rounded to two digits of the unit that it is shown in. */
function inUnit(seconds: number): number {
  const unit = seconds < 90 ? 1 : seconds < 5400 ? 60 : seconds < 2 * 86_400 ? 3600 : 86_400;
  return Number((seconds / unit).toPrecision(2)) * unit;
}

function users(value: number): string {
  return value === Infinity ? NOTHING : grouped(value >= 100 ? Number(value.toPrecision(2)) : value);
}

/** `1 request`, `0.5 requests`, `1,200 requests` */
function count(value: number, noun: string): string {
  return `${number(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** At most three digits that are not 0: `0.5`, `1.25`, `200`. */
function number(value: number): string {
  return value >= 1000 ? grouped(value) : String(Number(value.toPrecision(3)));
}

export function planAsJson({ assumptions, rollouts, leftOut }: Plan): Printable {
  return {
    assumptions: { ...assumptions },
    rollouts: new Map(
      rollouts.map(({ rollout, variants, falseAlarms }) => [
        rollout.name,
        {
          variants: new Map(variants.map((each) => [each.variant.name, variantJson(each)])),
          falseAlarms: falseAlarms === null ? null : { ...falseAlarms },
        },
      ]),
    ),
    leftOut,
  };
}

function variantJson({ variant, steps, reachedAfter, byEvidence, advice }: PlannedVariant): Printable {
  return {
    ramp: variant.by,
    every: variant.by === null ? null : variant.every,
    paused: variant.isPaused,
    stopped: variant.isStopped,
    steps: steps.map(({ percent, limit, from, lasts, at, evidence }) => ({
      percent,
      from,
      lasts,
      at: at === null ? null : new Date(at).toISOString(),
      limit,
      found: evidence === null ? null : { ...evidence.found },
      guard: evidence?.guard === null || evidence === null ? null : { ...evidence.guard },
      passes: evidence === null ? null : { ...evidence.passes, limitShown: evidence.limitShown },
      goal:
        evidence === null || evidence.goal === null
          ? null
          : { found: { ...evidence.goal.found }, passes: { ...evidence.goal.passes } },
      periodHolds: evidence === null ? null : evidence.periodHolds,
    })),
    reachedAfter,
    byEvidence,
    advice: advice.map(({ percent, kind, seconds, limitShown, largerShares, largerLimits }) => ({
      ...{ percent, kind, seconds, limitShown },
      shares: largerShares.map(([share, each]) => ({ percent: share, seconds: each })),
      limits: largerLimits.map(([limit, each]) => ({ limit, seconds: each })),
    })),
  };
}
