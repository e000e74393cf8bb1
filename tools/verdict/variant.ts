// The verdict on one variant, against the control group.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import { requestsOf, type RolloutTerms, type VariantCounts } from "../metrics/snapshot.ts";
import type { UserSide } from "../metrics/users.ts";
import { duration, grouped, milliseconds } from "../terminal/numbers.ts";
import { decide, type Decided, type MeasureDecision } from "./decide.ts";
import { worstOf, type Decision } from "./decision.ts";
import { describe, thresholdFor, type Description } from "./describe.ts";
import { READERS, slowReader, type Evidence } from "./evidence.ts";
import { goalMeasures, goalWords, type GoalMeasure } from "./goals.ts";
import type { Limits } from "./limits.ts";
import { directionOf, measureOf, type Measure } from "./measure.ts";
import { measureWords } from "./words.ts";

/** Requests in flight, over the shares: many more than the baseline's are answers that do not come. */
export interface Unfinished {
  readonly decision: Decision;
  readonly variant: number;
  readonly baseline: number;
  /** Per share, how many times as many; null where nothing is in flight. */
  readonly ratio: number | null;
}

/** Requests that Envoy sent to an upstream more than once, of a rollout that counts them: described, not judged. */
export interface Retries {
  readonly retried: number;
  readonly requests: number;
}

export interface LatencyMeasures {
  readonly decision: Decision;
  readonly logEvidence: number;
  /** By threshold, in milliseconds. */
  readonly thresholds: ReadonlyMap<number, Measure>;
  readonly description: Description;
}

export interface VariantVerdict {
  readonly decision: Decision;
  /** Sentences, what decided first. */
  readonly reasons: readonly string[];
  readonly requests: number;
  /** Users that were counted, and of the baseline. */
  readonly users: { readonly variant: number; readonly baseline: number };
  /** More users of this variant that it takes to decide; null when it is decided or still warms up, Infinity when no number would do. */
  readonly usersNeeded: number | null;
  readonly errors: Measure;
  readonly clientErrors: Measure;
  readonly redirects: Measure;
  readonly ok: Measure;
  readonly latency: LatencyMeasures;
  readonly unfinished: Unfinished;
  /** Null where they are not counted. */
  readonly retries: { readonly variant: Retries; readonly baseline: Retries | null } | null;
  /** By name: significantly fewer is a fail, anything else keeps nothing from passing. */
  readonly goals: ReadonlyMap<string, GoalMeasure>;
}

/** What there is to judge one variant by. */
export interface VariantInput {
  readonly name: string;
  readonly evidence: readonly Evidence[];
  /** Milliseconds, rising: what the indices of slow answers mean. */
  readonly thresholds: readonly number[];
  /** Names: what the indices of goals mean. */
  readonly goals: readonly string[];
  /** The variant and the control group on each Envoy. */
  readonly sides: { readonly variant: readonly UserSide[]; readonly baseline: readonly UserSide[] };
  /** Variants that are judged: the false alarms of goals are divided among them. */
  readonly variants: number;
  readonly terms: RolloutTerms;
  readonly counts: VariantCounts;
  readonly baseline: VariantCounts;
  readonly share: number;
  readonly baselineShare: number;
  /** Since the period began. */
  readonly seconds: number | null;
}

/** Requests in flight are told from so many on, and from so many times the baseline's. */
const LEAST_UNFINISHED = 20;
const MOST_UNFINISHED = 3;

/** `alpha`: the chance, for all looks and periods together, that a variant like the baseline fails. */
export function judgeVariant(input: VariantInput, limits: Limits, alpha: number): VariantVerdict {
  const { evidence } = input;
  const decided = decide(evidence, limits, alpha);
  const errors = measureOf(evidence, READERS.errors, decided.errors, limits, "errors");
  const clientErrors = measureOf(
    evidence,
    READERS.clientErrors,
    decided.clientErrors,
    limits,
    "clientErrors",
  );
  const ok = directionOf(evidence, READERS.ok, decided.ok, "fail");
  const redirects = directionOf(evidence, READERS.redirects, decided.redirects, "inconclusive");
  const latency = latencyOf(input, decided, limits);
  const unfinished = unfinishedOf(input);
  const goals = goalMeasures(evidence, input.goals, limits, input.variants, input.sides);
  const decision = worstOf([
    decided.decision,
    ...[errors, clientErrors, ok, redirects, latency, unfinished, ...goals.values()].map(
      (each) => each.decision,
    ),
  ]);
  const all = { errors, clientErrors, ok, redirects, latency, unfinished, goals };
  const usersNeeded = decision === "inconclusive" ? neededOf(all) : null;
  const users = { variant: errors.variant.users, baseline: errors.baseline.users };
  return {
    decision,
    reasons: reasonsOf(input, all, users, usersNeeded, limits),
    requests: requestsOf(input.counts),
    users,
    usersNeeded,
    retries: retriesIn(input),
    ...all,
  };
}

function retriesIn({ counts, baseline }: VariantInput): VariantVerdict["retries"] {
  const variant = retriesOf(counts);
  return variant === null ? null : { variant, baseline: retriesOf(baseline) };
}

function retriesOf(counts: VariantCounts): Retries | null {
  const retried = counts.counters.get(statNames.RQ_RETRIED);
  return retried === undefined ? null : { retried, requests: requestsOf(counts) };
}

type Measures = Pick<
  VariantVerdict,
  "errors" | "clientErrors" | "ok" | "redirects" | "latency" | "unfinished" | "goals"
>;

function latencyOf(input: VariantInput, { latency }: Decided, limits: Limits): LatencyMeasures {
  const { evidence, thresholds, counts, baseline } = input;
  // A threshold alone is never significant: the mean over all of them is.
  const alone = (each: MeasureDecision): MeasureDecision => ({ ...each, isSignificant: false });
  const measures = new Map(
    thresholds.map((threshold, index) => {
      const decided = latency.thresholds[index] as MeasureDecision;
      return [threshold, measureOf(evidence, slowReader(index), alone(decided), limits, "slow")];
    }),
  );
  const isPass = latency.isWithin && latency.isJudged;
  return {
    decision: latency.isSignificant ? "fail" : isPass ? "pass" : "inconclusive",
    logEvidence: latency.logEvidence,
    thresholds: measures,
    description: describe(counts.latency, baseline.latency),
  };
}

function unfinishedOf({ counts, baseline, share, baselineShare }: VariantInput): Unfinished {
  const [own, other] = [counts, baseline].map(({ gauges }) => gauges.get(statNames.RQ_ACTIVE) ?? 0) as [
    number,
    number,
  ];
  const expected = share > 0 && baselineShare > 0 ? (other / baselineShare) * share : 0;
  const isMany = own >= LEAST_UNFINISHED && own > MOST_UNFINISHED * expected;
  return {
    decision: isMany ? "inconclusive" : "pass",
    variant: own,
    baseline: other,
    ratio: own === 0 && other === 0 ? null : expected > 0 ? own / expected : Infinity,
  };
}

function neededOf({ errors, clientErrors, latency, redirects, unfinished }: Measures): number | null {
  if (redirects.decision !== "pass" || unfinished.decision !== "pass") return Infinity;
  if (isWarmingUp(latency.thresholds)) return null;
  const open = [errors, clientErrors, ...latency.thresholds.values()];
  const isJudged = [...latency.thresholds.values()].some(({ isCommon, met }) => !isCommon && met !== null);
  return isJudged ? Math.max(0, ...open.map(({ usersNeeded }) => usersNeeded ?? 0)) : Infinity;
}

/** Whether there are users, of whom none has been timed yet. */
function isWarmingUp(thresholds: LatencyMeasures["thresholds"]): boolean {
  const all = [...thresholds.values()];
  return all.length > 0 && all.every(({ met, baseline }) => met === null && baseline.users > 0);
}

/** What decided comes first: what is significant, what is open, what is within the limit. */
function reasonsOf(
  input: VariantInput,
  all: Measures,
  users: VariantVerdict["users"],
  needed: number | null,
  limits: Limits,
): string[] {
  if (users.variant === 0) return [`no user of ${input.name} has been counted in this evidence period yet`];
  const { errors, clientErrors, ok, redirects, latency, unfinished, goals } = all;
  const sentences: { readonly decision: Decision; readonly text: string }[] = [
    { ...errors, text: measureWords("errors", errors, "more users with errors", limits.negligible) },
    { ...clientErrors, text: measureWords("4xx", clientErrors, "more users with 4xx", limits.negligible) },
    ...latencySentences(latency, limits, input),
    ...[...goals].map(([name, goal]) => ({ decision: goal.decision, text: goalWords(name, goal) })),
  ];
  if (ok.isSignificant) {
    sentences.push({
      decision: "fail",
      text: measureWords("2xx or 3xx", ok, "fewer users with a good answer", 0),
    });
  }
  if (redirects.isSignificant) {
    const text = measureWords("3xx", redirects, "different: more or fewer users are redirected", 0);
    sentences.push({ ...redirects, text });
  }
  if (unfinished.decision !== "pass") sentences.push({ ...unfinished, text: unfinishedWords(unfinished) });
  const rank: Record<Decision, number> = { fail: 0, inconclusive: 1, pass: 2 };
  const texts = sentences.sort((a, b) => rank[a.decision] - rank[b.decision]).map(({ text }) => text);
  return needed === null ? texts : [...texts, ...needWords(input, users.variant, needed)];
}

/** Of the thresholds what decided: those that lean to slower, or are open; all where all is within the limit. */
function latencySentences(
  { decision, thresholds, description }: LatencyMeasures,
  limits: Limits,
  input: VariantInput,
): { readonly decision: Decision; readonly text: string }[] {
  const words = (threshold: number, measure: Measure): string =>
    measureWords(`slower than ${milliseconds(threshold)}`, measure, "", limits.negligibleSlow);
  if (thresholds.size === 0) return [{ decision: "inconclusive", text: "latency: no threshold is counted" }];
  if (decision === "fail") {
    const [[threshold, measure] = [0, undefined]] = [...thresholds].sort(
      ([, a], [, b]) => b.logEvidence - a.logEvidence,
    );
    if (measure === undefined) return [];
    const significant = { ...measure, isSignificant: true };
    const text = measureWords(
      `slower than ${milliseconds(threshold)}`,
      significant,
      "more slow answers",
      limits.negligibleSlow,
    );
    return [{ decision, text }];
  }
  if (isWarmingUp(thresholds)) {
    return [{ decision: "inconclusive", text: "latency: counted once the warm-up is over" }];
  }
  const met = [...thresholds].filter(([, each]) => isMet(each));
  // Whoever is slower than one threshold is slower than those below it: of those that nobody met, the lowest says all.
  const open = [...thresholds].filter(
    ([, each], index, all) =>
      each.decision !== "pass" && (isMet(each) || all.slice(0, index).every(([, lower]) => isMet(lower))),
  );
  const judged = met.filter(([, { isCommon }]) => !isCommon);
  // Of those that too many meet anyway, the one that fewest do says most.
  const within = judged.length > 0 ? judged : met.slice(-1);
  const shown = decision === "pass" ? within : open;
  const sentences = shown.map(([threshold, measure]) => ({
    decision: measure.decision,
    text: words(threshold, measure),
  }));
  const isJudged = [...thresholds.values()].some(({ isCommon }) => !isCommon);
  if (!isJudged && description !== null) {
    const better = thresholdFor(input.baseline.latency, 0.05);
    const advice = better === null ? "" : `; slow: [${better}ms] would do`;
    sentences.push({
      decision: "inconclusive",
      text: `latency: more than 20% of the baseline's users are slow at every threshold${advice}`,
    });
  }
  if (sentences.length === 0) {
    sentences.push({ decision, text: "latency: no user met a slow answer, within the limit" });
  }
  return sentences;
}

function isMet({ variant, baseline }: Measure): boolean {
  return variant.met + baseline.met > 0;
}

function unfinishedWords({ variant, baseline, ratio }: Unfinished): string {
  const times = ratio === null || ratio === Infinity ? "" : `, ${grouped(ratio)} times as many per share`;
  return `in flight: ${grouped(variant)} vs ${grouped(baseline)}${times}: requests may hang`;
}

function needWords({ name, seconds, evidence }: VariantInput, users: number, needed: number): string[] {
  if (needed === 0) return [];
  if (evidence.length === 0) return [];
  if (needed === Infinity) return ["more of the same traffic would not decide it"];
  const rate = seconds === null || seconds <= 0 ? null : users / seconds;
  const wait = rate === null || rate === 0 ? "" : ` (~${duration(needed / rate)})`;
  return [`at the current rate about ${grouped(roughly(needed))} more ${name} users are needed${wait}`];
}

/** To two digits: a forecast is no more exact. */
function roughly(count: number): number {
  return Math.max(1, Number(count.toPrecision(2)));
}
