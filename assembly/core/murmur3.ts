// MurmurHash3, x86, 32 bits (Austin Appleby, public domain, https://github.com/aappleby/smhasher), in two parts, so
// that the salt's share of the work is done once, when the policy is loaded.

import { addressOf, lengthOf, Slice } from "../bytes/slice";

// @ts-ignore: decorator
@inline
function scramble(k: u32): u32 {
  return rotl<u32>(k * 0xcc9e2d51, 15) * 0x1b873593;
}

// @ts-ignore: decorator
@inline
function mix(hash: u32, k: u32): u32 {
  return rotl<u32>(hash ^ scramble(k), 13) * 5 + 0xe6546b64;
}

/** The hash of the whole 4-byte blocks of a prefix; the 0 to 3 bytes behind them go into `murmur3After`. */
export function murmur3Blocks(text: Slice, seed: u32): u32 {
  let hash = seed;
  let at = addressOf(text);
  const blocks = at + (lengthOf(text) & ~3);
  while (at < blocks) {
    hash = mix(hash, load<u32>(at));
    at += 4;
  }
  return hash;
}

/** The last 0 to 3 bytes of a text, little endian: what `murmur3Blocks` left. */
export function murmur3Rest(text: Slice): u32 {
  const length = lengthOf(text);
  const at = addressOf(text) + (length & ~3);
  let rest: u32 = 0;
  for (let i: u32 = 0; i < (length & 3); i++) rest |= (load<u8>(at + i) as u32) << (i << 3);
  return rest;
}

/**
 * The hash of prefix + text, of any length.
 * @param hash murmur3Blocks of the prefix
 * @param rest murmur3Rest of the prefix
 * @param prefixLength bytes of the prefix
 */
export function murmur3After(hash: u32, rest: u32, prefixLength: u32, text: Slice): u32 {
  let h = hash;
  let at = addressOf(text);
  const length = lengthOf(text);
  const end = at + length;
  let pending = rest;
  // How many bits of `pending` are bytes of the text so far: 0, 8, 16 or 24.
  let bits = (prefixLength & 3) << 3;
  if (bits == 0) {
    while (end - at >= 4) {
      h = mix(h, load<u32>(at));
      at += 4;
    }
  } else {
    while (end - at >= 4) {
      const next = load<u32>(at);
      h = mix(h, pending | (next << bits));
      pending = next >> (32 - bits);
      at += 4;
    }
  }
  while (at < end) {
    pending |= (load<u8>(at) as u32) << bits;
    bits += 8;
    if (bits == 32) {
      h = mix(h, pending);
      pending = 0;
      bits = 0;
    }
    at++;
  }
  if (bits != 0) h ^= scramble(pending);
  h ^= prefixLength + length;
  h ^= h >> 16;
  h *= 0x85ebca6b;
  h ^= h >> 13;
  h *= 0xc2b2ae35;
  return h ^ (h >> 16);
}

/** A prefix's share of the work. */
@unmanaged
export class Prefix {
  /** Of its whole blocks, and what they leave. */
  hash: u32;
  rest: u32;
  bytes: u32;
}

/** Does the prefix's share of the work. */
export function hashPrefix(prefix: Prefix, text: Slice): void {
  prefix.hash = murmur3Blocks(text, 0);
  prefix.rest = murmur3Rest(text);
  prefix.bytes = lengthOf(text);
}

/** The hash (seed 0) of the prefix + text. */
export function hashAfter(prefix: Prefix, text: Slice): u32 {
  return murmur3After(prefix.hash, prefix.rest, prefix.bytes, text);
}

/** MurmurHash3 x86 32 of one text. */
export function murmur3(text: Slice, seed: u32): u32 {
  return murmur3After(seed, 0, 0, text);
}
