// A run of bytes in linear memory, as one value: no object, no copy. Text is UTF-8 as the host or the policy gave it.

import * as ascii from "./ascii";
import { Word } from "./word";

/** address << 32 | length. The zero slice is "nothing there". */
export type Slice = u64;

/** Nothing there; an empty text has an address. */
export const NONE: Slice = 0;

// @ts-ignore: decorator
@inline
export function sliceOf(address: usize, length: u32): Slice {
  return ((address as u64) << 32) | (length as u64);
}

// @ts-ignore: decorator
@inline
export function addressOf(slice: Slice): usize {
  return (slice >> 32) as usize;
}

// @ts-ignore: decorator
@inline
export function lengthOf(slice: Slice): u32 {
  return slice as u32;
}

/** Whether two runs of `length` bytes are the same; eight bytes a step, the last of them perhaps once more. */
export function sameBytes(a: usize, b: usize, length: u32): bool {
  const end = length as usize;
  if (end >= 8) {
    const last = end - 8;
    for (let i: usize = 0; i < last; i += 8) {
      if (load<u64>(a + i) != load<u64>(b + i)) return false;
    }
    return load<u64>(a + last) == load<u64>(b + last);
  }
  if (end >= 4) {
    return load<u32>(a) == load<u32>(b) && load<u32>(a + end - 4) == load<u32>(b + end - 4);
  }
  if (end == 0) return true;
  return (
    load<u8>(a) == load<u8>(b) &&
    load<u8>(a + (end >> 1)) == load<u8>(b + (end >> 1)) &&
    load<u8>(a + end - 1) == load<u8>(b + end - 1)
  );
}

/** Whether both hold the same bytes. */
export function sameText(a: Slice, b: Slice): bool {
  return lengthOf(a) == lengthOf(b) && sameBytes(addressOf(a), addressOf(b), lengthOf(a));
}

/** A word as a slice. */
export function sliceOfWord(word: Word): Slice {
  return sliceOf(word.begin, word.length);
}

/** Whether the slice is this word. */
export function isWord(slice: Slice, word: Word): bool {
  return lengthOf(slice) == word.length && sameBytes(addressOf(slice), word.begin, word.length);
}

/** Whether the slice begins with this word. */
export function startsWithWord(slice: Slice, word: Word): bool {
  return lengthOf(slice) >= word.length && sameBytes(addressOf(slice), word.begin, word.length);
}

// @ts-ignore: decorator
@inline
export function isBlank(byte: u8): bool {
  return byte == ascii.SPACE || byte == ascii.TAB;
}

/** Without outer spaces and tabs; a slice of only blanks becomes empty but keeps an address. */
export function trimmed(slice: Slice): Slice {
  let begin = addressOf(slice);
  let end = begin + lengthOf(slice);
  while (begin < end && isBlank(load<u8>(begin))) begin++;
  while (end > begin && isBlank(load<u8>(end - 1))) end--;
  return sliceOf(begin, (end - begin) as u32);
}

/** ASCII lower case of one byte. */
// @ts-ignore: decorator
@inline
export function lower(byte: u8): u8 {
  return byte >= ascii.UPPER_A && byte <= ascii.UPPER_Z ? byte | 0x20 : byte;
}

/** Whether a text is `small`, which is in lower case, but for the case of ASCII letters. */
export function sameInLower(text: Slice, small: Slice): bool {
  const length = lengthOf(text);
  if (length != lengthOf(small)) return false;
  for (let i: usize = 0; i < (length as usize); i++) {
    if (lower(load<u8>(addressOf(text) + i)) != load<u8>(addressOf(small) + i)) return false;
  }
  return true;
}

/** Whether the slice is this word, which is in lower case, but for the case of ASCII letters. */
export function isWordInLower(slice: Slice, small: Word): bool {
  return sameInLower(slice, sliceOfWord(small));
}

/** As `isWordInLower`, of what the slice begins with. */
export function startsWithWordInLower(slice: Slice, small: Word): bool {
  return lengthOf(slice) >= small.length && isWordInLower(sliceOf(addressOf(slice), small.length), small);
}

const ONES: u64 = 0x0101010101010101;
const HIGH_BITS: u64 = 0x8080808080808080;

/**
 * A byte's high bit is set where the byte of `apart` is 0: of the bits that are set the lowest is right, which is all that
 * is asked for (Anderson, Bit Twiddling Hacks, "Determine if a word has a zero byte").
 */
// @ts-ignore: decorator
@inline
function zeros(apart: u64): u64 {
  return (apart - ONES) & ~apart & HIGH_BITS;
}

/**
 * The last bytes before `end`, fewer than eight, in the low ones of a word; zeros above. Read from in front of them, since
 * what is behind them may not be memory, while there is always something before.
 */
// @ts-ignore: decorator
@inline
function lastBytes(at: usize, end: usize): u64 {
  return load<u64>(end - 8) >> ((8 - ((end - at) as u64)) << 3);
}

/** Position of a byte, not 0, in a run, or `end`; eight at a time. */
export function findByte(from: usize, end: usize, byte: u8): usize {
  let at = from;
  const wanted = (byte as u64) * ONES;
  while (at + 8 <= end) {
    const found = zeros(load<u64>(at) ^ wanted);
    if (found != 0) return at + ((ctz<u64>(found) as usize) >> 3);
    at += 8;
  }
  if (at >= end) return at;
  const found = zeros(lastBytes(at, end) ^ wanted);
  return found != 0 ? at + ((ctz<u64>(found) as usize) >> 3) : end;
}

/** As `findByte`, for the first of two bytes. */
export function findEither(from: usize, end: usize, one: u8, other: u8): usize {
  let at = from;
  const ones = (one as u64) * ONES;
  const others = (other as u64) * ONES;
  while (at + 8 <= end) {
    const bytes = load<u64>(at);
    const found = zeros(bytes ^ ones) | zeros(bytes ^ others);
    if (found != 0) return at + ((ctz<u64>(found) as usize) >> 3);
    at += 8;
  }
  if (at >= end) return at;
  const bytes = lastBytes(at, end);
  const found = zeros(bytes ^ ones) | zeros(bytes ^ others);
  return found != 0 ? at + ((ctz<u64>(found) as usize) >> 3) : end;
}

/** ASCII lower case of eight bytes: 0x20 is set in each from A to Z, found by what a carry does to its high bit. */
// @ts-ignore: decorator
@inline
function lowerEight(bytes: u64): u64 {
  const seven = bytes & ~HIGH_BITS;
  const fromA = seven + ONES * ((0x80 - ascii.UPPER_A) as u64);
  const behindZ = seven + ONES * ((0x7f - ascii.UPPER_Z) as u64);
  return bytes | (((fromA ^ behindZ) & ~bytes & HIGH_BITS) >> 2);
}

/** Writes ASCII lower case of a run to `to`, where there is room for a multiple of eight bytes. */
export function copyLower(to: usize, from: usize, length: u32): void {
  const end = from + length;
  let at = from;
  let out = to;
  while (at + 8 <= end) {
    store<u64>(out, lowerEight(load<u64>(at)));
    at += 8;
    out += 8;
  }
  if (at < end) store<u64>(out, lowerEight(lastBytes(at, end)));
}
