// The verdict on a shadow: whether what it answers is what production answers.

import type { ShadowCounts, Snapshot } from "../metrics/snapshot.ts";
import {
  logShareAbove,
  logShareBelow,
  shareBounds,
  shareOfTrials,
  trialsUntil,
  type Bounds,
  type Trials,
} from "../statistics/share-of-trials.ts";
import { grouped, percent } from "../terminal/numbers.ts";
import { decideShare, type JudgedTrials, type ShareDecision } from "./decide-shadow.ts";
import type { Decision } from "./decision.ts";
import { FALSE_SHADOW_FAILS, FALSE_SHADOW_PASSES, type ShadowLimits } from "./limits.ts";
import { noShadowEvidenceReason } from "./no-evidence.ts";
import { copyCounts, copyTrials, unaskedMismatches, type CopyCounts } from "./shadow-counts.ts";
import { isByUsers, userTrials, usersOfAll } from "./shadow-users.ts";
import { newestPeriod, type NewestPeriod } from "./newest-period.ts";

/** A part of copies or users, held against a limit. */
export interface ShareMeasure extends ShareDecision {
  readonly count: number;
  readonly of: number;
  /** Of them, how many the `noise` instance has in return, which are taken off; null without one. */
  readonly noiseOnly: number | null;
  /** Less noise: below 0 where that has more. Null where there are none. */
  readonly share: number | null;
  /** At all looks together: `lower` at 99%, `upper` at 95%, the levels of the two tests. Null for users of several Envoys. */
  readonly bounds: Bounds | null;
  readonly limit: number;
}

export interface ShadowVerdict {
  /** Null for a shadow that is left out of the verdict. */
  readonly decision: Decision | null;
  /** Sentences, what decided first; at least one. */
  readonly reasons: readonly string[];
  /** What is judged: users where the shadow samples them (`sample: identity`), else copies. */
  readonly by: "users" | "copies";
  /** Of users: the newest evidence period of any Envoy; null where there is none. */
  readonly period: NewestPeriod | null;
  readonly copies: CopyCounts;
  readonly mismatch: ShareMeasure;
  readonly unanswered: ShareMeasure;
  readonly incomparable: ShareMeasure;
  /** More users, or copies, until it is decided, if they are like those so far; null when it is, or where that is not what is missing; Infinity when no number would do. */
  readonly needed: number | null;
  /** Differences by their place, most frequent first. */
  readonly places: readonly { readonly pointer: string; readonly count: number }[];
}

export function judgeShadows({ shadows }: Snapshot, limits: ShadowLimits): Map<string, ShadowVerdict> {
  return new Map([...shadows].map(([name, shadow]) => [name, judgeShadow(shadow, limits)]));
}

export function judgeShadow(shadow: ShadowCounts, limits: ShadowLimits): ShadowVerdict {
  const copies = copyCounts(shadow);
  const by: ShadowVerdict["by"] = isByUsers(shadow) ? "users" : "copies";
  const trials = by === "users" ? ofUsers(shadow) : ofCopies(shadow, copies);
  const mismatch = measureOf(trials, limits.maxMismatch);
  const unanswered = part(copies.timeout + copies.reset, copies.settled, limits.maxUnanswered);
  const answered = copies.compared + copies.incomparable;
  const incomparable = part(copies.incomparable, answered, limits.maxIncomparable);
  const common = {
    ...{ by, copies, mismatch, unanswered, incomparable, period: newestPeriod(shadow.users) },
    places: [...shadow.places]
      .filter(([, count]) => count > 0)
      .map(([pointer, count]) => ({ pointer, count }))
      .sort((a, b) => b.count - a.count || (a.pointer < b.pointer ? -1 : 1)),
  };
  const leftOut = nothingToJudge(shadow, copies);
  if (leftOut !== null) return { ...common, decision: null, reasons: [leftOut], needed: null };
  const words = {
    mismatch: mismatchWords(mismatch, by, copies),
    unanswered: partWords(
      "not answered",
      unanswered,
      `${grouped(copies.timeout)} timeout, ${grouped(copies.reset)} reset`,
    ),
    incomparable: partWords("incomparable", incomparable),
  };
  if (mismatch.decision === "fail") {
    return {
      ...common,
      decision: "fail",
      reasons: [words.mismatch, words.unanswered, words.incomparable],
      needed: null,
    };
  }
  const missing =
    by === "users" && !shadow.users.some(({ period }) => period > 0) ? missingUsers(shadow) : null;
  const parts = [
    { words: words.unanswered, isShown: unanswered.decision === "pass" },
    { words: words.incomparable, isShown: incomparable.decision === "pass" },
  ];
  const open = parts.filter(({ isShown }) => !isShown).map((each) => each.words);
  const shown = parts.filter(({ isShown }) => isShown).map((each) => each.words);
  const isPass = mismatch.decision === "pass" && open.length === 0 && missing === null;
  const needed =
    isPass || missing !== null || mismatch.decision !== "inconclusive" ? null : neededOf(trials, mismatch);
  const forecast = needed === null ? [] : [neededWords(needed, by, mismatch)];
  return {
    ...common,
    decision: isPass ? "pass" : "inconclusive",
    // What keeps it from passing comes first.
    reasons:
      mismatch.decision === "pass"
        ? [...open, words.mismatch, ...shown]
        : [...(missing === null ? [] : [missing]), words.mismatch, ...forecast, ...open, ...shown],
    needed,
  };
}

/** Why a shadow is left out of the verdict; null for one to judge. */
function nothingToJudge({ users }: ShadowCounts, { sent, settled }: CopyCounts): string | null {
  if (sent === 0 && settled === 0) return "left out: no copy was sent";
  // What is compared has verdicts within its timeout; of a mirror that compares nothing there are none at all.
  return settled === 0 && users.length === 0 ? "left out: no copy was compared" : null;
}

/** What is held against a limit. */
interface Counted {
  /** As people read it: of all Envoys. */
  readonly all: Trials;
  readonly judged: readonly JudgedTrials[];
}

function ofCopies(shadow: ShadowCounts, copies: CopyCounts): Counted {
  const within = copyTrials(shadow, copies);
  const bad = copies.mismatches - unaskedMismatches(shadow, copies);
  return { all: within, judged: [{ within, beyond: { ...within, bad }, period: null }] };
}

function ofUsers(shadow: ShadowCounts): Counted {
  return { all: usersOfAll(shadow), judged: userTrials(shadow) };
}

function part(count: number, of: number, limit: number): ShareMeasure {
  const trials = { count: of, bad: count, offset: null };
  return measureOf({ all: trials, judged: [{ within: trials, beyond: trials, period: null }] }, limit);
}

function measureOf({ all, judged }: Counted, limit: number): ShareMeasure {
  const [only] = judged;
  const times = only === undefined || only.period === null ? 1 : only.period * (only.period + 1);
  return {
    ...decideShare(judged, limit),
    ...{ count: all.bad, of: all.count, noiseOnly: all.offset, share: shareOfTrials(all), limit },
    bounds:
      only === undefined || judged.length > 1
        ? null
        : shareBounds(all, FALSE_SHADOW_FAILS / times, FALSE_SHADOW_PASSES / times),
  };
}

/** More of what is judged until the share of mismatches is decided, one way or the other. */
function neededOf({ all, judged }: Counted, { share, limit }: ShareMeasure): number {
  // Each Envoy is judged by itself, and the mean of their e-values adds no evidence: the one that has most decides.
  const envoys = Math.max(1, judged.length);
  const period = Math.max(0, ...judged.map((one) => one.period ?? 0));
  const more = Math.log(period === 0 ? 1 : period * (period + 1)) + Math.log(envoys);
  const one: Trials = {
    count: all.count / envoys,
    bad: all.bad / envoys,
    offset: all.offset === null ? null : all.offset / envoys,
  };
  const until =
    (share ?? 0) > limit
      ? trialsUntil(one, (trials) => logShareAbove(trials, limit), -Math.log(FALSE_SHADOW_FAILS) + more)
      : trialsUntil(one, (trials) => logShareBelow(trials, limit), -Math.log(FALSE_SHADOW_PASSES) + more);
  return Math.max(0, until - one.count) * envoys;
}

function missingUsers({ users }: ShadowCounts): string {
  return `no evidence: ${noShadowEvidenceReason(users) ?? ""}`;
}

/** `mismatches 0.31% of copies (38 of 12,345: 30 status, 0 headers, 8 body), …` */
function mismatchWords(measure: ShareMeasure, by: ShadowVerdict["by"], copies: CopyCounts): string {
  const { status, headers, body } = copies;
  const noise =
    measure.noiseOnly === null
      ? ""
      : `, less ${grouped(measure.noiseOnly)} that only production's second instance has`;
  const kinds = `${grouped(status)} status, ${grouped(headers)} headers, ${grouped(body)} body`;
  const figures =
    by === "copies"
      ? `mismatches ${shareWords(measure)} of copies (${grouped(measure.count)} of ${grouped(measure.of)}: ${kinds}${noise})`
      : `mismatches for ${shareWords(measure)} of users (${grouped(measure.count)} of ${grouped(measure.of)}${noise}; ${grouped(copies.compared)} copies compared: ${kinds})`;
  return `${figures}${boundsWords(measure)}, limit ${percent(measure.limit)}: ${conclusion(measure)}`;
}

function shareWords({ share }: ShareMeasure): string {
  return percent(Math.max(0, share ?? 0));
}

function boundsWords({ bounds, of }: ShareMeasure): string {
  if (bounds === null || of === 0) return "";
  return `, true share at least ${percent(bounds.lower)} (99% confidence) and at most ${percent(bounds.upper)} (95% confidence)`;
}

function conclusion({ decision, of, share, limit }: ShareMeasure): string {
  if (decision === "fail") return "significantly above the limit";
  if (decision === "pass") return "within the limit";
  if (of === 0) return "nothing compared yet";
  return (share ?? 0) > limit
    ? "above the limit, but not significantly yet"
    : "not shown to be within the limit yet";
}

function neededWords(needed: number, by: ShadowVerdict["by"], { share, limit }: ShareMeasure): string {
  const isMore = (share ?? 0) > limit;
  const end = isMore ? "significantly above the limit" : "shown to be within the limit";
  if (needed === Infinity) {
    return isMore
      ? `at the current share, too close to the limit for any number of ${by} to decide it`
      : `at the current share, no number of ${by} will show it to be within the limit`;
  }
  return `at the current share, about ${grouped(Number(needed.toPrecision(2)))} more ${by} are needed until it is ${end}`;
}

function partWords(name: string, measure: ShareMeasure, kinds?: string): string {
  const figures = `${name} ${percent(measure.share ?? 0)} of copies (${grouped(measure.count)} of ${grouped(measure.of)}${kinds === undefined ? "" : `: ${kinds}`})`;
  const end =
    measure.decision === "fail"
      ? "significantly above the limit"
      : measure.decision === "pass"
        ? "within the limit"
        : measure.of === 0
          ? "nothing to judge yet"
          : "not shown to be within the limit yet";
  return `${figures}, limit ${percent(measure.limit)}: ${end}`;
}
