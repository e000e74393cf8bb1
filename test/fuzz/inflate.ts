// Compressed bodies, sound and broken, made up with a seed, and the filter's decoders beside Node's zlib: the same bytes,
// or the same refusal.

import {
  deflateRawSync,
  deflateSync,
  gunzipSync,
  gzipSync,
  inflateRawSync,
  inflateSync,
  constants,
  type ZlibOptions,
} from "node:zlib";

import { loadGuest } from "../support/guest.ts";
import type { Random } from "../support/random.ts";

/** Bytes of an input that are decoded, and of an output that are taken, at most. */
export const INPUT_ROOM = 1 << 16;
export const OUTPUT_ROOM = 1 << 23;

const ENTRY = `
  import { decodedBytes, gunzip, undeflate } from "./assembly/bytes/gzip";
  import { OUTPUT_SLACK } from "./assembly/bytes/inflate";
  import { sliceOf } from "./assembly/bytes/slice";
  export const input: usize = memory.data(${INPUT_ROOM}, 8);
  export const output: usize = memory.data(${OUTPUT_ROOM + 64}, 8);
  export function decode(isGzip: bool, length: u32, room: u32): u32 {
    // Input that touches the room's end: reading past it would find what is not there.
    const text = sliceOf(input + ${INPUT_ROOM} - length, length);
    return isGzip ? gunzip(text, output, room) : undeflate(text, output, room);
  }
  export function decoded(): u32 { return decodedBytes(output); }
  export const slack: u32 = OUTPUT_SLACK;
`;

interface Guest {
  memory: WebAssembly.Memory;
  input: WebAssembly.Global<"i32">;
  output: WebAssembly.Global<"i32">;
  slack: WebAssembly.Global<"i32">;
  decode(isGzip: number, length: number, room: number): number;
  decoded(): number;
}

export type Coding = "gzip" | "deflate";
/** As `Inflated` of assembly/bytes/inflate.ts has them. */
const ENDS = ["whole", "cut", "corrupt", "full", "laborious"] as const;
export type End = (typeof ENDS)[number];
export interface Decoded {
  readonly end: End;
  readonly bytes: Uint8Array;
}

/** The filter's decoders as a module of their own. */
export class Decoder {
  readonly #guest: Guest;
  readonly #memory: Uint8Array;

  private constructor(guest: Guest) {
    this.#guest = guest;
    this.#memory = new Uint8Array(guest.memory.buffer);
  }

  static async load(): Promise<Decoder> {
    return new Decoder(await loadGuest<Guest>("inflate.ts", { source: ENTRY }));
  }

  /** Decodes a body. Throws when anything beyond the room and its slack was written to. @param room of the output, in bytes */
  decode(coding: Coding, body: Uint8Array, room = OUTPUT_ROOM): Decoded {
    const { input, output, slack } = this.#guest;
    this.#memory.set(body, input.value + INPUT_ROOM - body.length);
    const edge = output.value + room + slack.value;
    const fence = this.#memory.slice(edge, edge + 16);
    const end = ENDS[this.#guest.decode(coding === "gzip" ? 1 : 0, body.length, room)] as End;
    const bytes = this.#memory.subarray(output.value, output.value + this.#guest.decoded());
    if (bytes.length > room || !fence.every((byte, i) => byte === this.#memory[edge + i])) {
      throw new Error("the decoder wrote beyond its output");
    }
    return { end, bytes };
  }
}

/** What Node's zlib makes of a body. */
export function decodeByNode(coding: Coding, body: Uint8Array): Decoded {
  // The largest window whatever the header declares, as browsers have it: with the declared one, whether zlib takes a distance
  // beyond it depends on the size of the pieces that it writes.
  const options = { maxOutputLength: OUTPUT_ROOM, windowBits: 15 };
  try {
    const decode = coding === "gzip" ? gunzipSync : beginsAsZlib(body) ? inflateSync : inflateRawSync;
    return { end: "whole", bytes: decode(body, options) };
  } catch (error) {
    const { code } = error as { code?: string };
    const end = code === "Z_BUF_ERROR" ? "cut" : code === "ERR_BUFFER_TOO_LARGE" ? "full" : "corrupt";
    if (end === "corrupt" && code !== "Z_DATA_ERROR" && code !== "Z_NEED_DICT") throw error;
    return { end, bytes: new Uint8Array() };
  }
}

/** RFC 1950, 2.2: browsers take what does not begin so for DEFLATE by itself. */
function beginsAsZlib(body: Uint8Array): boolean {
  const [first = 0, second = 0] = body;
  return body.length >= 2 && (first & 15) === 8 && ((first << 8) | second) % 31 === 0;
}

/** An input, and what it was made for. */
export interface Body {
  readonly coding: Coding;
  readonly bytes: Uint8Array;
}

/** A sound body, some broken ones made of it, and some that were never sound: about ten. */
export function* makeUp(random: Random): Generator<Body> {
  const coding = random.pick(["gzip", "deflate"] as const);
  const sound = soundBody(random, coding);
  yield { coding, bytes: sound };
  for (let i = 0; i < 7; i++) yield { coding, bytes: broken(random, sound) };
  yield { coding: random.pick(["gzip", "deflate"] as const), bytes: noise(random) };
  const blocks = madeUpBlocks(random);
  yield { coding: "deflate", bytes: blocks };
  yield { coding: "deflate", bytes: broken(random, blocks) };
}

/** A body as a server may send it. */
export function soundBody(random: Random, coding: Coding, text = madeUpText(random)): Uint8Array {
  const options = madeUpOptions(random);
  if (coding === "deflate") {
    return random.below(2) === 0 ? deflateSync(text, options) : rawInPieces(random, text, options);
  }
  if (random.below(3) === 0) return gzipSync(text, options);
  const members = random.below(4) === 0 ? 1 + random.below(3) : 1;
  const parts: Uint8Array[] = [];
  for (let i = 0; i < members; i++) {
    const from = Math.floor((text.length * i) / members);
    const part = text.subarray(from, Math.floor((text.length * (i + 1)) / members));
    parts.push(member(random, part, options));
  }
  if (random.below(8) === 0) parts.push(new Uint8Array(random.below(20)));
  return Buffer.concat(parts);
}

function madeUpOptions(random: Random): ZlibOptions {
  return {
    level: random.below(10),
    memLevel: 1 + random.below(9),
    strategy: random.below(5),
    windowBits: 9 + random.below(7),
  };
}

/** DEFLATE by itself, flushed where a server may flush. */
function rawInPieces(random: Random, text: Uint8Array, options: ZlibOptions): Uint8Array {
  const pieces = random.below(3) === 0 ? 1 + random.below(5) : 1;
  const out: Uint8Array[] = [];
  for (let i = 0; i < pieces; i++) {
    const part = text.subarray(
      Math.floor((text.length * i) / pieces),
      Math.floor((text.length * (i + 1)) / pieces),
    );
    const flush = i + 1 < pieces ? random.pick([constants.Z_SYNC_FLUSH, constants.Z_FULL_FLUSH]) : undefined;
    out.push(deflateRawSync(part, { ...options, ...(flush === undefined ? {} : { finishFlush: flush }) }));
  }
  return Buffer.concat(out);
}

/** A member of gzip with everything that its header may have (RFC 1952, 2.3). */
export function member(random: Random, text: Uint8Array, options: ZlibOptions = {}): Uint8Array {
  const flags = random.below(32) & 0b11111;
  const fields: Buffer[] = [
    Buffer.from([0x1f, 0x8b, 8, flags]),
    bytesOf(random, 4),
    Buffer.from([random.pick([0, 2, 4]), random.below(256)]),
  ];
  if ((flags & 4) !== 0) {
    const extra = bytesOf(random, random.below(40));
    fields.push(Buffer.from([extra.length & 0xff, extra.length >> 8]), extra);
  }
  for (const flag of [8, 16]) {
    if ((flags & flag) !== 0) fields.push(Buffer.from(`${"name".repeat(random.below(5))}.json\0`));
  }
  const header = Buffer.concat(fields);
  const tail = Buffer.alloc(8);
  tail.writeUInt32LE(sumOf(text), 0);
  tail.writeUInt32LE(text.length, 4);
  const sum = Buffer.alloc((flags & 2) !== 0 ? 2 : 0);
  if (sum.length === 2) sum.writeUInt16LE(sumOf(header) & 0xffff);
  return Buffer.concat([header, sum, rawInPieces(random, text, options), tail]);
}

/** CRC-32, bit by bit. */
function sumOf(bytes: Uint8Array): number {
  let sum = -1;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (0xedb88320 & -(sum & 1));
  }
  return ~sum >>> 0;
}

function bytesOf(random: Random, count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, () => random.below(256)));
}

const WORDS = [
  '{"id":',
  '"name":"',
  "true",
  "null",
  "[",
  "]",
  "},",
  "12.50",
  "checkout",
  "https://",
  "\n",
  "é",
];

function madeUpText(random: Random): Buffer {
  const length = random.below(random.pick([4, 60, 400, 3000]));
  switch (random.below(5)) {
    case 0:
      return bytesOf(random, length);
    case 1:
      return Buffer.alloc(length * (1 + random.below(20)), random.below(256));
    case 2:
      return Buffer.from(Array.from({ length }, () => 97 + random.below(1 + random.below(4))));
    case 3: {
      // What repeats from far away.
      const part = bytesOf(random, 1 + random.below(40));
      return Buffer.concat(Array.from({ length: 1 + (length >> 4) }, () => part)).subarray(0, length + 1);
    }
    default:
      return Buffer.from(Array.from({ length: length >> 2 }, () => random.pick(WORDS)).join(""));
  }
}

/** The same with a few things wrong, or cut. */
function broken(random: Random, sound: Uint8Array): Uint8Array {
  let bytes = Buffer.from(sound);
  const times = 1 + random.below(random.pick([1, 1, 4]));
  for (let i = 0; i < times; i++) {
    const at = random.below(random.below(2) === 0 ? bytes.length + 1 : Math.min(bytes.length, 24) + 1);
    switch (random.below(8)) {
      case 0:
      case 1:
        bytes = bytes.subarray(0, at);
        break;
      case 2:
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          bytesOf(random, 1 + random.below(4)),
          bytes.subarray(at),
        ]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(4))]);
        break;
      case 4:
        if (at < bytes.length) bytes[at] = random.below(256);
        break;
      case 5:
        bytes = Buffer.concat([bytes, bytesOf(random, random.below(30))]);
        break;
      default:
        if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
    }
  }
  return bytes;
}

function noise(random: Random): Uint8Array {
  const heads = [
    [0x1f, 0x8b, 8],
    [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0],
    [0x78, 0x9c],
    [0x78, 0xda, 5],
    [5],
    [4],
    [],
  ];
  return Buffer.concat([Buffer.from(random.pick(heads)), bytesOf(random, random.below(60))]);
}

/** Bits, the lowest of a byte first. */
class BitWriter {
  readonly #bytes: number[] = [];
  #bits = 0;

  put(value: number, bits: number): void {
    for (let i = 0; i < bits; i++) {
      const at = this.#bits >> 3;
      this.#bytes[at] = (this.#bytes[at] ?? 0) | (((value >> i) & 1) << (this.#bits & 7));
      this.#bits++;
    }
  }

  get bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

interface PrefixCode {
  readonly lengths: number[];
  /** Of each symbol, its first bit lowest. */
  readonly codes: number[];
}

/** Blocks with tables of their own that no encoder makes: long codes, incomplete ones, too many, then symbols at random. */
function madeUpBlocks(random: Random): Uint8Array {
  const out = new BitWriter();
  const blocks = 1 + random.below(3);
  for (let i = 0; i < blocks; i++) {
    out.put(i + 1 === blocks ? 1 : 0, 1);
    out.put(2, 2);
    putTables(random, out);
  }
  return out.bytes;
}

function putTables(random: Random, out: BitWriter): void {
  const literalCount = 257 + random.below(random.below(20) === 0 ? 32 : 30);
  const distanceCount = 1 + random.below(random.below(20) === 0 ? 32 : 30);
  const literals = madeUpCode(random, literalCount, 256);
  const distances = madeUpCode(random, distanceCount, 0);
  const all = [...literals.lengths, ...distances.lengths];
  const used = [...new Set(all)];
  // Enough for every length that occurs, and for repeats.
  const wanted = [...new Set([...used, ...[16, 17, 18].filter(() => random.below(3) > 0)])];
  const ofLengths = codeOf(treeLengths(random, wanted, 19, 7));
  if (random.below(40) === 0) ofLengths.lengths[random.below(19)] = random.below(8);
  const order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
  let count = 19;
  while (count > 4 && (ofLengths.lengths[order[count - 1] ?? 0] ?? 0) === 0) count--;
  out.put(literalCount - 257, 5);
  out.put(distanceCount - 1, 5);
  out.put(count - 4, 4);
  for (const symbol of order.slice(0, count)) out.put(ofLengths.lengths[symbol] ?? 0, 3);
  const put = (code: PrefixCode, symbol: number): void =>
    out.put(code.codes[symbol] ?? 0, code.lengths[symbol] ?? 0);
  for (let i = 0; i < all.length;) {
    let same = 1;
    while (i + same < all.length && all[i + same] === all[i]) same++;
    if (all[i] === 0 && same >= 11 && wanted.includes(18)) {
      const times = Math.min(same, 138);
      put(ofLengths, 18);
      out.put(times - 11 + (random.below(60) === 0 ? 1 : 0), 7);
      i += times;
    } else if (all[i] === 0 && same >= 3 && wanted.includes(17)) {
      const times = Math.min(same, 10);
      put(ofLengths, 17);
      out.put(times - 3, 3);
      i += times;
    } else if (i > 0 && all[i] === all[i - 1] && same >= 3 && wanted.includes(16)) {
      const times = Math.min(same, 6);
      put(ofLengths, 16);
      out.put(times - 3, 2);
      i += times;
    } else {
      put(ofLengths, all[i] ?? 0);
      i++;
    }
  }
  const there = literals.lengths.flatMap((length, symbol) => (length > 0 && symbol !== 256 ? [symbol] : []));
  const near = distances.lengths.flatMap((length, distance) => (length > 0 ? [distance] : []));
  const symbols = random.below(200);
  for (let i = 0; i < symbols && there.length > 0; i++) {
    const symbol = random.pick(random.below(3) === 0 ? there : there.slice(0, 40));
    put(literals, symbol);
    if (symbol < 257) continue;
    const extra = symbol < 265 || symbol === 285 ? 0 : (symbol - 261) >> 2;
    out.put(random.below(2 ** extra), extra);
    // Mostly distances that reach back to something.
    const distance = near.length === 0 ? 0 : random.below(8) === 0 ? random.pick(near) : (near[0] ?? 0);
    put(distances, distance);
    const more = distance < 4 ? 0 : (distance - 2) >> 1;
    out.put(random.below(8) === 0 ? random.below(2 ** more) : 0, more);
  }
  put(literals, 256);
  if (random.below(3) === 0) out.put(random.next() >>> 1, random.below(31));
}

/** A code with about so many symbols, `must` among them: complete, mostly. */
function madeUpCode(random: Random, count: number, must: number): PrefixCode {
  const few = random.below(6) === 0 ? random.below(3) : 1 + random.below(count);
  const symbols = new Set(random.below(30) === 0 ? [] : [must]);
  for (let i = 0; i < few; i++) symbols.add(random.below(count));
  const lengths = treeLengths(random, [...symbols], count, 15);
  if (random.below(25) === 0) lengths[random.below(count)] = random.below(16);
  return codeOf(lengths);
}

/** Lengths of a complete code for these symbols: a tree whose leaves are split at random, mostly deep ones. */
function treeLengths(random: Random, symbols: number[], count: number, most: number): number[] {
  const open = [0];
  const deepest: number[] = [];
  const isDeep = random.below(2) === 0;
  while (open.length + deepest.length < symbols.length) {
    const at = isDeep && random.below(4) > 0 ? open.length - 1 : random.below(open.length);
    const depth = (open[at] ?? 0) + 1;
    open[at] = open.at(-1) ?? 0;
    open.pop();
    (depth < most ? open : deepest).push(depth, depth);
  }
  const leaves = [...open, ...deepest];
  const lengths = Array.from({ length: count }, () => 0);
  symbols.forEach((symbol, i) => (lengths[symbol] = Math.max(leaves[i] ?? 0, 1)));
  return lengths;
}

/** RFC 1951, 3.2.2. */
function codeOf(lengths: number[]): PrefixCode {
  const codes: number[] = [];
  let code = 0;
  for (let length = 1; length <= 15; length++) {
    for (const [symbol, own] of lengths.entries()) {
      if (own !== length) continue;
      let reversed = 0;
      for (let i = 0; i < length; i++) reversed |= ((code >> (length - 1 - i)) & 1) << i;
      codes[symbol] = reversed;
      code++;
    }
    code <<= 1;
  }
  return { lengths, codes };
}

/** How often each end came, and what was not as in zlib. */
export interface Differences {
  readonly ends: Record<string, number>;
  readonly faults: string[];
}

/** Decodes so many bodies both ways. */
export async function compareWithNode(
  decoder: Decoder,
  random: Random,
  inputs: number,
  progress?: (done: number) => void,
): Promise<Differences> {
  const ends: Record<string, number> = {};
  const faults: string[] = [];
  let done = 0;
  // Two of three bodies are an error of Node's: where it was thrown takes longer than to throw it.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  while (done < inputs) {
    // What Node's zlib took is given back between events alone.
    await new Promise((resolve) => void setImmediate(resolve));
    progress?.(done);
    for (const { coding, bytes } of makeUp(random)) {
      const ours = decoder.decode(coding, bytes);
      const theirs = decodeByNode(coding, bytes);
      const same =
        ours.end === theirs.end && (ours.end !== "whole" || Buffer.compare(ours.bytes, theirs.bytes) === 0);
      ends[theirs.end] = (ends[theirs.end] ?? 0) + 1;
      if (!same && faults.length < 10) {
        faults.push(
          `${coding} ${Buffer.from(bytes).toString("hex")}: ${ours.end}, and by zlib ${theirs.end}`,
        );
      }
      if (++done === inputs) break;
    }
  }
  Error.stackTraceLimit = stackTraceLimit;
  return { ends, faults };
}
