// `slow`, `warmup` and `epoch` of a rollout: what is evidence, and when it begins anew.

import * as ascii from "../bytes/ascii";
import { Token } from "../bytes/json-reader";
import { nextOf, recordAt, Run } from "../bytes/records";
import { addressOf, lengthOf, Slice, sliceOf } from "../bytes/slice";
import { put } from "../bytes/writer";
import { Word } from "../bytes/word";
import { Met } from "../core/evidence";
import { SourceKind } from "../core/identity-plan";
import { Rollout, Signals } from "../core/plan";
import * as limits from "../vocabulary/limits";
import * as codes from "../vocabulary/problems";
import { records } from "./build";
import { Node } from "./node";
import { readWhole } from "./read-number";
import { beginMessage, fail, isKind, message, putFound, putOverLimit, report } from "./problems";
import { signTerms } from "./signature";
import { NO_DURATION, NOT_WHOLE, wholeNumber } from "./scalars";

const DEFAULT_WARMUP_MS: u32 = 30000;
const MOST_SLOW: u32 = limits.SLOW as u32;
/** Milliseconds between what a cache and what a patient user takes: each service has some that say something of it. */
const USUAL_SLOW: usize = memory.data<u32>([5, 25, 100, 250, 1000, 5000]);
const USUAL_SLOW_COUNT: u32 = 6;

/** What holds where a rollout has none of the three keys. */
export function presetEvidence(rollout: Rollout): void {
  rollout.warmupMs = DEFAULT_WARMUP_MS;
  rollout.slow = recordAt<Run<u32>>(USUAL_SLOW);
  rollout.slowCount = USUAL_SLOW_COUNT;
}

function addThreshold(rollout: Rollout, milliseconds: u32): void {
  rollout.slow.set(rollout.slowCount, milliseconds);
  rollout.slowCount++;
}

/** Reads `slow`: up to six durations, each longer than the one before. */
export function readSlow(node: Node, rollout: Rollout): void {
  if (!isKind(node, Token.Array)) return;
  if (node.count > MOST_SLOW) {
    putOverLimit(limits.SLOW, " thresholds");
    return report(node, codes.LIMIT);
  }
  const own = records<u32>(MOST_SLOW);
  if (own.isNone) return;
  rollout.slow = own;
  rollout.slowCount = 0;
  let before: u32 = 0;
  for (let item = node.first; item; item = nextOf(item)) {
    const value = item.kind == Token.String ? duration(item.text) : NO_DURATION;
    if (value == NO_DURATION || value == 0) {
      failDuration(item, "5ms or 1s");
      continue;
    }
    if (value > (limits.SLOW_MS as u32)) {
      fail(item, codes.RANGE, "must be at most 60m");
      continue;
    }
    if (value <= before) {
      fail(item, codes.VALUE, "must be longer than the one before it");
      continue;
    }
    before = value;
    addThreshold(rollout, value);
  }
}

/** Reads `warmup`: a duration, `0s` for none. */
export function readWarmup(node: Node, rollout: Rollout): void {
  const value = node.kind == Token.String ? duration(node.text) : NO_DURATION;
  if (value == NO_DURATION) return failDuration(node, "30s or 2m");
  if (value > (limits.WARMUP_MS as u32)) return fail(node, codes.RANGE, "must be at most 24h");
  rollout.warmupMs = value;
}

/** Reads `epoch`: a whole number. */
export function readEpoch(node: Node, rollout: Rollout): void {
  const value = readWhole(node, 0, limits.EPOCH);
  if (value != NOT_WHOLE) rollout.epoch = value;
}

/** Longer than any limit. */
const ENDLESS: u32 = 1000000000;

/** `5ms`, `1s`, `2m`, `1h` in milliseconds, at most ENDLESS; NO_DURATION for anything else. */
export function duration(text: Slice): u32 {
  const begin = addressOf(text);
  const length = lengthOf(text);
  if (length < 2) return NO_DURATION;
  const unit = load<u8>(begin + length - 1);
  let digits = length - 1;
  let factor: u64 = 1000;
  if (unit == ascii.LOWER_S) {
    if (load<u8>(begin + length - 2) == ascii.LOWER_M) {
      digits--;
      factor = 1;
    }
  } else if (unit == ascii.LOWER_M) {
    factor = 60000;
  } else if (unit == ascii.LOWER_H) {
    factor = 3600000;
  } else {
    return NO_DURATION;
  }
  const count = wholeNumber(sliceOf(begin, digits), 100000000);
  if (count == NOT_WHOLE) return NO_DURATION;
  const value = (count as u64) * factor;
  return value > (ENDLESS as u64) ? ENDLESS : (value as u32);
}

/** Reports what is no duration; `example` is one or two. */
export function failDuration(node: Node, example: Word): void {
  beginMessage();
  put(message, "must be a duration in whole milliseconds, seconds, minutes or hours, like ");
  put(message, example);
  put(message, ", got ");
  putFound(node);
  report(node, node.kind == Token.String ? codes.VALUE : codes.TYPE);
}

/** What is counted of a rollout's users, once its variants are read. */
export function finishEvidence(node: Node, rollout: Rollout): void {
  const identity = rollout.identity;
  if (!identity) return;
  rollout.stats = rollout.signals == Signals.Count ? 1 : (Met.SLOW as u32) + rollout.slowCount;
  rollout.isRandom = identity.count == 1 && identity.source(0).kind == SourceKind.Random;
  signTerms(node, rollout);
}
