// The host's block of header pairs, read in place and written: u32 count; per pair u32 key length, u32 value length; then for each
// key NUL value NUL. Lengths are little endian (proxy-wasm ABI 0.2.1, "serialized map").

import { scratch } from "./scratch";
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

let list: usize = 0;
let listRoom: u32 = 0;
let listed: u32 = 0;
let listBytes: u32 = 0;

/** Begins a block of its own for at most `most` pairs. @returns false without memory */
export function beginList(most: u32): bool {
  list = scratch((most as usize) << 4);
  listRoom = list == 0 ? 0 : most;
  listed = 0;
  listBytes = 4;
  return list != 0;
}

/** Adds a pair to the block; its bytes have to stay until `listedPairs`. */
export function addPair(key: Slice, value: Slice): void {
  if (listed == listRoom) return;
  const at = list + ((listed as usize) << 4);
  store<u64>(at, key);
  store<u64>(at, value, 8);
  listed++;
  listBytes += lengthOf(key) + lengthOf(value) + 10;
}

/** The block, in scratch memory; NONE without memory. */
export function listedPairs(): Slice {
  const block = scratch(listBytes);
  if (block == 0) return NONE;
  store<u32>(block, listed);
  let size = block + 4;
  let to = size + ((listed as usize) << 3);
  for (let i: u32 = 0; i < listed; i++) {
    const from = list + ((i as usize) << 4);
    const key = load<u64>(from);
    const value = load<u64>(from, 8);
    store<u32>(size, lengthOf(key));
    store<u32>(size, lengthOf(value), 4);
    size += 8;
    to = putTerminated(putTerminated(to, key), value);
  }
  return sliceOf(block, listBytes);
}

function putTerminated(to: usize, text: Slice): usize {
  const length = lengthOf(text);
  memory.copy(to, addressOf(text), length);
  store<u8>(to + length, 0);
  return to + length + 1;
}
