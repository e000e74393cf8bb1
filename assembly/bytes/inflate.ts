// DEFLATE (RFC 1951): decodes one run of bytes into another, and nothing beyond. The output is the window. No bytes make
// it trap, write outside of its output, or work without bound.

import { Run, within } from "./records";

/** How decoding ended. */
export const enum Inflated {
  /** At the end of the stream. */
  Whole,
  /** The input ends before the stream does. */
  Cut,
  /** The input is not such a stream. */
  Corrupt,
  /** The output has no room for the rest. */
  Full,
  /** The input has more tables than `Inflation.tables` allows. */
  Laborious,
}

/** Bytes behind the end of the output that may be written to: to be allocated with it. */
export const OUTPUT_SLACK: u32 = 16;

/** One decoding: where it reads and writes. */
@unmanaged
export class Inflation {
  /** The next byte of the input, and its end. */
  at: usize;
  end: usize;
  /** Where the output of this stream begins: matches reach back to here. */
  begin: usize;
  /** The next byte of the output, and its end, behind which there are OUTPUT_SLACK more. */
  out: usize;
  outEnd: usize;
  /** Blocks with tables of their own that may still come: building them is the only work that neither side's bytes bound. */
  tables: u32;
  /** Bits that were read and not used yet, the next one lowest, and how many of them count. */
  hold: u64;
  held: u32;
}

const MOST_BITS: u32 = 15;
const LITERALS: u32 = 288;
const DISTANCES: u32 = 32;
/** How many of those a stream with tables of its own may have (RFC 1951, 3.2.7). */
const MOST_LITERALS: u32 = 286;
const MOST_DISTANCES: u32 = 30;
const LENGTH_SYMBOLS: u32 = 19;
const END_OF_BLOCK: u32 = 256;
const FIRST_LENGTH: u32 = 257;
/** It stands for 258 bytes, without extra bits. */
const LAST_LENGTH: u32 = 285;
const LONGEST_MATCH: u32 = 258;

/** How many bits are looked up at once: longer codes are rare, and are found bit by bit. */
const LITERAL_BITS: u32 = 10;
const DISTANCE_BITS: u32 = 8;
const LENGTH_BITS: u32 = 7;

const COUNTS: usize = (MOST_BITS + 1) * sizeof<u16>();
const SYMBOLS: usize = LITERALS * sizeof<u16>();

/** A prefix code. What `counts`, `symbols` and `fast` return follows it in memory. */
@unmanaged
class Code {
  /** Bits of an index of `fast`. */
  bits: u32;
  /** The length of the longest code; 1 when there are none, since a bit has to be there to be no code. */
  longest: u32;

  /** How many codes there are of each length. */
  // @ts-ignore: decorator
  @inline
  get counts(): Run<u16> {
    return within<Code, Run<u16>>(this, offsetof<Code>());
  }

  /** The symbols in the order of their codes. */
  // @ts-ignore: decorator
  @inline
  get symbols(): Run<u16> {
    return within<Code, Run<u16>>(this, offsetof<Code>() + COUNTS);
  }

  /** `symbol << 4 | length` at each index whose lowest bits are that code, where it has at most `bits`; 0 elsewhere. */
  // @ts-ignore: decorator
  @inline
  get fast(): Run<u16> {
    return within<Code, Run<u16>>(this, offsetof<Code>() + COUNTS + SYMBOLS);
  }
}

/** Of any of the codes here; whole words. */
const CODE_BYTES: usize =
  (offsetof<Code>() + COUNTS + SYMBOLS + (1 << LITERAL_BITS) * sizeof<u16>() + 7) & ~7;
const CODES: usize = 5;
const codes: usize = memory.data((CODES * CODE_BYTES) as i32, 8);
const literals: Code = within<usize, Code>(codes, 0);
const distances: Code = within<usize, Code>(codes, CODE_BYTES);
const lengthCode: Code = within<usize, Code>(codes, 2 * CODE_BYTES);
const fixedLiterals: Code = within<usize, Code>(codes, 3 * CODE_BYTES);
const fixedDistances: Code = within<usize, Code>(codes, 4 * CODE_BYTES);
/** The lengths of the codes that are being built. */
const lengths: Run<u8> = within<usize, Run<u8>>(memory.data((LITERALS + DISTANCES) * sizeof<u8>(), 8), 0);

/**
 * Builds a code from the lengths of its codes (3.2.2).
 * @returns how many codes of 15 bits are left over: 0 when it is complete, below 0 when there are too many codes
 */
function build(code: Code, sizes: Run<u8>, count: u32, bits: u32): i32 {
  const counts = code.counts;
  const symbols = code.symbols;
  const fast = code.fast;
  counts.clear(MOST_BITS + 1);
  for (let i: u32 = 0; i < count; i++) counts.set(sizes.at(i), counts.at(sizes.at(i)) + 1);
  let left: i32 = 1;
  let longest: u32 = 1;
  for (let length: u32 = 1; length <= MOST_BITS; length++) {
    left = (left << 1) - (counts.at(length) as i32);
    if (left < 0) return left;
    if (counts.at(length) != 0) longest = length;
  }
  code.bits = bits;
  code.longest = longest;
  // Sorted by length: `next` says where the next one of each length belongs.
  let at: u32 = 0;
  for (let length: u32 = 1; length <= longest; length++) {
    next.set(length, at as u16);
    at += counts.at(length);
  }
  for (let i: u32 = 0; i < count; i++) {
    const length = sizes.at(i);
    if (length == 0) continue;
    symbols.set(next.at(length), i as u16);
    next.set(length, next.at(length) + 1);
  }
  fast.clear(1 << bits);
  // Codes come with their first bit first, so they are counted up from that end.
  let reversed: u32 = 0;
  let index: u32 = 0;
  const most: u32 = longest < bits ? longest : bits;
  for (let length: u32 = 1; length <= most; length++) {
    for (let n: u32 = counts.at(length); n != 0; n--) {
      const entry = ((symbols.at(index) as u32) << 4) | length;
      for (let i = reversed; i < 1 << bits; i += 1 << length) fast.set(i, entry as u16);
      index++;
      let carry: u32 = 1 << (length - 1);
      while ((reversed & carry) != 0) carry >>= 1;
      reversed = carry == 0 ? 0 : (reversed & (carry - 1)) + carry;
    }
  }
  return left;
}
const next: Run<u16> = within<usize, Run<u16>>(memory.data((MOST_BITS + 1) * sizeof<u16>(), 8), 0);

/** The codes of blocks without tables (3.2.6). */
function buildFixed(): void {
  for (let i: u32 = 0; i < LITERALS; i++) lengths.set(i, i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8);
  build(fixedLiterals, lengths, LITERALS, LITERAL_BITS);
  for (let i: u32 = 0; i < DISTANCES; i++) lengths.set(i, 5);
  build(fixedDistances, lengths, DISTANCES, DISTANCE_BITS);
}

const NO_CODE: u32 = 0xffffffff;

/** The code that begins `hold`, bit by bit, as `fast` has it: 0 when it needs more than `held` bits, or NO_CODE. */
function findCode(code: Code, hold: u64, held: u32): u32 {
  let bits: u32 = 0;
  let first: u32 = 0;
  let index: u32 = 0;
  for (let length: u32 = 1; length <= code.longest; length++) {
    if (length > held) return 0;
    bits |= ((hold >> (length - 1)) as u32) & 1;
    const count = code.counts.at(length) as u32;
    if (bits < first + count) return ((code.symbols.at(index + bits - first) as u32) << 4) | length;
    index += count;
    first = (first + count) << 1;
    bits <<= 1;
  }
  return NO_CODE;
}

/** Takes in bytes until there are 56 bits, or all that are left. */
// @ts-ignore: decorator
@inline
function fill(run: Inflation): void {
  while (run.held < 56 && run.at < run.end) {
    run.hold |= (load<u8>(run.at) as u64) << run.held;
    run.at++;
    run.held += 8;
  }
}

// @ts-ignore: decorator
@inline
function drop(run: Inflation, bits: u32): void {
  run.hold >>= bits;
  run.held -= bits;
}

/** Forgets the rest of a byte, and gives back the bytes behind it: reading goes on at `at`. */
function align(run: Inflation): void {
  run.at -= run.held >> 3;
  run.hold = 0;
  run.held = 0;
}

/**
 * Decodes one stream. It begins with its first byte at `at`; afterwards `at` is behind its last one, and `out` behind the
 * last byte of its output.
 */
export function inflate(run: Inflation): Inflated {
  run.hold = 0;
  run.held = 0;
  while (true) {
    fill(run);
    if (run.held < 3) return Inflated.Cut;
    const isLast = (run.hold & 1) != 0;
    const kind = ((run.hold >> 1) as u32) & 3;
    drop(run, 3);
    let ended = Inflated.Corrupt;
    if (kind == 0) {
      ended = copyStored(run);
    } else if (kind == 1) {
      if (fixedLiterals.bits == 0) buildFixed();
      ended = decodeBlock(run, fixedLiterals, fixedDistances);
    } else if (kind == 2) {
      if (run.tables == 0) return Inflated.Laborious;
      run.tables--;
      ended = readTables(run);
      if (ended == Inflated.Whole) ended = decodeBlock(run, literals, distances);
    }
    if (ended != Inflated.Whole) return ended;
    if (!isLast) continue;
    align(run);
    return Inflated.Whole;
  }
}

/** A block that is not compressed (3.2.4). */
function copyStored(run: Inflation): Inflated {
  align(run);
  if (run.end - run.at < 4) return Inflated.Cut;
  const length = load<u16>(run.at) as u32;
  if ((length ^ (load<u16>(run.at, 2) as u32)) != 0xffff) return Inflated.Corrupt;
  run.at += 4;
  const there = run.end - run.at < length ? ((run.end - run.at) as u32) : length;
  const room = (run.outEnd - run.out) as u32;
  const part = there < room ? there : room;
  memory.copy(run.out, run.at, part);
  run.at += part;
  run.out += part;
  return part == length ? Inflated.Whole : part < there ? Inflated.Full : Inflated.Cut;
}

/** Which of the lengths of the code of lengths comes when (3.2.7). */
const ORDER: usize = memory.data<u8>([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]);
const REPEAT: u32 = 16;
const FEW_ZEROS: u32 = 17;

/** The tables of a block that has its own (3.2.7). */
function readTables(run: Inflation): Inflated {
  fill(run);
  if (run.held < 14) return Inflated.Cut;
  const literalCount = ((run.hold as u32) & 31) + 257;
  const distanceCount = (((run.hold >> 5) & 31) as u32) + 1;
  const lengthCount = (((run.hold >> 10) & 15) as u32) + 4;
  drop(run, 14);
  if (literalCount > MOST_LITERALS || distanceCount > MOST_DISTANCES) return Inflated.Corrupt;
  lengths.clear(LENGTH_SYMBOLS);
  for (let i: u32 = 0; i < lengthCount; i++) {
    fill(run);
    if (run.held < 3) return Inflated.Cut;
    lengths.set(load<u8>(ORDER + i), (run.hold & 7) as u8);
    drop(run, 3);
  }
  // As in zlib: without any code all are lengths of 0, of one bit each, which is found out behind them.
  const left = build(lengthCode, lengths, LENGTH_SYMBOLS, LENGTH_BITS);
  const hasNone = lengthCode.counts.at(0) == LENGTH_SYMBOLS;
  if (left != 0 && !hasNone) return Inflated.Corrupt;
  const count = literalCount + distanceCount;
  let last: u8 = 0;
  for (let i: u32 = 0; i < count;) {
    fill(run);
    const entry: u32 = hasNone ? 1 : lengthCode.fast.at((run.hold as u32) & ((1 << LENGTH_BITS) - 1));
    const bits = entry & 15;
    const symbol = entry >> 4;
    const extra: u32 = symbol < REPEAT ? 0 : symbol == REPEAT ? 2 : symbol == FEW_ZEROS ? 3 : 7;
    if (bits + extra > run.held) return Inflated.Cut;
    drop(run, bits);
    if (symbol < REPEAT) {
      last = symbol as u8;
      lengths.set(i, last);
      i++;
      continue;
    }
    let times = (run.hold as u32) & ((1 << extra) - 1);
    drop(run, extra);
    if (symbol == REPEAT) {
      if (i == 0) return Inflated.Corrupt;
      times += 3;
    } else {
      last = 0;
      times += symbol == FEW_ZEROS ? 3 : 11;
    }
    if (times > count - i) return Inflated.Corrupt;
    while (times != 0) {
      lengths.set(i, last);
      i++;
      times--;
    }
  }
  if (lengths.at(END_OF_BLOCK) == 0) return Inflated.Corrupt;
  if (!isUsable(literals, build(literals, lengths, literalCount, LITERAL_BITS))) return Inflated.Corrupt;
  const ofDistances = within<Run<u8>, Run<u8>>(lengths, literalCount);
  const isSound = isUsable(distances, build(distances, ofDistances, distanceCount, DISTANCE_BITS));
  return isSound ? Inflated.Whole : Inflated.Corrupt;
}

/** Whether a code is complete, or has one code of one bit, or none: what zlib takes. */
function isUsable(code: Code, left: i32): bool {
  return left == 0 || (left > 0 && code.longest == 1);
}

/** Decodes the rest of a block, whose codes are these. */
function decodeBlock(run: Inflation, ofLiterals: Code, ofDistances: Code): Inflated {
  const end = run.end;
  const outEnd = run.outEnd;
  const begin = run.begin;
  const fastLiterals = ofLiterals.fast;
  const fastDistances = ofDistances.fast;
  let at = run.at;
  let hold = run.hold;
  let held = run.held;
  let out = run.out;
  let ended = Inflated.Corrupt;
  while (true) {
    // A length and its distance take 48 bits at most. What is read beyond `held` is read again: the same bits.
    if (end - at >= 8) {
      hold |= load<u64>(at) << held;
      at += (63 - held) >> 3;
      held |= 56;
    } else {
      while (held < 56 && at < end) {
        hold |= (load<u8>(at) as u64) << held;
        at++;
        held += 8;
      }
    }
    let entry = fastLiterals.at((hold as u32) & ((1 << LITERAL_BITS) - 1)) as u32;
    if (entry == 0) entry = findCode(ofLiterals, hold, held);
    if (entry == NO_CODE) break;
    let bits = entry & 15;
    if (bits > held || bits == 0) {
      ended = Inflated.Cut;
      break;
    }
    hold >>= bits;
    held -= bits;
    const symbol = entry >> 4;
    if (symbol < END_OF_BLOCK) {
      if (out == outEnd) {
        ended = Inflated.Full;
        break;
      }
      store<u8>(out, symbol as u8);
      out++;
      continue;
    }
    if (symbol == END_OF_BLOCK) {
      ended = Inflated.Whole;
      break;
    }
    if (symbol > LAST_LENGTH) break;
    let length = symbol - FIRST_LENGTH;
    bits = 0;
    if (symbol == LAST_LENGTH) {
      length = LONGEST_MATCH;
    } else if (length >= 8) {
      bits = (length >> 2) - 1;
      length = ((4 | (length & 3)) << bits) + 3 + ((hold as u32) & ((1 << bits) - 1));
    } else {
      length += 3;
    }
    if (bits > held) {
      ended = Inflated.Cut;
      break;
    }
    hold >>= bits;
    held -= bits;
    entry = fastDistances.at((hold as u32) & ((1 << DISTANCE_BITS) - 1)) as u32;
    if (entry == 0) entry = findCode(ofDistances, hold, held);
    if (entry == NO_CODE) break;
    bits = entry & 15;
    if (bits > held || bits == 0) {
      ended = Inflated.Cut;
      break;
    }
    hold >>= bits;
    held -= bits;
    let distance = entry >> 4;
    if (distance >= MOST_DISTANCES) break;
    if (distance >= 4) {
      bits = (distance >> 1) - 1;
      if (bits > held) {
        ended = Inflated.Cut;
        break;
      }
      distance = ((2 | (distance & 1)) << bits) + 1 + ((hold as u32) & ((1 << bits) - 1));
      hold >>= bits;
      held -= bits;
    } else {
      distance++;
    }
    if ((distance as usize) > out - begin) break;
    if ((length as usize) > outEnd - out) {
      ended = Inflated.Full;
      break;
    }
    const stop = out + length;
    let from = out - distance;
    if (distance >= 8) {
      // Up to seven bytes too many, which are written over, or lie in the slack.
      do {
        store<u64>(out, load<u64>(from));
        out += 8;
        from += 8;
      } while (out < stop);
      out = stop;
    } else if (distance == 1) {
      memory.fill(out, load<u8>(from), length);
      out = stop;
    } else {
      do {
        store<u8>(out, load<u8>(from));
        out++;
        from++;
      } while (out < stop);
    }
  }
  run.at = at;
  run.hold = hold;
  run.held = held;
  run.out = out;
  return ended;
}
