// The places at which two JSON values differ, as stats name them: pointers with `*` in the place of what may be data. Of
// one comparison at a time.

import * as ascii from "../bytes/ascii";
import { noRun, Run, scratchRun } from "../bytes/records";
import { scratch } from "../bytes/scratch";
import { addressOf, lengthOf, NONE, Slice, sliceOf, sliceOfWord } from "../bytes/slice";

/** Places that one comparison names, and that one shadow has stats for. */
export const MOST_PLACES: u32 = 32;
/** An object of more members is taken for a map: its keys may be people's data. */
export const MOST_KEYS: u32 = 64;
const LONGEST_KEY: u32 = 32;

let hashes: Run<u64> = noRun<u64>();
let texts: Run<Slice> = noRun<Slice>();
let count: u32 = 0;
let more: bool = false;

/** What the hash of a place begins with: that of the whole value. */
export const ROOT_PLACE: u64 = 0x243f6a8885a308d3;
/** The step to an item, or to a member whose key is not named. */
const ANY: u64 = 0x2a;

export function beginPlaces(): void {
  hashes = scratchRun<u64>(MOST_PLACES);
  texts = scratchRun<Slice>(MOST_PLACES);
  count = 0;
  more = false;
}

/** Places found, MOST_PLACES at the most. */
export function placeCount(): u32 {
  return count;
}

/** Whether there were more. */
export function hasMorePlaces(): bool {
  return more;
}

export function placeHash(index: u32): u64 {
  return hashes.at(index);
}

/** A pointer like those of `ignore`; `/` for the whole. In scratch memory. */
export function placeText(index: u32): Slice {
  return texts.at(index);
}

/** Whether a key is written in a place: those that a program would have, not those that data would. */
export function isNamedKey(key: Slice): bool {
  const length = lengthOf(key);
  if (length == 0 || length > LONGEST_KEY) return false;
  for (let i: u32 = 0; i < length; i++) {
    const byte = load<u8>(addressOf(key) + i);
    const letter = byte | 0x20;
    if ((letter >= ascii.LOWER_A && letter <= ascii.LOWER_Z) || byte == ascii.UNDERSCORE) continue;
    if (i == 0 || !(ascii.isDigit(byte) || byte == ascii.MINUS)) return false;
  }
  return true;
}

/** The hash of a place one step below another. @param key NONE where the step is `*` */
export function placeBelow(above: u64, key: Slice): u64 {
  let hash = above;
  if (key == NONE) {
    hash = mixed(hash, ANY);
  } else {
    const begin = addressOf(key);
    for (let i: u32 = 0; i < lengthOf(key); i++) hash = mixed(hash, load<u8>(begin + i));
  }
  return mixed(hash, ascii.SLASH);
}

// @ts-ignore: decorator
@inline
function mixed(hash: u64, byte: u64): u64 {
  // FNV-1a, 64 bits.
  return (hash ^ byte) * 0x100000001b3;
}

/** Whether the place is noted already, or there is no room for another. */
export function isNoted(hash: u64): bool {
  for (let i: u32 = 0; i < count; i++) {
    if (hashes.at(i) == hash) return true;
  }
  if (hashes.isNone || texts.isNone) return true;
  if (count < MOST_PLACES) return false;
  more = true;
  return true;
}

/** Notes a place that `isNoted` has not seen. */
export function notePlace(hash: u64, text: Slice): void {
  const length = lengthOf(text);
  const own = scratch(length);
  if (own == 0) return;
  memory.copy(own, addressOf(text), length);
  hashes.set(count, hash);
  texts.set(count, sliceOf(own, length));
  count++;
}

/** Notes that the whole differs, or a body that is no JSON. */
export function noteRoot(): void {
  if (hashes.isNone || texts.isNone) return;
  hashes.set(0, ROOT_PLACE);
  texts.set(0, sliceOfWord("/"));
  count = 1;
}
