// Where two JSON values differ: order of members and spelling aside, what is ignored left out, and what a third value,
// the answer of production's second instance, shows as noise excused. A walk over all three at once, without recursion.

import * as ascii from "../bytes/ascii";
import { putItemStep, putStep } from "../bytes/json-pointer";
import { Token } from "../bytes/json-reader";
import { fixed, Run, scratchRun } from "../bytes/records";
import { markScratch, rewindScratch } from "../bytes/scratch";
import { NONE, Slice } from "../bytes/slice";
import { putByte, putSlice, restartText, textOf, Writer } from "../bytes/writer";
import {
  beginPlaces,
  isNamedKey,
  isNoted,
  MOST_KEYS,
  notePlace,
  placeBelow,
  ROOT_PLACE,
} from "./json-places";
import { endsAt, Ignored, IGNORED_BYTES, JsonRules, maskOf, MOST_IGNORED, stepMask } from "./json-rules";
import { sameValue } from "./json-same";
import { beginSteps, DEEPEST_JSON, Held, isExhausted, JsonValue, memberNamed, takeSteps } from "./json-tree";
import { pairItems } from "./json-unordered";

export { Ignored, IGNORED_BYTES, MOST_IGNORED };

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
  /** The rules that hold so far: of what is ignored, and of arrays without order. */
  mask: u64;
  unordered: u64;
  /** Whether it is an array whose order does not count, and whose items `pairItems` has paired. */
  isPaired: bool;
  /** Whether it is in an item of such an array. */
  isInside: bool;
  /** That of the rules; 0 in an array without order that is in an item of another: its items are paired by hash. */
  tolerance: u32;
  /** The hash of its place; 0 until something differs below. */
  place: u64;
}
const FRAME_BYTES: usize = offsetof<Frame>();
/** One for each container that may be open, and one for the value inside of the innermost. */
const frames: usize = memory.data(offsetof<Frame>() * (DEEPEST_JSON + 1), 8);

let depth: u32 = 0;
let noisy: bool = false;
const none: JsonRules = fixed<JsonRules>();
const given: JsonRules = fixed<JsonRules>();
let rules: JsonRules = none;
/** Whether a difference was found, and the value that has it: null for the whole. */
let differs: bool = false;
let firstAt: JsonValue | null = null;
const placeWriter: Writer = fixed<Writer>();

function frameAt(index: u32): Frame {
  return changetype<Frame>(frames + (index as usize) * FRAME_BYTES);
}

/** As `compareJsonBy`, with nothing but a run of `count` Ignored at an address. */
export function compareJson(
  ours: JsonValue,
  theirs: JsonValue,
  other: JsonValue | null,
  ignored: usize,
  count: u32,
): JsonComparison {
  given.ignored = changetype<Run<Ignored>>(ignored);
  given.ignoredCount = count;
  return compareJsonBy(ours, theirs, other, given);
}

/**
 * Compares production's answer with the copy's, to the end: all places that differ are noted (core/json-places.ts).
 * @param ours production's value, `theirs` the copy's
 * @param other the value of production's second instance; null when there is none
 * @returns JsonComparison.Same, JsonComparison.Noise, JsonComparison.Different (`putDifference` then says where first), JsonComparison.Unknown
 */
export function compareJsonBy(
  ours: JsonValue,
  theirs: JsonValue,
  other: JsonValue | null,
  by: JsonRules,
): JsonComparison {
  beginSteps();
  beginPlaces();
  depth = 0;
  noisy = false;
  differs = false;
  firstAt = null;
  rules = by;
  const mask = maskOf(by.ignoredCount);
  if (endsAt(by.ignored, mask, 0)) return JsonComparison.Same;
  if (!meet(ours, theirs, other, mask, maskOf(by.unorderedCount))) noteDifference();
  while (depth != 0 && !isExhausted()) {
    const frame = frameAt(depth - 1);
    const isObject = frame.ours.kind == Token.Object;
    const nextOurs = frame.nextOurs;
    const nextTheirs = frame.nextTheirs;
    let same = true;
    if (nextOurs) {
      if (frame.isPaired) same = stepPaired(frame, nextOurs);
      else same = isObject ? stepMember(frame, nextOurs) : stepItem(frame, nextOurs);
    } else if (nextTheirs) {
      same = frame.isPaired ? stepUnpaired(frame, nextTheirs) : stepExtra(frame, nextTheirs, isObject);
    } else {
      depth--;
    }
    if (!same) noteDifference();
  }
  if (differs) return JsonComparison.Different;
  if (isExhausted()) return JsonComparison.Unknown;
  return noisy ? JsonComparison.Noise : JsonComparison.Same;
}

/** Notes where the innermost child differs. */
function noteDifference(): void {
  if (!differs) {
    differs = true;
    firstAt = depth == 0 ? null : frameAt(depth - 1).child;
  }
  takeSteps(depth >> 4);
  let hash = ROOT_PLACE;
  for (let i: u32 = 0; i < depth; i++) {
    const frame = frameAt(i);
    if (frame.place == 0) frame.place = hash;
    const below: u64 = i + 1 < depth ? frameAt(i + 1).place : 0;
    hash = below == 0 ? placeBelow(frame.place, stepOf(frame)) : below;
  }
  if (isNoted(hash)) return;
  restartText(placeWriter);
  if (depth == 0) putByte(placeWriter, ascii.SLASH);
  for (let i: u32 = 0; i < depth; i++) {
    const step = stepOf(frameAt(i));
    putByte(placeWriter, ascii.SLASH);
    if (step == NONE) putByte(placeWriter, ascii.ASTERISK);
    else putSlice(placeWriter, step);
  }
  notePlace(hash, textOf(placeWriter));
}

/** What a place says of the child that is being looked at; NONE for `*`. */
function stepOf(frame: Frame): Slice {
  const child = frame.child;
  if (!child || frame.ours.kind != Token.Object) return NONE;
  if (frame.ours.count > MOST_KEYS || frame.theirs.count > MOST_KEYS) return NONE;
  return isNamedKey(child.key) ? child.key : NONE;
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

/** `pairItems`, whose own memory is given back at once: an array may hold ten thousand others without order. */
function arePaired(a: JsonValue, b: JsonValue, tolerance: u32, mask: u64, unordered: u64): bool {
  const mark = markScratch();
  const isWhole = pairItems(a, b, rules, tolerance, mask, unordered, depth);
  rewindScratch(mark);
  return isWhole;
}

/** Compares two values that are there: containers of one kind are gone through later. @returns false: they differ */
function meet(a: JsonValue, b: JsonValue, other: JsonValue | null, mask: u64, unordered: u64): bool {
  const tolerance = depth == 0 ? rules.tolerance : frameAt(depth - 1).tolerance;
  if (a.kind == b.kind && a.kind >= Token.Array) {
    const third = placeOf(other);
    const isPaired = a.kind == Token.Array && unordered != 0 && endsAt(rules.unordered, unordered, depth);
    const isInside = depth != 0 && (frameAt(depth - 1).isPaired || frameAt(depth - 1).isInside);
    const own = isPaired && isInside ? 0 : tolerance;
    if (isPaired) {
      if (arePaired(a, b, own, mask, unordered)) return true;
      if (isExhausted()) return true;
      if (other != null) {
        // Which item is which is not known, so the array is noise as a whole.
        if (third == null || third.kind != a.kind || !arePaired(a, third, own, mask, unordered))
          return excused(true);
        arePaired(a, b, own, mask, unordered);
      }
    }
    const frame = frameAt(depth);
    depth++;
    frame.ours = a;
    frame.theirs = b;
    frame.nextOurs = a.first;
    frame.nextTheirs = b.first;
    if (!isPaired && third && third.kind == a.kind) {
      frame.other = third;
      frame.nextOther = third.first;
    } else {
      frame.other = other && !isPaired ? NOISY : null;
      frame.nextOther = null;
    }
    frame.child = null;
    frame.mask = mask;
    frame.unordered = unordered;
    frame.isPaired = isPaired;
    frame.isInside = isInside;
    frame.tolerance = own;
    frame.place = 0;
    return true;
  }
  if (sameValue(a, b, tolerance)) return true;
  const third = placeOf(other);
  return excused(third ? !sameValue(a, third, tolerance) : lacks(other));
}

/** The child's masks by the last `stepRules`. */
let childUnordered: u64 = 0;
let isIgnored: bool = false;

/** The rules that hold for a child of the innermost container; `isIgnored` says whether it is left out. */
function stepRules(frame: Frame, child: JsonValue, isObject: bool): u64 {
  const mask = stepMask(rules.ignored, frame.mask, depth - 1, child, isObject);
  isIgnored = endsAt(rules.ignored, mask, depth);
  childUnordered = stepMask(rules.unordered, frame.unordered, depth - 1, child, isObject);
  return mask;
}

/** Looks at production's next item of an array whose items are paired. @returns false: it differs */
function stepPaired(frame: Frame, item: JsonValue): bool {
  frame.nextOurs = item.next;
  if (item.stamp == 0 || item.pair != null) return true;
  frame.child = item;
  const like = item.via;
  if (like == null) return false;
  const mask = stepRules(frame, item, false);
  return meet(item, like, null, mask, childUnordered);
}

/** Looks at what the copy's array has beyond all pairs. @returns false: it differs */
function stepUnpaired(frame: Frame, item: JsonValue): bool {
  frame.nextTheirs = item.next;
  if (item.stamp == 0 || item.pair != null || item.via != null) return true;
  frame.child = item;
  return false;
}

/** Looks at production's next member. @returns false: it differs */
function stepMember(frame: Frame, member: JsonValue): bool {
  frame.nextOurs = member.next;
  frame.child = member;
  if (memberNamed(frame.ours, member.key) != member) return true;
  const mask = stepRules(frame, member, true);
  if (isIgnored) return true;
  let other = frame.other;
  const third = placeOf(other);
  if (third) {
    other = memberNamed(third, member.key);
    if (!other) other = MISSING;
  }
  const theirs = memberNamed(frame.theirs, member.key);
  return theirs ? meet(member, theirs, other, mask, childUnordered) : excused(lacks(other));
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
  const mask = stepRules(frame, item, false);
  if (isIgnored) return true;
  return theirs ? meet(item, theirs, other, mask, childUnordered) : excused(lacks(other));
}

/** Looks at what the copy's answer has and production's has not. @returns false: it differs */
function stepExtra(frame: Frame, extra: JsonValue, isObject: bool): bool {
  frame.nextTheirs = extra.next;
  frame.child = extra;
  if (isObject && memberNamed(frame.ours, extra.key)) return true;
  stepRules(frame, extra, isObject);
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

/** Puts the JSON Pointer (RFC 6901) of the first difference of the last comparison, escaped for a JSON string. */
export function putDifference(writer: Writer): void {
  const path = scratchRun<Held>(DEEPEST_JSON + 1);
  if (path.isNone) return;
  let steps: u32 = 0;
  let at = firstAt;
  while (at != null && at.parent != null) {
    path.at(steps).value = at;
    steps++;
    at = at.parent;
  }
  while (steps != 0) {
    steps--;
    const value = path.at(steps).value;
    if (value == null) return;
    const parent = value.parent;
    if (parent != null && parent.kind == Token.Object) putStep(writer, value.key);
    else putItemStep(writer, value.index);
  }
}
