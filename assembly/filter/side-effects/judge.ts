// Calls that have waited long enough: those of one x-request-id are judged at once, each shadow's against production's.

import * as json from "../../bytes/json-writer";
import { fixed, placeOf } from "../../bytes/records";
import { markScratch, rewindScratch } from "../../bytes/scratch";
import { lengthOf, Slice } from "../../bytes/slice";
import { beginText, textOf, Writer } from "../../bytes/writer";
import { Word } from "../../bytes/word";
import { compareJson, JsonComparison, putDifference } from "../../core/json-difference";
import {
  endSharedSteps,
  isExhausted,
  JsonValue,
  readJson,
  sharedLeft,
  shareSteps,
} from "../../core/json-tree";
import { BodyComparison } from "../../core/shadow-plan";
import { log, LogLevel } from "../../host/log";
import { addToMetric } from "../../host/metrics";
import * as statNames from "../../vocabulary/stats";
import { EffectState, effectState, maySay } from "./state";
import { Kind, Waiting, Walk } from "./waiting";

const line: Writer = fixed<Writer>();
const groups: Walk = fixed<Walk>();
const shadows: Walk = fixed<Walk>();
const ofShadow: Walk = fixed<Walk>();
const ofProduction: Walk = fixed<Walk>();

/** Steps (core/json-tree.ts) that the calls of one id may take to compare: twice those of a pair of the longest bodies. */
const ID_STEPS: u32 = 1 << 17;
/** Of these what is kept for pairs in the order of time: beyond, equal calls are no longer looked for. */
const KEPT_STEPS: u32 = 80000;
/** Steps of a slot: no ids have room in one that take more, each all of its own. */
const SLOT_STEPS: u32 = 1 << 20;

/**
 * Judges the calls of a slot that are not judged yet.
 * @param slot the slot's value as it was, which only this worker has
 * @param fullNs when the slot last had no room for a call; 0 for never
 * @returns the steps that it took
 */
export function judge(slot: Slice, fullNs: u64, now: u64): u32 {
  let left = SLOT_STEPS;
  groups.begin(slot);
  while (groups.next()) {
    if (groups.at.isJudged) continue;
    const own = left < ID_STEPS ? left : ID_STEPS;
    shareSteps(own);
    judgeId(slot, groups.at, fullNs, now);
    left -= own - sharedLeft();
  }
  endSharedSteps();
  return SLOT_STEPS - left;
}

/** Judges all calls of the id of `first`, the first of them. */
function judgeId(slot: Slice, first: Waiting, fullNs: u64, now: u64): void {
  const id = first.id;
  // What found no room may have been its other half.
  const isSure = fullNs < first.atNs;
  shadows.begin(slot);
  while (shadows.next()) {
    const call = shadows.at;
    if (call.id == id && !call.isJudged && call.kind != Kind.Production)
      judgeShadow(slot, id, call.shadow, isSure, now);
  }
  ofProduction.begin(slot);
  while (ofProduction.next()) if (ofProduction.at.id == id) ofProduction.at.isJudged = true;
}

/** Judges the calls of one shadow: first equal ones pair, then what is left, in the order of time. */
function judgeShadow(slot: Slice, id: u64, shadow: u64, isSure: bool, now: u64): void {
  ofProduction.begin(slot);
  while (ofProduction.next()) ofProduction.at.isPaired = false;
  let paired = pairAll(slot, id, shadow, true, now);
  paired += pairAll(slot, id, shadow, false, now);
  ofShadow.begin(slot);
  while (ofShadow.next()) {
    const call = ofShadow.at;
    if (!isOf(call, id, shadow)) continue;
    call.isJudged = true;
    if (call.kind == Kind.Seen || call.isPaired) continue;
    const state = effectState(call.effectName);
    if (state == null) continue;
    const isExtra = paired != 0 && isSure && state.effect != null;
    addToMetric(isExtra ? state.extra : state.unpaired, 1);
    if (isExtra && maySay(state, now)) say(state, statNames.EXTRA, call.shadowName, call);
  }
  if (!isSure) return;
  ofProduction.begin(slot);
  while (ofProduction.next()) {
    const call = ofProduction.at;
    if (call.id != id || call.kind != Kind.Production || call.isJudged || call.isPaired) continue;
    const state = effectState(call.effectName);
    if (state == null || state.effect == null) continue;
    addToMetric(state.missing, 1);
    if (maySay(state, now)) say(state, statNames.MISSING, shadows.at.shadowName, call);
  }
}

function isOf(call: Waiting, id: u64, shadow: u64): bool {
  return call.id == id && call.kind != Kind.Production && call.shadow == shadow;
}

/** Pairs a shadow's calls with production's of the same effect. @returns how many */
function pairAll(slot: Slice, id: u64, shadow: u64, onlyEqual: bool, now: u64): u32 {
  let paired: u32 = 0;
  ofShadow.begin(slot);
  while (ofShadow.next()) {
    const call = ofShadow.at;
    if (!isOf(call, id, shadow) || call.kind == Kind.Seen || call.isPaired) continue;
    const state = effectState(call.effectName);
    if (state == null) continue;
    // No policy of this VM ever had this effect: nothing says how other bytes than production's are compared.
    if (!onlyEqual && state.effect == null) continue;
    ofProduction.begin(slot);
    while (ofProduction.next()) {
      const other = ofProduction.at;
      if (other.id != id || other.kind != Kind.Production || other.isJudged) continue;
      if (other.effect != call.effect || other.isPaired) continue;
      const mark = markScratch();
      const isUnread = onlyEqual && sharedLeft() < KEPT_STEPS;
      const difference = isUnread ? Difference.Unknown : compare(state, other, call);
      const isSame = difference == Difference.None;
      const isUnknown = difference == Difference.Unknown;
      if (isSame || !onlyEqual) {
        call.isPaired = true;
        other.isPaired = true;
        paired++;
        addToMetric(isSame ? state.match : isUnknown ? state.unpaired : state.mismatch, 1);
        if (!isSame && !isUnknown && maySay(state, now)) sayMismatch(state, call, difference);
      }
      rewindScratch(mark);
      if (call.isPaired) break;
    }
  }
  return paired;
}

/** In what two calls differ. */
const enum Difference {
  None,
  /** Path or query. */
  Path,
  /** The bodies, at a place that core/json-difference.ts knows. */
  Place,
  Body,
  /** To find that out takes too much work. */
  Unknown,
}

function compare(state: EffectState, production: Waiting, shadow: Waiting): Difference {
  if (production.line != shadow.line) return Difference.Path;
  if (production.bodyBytes == shadow.bodyBytes && production.bodyHash == shadow.bodyHash)
    return Difference.None;
  const effect = state.effect;
  if (effect == null) return Difference.Body;
  const rules = effect.rules;
  if (rules.body == BodyComparison.Ignored) return Difference.None;
  if (rules.body != BodyComparison.Json || !production.isKept || !shadow.isKept) return Difference.Body;
  const ours = treeOf(production);
  if (!ours) return isExhausted() ? Difference.Unknown : Difference.Body;
  const theirs = treeOf(shadow);
  if (!theirs) return isExhausted() ? Difference.Unknown : Difference.Body;
  const found = compareJson(ours, theirs, null, placeOf(rules.ignored), rules.ignoredCount);
  if (found == JsonComparison.Same) return Difference.None;
  return found == JsonComparison.Different ? Difference.Place : Difference.Unknown;
}

function treeOf(call: Waiting): JsonValue | null {
  const body = call.body;
  return lengthOf(body) == 0 ? null : readJson(body);
}

/** One line about a mismatch that `compare` has just found: where, never what. */
function sayMismatch(state: EffectState, call: Waiting, difference: Difference): void {
  beginLine(state, statNames.MISMATCH, call.shadowName, call);
  if (difference == Difference.Path) {
    json.wordAt(line, "differs", "path");
  } else if (difference == Difference.Place) {
    json.name(line, "pointer");
    json.beginString(line);
    putDifference(line);
    json.endString(line);
  }
  endLine();
}

function say(state: EffectState, verdict: Word, shadow: Slice, call: Waiting): void {
  beginLine(state, verdict, shadow, call);
  endLine();
}

function beginLine(state: EffectState, verdict: Word, shadow: Slice, call: Waiting): void {
  beginText(line);
  json.beginObject(line);
  json.objectAt(line, "effect");
  json.textAt(line, "name", state.name);
  json.textAt(line, "shadow", shadow);
  json.wordAt(line, "verdict", verdict);
  json.textAt(line, "request", call.lineText);
  json.textAt(line, "id", call.idText);
}

function endLine(): void {
  json.endObject(line);
  json.endObject(line);
  log(LogLevel.Info, textOf(line));
}
