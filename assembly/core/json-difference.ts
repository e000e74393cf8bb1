// Where two JSON values differ: order of members and spelling aside, what is ignored left out, and what a third value,
// the answer of production's second instance, shows as noise excused. A walk over all three at once, without recursion.

import * as ascii from "../bytes/ascii";
import { arrayIndex } from "../bytes/decimal";
import { likeness, Likeness } from "../bytes/decimal-compare";
import { putItemStep, putStep } from "../bytes/json-pointer";
import { Token } from "../bytes/json-reader";
import { parseNumber } from "../bytes/number-parse";
import { addressOf, lengthOf, sameText, Slice } from "../bytes/slice";
import { Writer } from "../bytes/writer";
import { beginSteps, DEEPEST_JSON, isExhausted, JsonValue, memberNamed, takeSteps } from "./json-tree";

/** A JSON Pointer to what may differ; the token `*` stands for any one. */
@unmanaged
export class Ignored {
  /** Addresses of `count` Slices. */
  tokens: usize;
  count: u32;
}
export const IGNORED_BYTES: u32 = offsetof<Ignored>() as u32;
/** As many as a mask has bits. */
export const MOST_IGNORED: u32 = 64;

/** Steps for two floats that are read exactly: up to some microseconds. */
const FLOAT_STEPS: u32 = 1024;

/** What a comparison of two JSON values came to. */
export const enum JsonComparison {
  Same,
  /** They differ only where production differs from itself. */
  Noise,
  Different,
  /** No answer: too much work. */
  Unknown,
}

/** In place of the third value when it has no such value: it differs here or above, so everything below is noise; */
const NOISY: JsonValue = changetype<JsonValue>(memory.data(offsetof<JsonValue>(), 8));
/** or it lacks this member or item. Null when there was no third value from the start. */
const MISSING: JsonValue = changetype<JsonValue>(memory.data(offsetof<JsonValue>(), 8));

/** A pair of arrays or objects being gone through. */
@unmanaged
class Frame {
  ours: JsonValue;
  theirs: JsonValue;
  other: JsonValue | null;
  /** Next members or items to look at. */
  nextOurs: JsonValue | null;
  nextTheirs: JsonValue | null;
  nextOther: JsonValue | null;
  /** The member that is being looked at: a step of the pointer. */
  child: JsonValue | null;
  /** The Ignored that hold so far. */
  mask: u64;
}
const FRAME_BYTES: usize = offsetof<Frame>();
/** One for each container that may be open, and one for the value inside of the innermost. */
const frames: usize = memory.data(offsetof<Frame>() * (DEEPEST_JSON + 1), 8);

let depth: u32 = 0;
let noisy: bool = false;
let ignored: usize = 0;
let ignoredCount: u32 = 0;

function frameAt(index: u32): Frame {
  return changetype<Frame>(frames + (index as usize) * FRAME_BYTES);
}

/**
 * Compares production's answer with the copy's.
 * @param ours production's value, `theirs` the copy's
 * @param other the value of production's second instance; null when there is none
 * @param rules address of `count` Ignored
 * @returns JsonComparison.Same, JsonComparison.Noise, JsonComparison.Different (`putDifference` then says where), JsonComparison.Unknown
 */
export function compareJson(
  ours: JsonValue,
  theirs: JsonValue,
  other: JsonValue | null,
  rules: usize,
  count: u32,
): JsonComparison {
  beginSteps();
  depth = 0;
  noisy = false;
  ignored = rules;
  ignoredCount = count < MOST_IGNORED ? count : MOST_IGNORED;
  let mask: u64 = ignoredCount == MOST_IGNORED ? ~(0 as u64) : ((1 as u64) << (ignoredCount as u64)) - 1;
  for (let i: u32 = 0; i < ignoredCount; i++) {
    if (ruleAt(i).count == 0) return JsonComparison.Same;
  }
  if (!meet(ours, theirs, other, mask)) return JsonComparison.Different;
  while (depth != 0) {
    if (isExhausted()) return JsonComparison.Unknown;
    const frame = frameAt(depth - 1);
    const isObject = frame.ours.kind == Token.Object;
    const nextOurs = frame.nextOurs;
    const nextTheirs = frame.nextTheirs;
    if (nextOurs) {
      if (isObject ? !stepMember(frame, nextOurs) : !stepItem(frame, nextOurs))
        return JsonComparison.Different;
    } else if (nextTheirs) {
      if (!stepExtra(frame, nextTheirs, isObject)) return JsonComparison.Different;
    } else {
      depth--;
    }
  }
  return noisy ? JsonComparison.Noise : JsonComparison.Same;
}

/** A difference was found. @returns whether it is noise */
function excused(byNoise: bool): bool {
  if (byNoise) noisy = true;
  return byNoise;
}

/** The third value, where it is there. */
function placeOf(other: JsonValue | null): JsonValue | null {
  return lacks(other) ? null : other;
}

/** Whether there is a third value, but nothing of it here. */
function lacks(other: JsonValue | null): bool {
  return other == NOISY || other == MISSING;
}

/** Compares two values that are there: containers of one kind are gone through later. @returns false: they differ */
function meet(a: JsonValue, b: JsonValue, other: JsonValue | null, mask: u64): bool {
  if (a.kind == b.kind && a.kind >= Token.Array) {
    const frame = frameAt(depth);
    depth++;
    frame.ours = a;
    frame.theirs = b;
    frame.nextOurs = a.first;
    frame.nextTheirs = b.first;
    const third = placeOf(other);
    if (third && third.kind == a.kind) {
      frame.other = third;
      frame.nextOther = third.first;
    } else {
      frame.other = other ? NOISY : null;
      frame.nextOther = null;
    }
    frame.child = null;
    frame.mask = mask;
    return true;
  }
  if (sameValue(a, b)) return true;
  const third = placeOf(other);
  return excused(third ? !sameValue(a, third) : lacks(other));
}

/** Whether two values are the same, of containers only their kind. */
function sameValue(a: JsonValue, b: JsonValue): bool {
  if (a.kind != b.kind) return false;
  if (a.kind == Token.String) return sameText(a.text, b.text);
  return a.kind != Token.Number || sameNumber(a.text, b.text);
}

function isInteger(token: Slice): bool {
  const from = addressOf(token);
  for (let i: u32 = 0; i < lengthOf(token); i++) {
    const byte = load<u8>(from + i);
    if (byte == ascii.DOT || (byte | 0x20) == ascii.LOWER_E) return false;
  }
  return true;
}

/** Numbers by value; whole ones digit by digit, so that two ids beyond 2^53 are not taken for one. */
function sameNumber(a: Slice, b: Slice): bool {
  if (sameText(a, b)) return true;
  const like = likeness(a, b);
  // Of whole numbers only 0 has two texts.
  if (isInteger(a) && isInteger(b)) return like == Likeness.Same;
  if (like != Likeness.Close) return like == Likeness.Same;
  takeSteps(FLOAT_STEPS);
  return parseNumber(a) == parseNumber(b);
}

function ruleAt(index: u32): Ignored {
  return changetype<Ignored>(ignored + index * IGNORED_BYTES);
}

/** The rules of a mask that hold for a child as well; `isIgnored` says whether one of them ends there. */
function stepMask(mask: u64, level: u32, child: JsonValue, isObject: bool): u64 {
  isIgnored = false;
  let kept: u64 = 0;
  let left = mask;
  while (left != 0) {
    const i = ctz<u64>(left) as u32;
    left &= left - 1;
    const rule = ruleAt(i);
    if (rule.count <= level) continue;
    const token = load<u64>(rule.tokens + ((level as usize) << 3));
    const any = lengthOf(token) == 1 && load<u8>(addressOf(token)) == ascii.ASTERISK;
    if (!any && !(isObject ? sameText(token, child.key) : arrayIndex(token) == (child.index as u64)))
      continue;
    kept |= (1 as u64) << (i as u64);
    if (rule.count == level + 1) isIgnored = true;
  }
  return kept;
}
let isIgnored: bool = false;

/** Looks at production's next member. @returns false: it differs */
function stepMember(frame: Frame, member: JsonValue): bool {
  frame.nextOurs = member.next;
  frame.child = member;
  if (memberNamed(frame.ours, member.key) != member) return true;
  const mask = stepMask(frame.mask, depth - 1, member, true);
  if (isIgnored) return true;
  let other = frame.other;
  const third = placeOf(other);
  if (third) {
    other = memberNamed(third, member.key);
    if (!other) other = MISSING;
  }
  const theirs = memberNamed(frame.theirs, member.key);
  return theirs ? meet(member, theirs, other, mask) : excused(lacks(other));
}

/** Looks at production's next item. @returns false: it differs */
function stepItem(frame: Frame, item: JsonValue): bool {
  const theirs = frame.nextTheirs;
  frame.nextOurs = item.next;
  if (theirs) frame.nextTheirs = theirs.next;
  let other = frame.other;
  if (placeOf(other)) {
    other = frame.nextOther;
    if (other) frame.nextOther = other.next;
    else other = MISSING;
  }
  frame.child = item;
  const mask = stepMask(frame.mask, depth - 1, item, false);
  if (isIgnored) return true;
  return theirs ? meet(item, theirs, other, mask) : excused(lacks(other));
}

/** Looks at what the copy's answer has and production's has not. @returns false: it differs */
function stepExtra(frame: Frame, extra: JsonValue, isObject: bool): bool {
  frame.nextTheirs = extra.next;
  frame.child = extra;
  if (isObject && memberNamed(frame.ours, extra.key)) return true;
  stepMask(frame.mask, depth - 1, extra, isObject);
  const other = frame.other;
  let hasToo = other == NOISY;
  const third = placeOf(other);
  if (third) {
    if (isObject) {
      hasToo = memberNamed(third, extra.key) != null;
    } else {
      const item = frame.nextOther;
      hasToo = item != null;
      if (item) frame.nextOther = item.next;
    }
  }
  return isIgnored || excused(hasToo);
}

/** Puts the JSON Pointer (RFC 6901) of the difference that `compareJson` found, escaped for a JSON string. */
export function putDifference(writer: Writer): void {
  for (let i: u32 = 0; i < depth; i++) {
    const frame = frameAt(i);
    const child = frame.child;
    if (!child) return;
    if (frame.ours.kind == Token.Object) putStep(writer, child.key);
    else putItemStep(writer, child.index);
  }
}
