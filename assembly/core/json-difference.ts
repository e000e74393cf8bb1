// Where two JSON values differ: order of members and spelling aside, what is ignored left out, and what a third value,
// the answer of production's second instance, shows as noise excused. A walk over all three at once, without recursion.

import { arrayIndex } from "../bytes/decimal";
import { parseNumber } from "../bytes/number-parse";
import { addressOf, lengthOf, sameText, Slice, sliceOf } from "../bytes/slice";
import { put, putByte, putEscaped, putNumber, Writer } from "../bytes/writer";
import {
  beginNames,
  JSON_ARRAY,
  JSON_NUMBER,
  JSON_OBJECT,
  JSON_TEXT,
  JsonValue,
  memberNamed,
  namesExhausted,
} from "./json-tree";

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

export const JSON_SAME: u32 = 0;
/** They differ only where production differs from itself. */
export const JSON_NOISE: u32 = 1;
export const JSON_DIFFERENT: u32 = 2;
/** No answer: too much work. */
export const JSON_UNKNOWN: u32 = 3;

/** What stands for the third value where it has none. */
const NOT_ASKED: usize = 0;
/** It differs here or above, so everything below is excused. */
const NOISY: usize = 1;
const MISSING: usize = 2;

/** A pair of arrays or objects being gone through. */
@unmanaged
class Frame {
  ours: usize;
  theirs: usize;
  other: usize;
  /** Next members or items to look at. */
  nextOurs: usize;
  nextTheirs: usize;
  nextOther: usize;
  /** The member that is being looked at: a step of the pointer. */
  child: usize;
  /** The Ignored that hold so far. */
  mask: u64;
}
const FRAME_BYTES: usize = offsetof<Frame>();
const frames: usize = memory.data(4160, 8);

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
 * @param other the value of production's second instance; 0 when there is none
 * @param rules address of `count` Ignored
 * @returns JSON_SAME, JSON_NOISE, JSON_DIFFERENT (`putDifference` then says where), JSON_UNKNOWN
 */
export function compareJson(ours: usize, theirs: usize, other: usize, rules: usize, count: u32): u32 {
  beginNames();
  depth = 0;
  noisy = false;
  ignored = rules;
  ignoredCount = count < MOST_IGNORED ? count : MOST_IGNORED;
  let mask: u64 = ignoredCount == MOST_IGNORED ? ~(0 as u64) : ((1 as u64) << (ignoredCount as u64)) - 1;
  for (let i: u32 = 0; i < ignoredCount; i++) {
    if (ruleAt(i).count == 0) return JSON_SAME;
  }
  if (!meet(ours, theirs, other, mask)) return JSON_DIFFERENT;
  while (depth != 0) {
    if (namesExhausted()) return JSON_UNKNOWN;
    const frame = frameAt(depth - 1);
    const isObject = changetype<JsonValue>(frame.ours).kind == JSON_OBJECT;
    if (frame.nextOurs != 0) {
      if (isObject ? !stepMember(frame) : !stepItem(frame)) return JSON_DIFFERENT;
    } else if (frame.nextTheirs != 0) {
      if (!stepExtra(frame, isObject)) return JSON_DIFFERENT;
    } else {
      depth--;
    }
  }
  return noisy ? JSON_NOISE : JSON_SAME;
}

/** A difference was seen. @returns whether it is excused */
function excused(byNoise: bool): bool {
  if (byNoise) noisy = true;
  return byNoise;
}

function isPlace(value: usize): bool {
  return value > MISSING;
}

/** Compares two values that are there: containers of one kind are gone through later. @returns false: they differ */
function meet(ours: usize, theirs: usize, other: usize, mask: u64): bool {
  const a = changetype<JsonValue>(ours);
  const b = changetype<JsonValue>(theirs);
  if (a.kind == b.kind && a.kind >= JSON_ARRAY) {
    const frame = frameAt(depth);
    depth++;
    frame.ours = ours;
    frame.theirs = theirs;
    frame.other =
      other == NOT_ASKED || (isPlace(other) && changetype<JsonValue>(other).kind == a.kind) ? other : NOISY;
    frame.nextOurs = a.first;
    frame.nextTheirs = b.first;
    frame.nextOther = isPlace(frame.other) ? changetype<JsonValue>(other).first : 0;
    frame.child = 0;
    frame.mask = mask;
    return true;
  }
  if (sameValue(a, b)) return true;
  return excused(other != NOT_ASKED && (!isPlace(other) || !sameValue(a, changetype<JsonValue>(other))));
}

/** Whether two values are the same, of containers only their kind. */
function sameValue(a: JsonValue, b: JsonValue): bool {
  if (a.kind != b.kind) return false;
  if (a.kind == JSON_TEXT) return sameText(a.text, b.text);
  return a.kind != JSON_NUMBER || sameNumber(a.text, b.text);
}

function isInteger(token: Slice): bool {
  const from = addressOf(token);
  for (let i: u32 = 0; i < lengthOf(token); i++) {
    const byte = load<u8>(from + i);
    if (byte == 0x2e || (byte | 0x20) == 0x65) return false;
  }
  return true;
}

/** Numbers by value; whole ones digit by digit, so that two ids beyond 2^53 are not taken for one. */
function sameNumber(a: Slice, b: Slice): bool {
  if (sameText(a, b)) return true;
  const whole = isInteger(a) && isInteger(b);
  const value = parseNumber(a);
  return whole ? value == 0 && parseNumber(b) == 0 : value == parseNumber(b);
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
    const any = lengthOf(token) == 1 && load<u8>(addressOf(token)) == 0x2a;
    if (!any && !(isObject ? sameText(token, child.key) : arrayIndex(token) == (child.index as u64)))
      continue;
    kept |= (1 as u64) << (i as u64);
    if (rule.count == level + 1) isIgnored = true;
  }
  return kept;
}
let isIgnored: bool = false;

/** Looks at production's next member. @returns false: it differs */
function stepMember(frame: Frame): bool {
  const at = frame.nextOurs;
  const member = changetype<JsonValue>(at);
  frame.nextOurs = member.next;
  frame.child = at;
  if (memberNamed(changetype<JsonValue>(frame.ours), member.key) != at) return true;
  const mask = stepMask(frame.mask, depth - 1, member, true);
  if (isIgnored) return true;
  let other = frame.other;
  if (isPlace(other)) {
    other = memberNamed(changetype<JsonValue>(other), member.key);
    if (other == 0) other = MISSING;
  }
  const theirs = memberNamed(changetype<JsonValue>(frame.theirs), member.key);
  return theirs == 0 ? excused(other == NOISY || other == MISSING) : meet(at, theirs, other, mask);
}

/** Looks at production's next item. @returns false: it differs */
function stepItem(frame: Frame): bool {
  const at = frame.nextOurs;
  const theirs = frame.nextTheirs;
  frame.nextOurs = changetype<JsonValue>(at).next;
  if (theirs != 0) frame.nextTheirs = changetype<JsonValue>(theirs).next;
  let other = frame.other;
  if (isPlace(other)) {
    other = frame.nextOther == 0 ? MISSING : frame.nextOther;
    if (frame.nextOther != 0) frame.nextOther = changetype<JsonValue>(frame.nextOther).next;
  }
  frame.child = at;
  const mask = stepMask(frame.mask, depth - 1, changetype<JsonValue>(at), false);
  if (isIgnored) return true;
  return theirs == 0 ? excused(other == NOISY || other == MISSING) : meet(at, theirs, other, mask);
}

/** Looks at what the copy's answer has and production's has not. @returns false: it differs */
function stepExtra(frame: Frame, isObject: bool): bool {
  const at = frame.nextTheirs;
  const extra = changetype<JsonValue>(at);
  frame.nextTheirs = extra.next;
  frame.child = at;
  if (isObject && memberNamed(changetype<JsonValue>(frame.ours), extra.key) != 0) return true;
  stepMask(frame.mask, depth - 1, extra, isObject);
  let hasToo = frame.other == NOISY;
  if (isPlace(frame.other)) {
    if (isObject) {
      hasToo = memberNamed(changetype<JsonValue>(frame.other), extra.key) != 0;
    } else {
      hasToo = frame.nextOther != 0;
      if (hasToo) frame.nextOther = changetype<JsonValue>(frame.nextOther).next;
    }
  }
  return isIgnored || excused(hasToo);
}

/** Puts the JSON Pointer (RFC 6901) of the difference that `compareJson` found, escaped for a JSON string. */
export function putDifference(writer: Writer): void {
  for (let i: u32 = 0; i < depth; i++) {
    const frame = frameAt(i);
    if (frame.child == 0) return;
    const child = changetype<JsonValue>(frame.child);
    putByte(writer, 0x2f);
    if (changetype<JsonValue>(frame.ours).kind == JSON_OBJECT) putToken(writer, child.key);
    else putNumber(writer, child.index);
  }
}

/** Puts a token with `~` and `/` escaped, and what a JSON string escapes. */
export function putToken(writer: Writer, token: Slice): void {
  const begin = addressOf(token);
  const length = lengthOf(token);
  let from: u32 = 0;
  for (let i: u32 = 0; i < length; i++) {
    const byte = load<u8>(begin + i);
    if (byte != 0x7e && byte != 0x2f) continue;
    putEscaped(writer, sliceOf(begin + from, i - from));
    put(writer, byte == 0x7e ? "~0" : "~1");
    from = i + 1;
  }
  putEscaped(writer, sliceOf(begin + from, length - from));
}
