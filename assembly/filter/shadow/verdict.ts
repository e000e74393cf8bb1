// What a copy has shown, once all its answers are there: one verdict, counted, and some of the mismatches written down.

import { gathered } from "../../bytes/chain";
import { hashOf } from "../../bytes/hash64";
import * as json from "../../bytes/json-writer";
import { lengthOf, NONE, Slice } from "../../bytes/slice";
import { beginText, textOf, Writer } from "../../bytes/writer";
import { fixed } from "../../bytes/records";
import { Word } from "../../bytes/word";
import { compareJson, JsonComparison, putDifference } from "../../core/json-difference";
import { JsonValue, readJson } from "../../core/json-tree";
import { BodyComparison } from "../../core/shadow-plan";
import { MILLISECOND } from "../../host/clock";
import { log, LogLevel } from "../../host/log";
import { addToMetric, recordMetric } from "../../host/metrics";
import * as statNames from "../../vocabulary/stats";
import { takeSample } from "./budget";
import { Answer, AnswerState, Copy } from "../records";
import { closeCopy } from "./copies";

const line: Writer = fixed<Writer>();

/** Gives the copy its verdict when nothing is awaited any more, and forgets it. */
export function settle(copy: Copy, now: u64): void {
  if (copy.ours.outcome == AnswerState.Pending || copy.theirs.outcome == AnswerState.Pending) return;
  if (copy.other.outcome == AnswerState.Pending) return;
  judge(copy, now);
  closeCopy(copy);
}

function judge(copy: Copy, now: u64): void {
  const state = copy.state;
  const theirs = copy.theirs;
  const ours = copy.ours;
  const isLate = theirs.outcome == AnswerState.Late;
  if (theirs.outcome == AnswerState.Cut || (ours.outcome == AnswerState.Cut && !isLate)) {
    addToMetric(state.reset, 1);
    return;
  }
  // Both or none: the two histograms are of the same requests.
  if (ours.outcome == AnswerState.Whole) {
    recordMetric(state.time, passed(copy.sentNs, theirs.endedNs));
    recordMetric(state.productionTime, passed(copy.sentNs, ours.endedNs));
  }
  if (isLate) {
    addToMetric(state.timeout, 1);
    return;
  }
  const shadow = copy.shadow;
  const hasOther = copy.other.outcome == AnswerState.Whole;
  if (shadow.comparesStatus && theirs.status != ours.status) {
    if (hasOther && copy.other.status != ours.status) {
      addToMetric(state.noise, 1);
      return;
    }
    addToMetric(state.mismatchStatus, 1);
    if (takeSample(state, shadow, now)) write(copy, statNames.MISMATCH_STATUS, false);
    return;
  }
  const difference =
    shadow.body == BodyComparison.Ignored ? JsonComparison.Same : compareBodies(copy, hasOther);
  if (difference == JsonComparison.Same) {
    addToMetric(state.match, 1);
  } else if (difference == JsonComparison.Noise) {
    addToMetric(state.noise, 1);
  } else {
    addToMetric(state.mismatchBody, 1);
    if (takeSample(state, shadow, now))
      write(copy, statNames.MISMATCH_BODY, difference == JsonComparison.Different);
  }
}

function passed(from: u64, to: u64): u64 {
  return to > from ? (to - from) / MILLISECOND : 0;
}

function sameBody(a: Answer, b: Answer): bool {
  return a.bytes == b.bytes && hashOf(a.hash) == hashOf(b.hash);
}

/**
 * JsonComparison.Same or JsonComparison.Noise, also where bytes are compared. Of others JsonComparison.Different when the place of the difference is
 * known (core/json-difference.ts), JsonComparison.Unknown when it is not.
 */
function compareBodies(copy: Copy, hasOther: bool): u32 {
  if (sameBody(copy.ours, copy.theirs)) return JsonComparison.Same;
  if (copy.shadow.body == BodyComparison.Json) {
    const difference = compareAsJson(copy, hasOther);
    if (difference != JsonComparison.Unknown) return difference;
  }
  return hasOther && !sameBody(copy.ours, copy.other) ? JsonComparison.Noise : JsonComparison.Unknown;
}

function compareAsJson(copy: Copy, hasOther: bool): u32 {
  const ours = treeOf(copy.ours);
  if (!ours) return JsonComparison.Unknown;
  const theirs = treeOf(copy.theirs);
  if (!theirs) return JsonComparison.Unknown;
  const other = hasOther ? treeOf(copy.other) : null;
  return compareJson(ours, theirs, other, changetype<usize>(copy.shadow.ignored), copy.shadow.ignoredCount);
}

function treeOf(answer: Answer): JsonValue | null {
  if (!answer.isKept) return null;
  const text: Slice = gathered(answer.body);
  return text == NONE || lengthOf(text) == 0 ? null : readJson(text);
}

/** One line about a mismatch: where, never what. @param hasPointer whether core/json-difference.ts knows the place */
function write(copy: Copy, verdict: Word, hasPointer: bool): void {
  beginText(line);
  json.beginObject(line);
  json.objectAt(line, "shadow");
  json.textAt(line, "name", copy.shadow.name);
  json.wordAt(line, "verdict", verdict);
  json.textAt(line, "request", copy.line);
  json.numberAt(line, "production", copy.ours.status);
  json.numberAt(line, "answer", copy.theirs.status);
  if (hasPointer) {
    json.name(line, "pointer");
    json.beginString(line);
    putDifference(line);
    json.endString(line);
  }
  json.endObject(line);
  json.endObject(line);
  log(LogLevel.Info, textOf(line));
}
