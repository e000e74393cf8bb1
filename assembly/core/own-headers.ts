// Headers of Serin's own, `x-serin-*`. Those that a client sends are forged, and found again in the host's block where
// they are told or removed, so that neither needs memory, and many cost no more than as many others.

import * as ascii from "../bytes/ascii";
import { Pairs } from "../bytes/pairs";
import { fixed, noRun, Run, scratchRun } from "../bytes/records";
import { addressOf, lengthOf, lower, NONE, sameText, Slice } from "../bytes/slice";

const pairs: Pairs = fixed<Pairs>();

/** `x-serin-` less the two hyphens, as a little-endian word, and the bits of its letters. */
const LETTERS: u64 = 0x006e_6972_6573_0078;
const LETTER_BITS: u64 = 0x00ff_ffff_ffff_00ff;
const PREFIX_BYTES: u32 = 8;

/**
 * Whether a header's name, in lower case, is one of Serin's own to some upstream. CGI (RFC 3875 section 4.1.18) and WSGI
 * (PEP 3333) read an underscore and a hyphen alike, PHP a dot too: any character but a letter or a digit stands for the
 * hyphens.
 */
export function isOwnHeader(name: Slice): bool {
  if (!mayBeOwn(name)) return false;
  const begin = addressOf(name);
  return isSeparator(load<u8>(begin, 1)) && isSeparator(load<u8>(begin, 7));
}

/** Whether it has the letters of one, in their places: for most names, all that need be asked. */
// @ts-ignore: decorator
@inline
export function mayBeOwn(name: Slice): bool {
  return lengthOf(name) >= PREFIX_BYTES && (load<u64>(addressOf(name)) & LETTER_BITS) == LETTERS;
}

function isSeparator(byte: u8): bool {
  return !ascii.isDigit(byte) && !ascii.isLower(lower(byte));
}

/** The names that were found last: what a client repeats is found once, or seldom. */
const RECENT: u32 = 16;
let recent: Run<Slice> = noRun<Slice>();
let found: u32 = 0;

/** Begins at the first header of a block (bytes/pairs.ts). */
export function beginForged(block: Slice): void {
  pairs.begin(block);
  found = 0;
  recent = scratchRun<Slice>(RECENT);
}

/** The name of the block's next header of Serin's own, most repetitions left out; NONE when there is none. */
export function nextForged(): Slice {
  while (pairs.next()) {
    const name = pairs.key;
    if (!isOwnHeader(name) || isRecent(name)) continue;
    if (!recent.isNone) recent.set(found & (RECENT - 1), name);
    found++;
    return name;
  }
  return NONE;
}

function isRecent(name: Slice): bool {
  const count: u32 = recent.isNone ? 0 : found < RECENT ? found : RECENT;
  for (let i: u32 = 0; i < count; i++) {
    if (sameText(recent.at(i), name)) return true;
  }
  return false;
}
