// SHA-256 (FIPS 180-4) of a whole text: what people and tools compare a policy by. At load only.

import { addressOf, lengthOf, Slice } from "./slice";

const STATE_WORDS: u32 = 8;
const BLOCK_WORDS: u32 = 16;
const SCHEDULE_WORDS: u32 = 64;
/** In bytes. */
const STATE: usize = STATE_WORDS * sizeof<u32>();
const BLOCK: usize = BLOCK_WORDS * sizeof<u32>();
const SCHEDULE: usize = SCHEDULE_WORDS * sizeof<u32>();

/** First 32 bits of the fractional parts of the cube roots of the first 64 primes (section 4.2.2). */
const CONSTANTS: usize = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
  0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
  0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
  0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
  0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
  0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
  0xc67178f2,
]);
/** The same of the square roots of the first 8 (section 5.3.3). */
const INITIAL: usize = memory.data<u32>([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);
const state: usize = memory.data(STATE_WORDS * sizeof<u32>(), 4);
const schedule: usize = memory.data(SCHEDULE_WORDS * sizeof<u32>(), 4);
/** The end of a text and its padding: one block or two. */
const tail: usize = memory.data(2 * BLOCK_WORDS * sizeof<u32>(), 8);

/** The first 48 bits of the SHA-256 of a text, as an unsigned number: JSON and Prometheus hold it exactly. */
export function sha256Prefix48(text: Slice): u64 {
  memory.copy(state, INITIAL, STATE);
  const length = lengthOf(text) as usize;
  let at = addressOf(text);
  const end = at + length;
  while (end - at >= BLOCK) {
    addBlock(at);
    at += BLOCK;
  }
  addTail(at, end - at, length);
  return ((load<u32>(state) as u64) << 16) | ((load<u32>(state, 4) >> 16) as u64);
}

/** Takes in what is left after the last whole block, a bit of 1, zeros, and the length in bits (section 5.1.1). */
function addTail(from: usize, left: usize, length: usize): void {
  const bytes: usize = left + 9 > BLOCK ? 2 * BLOCK : BLOCK;
  memory.fill(tail, 0, bytes);
  memory.copy(tail, from, left);
  store<u8>(tail + left, 0x80);
  store<u64>(tail + bytes - 8, bswap<u64>((length as u64) << 3));
  addBlock(tail);
  if (bytes > BLOCK) addBlock(tail + BLOCK);
}

/** Section 6.2.2. */
function addBlock(from: usize): void {
  for (let i: usize = 0; i < BLOCK; i += 4) store<u32>(schedule + i, bswap<u32>(load<u32>(from + i)));
  for (let i: usize = BLOCK; i < SCHEDULE; i += 4) {
    const word = schedule + i;
    const w15 = load<u32>(word - 60);
    const w2 = load<u32>(word - 8);
    const sigma0 = rotr<u32>(w15, 7) ^ rotr<u32>(w15, 18) ^ (w15 >> 3);
    const sigma1 = rotr<u32>(w2, 17) ^ rotr<u32>(w2, 19) ^ (w2 >> 10);
    store<u32>(word, sigma1 + load<u32>(word - 28) + sigma0 + load<u32>(word - 64));
  }
  let a = load<u32>(state);
  let b = load<u32>(state, 4);
  let c = load<u32>(state, 8);
  let d = load<u32>(state, 12);
  let e = load<u32>(state, 16);
  let f = load<u32>(state, 20);
  let g = load<u32>(state, 24);
  let h = load<u32>(state, 28);
  for (let i: usize = 0; i < SCHEDULE; i += 4) {
    const sum1 = rotr<u32>(e, 6) ^ rotr<u32>(e, 11) ^ rotr<u32>(e, 25);
    const choice = (e & f) ^ (~e & g);
    const t1 = h + sum1 + choice + load<u32>(CONSTANTS + i) + load<u32>(schedule + i);
    const sum0 = rotr<u32>(a, 2) ^ rotr<u32>(a, 13) ^ rotr<u32>(a, 22);
    const t2 = sum0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  add(0, a);
  add(4, b);
  add(8, c);
  add(12, d);
  add(16, e);
  add(20, f);
  add(24, g);
  add(28, h);
}

// @ts-ignore: decorator
@inline
function add(offset: usize, value: u32): void {
  store<u32>(state + offset, load<u32>(state + offset) + value);
}
