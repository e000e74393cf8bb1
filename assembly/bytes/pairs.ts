// The host's block of header pairs, read in place: u32 count; per pair u32 key length, u32 value length; then for each
// key NUL value NUL. Lengths are little endian (proxy-wasm ABI 0.2.1, "serialized map").

import { addressOf, lengthOf, NONE, Slice, sliceOf } from "./slice";

let sizes: usize = 0;
let at: usize = 0;
let end: usize = 0;
let left: u32 = 0;

/** The pair that `nextPair` read. */
export let pairKey: Slice = NONE;
export let pairValue: Slice = NONE;
/** Set when the block turned out not to be what its lengths say. */
export let pairsBroken: bool = false;

/** Begins at the first pair. @returns how many pairs the block says to have; 0 when it is none */
export function beginPairs(block: Slice): u32 {
  const begin = addressOf(block);
  const bytes = lengthOf(block);
  left = 0;
  pairsBroken = true;
  if (bytes < 4) return 0;
  const count = load<u32>(begin);
  // Each pair takes 10 bytes at least: a count that cannot be is refused before it is multiplied.
  if (count > bytes >> 3) return 0;
  sizes = begin + 4;
  at = sizes + ((count as usize) << 3);
  end = begin + bytes;
  if (at > end) return 0;
  pairsBroken = false;
  left = count;
  return count;
}

/** Reads the next pair. @returns false when there is none, or when the block is broken there */
export function nextPair(): bool {
  if (left == 0) return false;
  left--;
  const keyLength = load<u32>(sizes);
  const valueLength = load<u32>(sizes, 4);
  sizes += 8;
  const room = (end - at) as u32;
  if (keyLength > room || valueLength > room - keyLength || room - keyLength - valueLength < 2) {
    pairsBroken = true;
    left = 0;
    return false;
  }
  pairKey = sliceOf(at, keyLength);
  pairValue = sliceOf(at + keyLength + 1, valueLength);
  at += keyLength + valueLength + 2;
  return true;
}
