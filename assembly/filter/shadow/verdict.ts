// What a copy has shown, once all its answers are there: one verdict, counted, and some of the mismatches written down.

import { gathered } from "../../bytes/chain";
import { hashOf } from "../../bytes/hash64";
import * as json from "../../bytes/json-writer";
import { lengthOf, NONE, Slice } from "../../bytes/slice";
import { beginText, textOf, Writer } from "../../bytes/writer";
import { fixed } from "../../bytes/records";
import {
  compareJson,
  JSON_DIFFERENT,
  JSON_NOISE,
  JSON_SAME,
  JSON_UNKNOWN,
  putDifference,
} from "../../core/json-difference";
import { JsonValue, readJson } from "../../core/json-tree";
import { BODY_IGNORED, BODY_JSON } from "../../core/shadow-plan";
import { MILLISECOND } from "../../host/clock";
import { INFO, log } from "../../host/log";
import { addToMetric, recordMetric } from "../../host/metrics";
import { STAT_MISMATCH_BODY, STAT_MISMATCH_STATUS } from "../../vocabulary/stats";
import { takeSample } from "./budget";
import { Answer, ANSWER_CUT, ANSWER_LATE, ANSWER_PENDING, ANSWER_WHOLE, Copy } from "../records";
import { closeCopy } from "./copies";

const line: Writer = fixed<Writer>();

/** Gives the copy its verdict when nothing is awaited any more, and forgets it. */
export function settle(copy: Copy, now: u64): void {
  if (copy.ours.outcome == ANSWER_PENDING || copy.theirs.outcome == ANSWER_PENDING) return;
  if (copy.other.outcome == ANSWER_PENDING) return;
  judge(copy, now);
  closeCopy(copy);
}

function judge(copy: Copy, now: u64): void {
  const state = copy.state;
  const theirs = copy.theirs;
  const ours = copy.ours;
  const isLate = theirs.outcome == ANSWER_LATE;
  if (theirs.outcome == ANSWER_CUT || (ours.outcome == ANSWER_CUT && !isLate)) {
    addToMetric(state.reset, 1);
    return;
  }
  // Both or none: the two histograms are of the same requests.
  if (ours.outcome == ANSWER_WHOLE) {
    recordMetric(state.time, passed(copy.sentNs, theirs.endedNs));
    recordMetric(state.productionTime, passed(copy.sentNs, ours.endedNs));
  }
  if (isLate) {
    addToMetric(state.timeout, 1);
    return;
  }
  const shadow = copy.shadow;
  const hasOther = copy.other.outcome == ANSWER_WHOLE;
  if (shadow.comparesStatus && theirs.status != ours.status) {
    if (hasOther && copy.other.status != ours.status) {
      addToMetric(state.noise, 1);
      return;
    }
    addToMetric(state.mismatchStatus, 1);
    if (takeSample(state, shadow, now)) write(copy, STAT_MISMATCH_STATUS, false);
    return;
  }
  const difference = shadow.body == BODY_IGNORED ? JSON_SAME : compareBodies(copy, hasOther);
  if (difference == JSON_SAME) {
    addToMetric(state.match, 1);
  } else if (difference == JSON_NOISE) {
    addToMetric(state.noise, 1);
  } else {
    addToMetric(state.mismatchBody, 1);
    if (takeSample(state, shadow, now)) write(copy, STAT_MISMATCH_BODY, difference == JSON_DIFFERENT);
  }
}

function passed(from: u64, to: u64): u64 {
  return to > from ? (to - from) / MILLISECOND : 0;
}

function sameBody(a: Answer, b: Answer): bool {
  return a.bytes == b.bytes && hashOf(a.hash) == hashOf(b.hash);
}

/**
 * JSON_SAME or JSON_NOISE, also where bytes are compared. Of others JSON_DIFFERENT when the place of the difference is
 * known (core/json-difference.ts), JSON_UNKNOWN when it is not.
 */
function compareBodies(copy: Copy, hasOther: bool): u32 {
  if (sameBody(copy.ours, copy.theirs)) return JSON_SAME;
  if (copy.shadow.body == BODY_JSON) {
    const difference = compareAsJson(copy, hasOther);
    if (difference != JSON_UNKNOWN) return difference;
  }
  return hasOther && !sameBody(copy.ours, copy.other) ? JSON_NOISE : JSON_UNKNOWN;
}

function compareAsJson(copy: Copy, hasOther: bool): u32 {
  const ours = treeOf(copy.ours);
  if (!ours) return JSON_UNKNOWN;
  const theirs = treeOf(copy.theirs);
  if (!theirs) return JSON_UNKNOWN;
  const other = hasOther ? treeOf(copy.other) : null;
  return compareJson(ours, theirs, other, changetype<usize>(copy.shadow.ignored), copy.shadow.ignoredCount);
}

function treeOf(answer: Answer): JsonValue | null {
  if (!answer.isKept) return null;
  const text: Slice = gathered(answer.body);
  return text == NONE || lengthOf(text) == 0 ? null : readJson(text);
}

/** One line about a mismatch: where, never what. @param hasPointer whether core/json-difference.ts knows the place */
function write(copy: Copy, verdict: string, hasPointer: bool): void {
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
  log(INFO, textOf(line));
}
