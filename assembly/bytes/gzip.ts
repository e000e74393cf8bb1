// What HTTP calls gzip (RFC 1952) and deflate (RFC 1950; raw RFC 1951 from some servers, which browsers take too), decoded
// from one run of bytes into another. Checksums are verified; what zlib takes is taken, what it refuses is refused.

import { crc32 } from "./crc32";
import { Inflated, inflate, Inflation } from "./inflate";
import { fixed } from "./records";
import { addressOf, lengthOf, Slice } from "./slice";

const run: Inflation = fixed<Inflation>();

/** Bytes of output for which a stream may have one block with tables of its own, beside a few: zlib's smallest have 127. */
const BYTES_A_TABLE: u32 = 64;
const FEW_TABLES: u32 = 64;

function begin(input: Slice, to: usize, room: u32): void {
  run.at = addressOf(input);
  run.end = run.at + lengthOf(input);
  run.begin = to;
  run.out = to;
  run.outEnd = to + room;
  run.tables = FEW_TABLES + room / BYTES_A_TABLE;
}

/** How many bytes the last decoding has written. */
export function decodedBytes(to: usize): u32 {
  return (run.out - to) as u32;
}

/**
 * Decodes members of gzip, one behind the other. Behind the last one there may be zeros, as padding.
 * @param to the output: `room` bytes and OUTPUT_SLACK more
 */
export function gunzip(input: Slice, to: usize, room: u32): Inflated {
  begin(input, to, room);
  do {
    const ended = readMember();
    if (ended != Inflated.Whole) return ended;
  } while (run.at < run.end && load<u8>(run.at) != 0);
  return Inflated.Whole;
}

const MAGIC: u32 = 0x8b1f;
const DEFLATE: u32 = 8;
const HAS_HEADER_SUM: u32 = 1 << 1;
const HAS_EXTRA: u32 = 1 << 2;
const HAS_NAME: u32 = 1 << 3;
const HAS_COMMENT: u32 = 1 << 4;
const RESERVED: u32 = 0xe0;
/** Flags, time, extra flags and operating system: of no use but to be there. */
const FIXED_HEADER: u32 = 10;

function readMember(): Inflated {
  const header = run.at;
  const there = (run.end - header) as u32;
  if (there < 2) return Inflated.Cut;
  if ((load<u16>(header) as u32) != MAGIC) return Inflated.Corrupt;
  if (there < 4) return Inflated.Cut;
  const flags = load<u8>(header, 3) as u32;
  if ((load<u8>(header, 2) as u32) != DEFLATE || (flags & RESERVED) != 0) return Inflated.Corrupt;
  if (there < FIXED_HEADER) return Inflated.Cut;
  let at = header + FIXED_HEADER;
  if ((flags & HAS_EXTRA) != 0) {
    if (run.end - at < 2) return Inflated.Cut;
    const length = load<u16>(at) as usize;
    if (run.end - at - 2 < length) return Inflated.Cut;
    at += 2 + length;
  }
  if ((flags & HAS_NAME) != 0) at = behindText(at);
  if ((flags & HAS_COMMENT) != 0) at = behindText(at);
  if (at > run.end) return Inflated.Cut;
  if ((flags & HAS_HEADER_SUM) != 0) {
    if (run.end - at < 2) return Inflated.Cut;
    if ((load<u16>(at) as u32) != (crc32(header, at) & 0xffff)) return Inflated.Corrupt;
    at += 2;
  }
  run.at = at;
  run.begin = run.out;
  const ended = inflate(run);
  if (ended != Inflated.Whole) return ended;
  if (run.end - run.at < 4) return Inflated.Cut;
  if (load<u32>(run.at) != crc32(run.begin, run.out)) return Inflated.Corrupt;
  if (run.end - run.at < 8) return Inflated.Cut;
  if (load<u32>(run.at, 4) != ((run.out - run.begin) as u32)) return Inflated.Corrupt;
  run.at += 8;
  return Inflated.Whole;
}

/** Behind a text that ends with NUL; beyond the input's end when it does not end. */
function behindText(from: usize): usize {
  let at = from;
  while (at < run.end && load<u8>(at) != 0) at++;
  return at + 1;
}

/** In bits beyond 256 bytes: the largest window that there is. */
const WINDOW: u32 = 7;
const HAS_DICTIONARY: u32 = 0x20;

/** As `gunzip`, for `deflate`: a stream of zlib, or where it does not begin as one, DEFLATE by itself. */
export function undeflate(input: Slice, to: usize, room: u32): Inflated {
  begin(input, to, room);
  if (!isZlib()) return inflate(run);
  if ((load<u8>(run.at) as u32) >> 4 > WINDOW) return Inflated.Corrupt;
  if ((load<u8>(run.at, 1) & HAS_DICTIONARY) != 0) {
    // Which dictionary, four bytes say.
    return run.end - run.at < 6 ? Inflated.Cut : Inflated.Corrupt;
  }
  run.at += 2;
  const ended = inflate(run);
  if (ended != Inflated.Whole) return ended;
  if (run.end - run.at < 4) return Inflated.Cut;
  return bswap<u32>(load<u32>(run.at)) == adler32(to, run.out) ? Inflated.Whole : Inflated.Corrupt;
}

/**
 * Whether it begins as a stream of zlib (RFC 1950, 2.2). DEFLATE by itself does not, but for a stored block whose padding
 * is not zero.
 */
function isZlib(): bool {
  if (run.end - run.at < 2) return false;
  const first = load<u8>(run.at) as u32;
  return (first & 15) == DEFLATE && ((first << 8) | (load<u8>(run.at, 1) as u32)) % 31 == 0;
}

/** The largest prime below 2^16, and how many bytes may be added before the sums have to be reduced (RFC 1950, 9). */
const BASE: u32 = 65521;
const MOST_ADDED: usize = 5552;

function adler32(from: usize, end: usize): u32 {
  let low: u32 = 1;
  let high: u32 = 0;
  let at = from;
  while (at < end) {
    const stop = end - at < MOST_ADDED ? end : at + MOST_ADDED;
    while (at < stop) {
      low += load<u8>(at);
      high += low;
      at++;
    }
    low %= BASE;
    high %= BASE;
  }
  return (high << 16) | low;
}
