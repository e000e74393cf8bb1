// A 64-bit hash of bytes that come in pieces: the mixing of MurmurHash64A (Austin Appleby, public domain, 2008), eight
// bytes a step, with the length mixed in at the end, since it is not known before. However the bytes are cut into
// pieces, the hash is the same.

import { addressOf, lengthOf, Slice } from "./slice";

const MULTIPLIER: u64 = 0xc6a4a7935bd1e995;
const SHIFT: u64 = 47;


@unmanaged
export class Hash64 {
  state: u64;
  /** Bytes that do not fill a word yet, the first one lowest. */
  rest: u64;
  /** All bytes so far. */
  bytes: u64;
}

/** Begins anew. */
export function beginHash(hash: Hash64): void {
  hash.state = 0x9ae16a3b2f90404f;
  hash.rest = 0;
  hash.bytes = 0;
}

// @ts-ignore: decorator
@inline
function mixed(state: u64, word: u64): u64 {
  let k = word * MULTIPLIER;
  k ^= k >> SHIFT;
  return (state ^ (k * MULTIPLIER)) * MULTIPLIER;
}

/** Goes on with a piece. */
export function hashBytes(hash: Hash64, from: usize, bytes: u32): void {
  let at = from;
  const end = from + bytes;
  let held = hash.bytes & 7;
  let rest = hash.rest;
  let state = hash.state;
  hash.bytes += bytes;
  while (at + 8 <= end) {
    const word = load<u64>(at);
    at += 8;
    if (held == 0) {
      state = mixed(state, word);
      continue;
    }
    state = mixed(state, rest | (word << (held << 3)));
    rest = word >> (64 - (held << 3));
  }
  while (at < end) {
    rest |= (load<u8>(at) as u64) << (held << 3);
    at++;
    held = (held + 1) & 7;
    if (held != 0) continue;
    state = mixed(state, rest);
    rest = 0;
  }
  hash.state = state;
  hash.rest = rest;
}

/** Goes on with a number: its eight bytes, the lowest first. */
export function hashNumber(hash: Hash64, value: u64): void {
  const held = (hash.bytes & 7) << 3;
  hash.bytes += sizeof<u64>();
  if (held == 0) {
    hash.state = mixed(hash.state, value);
    return;
  }
  hash.state = mixed(hash.state, hash.rest | (value << held));
  hash.rest = value >> (64 - held);
}

/** Goes on with a text and its length, so that two texts are not the same as one. */
export function hashText(hash: Hash64, text: Slice): void {
  hashNumber(hash, lengthOf(text));
  hashBytes(hash, addressOf(text), lengthOf(text));
}

/** The hash of all pieces; more may follow. */
export function hashOf(hash: Hash64): u64 {
  let state = mixed(mixed(hash.state, hash.rest), hash.bytes);
  state ^= state >> SHIFT;
  state *= MULTIPLIER;
  return state ^ (state >> SHIFT);
}

/** A hash with a word more: the step of SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014). */
// @ts-ignore: decorator
@inline
export function splitMixed(hash: u64, word: u64): u64 {
  let z = (hash ^ word) * 0xbf58476d1ce4e5b9;
  z ^= z >> 27;
  return z * 0x94d049bb133111eb + 0x9e3779b97f4a7c15;
}
