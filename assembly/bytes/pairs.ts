// The host's block of header pairs, read in place and written: u32 count; per pair u32 key length, u32 value length; then for each
// key NUL value NUL. Lengths are little endian (proxy-wasm ABI 0.2.1, "serialized map").

import { scratch } from "./scratch";
import { addressOf, lengthOf, NONE, Slice, sliceOf } from "./slice";

const COUNT_BYTES: u32 = sizeof<u32>() as u32;
/** What a block says of a pair in front: the length of its key, then that of its value. */
export const LENGTHS_BYTES: u32 = 2 * (sizeof<u32>() as u32);

/** Not a block of pairs. */
export const NO_PAIRS: u32 = 0xffffffff;

/** How many pairs a block says it has, all of whose lengths are there; NO_PAIRS when it is not a block of pairs. */
export function pairsIn(block: Slice): u32 {
  const bytes = lengthOf(block);
  if (bytes < COUNT_BYTES) return NO_PAIRS;
  const count = load<u32>(addressOf(block));
  // Each pair takes 10 bytes at least: a count that cannot be is refused before it is multiplied.
  if (count > bytes >> 3 || count * LENGTHS_BYTES > bytes - COUNT_BYTES) return NO_PAIRS;
  return count;
}

/** Where the lengths of the block's first pair are; the keys and values begin behind those of the last. */
// @ts-ignore: decorator
@inline
export function lengthsIn(block: Slice): usize {
  return addressOf(block) + COUNT_BYTES;
}

// @ts-ignore: decorator
@inline
export function keyLengthAt(lengths: usize): u32 {
  return load<u32>(lengths);
}

// @ts-ignore: decorator
@inline
export function valueLengthAt(lengths: usize): u32 {
  return load<u32>(lengths, sizeof<u32>());
}

/** Bytes of a pair of such lengths: there is a NUL behind its key, and one behind its value. */
// @ts-ignore: decorator
@inline
export function pairBytes(keyLength: u32, valueLength: u32): u64 {
  return (keyLength as u64) + (valueLength as u64) + 2;
}

/** Reads a block, pair by pair. */
@unmanaged
export class Pairs {
  /** The pair that `next` read. */
  key: Slice;
  value: Slice;
  /** Whether the block turned out not to be what its lengths say. */
  isBroken: bool;
  private lengths: usize;
  private at: usize;
  private end: usize;
  private left: u32;

  /** Begins at the first pair. @returns how many pairs the block says it has; 0 when it is not a block of pairs */
  begin(block: Slice): u32 {
    const count = pairsIn(block);
    this.isBroken = count == NO_PAIRS;
    this.left = 0;
    if (count == NO_PAIRS) return 0;
    this.lengths = lengthsIn(block);
    this.at = this.lengths + count * LENGTHS_BYTES;
    this.end = addressOf(block) + lengthOf(block);
    this.left = count;
    return count;
  }

  /** Reads the next pair. @returns false when there is none, or when the block is broken there */
  next(): bool {
    if (this.left == 0) return false;
    this.left--;
    const lengths = this.lengths;
    const at = this.at;
    const keyLength = keyLengthAt(lengths);
    const valueLength = valueLengthAt(lengths);
    const bytes = pairBytes(keyLength, valueLength);
    if (bytes > ((this.end - at) as u64)) {
      this.isBroken = true;
      this.left = 0;
      return false;
    }
    this.key = sliceOf(at, keyLength);
    this.value = sliceOf(at + keyLength + 1, valueLength);
    this.lengths = lengths + LENGTHS_BYTES;
    this.at = at + (bytes as usize);
    return true;
  }
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
