// The host's block of header pairs, read in place and written: u32 count; per pair u32 key length, u32 value length; then for each
// key NUL value NUL. Lengths are little endian (proxy-wasm ABI 0.2.1, "serialized map").

import { scratch } from "./scratch";
import { addressOf, lengthOf, NONE, Slice, sliceOf } from "./slice";

/** Reads a block, pair by pair. */
@unmanaged
export class Pairs {
  /** The pair that `next` read. */
  key: Slice;
  value: Slice;
  /** Whether the block turned out not to be what its lengths say. */
  isBroken: bool;
  private sizes: usize;
  private at: usize;
  private end: usize;
  private left: u32;

  /** Begins at the first pair. @returns how many pairs the block says it has; 0 when it is not a block of pairs */
  begin(block: Slice): u32 {
    const begin = addressOf(block);
    const bytes = lengthOf(block);
    this.left = 0;
    this.isBroken = true;
    if (bytes < 4) return 0;
    const count = load<u32>(begin);
    // Each pair takes 10 bytes at least: a count that cannot be is refused before it is multiplied.
    if (count > bytes >> 3) return 0;
    const sizes = begin + 4;
    const at = sizes + ((count as usize) << 3);
    const end = begin + bytes;
    if (at > end) return 0;
    this.sizes = sizes;
    this.at = at;
    this.end = end;
    this.isBroken = false;
    this.left = count;
    return count;
  }

  /** Reads the next pair. @returns false when there is none, or when the block is broken there */
  next(): bool {
    if (this.left == 0) return false;
    this.left--;
    const sizes = this.sizes;
    const at = this.at;
    const keyLength = load<u32>(sizes);
    const valueLength = load<u32>(sizes, 4);
    this.sizes = sizes + 8;
    const room = (this.end - at) as u32;
    if (keyLength > room || valueLength > room - keyLength || room - keyLength - valueLength < 2) {
      this.isBroken = true;
      this.left = 0;
      return false;
    }
    this.key = sliceOf(at, keyLength);
    this.value = sliceOf(at + keyLength + 1, valueLength);
    this.at = at + keyLength + valueLength + 2;
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
