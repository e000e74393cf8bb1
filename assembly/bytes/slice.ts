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

/** Whether two runs of `length` bytes are the same; eight bytes a step. */
export function sameBytes(a: usize, b: usize, length: u32): bool {
  let i: usize = 0;
  const end = length as usize;
  while (i + 8 <= end) {
    if (load<u64>(a + i) != load<u64>(b + i)) return false;
    i += 8;
  }
  while (i < end) {
    if (load<u8>(a + i) != load<u8>(b + i)) return false;
    i++;
  }
  return true;
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

const ONES: u64 = 0x0101010101010101;
const HIGH_BITS: u64 = 0x8080808080808080;

/**
 * Position of a byte in a run, or `end`. Eight at a time: a byte of `apart` is 0 where it was found, and the lowest high
 * bit that remains is its (Anderson, Bit Twiddling Hacks, "Determine if a word has a zero byte").
 */
export function findByte(from: usize, end: usize, byte: u8): usize {
  let at = from;
  const wanted = (byte as u64) * ONES;
  while (at + 8 <= end) {
    const apart = load<u64>(at) ^ wanted;
    const found = (apart - ONES) & ~apart & HIGH_BITS;
    if (found != 0) return at + ((ctz<u64>(found) as usize) >> 3);
    at += 8;
  }
  while (at < end && load<u8>(at) != byte) at++;
  return at;
}
