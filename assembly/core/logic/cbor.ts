// A value as deterministic CBOR (RFC 8949 section 4.2.1): what flagd's third generation of `fractional` hashes (flagd's
// decision record "fractional-non-string-rand-units"). No recursion: open arrays and objects are on a stack.

import { fixed, Run, scratchRun } from "../../bytes/records";
import { lengthOf, NONE, sameText, Slice } from "../../bytes/slice";
import { putByte, putSlice, restartText, textOf, Writer } from "../../bytes/writer";
import { compareTexts } from "./coercion";
import { numberOf, Tag, Value } from "./value";
import { isSpent, spend, spendBytes } from "./work";

/** As deep as a policy may be. */
export const DEEPEST: u32 = 64;

/** An array or object whose items are being written. */
@unmanaged
class Frame {
  value: Value;
  /** Of an object: the members to write, by number, in order. */
  order: Run<u32>;
  /** How many there are to write, and how many were. */
  count: u32;
  done: u32;
}

const frames: Run<Frame> = changetype<Run<Frame>>(memory.data(offsetof<Frame>() * 64, 8));
let depth: u32 = 0;

const out: Writer = fixed<Writer>();

/**
 * The encoded value, in scratch memory until the next call; NONE when it nests deeper than 64 or is too large (the
 * writer's 8 MiB, so that lists that hold one another many times end, too).
 */
export function cborOf(value: Value): Slice {
  restartText(out);
  depth = 0;
  if (!putValue(value)) return NONE;
  while (depth != 0) {
    const frame = frames.at(depth - 1);
    if (frame.done == frame.count) {
      depth--;
      continue;
    }
    let item: Value;
    if (frame.value.tag == Tag.Array) {
      item = frame.value.items.at(frame.done);
    } else {
      const member = frame.value.members.at(frame.order.at(frame.done));
      putText(member.key);
      item = member.value;
    }
    frame.done++;
    spend(1);
    if (isSpent() || !putValue(item)) return NONE;
  }
  return textOf(out);
}

/** Puts a value, or only the head of an array or object; false when it is nested too deeply or does not fit. */
function putValue(value: Value): bool {
  const tag = value.tag;
  if (tag == Tag.Text) putText(value.bits);
  else if (tag == Tag.Number) putFloat(numberOf(value));
  else if (tag == Tag.Array || tag == Tag.Object) return openFrame(value);
  else putByte(out, tag == Tag.False ? 0xf4 : tag == Tag.True ? 0xf5 : 0xf6);
  return !out.full;
}

function openFrame(value: Value): bool {
  if (depth == DEEPEST) return false;
  const frame = frames.at(depth);
  depth++;
  frame.value = value;
  frame.done = 0;
  frame.count = value.count;
  if (value.tag == Tag.Array) {
    putHead(0x80, frame.count);
  } else {
    // Sorted: so many comparisons a member, twice.
    spend(frame.count * (32 - clz<u32>(frame.count)) * 3);
    if (isSpent()) return false;
    frame.order = scratchRun<u32>(value.count);
    if (frame.order.isNone) return false;
    frame.count = orderMembers(value, frame.order);
    putHead(0xa0, frame.count);
  }
  return !out.full;
}

/** The first byte's major type with the shortest form of its argument (RFC 8949 section 3). */
function putHead(major: u8, argument: u64): void {
  if (argument < 24) {
    putByte(out, major | (argument as u8));
  } else if (argument <= 0xff) {
    putByte(out, major | 24);
    putByte(out, argument as u8);
  } else if (argument <= 0xffff) {
    putByte(out, major | 25);
    putBigEndian(argument, 16);
  } else if (argument <= 0xffffffff) {
    putByte(out, major | 26);
    putBigEndian(argument, 32);
  } else {
    putByte(out, major | 27);
    putBigEndian(argument, 64);
  }
}

function putBigEndian(value: u64, bits: u64): void {
  for (let left = bits; left != 0; left -= 8) putByte(out, (value >> (left - 8)) as u8);
}

/** Bytes that are not UTF-8 stay as the client sent them: the same request has the same hash. */
function putText(text: Slice): void {
  putHead(0x60, lengthOf(text));
  spendBytes(lengthOf(text));
  if (!isSpent()) putSlice(out, text);
}

/** 2^63 and 2^64, the ends of what CBOR's integers hold for flagd. */
const TWO_TO_63: f64 = 9223372036854775808.0;
const TWO_TO_64: f64 = 18446744073709551616.0;

/** An integer if it is one, -0 too; otherwise the shortest float that is the same number. */
function putFloat(number: f64): void {
  if (number == floor<f64>(number) && number >= -TWO_TO_63 && number < TWO_TO_64) {
    const magnitude = magnitudeOf(number);
    if (number < 0) putHead(0x20, magnitude - 1);
    else putHead(0, magnitude);
    return;
  }
  const single = number as f32;
  // NaN has one form, the half 0x7e00.
  if (number == number && (single as f64) != number) {
    putByte(out, 0xfb);
    return putBigEndian(reinterpret<u64>(number), 64);
  }
  const half = number == number ? halfOf(reinterpret<u32>(single)) : 0x7e00;
  if (half != NO_HALF) {
    putByte(out, 0xf9);
    return putBigEndian(half, 16);
  }
  putByte(out, 0xfa);
  putBigEndian(reinterpret<u32>(single), 32);
}

/** |number| for an integer below 2^64: by its bits, since the machine's own truncation may trap. */
function magnitudeOf(number: f64): u64 {
  const bits = reinterpret<u64>(number);
  const exponent = ((bits >> 52) & 0x7ff) as i32;
  if (exponent == 0) return 0;
  const digits = (bits & 0xfffffffffffff) | 0x10000000000000;
  const shift = exponent - 1075;
  return shift < 0 ? digits >> (-shift as u64) : digits << (shift as u64);
}

const NO_HALF: u32 = 0xffffffff;

/** The bits of the half-precision float (IEEE 754 binary16) that is the same number as this single; NO_HALF if none is. */
function halfOf(single: u32): u32 {
  const sign = (single >> 16) & 0x8000;
  const exponent = (((single >> 23) & 0xff) as i32) - 127;
  const fraction = single & 0x7fffff;
  if (exponent == 128) return sign | 0x7c00;
  if (exponent >= -14 && exponent <= 15) {
    if ((fraction & 0x1fff) != 0) return NO_HALF;
    return sign | (((exponent + 15) as u32) << 10) | (fraction >> 13);
  }
  // Below the smallest normal half, steps of 2^-24.
  if (exponent < -24 || exponent > 15) return NO_HALF;
  const digits = fraction | 0x800000;
  const shift = (-1 - exponent) as u32;
  return (digits & ((1 << shift) - 1)) != 0 ? NO_HALF : sign | (digits >> shift);
}

/**
 * Writes the numbers of the members in the order of their encoded keys, which is that of length and then bytes, to
 * `order`. Of members with one name the last counts, as JSON.parse has it.
 * @returns how many
 */
function orderMembers(object: Value, order: Run<u32>): u32 {
  const count = object.count;
  for (let i: u32 = 0; i < count; i++) order.set(i, i);
  // Heapsort (Williams 1964): no memory, and no order of a request's keys makes it slow.
  for (let i = count >> 1; i > 0; i--) siftDown(object, order, i - 1, count);
  for (let end = count; end > 1; end--) {
    const greatest = order.at(0);
    order.set(0, order.at(end - 1));
    order.set(end - 1, greatest);
    siftDown(object, order, 0, end - 1);
  }
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const next = order.at(i);
    if (kept != 0) {
      const before = order.at(kept - 1);
      if (sameText(object.members.at(before).key, object.members.at(next).key)) continue;
    }
    order.set(kept, next);
    kept++;
  }
  return kept;
}

function siftDown(object: Value, order: Run<u32>, from: u32, end: u32): void {
  let at = from;
  while (true) {
    let child = (at << 1) + 1;
    if (child >= end) return;
    const left = order.at(child);
    let greater = left;
    if (child + 1 < end) {
      const right = order.at(child + 1);
      if (comesBefore(object, left, right)) {
        greater = right;
        child++;
      }
    }
    const own = order.at(at);
    if (!comesBefore(object, own, greater)) return;
    order.set(at, greater);
    order.set(child, own);
    at = child;
  }
}

/** By key; of one name the later member first, which is then the one that is kept. */
function comesBefore(object: Value, one: u32, other: u32): bool {
  const a = object.members.at(one).key;
  const b = object.members.at(other).key;
  if (lengthOf(a) != lengthOf(b)) return lengthOf(a) < lengthOf(b);
  const order = compareTexts(a, b);
  return order == 0 ? one > other : order < 0;
}
