// What a copy has shown, once all its answers are there: one verdict, counted, and some of the mismatches written down.

import { gathered } from "../../bytes/chain";
import * as json from "../../bytes/json-writer";
import { lengthOf, NONE, Slice } from "../../bytes/slice";
import { beginText, textOf, Writer } from "../../bytes/writer";
import { fixed } from "../../bytes/records";
import { Word } from "../../bytes/word";
import { compareJsonBy, JsonComparison, putDifference } from "../../core/json-difference";
import { MetCopy } from "../../core/evidence";
import { JsonRules } from "../../core/json-rules";
import { JsonValue, readJson } from "../../core/json-tree";
import { BodyComparison, Shadow } from "../../core/shadow-plan";
import { nowNs } from "../../host/clock";
import { log, LogLevel } from "../../host/log";
import { addToMetric } from "../../host/metrics";
import * as statNames from "../../vocabulary/stats";
import { takeSample } from "./budget";
import { Answer, AnswerState, Copy, ShadowState } from "../records";
import { timeoutNs } from "./answers";
import { closeCopy } from "./copies";
import { decodeAll, decodeBodies, sameBody } from "./decoded";
import { finding, hasObstacle, isObstacle, note, Obstacle, putFinding } from "./incomparable";
import { countPlaces } from "./places";
import { countMet, leaveRemainder, recordTimes } from "./remainders";

const line: Writer = fixed<Writer>();
const rules: JsonRules = fixed<JsonRules>();

/**
 * Gives the copy its verdict as soon as it is known, and forgets it: its place is free then, though production's answer
 * may go on for hours.
 */
export function settle(copy: Copy): void {
  if (copy.theirs.outcome == AnswerState.Pending || copy.other.outcome == AnswerState.Pending) return;
  if (copy.ours.outcome != AnswerState.Pending) {
    judge(copy);
  } else if (copy.theirs.outcome != AnswerState.Whole || isDecided(copy)) {
    if (judge(copy)) leaveRemainder(copy, false, 0);
  } else if (!awaitsBody(copy)) {
    // Only whether production's answer is cut is not known.
    if (!leaveRemainder(copy, true, metBy(copy, Compared.Same))) return;
  } else {
    noteIdle(copy);
    return;
  }
  closeCopy(copy);
}

/** A copy waits for production alone: notes when its place may be given to another. */
function noteIdle(copy: Copy): void {
  const state = copy.state;
  const due = idleDueOf(copy);
  if (state.idleNs == 0 || due < state.idleNs) state.idleNs = due;
}

function idleDueOf(copy: Copy): u64 {
  return copy.sentNs + timeoutNs(copy);
}

/**
 * Gives places back that copies hold for production's answer alone, longer than they would wait for the shadow's: only
 * when all are taken. Nothing can be said of those answers.
 */
export function sweepIdle(state: ShadowState, now: u64): void {
  if (state.idleNs == 0 || now < state.idleNs) return;
  state.idleNs = 0;
  let at = state.first;
  while (at != null) {
    const copy = at;
    at = copy.next;
    if (copy.ours.outcome != AnswerState.Pending || copy.theirs.outcome != AnswerState.Whole) continue;
    if (copy.other.outcome == AnswerState.Pending) continue;
    if (now < idleDueOf(copy)) {
      noteIdle(copy);
      continue;
    }
    note(Obstacle.GoesOn, false);
    giveIncomparable(copy);
    leaveRemainder(copy, false, 0);
    closeCopy(copy);
  }
}

/** Whether what there is of production's answer, which goes on, differs for good. */
function isDecided(copy: Copy): bool {
  if (!copy.ours.isBegun) return false;
  if (differsInStatus(copy)) return true;
  if (comparesAny(copy.shadow) && isObstacle(copy.ours.status, copy.theirs.status)) return true;
  // A verdict is of the status first, and gRPC's comes last.
  if (copy.shadow.comparesStatus && copy.ours.isGrpc) return false;
  return compareHeaders(copy, copy.theirs, copy.other) == JsonComparison.Different || isLonger(copy);
}

/** Whether more of production's answer has to come before the two can be the same. */
function awaitsBody(copy: Copy): bool {
  if (!copy.ours.isBegun || copy.shadow.body != BodyComparison.Ignored) return true;
  if (copy.shadow.comparesStatus && copy.ours.isGrpc) return true;
  return compareHeaders(copy, copy.theirs, copy.other) != JsonComparison.Same;
}

/** Counts the verdict. @returns whether both answers' times belong into the histograms */
function judge(copy: Copy): bool {
  const state = copy.state;
  const theirs = copy.theirs;
  const ours = copy.ours;
  const isLate = theirs.outcome == AnswerState.Late;
  if (theirs.outcome == AnswerState.Cut || (ours.outcome == AnswerState.Cut && !isLate && !isDecided(copy))) {
    addToMetric(state.reset, 1);
    return false;
  }
  if (ours.outcome == AnswerState.Whole) recordTimes(state, copy.sentNs, theirs.endedNs, ours.endedNs);
  if (isLate) addToMetric(state.timeout, 1);
  else compare(copy);
  return true;
}

/** What two answers came to that may have been compared. */
const enum Compared {
  /** They were not, or noise is all that is known of them. */
  Nothing,
  Same,
  Mismatch,
}

/** Counts what a comparison of two answers comes to, for their user too. */
function compare(copy: Copy): void {
  const compared = compareAnswers(copy);
  if (compared != Compared.Nothing)
    countMet(copy.state, copy.evidence, copy.period, copy.user, metBy(copy, compared));
}

/** Counts the verdict of two answers: by the status first, then the headers, then the body. */
function compareAnswers(copy: Copy): Compared {
  const state = copy.state;
  if (comparesAny(copy.shadow) && hasObstacle(copy.ours.status, copy.theirs.status))
    return giveIncomparable(copy);
  if (differsInStatus(copy)) {
    if (hasOther(copy) && !sameStatus(copy, copy.other)) return giveWholeNoise(state);
    return giveMismatch(copy, state.mismatchStatus, statNames.MISMATCH_STATUS, Where.Status);
  }
  const headers = compareHeaders(copy, copy.theirs, copy.other);
  if (headers == JsonComparison.Different)
    return giveMismatch(copy, state.mismatchHeaders, statNames.MISMATCH_HEADERS, Where.Header);
  const readsBodies = copy.shadow.body != BodyComparison.Ignored;
  if (readsBodies && !decodeBodies(copy)) return giveIncomparable(copy);
  const body = readsBodies ? compareBodies(copy, copy.theirs, copy.other) : JsonComparison.Same;
  if (body == JsonComparison.Different || body == JsonComparison.Unknown) {
    const isKnown = body == JsonComparison.Different;
    countPlaces(copy.shadow.name, state, isKnown);
    return giveMismatch(
      copy,
      state.mismatchBody,
      statNames.MISMATCH_BODY,
      isKnown ? Where.Pointer : Where.Body,
    );
  }
  // Bodies that are compared as bytes differ as a whole.
  if (body == JsonComparison.Noise && copy.shadow.body != BodyComparison.Json) return giveWholeNoise(state);
  const isMatch = body == JsonComparison.Same && headers == JsonComparison.Same;
  addToMetric(isMatch ? state.match : state.noise, 1);
  return Compared.Same;
}

function comparesAny(shadow: Shadow): bool {
  return shadow.comparesStatus || shadow.headerCount != 0 || shadow.body != BodyComparison.Ignored;
}

function giveIncomparable(copy: Copy): Compared {
  addToMetric(copy.state.incomparable, 1);
  write(copy, statNames.INCOMPARABLE, Where.Reason);
  return Compared.Nothing;
}

/** The second instance differs too, and noise hides whether the rest is the same. */
function giveWholeNoise(state: ShadowState): Compared {
  addToMetric(state.noise, 1);
  addToMetric(state.noiseWhole, 1);
  return Compared.Nothing;
}

function giveMismatch(copy: Copy, metric: u32, verdict: Word, where: Where): Compared {
  addToMetric(metric, 1);
  if (copy.shadow.noise != NONE && !hasOther(copy)) addToMetric(copy.state.noiseMissing, 1);
  write(copy, verdict, where);
  return Compared.Mismatch;
}

/** What the user of a copy that was compared has met: a bit for each MetCopy. */
function metBy(copy: Copy, compared: Compared): u32 {
  let met: u32 = 1 << MetCopy.USERS;
  if (compared == Compared.Mismatch) met |= 1 << MetCopy.MISMATCH;
  if (hasOther(copy) && differsAlone(copy)) met |= 1 << MetCopy.NOISE_ONLY;
  return met;
}

/**
 * Whether the second instance differs from production where the shadow does not: what is a mismatch with the two of them
 * exchanged. Of a shadow that is like the second instance, there are as many as mismatches (docs/decisions/statistics.md).
 */
function differsAlone(copy: Copy): bool {
  const shadows = copy.theirs;
  const second = copy.other;
  if (copy.shadow.comparesStatus && !sameStatus(copy, second)) return sameStatus(copy, shadows);
  if (compareHeaders(copy, second, shadows) == JsonComparison.Different) return true;
  // Production's body may not be all there.
  if (copy.shadow.body == BodyComparison.Ignored || copy.ours.outcome != AnswerState.Whole) return false;
  if (sameBody(copy.ours, second)) return false;
  if (!decodeAll(copy)) return false;
  const body = compareBodies(copy, second, shadows);
  return body == JsonComparison.Different || body == JsonComparison.Unknown;
}

/** Whether production's second instance has an answer to compare with. */
function hasOther(copy: Copy): bool {
  return canCompare(copy, copy.other);
}

/** Whether an answer can be compared with production's. */
function canCompare(copy: Copy, answer: Answer): bool {
  return answer.outcome == AnswerState.Whole && !isObstacle(copy.ours.status, answer.status);
}

function differsInStatus(copy: Copy): bool {
  return copy.shadow.comparesStatus && !sameStatus(copy, copy.theirs);
}

/** Whether production has the status of another answer. gRPC's comes last, so one that has not come yet says nothing. */
function sameStatus(copy: Copy, answer: Answer): bool {
  const ours = copy.ours;
  if (ours.status != answer.status) return false;
  return ours.outcome != AnswerState.Whole || ours.grpcStatus == answer.grpcStatus;
}

/** The first header that differs for real, by the last `compareHeaders`. */
let headerAt: u32 = 0;

/** JsonComparison.Same, .Noise where each difference of `theirs` is one that `other` shows too, or .Different. */
function compareHeaders(copy: Copy, theirs: Answer, other: Answer): JsonComparison {
  let found = JsonComparison.Same;
  const ours = copy.ours.headers;
  for (let i: u32 = 0; i < copy.shadow.headerCount; i++) {
    if (ours.at(i) == theirs.headers.at(i)) continue;
    if (!canCompare(copy, other) || ours.at(i) == other.headers.at(i)) {
      headerAt = i;
      return JsonComparison.Different;
    }
    found = JsonComparison.Noise;
  }
  return found;
}

/** Whether production's body, compared as bytes, is longer already than the copy's, and not only by noise. */
function isLonger(copy: Copy): bool {
  const ours = copy.ours;
  if (copy.shadow.body == BodyComparison.Ignored || ours.bytes <= copy.theirs.bytes) return false;
  if ((ours.codings | copy.theirs.codings | copy.other.codings) != 0) return false;
  if (copy.shadow.body == BodyComparison.Json && ours.isKept) return false;
  return !hasOther(copy) || copy.other.bytes < ours.bytes;
}

/**
 * JsonComparison.Same or JsonComparison.Noise, also where bytes are compared. Of others JsonComparison.Different when the place of the difference is
 * known (core/json-difference.ts), JsonComparison.Unknown when it is not.
 */
function compareBodies(copy: Copy, theirs: Answer, other: Answer): JsonComparison {
  if (sameBody(copy.ours, theirs)) return JsonComparison.Same;
  if (copy.shadow.body == BodyComparison.Json) {
    const difference = compareAsJson(copy, theirs, other);
    if (difference != JsonComparison.Unknown) return difference;
  }
  return canCompare(copy, other) && !sameBody(copy.ours, other)
    ? JsonComparison.Noise
    : JsonComparison.Unknown;
}

function compareAsJson(copy: Copy, theirs: Answer, other: Answer): JsonComparison {
  const oursTree = treeOf(copy.ours);
  if (!oursTree) return JsonComparison.Unknown;
  const theirsTree = treeOf(theirs);
  if (!theirsTree) return JsonComparison.Unknown;
  const otherTree = canCompare(copy, other) ? treeOf(other) : null;
  const shadow = copy.shadow;
  rules.ignored = shadow.ignored;
  rules.ignoredCount = shadow.ignoredCount;
  rules.unordered = shadow.unordered;
  rules.unorderedCount = shadow.unorderedCount;
  rules.tolerance = shadow.tolerance;
  return compareJsonBy(oursTree, theirsTree, otherTree, rules);
}

function treeOf(answer: Answer): JsonValue | null {
  const isDecoded = answer.text != NONE;
  if (answer.codings != 0 || (!isDecoded && !answer.isKept)) return null;
  const text: Slice = isDecoded ? answer.text : gathered(answer.body);
  return text == NONE || lengthOf(text) == 0 ? null : readJson(text);
}

/** What a line says of the place. */
const enum Where {
  Status,
  Header,
  Body,
  /** Why there is none: the answers cannot be compared. */
  Reason,
  /** That which core/json-difference.ts knows. */
  Pointer,
}

/** One line about a mismatch, if one may be written now: where, never what. */
function write(copy: Copy, verdict: Word, where: Where): void {
  if (!takeSample(copy.state, copy.shadow, nowNs(), where == Where.Reason)) return;
  beginText(line);
  json.beginObject(line);
  json.objectAt(line, "shadow");
  json.textAt(line, "name", copy.shadow.name);
  json.wordAt(line, "verdict", verdict);
  json.textAt(line, "request", copy.line);
  json.numberAt(line, "production", copy.ours.status);
  json.numberAt(line, "answer", copy.theirs.status);
  if (where == Where.Header) json.textAt(line, "header", copy.shadow.headers.at(headerAt));
  if (where == Where.Status && copy.ours.grpcStatus != copy.theirs.grpcStatus) {
    if (copy.ours.grpcStatus >= 0) json.numberAt(line, "productionGrpc", copy.ours.grpcStatus);
    if (copy.theirs.grpcStatus >= 0) json.numberAt(line, "answerGrpc", copy.theirs.grpcStatus);
  }
  if (where == Where.Pointer) {
    json.name(line, "pointer");
    json.beginString(line);
    putDifference(line);
    json.endString(line);
  }
  if (finding.obstacle != Obstacle.None && where != Where.Status && where != Where.Header) {
    json.name(line, "reason");
    json.beginString(line);
    putFinding(line);
    json.endString(line);
  }
  json.endObject(line);
  json.endObject(line);
  log(LogLevel.Info, textOf(line));
}
