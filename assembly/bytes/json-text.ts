// The tokens of JSON (RFC 8259), read in place and strictly: shared by the policy reader and the claims of a JWT.

import { hexValue } from "./hex";
import { addressOf, lengthOf, NONE, Slice, sliceOf } from "./slice";
import { codePointLength, putCodePoint } from "./utf8";

/** What stopped a token; the place is in `faultAt`. */
export const FAULT_NONE: u32 = 0;
/** A character that cannot stand there, or the text's end. */
export const FAULT_SYNTAX: u32 = 1;
/** A control character inside a string that is not escaped. */
export const FAULT_CONTROL: u32 = 2;
/** Bytes that are no UTF-8. */
export const FAULT_UTF8: u32 = 3;
/** An escape that is half a surrogate pair. */
export const FAULT_SURROGATE: u32 = 4;
/** A backslash with something that is no escape behind it. */
export const FAULT_ESCAPE: u32 = 5;

/** Address of the byte that stopped the last token that did not read. */
export let faultAt: usize = 0;
/** Why it did not read: one of FAULT_*. */
export let fault: u32 = FAULT_NONE;
/** Whether the last string that read holds an escape. */
export let hasEscape: bool = false;

function stop(at: usize, why: u32): usize {
  faultAt = at;
  fault = why;
  return 0;
}

/** Address of the first byte that is no white space. */
export function skipBlank(from: usize, end: usize): usize {
  let at = from;
  while (at < end) {
    const byte = load<u8>(at);
    if (byte != 0x20 && byte != 0x0a && byte != 0x0d && byte != 0x09) break;
    at++;
  }
  return at;
}

/** The four hexadecimal digits at `at`; above 0xffff when they are none. */
function hex4(at: usize, end: usize): u32 {
  if (end - at < 4) return 0xffffffff;
  let value: u32 = 0;
  for (let i: usize = 0; i < 4; i++) {
    const digit = hexValue(load<u8>(at + i));
    if (digit > 15) return 0xffffffff;
    value = (value << 4) | digit;
  }
  return value;
}

/**
 * Reads over the string whose opening quote is at `from`.
 * @returns the address behind the closing quote, 0 with `fault` set otherwise
 */
export function skipString(from: usize, end: usize): usize {
  let at = from + 1;
  hasEscape = false;
  while (at < end) {
    const byte = load<u8>(at);
    if (byte == 0x22) return at + 1;
    if (byte < 0x20) return stop(at, FAULT_CONTROL);
    if (byte == 0x5c) {
      hasEscape = true;
      if (end - at < 2) return stop(end, FAULT_SYNTAX);
      const kind = load<u8>(at + 1);
      if (kind == 0x75) {
        const high = hex4(at + 2, end);
        if (high > 0xffff) return stop(at, FAULT_ESCAPE);
        if (high >= 0xdc00 && high <= 0xdfff) return stop(at, FAULT_SURROGATE);
        if (high >= 0xd800 && high <= 0xdbff) {
          const paired = end - at >= 12 && load<u8>(at + 6) == 0x5c && load<u8>(at + 7) == 0x75;
          const low = paired ? hex4(at + 8, end) : 0xffffffff;
          if (low < 0xdc00 || low > 0xdfff) return stop(at, FAULT_SURROGATE);
          at += 12;
        } else {
          at += 6;
        }
        continue;
      }
      if (
        kind != 0x22 &&
        kind != 0x5c &&
        kind != 0x2f &&
        kind != 0x62 &&
        kind != 0x66 &&
        kind != 0x6e &&
        kind != 0x72 &&
        kind != 0x74
      ) {
        return stop(at, FAULT_ESCAPE);
      }
      at += 2;
      continue;
    }
    if (byte < 0x80) {
      at++;
      continue;
    }
    const length = codePointLength(at, end);
    if (length == 0) return stop(at, FAULT_UTF8);
    at += length;
  }
  return stop(end, FAULT_SYNTAX);
}

/**
 * Decodes the inside of a string that `skipString` has read (the quotes left out) to `to`, which has as many bytes.
 * @returns the decoded text, never longer than the source
 */
export function decodeString(inside: Slice, to: usize): Slice {
  let at = addressOf(inside);
  const end = at + lengthOf(inside);
  let out = to;
  while (at < end) {
    const byte = load<u8>(at);
    if (byte != 0x5c) {
      store<u8>(out, byte);
      out++;
      at++;
      continue;
    }
    const kind = load<u8>(at + 1);
    if (kind == 0x75) {
      let point = hex4(at + 2, end);
      at += 6;
      if (point >= 0xd800 && point <= 0xdbff) {
        point = 0x10000 + ((point - 0xd800) << 10) + (hex4(at + 2, end) - 0xdc00);
        at += 6;
      }
      out += putCodePoint(out, point);
      continue;
    }
    let plain = kind;
    if (kind == 0x62) plain = 0x08;
    else if (kind == 0x66) plain = 0x0c;
    else if (kind == 0x6e) plain = 0x0a;
    else if (kind == 0x72) plain = 0x0d;
    else if (kind == 0x74) plain = 0x09;
    store<u8>(out, plain);
    out++;
    at += 2;
  }
  return sliceOf(to, (out - to) as u32);
}

// @ts-ignore: decorator
@inline
function isDigit(at: usize, end: usize): bool {
  return at < end && load<u8>(at) >= 0x30 && load<u8>(at) <= 0x39;
}

/** Reads over the number that begins at `from` (a digit or `-`). @returns the address behind it, 0 with `fault` set */
export function skipNumber(from: usize, end: usize): usize {
  let at = from;
  if (load<u8>(at) == 0x2d) at++;
  if (!isDigit(at, end)) return stop(at, FAULT_SYNTAX);
  if (load<u8>(at) == 0x30) {
    at++;
    if (isDigit(at, end)) return stop(at, FAULT_SYNTAX);
  } else {
    while (isDigit(at, end)) at++;
  }
  if (at < end && load<u8>(at) == 0x2e) {
    at++;
    if (!isDigit(at, end)) return stop(at, FAULT_SYNTAX);
    while (isDigit(at, end)) at++;
  }
  if (at < end && (load<u8>(at) | 0x20) == 0x65) {
    at++;
    if (at < end && (load<u8>(at) == 0x2b || load<u8>(at) == 0x2d)) at++;
    if (!isDigit(at, end)) return stop(at, FAULT_SYNTAX);
    while (isDigit(at, end)) at++;
  }
  return at;
}

/** Reads over `true`, `false` or `null`. @returns the address behind it, 0 with `fault` set */
export function skipLiteral(from: usize, end: usize, word: string): usize {
  const length = word.length as usize;
  for (let i: usize = 0; i < length; i++) {
    if (from + i >= end || (load<u8>(from + i) as u16) != load<u16>(changetype<usize>(word) + (i << 1))) {
      return stop(from, FAULT_SYNTAX);
    }
  }
  return from + length;
}

/** The inside of the string token that began at `from` and ended at `behind`. */
export function insideOf(from: usize, behind: usize): Slice {
  return behind == 0 ? NONE : sliceOf(from + 1, (behind - from - 2) as u32);
}
