// Classes of characters in a regular expression: `[a-z]`, `\d`, `[[:alpha:]]`, in any case under `(?i)`.

import * as ascii from "../bytes/ascii";
import { fixed, noRun, Run, takeRun } from "../bytes/records";
import { isWord, sliceOf } from "../bytes/slice";
import { CharacterClass, KELVIN, LONG_S } from "../core/expression";
import { build, records } from "./build";
import {
  isAhead,
  LARGEST,
  NO_CHARACTER,
  refuse,
  skip,
  takeCharacter,
  takeEscaped,
  text,
} from "./expression-text";

/** Ranges of one class before they are put in order: an expression has no bytes for more. */
const MOST_RANGES: u32 = 2048;

/** The class that is being read. */
@unmanaged
class Draft {
  low: u64;
  high: u64;
  ranges: Run<u32>;
  count: u32;
  ignoresCase: bool;
}

const draft: Draft = fixed<Draft>();

// The classes of ASCII as bits: of its first 64 characters, and of the other 64.
const DIGITS: u64 = 0x03ff000000000000;
const UPPER: u64 = 0x07fffffe;
const LOWER: u64 = 0x07fffffe00000000;
const UNDERSCORE: u64 = 0x80000000;
/** Tab, line feed, form feed, carriage return, space: `\s` has no vertical tab. */
const SPACES: u64 = 0x100003600;
const VERTICAL_TAB: u64 = 0x800;
const ALL: u64 = 0xffffffffffffffff;

/** Forgets the memory of the last policy. */
export function beginClasses(): void {
  draft.ranges = noRun<u32>();
}

/** Begins an empty class. @returns false without memory */
export function beginClass(ignoresCase: bool): bool {
  if (draft.ranges.isNone) draft.ranges = takeRun<u32>(build.reading, (MOST_RANGES + 1) << 1);
  draft.low = 0;
  draft.high = 0;
  draft.count = 0;
  draft.ignoresCase = ignoresCase;
  return !draft.ranges.isNone;
}

function addRange(first: u32, last: u32): void {
  if (draft.count == MOST_RANGES || first > last) return;
  draft.ranges.set(draft.count << 1, first);
  draft.ranges.set((draft.count << 1) + 1, last);
  draft.count++;
}

/** Bits `from` to `to`, both within 64. */
// @ts-ignore: decorator
@inline
function bits(from: u32, to: u32): u64 {
  return (ALL >> ((63 - (to - from)) as u64)) << (from as u64);
}

/** Adds what of ASCII the bits say, in any case if that is ignored; or everything else. */
export function addAscii(low: u64, high: u64, isNegated: bool): void {
  let both = high;
  if (draft.ignoresCase) {
    const letters = (high | (high >> 32)) & UPPER;
    both |= letters | (letters << 32);
  }
  const hasKelvin = draft.ignoresCase && ((both >> ((ascii.LOWER_K - 64) as u64)) & 1) != 0;
  const hasLongS = draft.ignoresCase && ((both >> ((ascii.LOWER_S - 64) as u64)) & 1) != 0;
  draft.low |= isNegated ? ~low : low;
  draft.high |= isNegated ? ~both : both;
  if (!isNegated) {
    if (hasKelvin) addRange(KELVIN, KELVIN);
    if (hasLongS) addRange(LONG_S, LONG_S);
    return;
  }
  addRange(0x80, hasLongS ? LONG_S - 1 : LONG_S);
  addRange(LONG_S + 1, hasKelvin ? KELVIN - 1 : KELVIN);
  addRange(KELVIN + 1, LARGEST);
}

/** Adds the characters from `first` to `last`. */
export function addCharacters(first: u32, last: u32): void {
  const low = first < 64 ? bits(first, last < 63 ? last : 63) : 0;
  const from = first < 64 ? 64 : first;
  const high = from < 0x80 && last >= 64 ? bits(from - 64, last < 0x7f ? last - 64 : 63) : 0;
  addAscii(low, high, false);
  if (last < 0x80) return;
  if (draft.ignoresCase) return refuseCase();
  addRange(first < 0x80 ? 0x80 : first, last);
}

/** Which letters above ASCII are one in two cases would take the tables of Unicode. */
export function refuseCase(): void {
  refuse("a letter that is not of ASCII under (?i), which is not supported (write both cases, like [Éé]),");
}

/** Adds `\d`, `\s`, `\w`, or what they leave out; the reading stands at the letter. @returns false when it is another */
export function addPerl(): bool {
  if (text.at == text.end) return false;
  const byte = load<u8>(text.at);
  const isNegated = (byte & 0x20) == 0;
  const small = byte | 0x20;
  if (small == ascii.LOWER_D) addAscii(DIGITS, 0, isNegated);
  else if (small == ascii.LOWER_S) addAscii(SPACES, 0, isNegated);
  else if (small == ascii.LOWER_W) addAscii(DIGITS, UPPER | LOWER | UNDERSCORE, isNegated);
  else return false;
  text.at++;
  return true;
}

/** Adds `[:alpha:]`; the reading stands at its bracket. @returns false when there is no such class there */
function addPosix(): bool {
  const first = text.at + 2;
  let end = first;
  while (end + 1 < text.end && load<u16>(end) != 0x5d3a) end++;
  if (end + 1 >= text.end) return false;
  const isNegated = load<u8>(first) == ascii.CARET;
  const begin = isNegated ? first + 1 : first;
  const name = sliceOf(begin, (end - begin) as u32);
  let low: u64 = 0;
  let high: u64 = 0;
  if (isWord(name, "digit")) {
    low = DIGITS;
  } else if (isWord(name, "alpha")) {
    high = UPPER | LOWER;
  } else if (isWord(name, "alnum")) {
    low = DIGITS;
    high = UPPER | LOWER;
  } else if (isWord(name, "word")) {
    low = DIGITS;
    high = UPPER | LOWER | UNDERSCORE;
  } else if (isWord(name, "upper")) {
    high = UPPER;
  } else if (isWord(name, "lower")) {
    high = LOWER;
  } else if (isWord(name, "xdigit")) {
    low = DIGITS;
    high = 0x7e0000007e;
  } else if (isWord(name, "space")) {
    low = SPACES | VERTICAL_TAB;
  } else if (isWord(name, "blank")) {
    low = 0x100000200;
  } else if (isWord(name, "punct")) {
    low = 0xfc00fffe00000000;
    high = 0x78000001f8000001;
  } else if (isWord(name, "ascii")) {
    low = ALL;
    high = ALL;
  } else if (isWord(name, "cntrl")) {
    low = 0xffffffff;
    high = 0x8000000000000000;
  } else if (isWord(name, "graph")) {
    low = 0xfffffffe00000000;
    high = 0x7fffffffffffffff;
  } else if (isWord(name, "print")) {
    low = 0xffffffff00000000;
    high = 0x7fffffffffffffff;
  } else {
    refuse("an unknown class between [: and :]");
    return true;
  }
  addAscii(low, high, isNegated);
  text.at = end + 2;
  return true;
}

/** Reads a class in brackets; the first of them has been read. @returns whether it is sound */
export function readClass(ignoresCase: bool, to: CharacterClass): bool {
  if (!beginClass(ignoresCase)) return false;
  const isNegated = skip(ascii.CARET);
  // A bracket that comes first is a character.
  let isFirst = true;
  while (isFirst || !isAhead(0, ascii.CLOSE_BRACKET)) {
    if (text.at >= text.end) refuse("a [ without its ]");
    if (text.failed) return false;
    isFirst = false;
    readItem();
  }
  text.at++;
  return endClass(to, isNegated);
}

/** One item of a class: a character, a range, or a class of its own. */
function readItem(): void {
  if (isAhead(0, ascii.OPEN_BRACKET) && isAhead(1, ascii.COLON) && addPosix()) return;
  const first = takeMember();
  if (first == NO_CHARACTER) return;
  let last = first;
  if (isAhead(0, ascii.MINUS) && text.at + 1 < text.end && !isAhead(1, ascii.CLOSE_BRACKET)) {
    text.at++;
    last = takeBound();
    if (last == NO_CHARACTER) return;
    if (last < first) return refuse("a range whose end comes before its beginning");
  }
  addCharacters(first, last);
}

/** A character of a class; NO_CHARACTER when it was a class of its own, or no character. */
function takeMember(): u32 {
  if (!skip(ascii.BACKSLASH)) return takeCharacter();
  return addPerl() ? NO_CHARACTER : takeEscaped();
}

/** The end of a range. */
function takeBound(): u32 {
  return skip(ascii.BACKSLASH) ? takeEscaped() : takeCharacter();
}

/** Writes the class that was read, its ranges in order and apart. @returns false without memory */
export function endClass(to: CharacterClass, isNegated: bool): bool {
  const ranges = draft.ranges;
  sort();
  let count: u32 = 0;
  // What lies between the ranges, if the class is negated; the ranges themselves otherwise.
  let next: u32 = 0x80;
  for (let i: u32 = 0; i < draft.count; i++) {
    const first = ranges.at(i << 1);
    const last = ranges.at((i << 1) + 1);
    if (isNegated) {
      // It is written over what has been read.
      if (first > next) {
        ranges.set(count << 1, next);
        ranges.set((count << 1) + 1, first - 1);
        count++;
      }
      if (last >= next) next = last + 1;
    } else if (count != 0 && first <= ranges.at((count << 1) - 1) + 1) {
      if (last > ranges.at((count << 1) - 1)) ranges.set((count << 1) - 1, last);
    } else {
      ranges.set(count << 1, first);
      ranges.set((count << 1) + 1, last);
      count++;
    }
  }
  if (isNegated && next <= LARGEST) {
    ranges.set(count << 1, next);
    ranges.set((count << 1) + 1, LARGEST);
    count++;
  }
  to.low = isNegated ? ~draft.low : draft.low;
  to.high = isNegated ? ~draft.high : draft.high;
  to.rangeCount = count;
  to.ranges = records<u32>(count << 1);
  if (to.ranges.isNone) return false;
  to.ranges.copy(0, ranges, count << 1);
  return true;
}

/** Puts the ranges in order by their first characters: there are few. */
function sort(): void {
  const ranges = draft.ranges;
  for (let i: u32 = 1; i < draft.count; i++) {
    const first = ranges.at(i << 1);
    const last = ranges.at((i << 1) + 1);
    let place = i;
    while (place > 0 && ranges.at((place - 1) << 1) > first) {
      ranges.set(place << 1, ranges.at((place - 1) << 1));
      ranges.set((place << 1) + 1, ranges.at(((place - 1) << 1) + 1));
      place--;
    }
    ranges.set(place << 1, first);
    ranges.set((place << 1) + 1, last);
  }
}
