// How values meet: what is equal, what is less, what is a number. Where JavaScript's and Go's evaluators of flagd
// differ, Go's, less its accidents; `portability` warnings say so when a policy is loaded.

import { addressOf, lengthOf, Slice } from "../../bytes/slice";
import { readNumber } from "./number-work";
import { isSame, numberOf, Tag, Value } from "./value";
import { isSpent, spendBytes } from "./work";

/** The number that a value is in arithmetic: null is 0, true 1, a decimal text its number; NaN for anything else. */
export function toNumber(value: Value): f64 {
  const tag = value.tag;
  if (tag == Tag.Number) return numberOf(value);
  if (tag == Tag.Text) return readNumber(value.bits);
  if (tag == Tag.True) return 1;
  return tag == Tag.Null || tag == Tag.False ? 0 : NaN;
}

/**
 * `==`: null equals only null; booleans and decimal strings are compared as numbers; arrays and objects equal nothing.
 */
export function isEqual(a: Value, b: Value): bool {
  if (a.tag == b.tag) return isSame(a, b);
  if (a.tag >= Tag.Array || b.tag >= Tag.Array || a.tag == Tag.Null || b.tag == Tag.Null) return false;
  // NaN (a string that is not a number) equals nothing.
  return toNumber(a) == toNumber(b);
}

/** Order of two texts by bytes, which is the order of their code points: below, at or above 0. */
export function compareTexts(a: Slice, b: Slice): i32 {
  const from = addressOf(a);
  const to = addressOf(b);
  const shorter = lengthOf(a) < lengthOf(b) ? lengthOf(a) : lengthOf(b);
  spendBytes(shorter);
  if (isSpent()) return 0;
  for (let i: u32 = 0; i < shorter; i++) {
    const left = load<u8>(from + i) as i32;
    const right = load<u8>(to + i) as i32;
    if (left != right) return left - right;
  }
  return (lengthOf(a) > lengthOf(b) ? 1 : 0) - (lengthOf(a) < lengthOf(b) ? 1 : 0);
}

/** a < b: texts by code point, all else as numbers. */
export function isLess(a: Value, b: Value): bool {
  if (a.tag == Tag.Text && b.tag == Tag.Text) return compareTexts(a.bits, b.bits) < 0;
  return toNumber(a) < toNumber(b);
}

/** a <= b */
export function isLessOrEqual(a: Value, b: Value): bool {
  if (a.tag == Tag.Text && b.tag == Tag.Text) return compareTexts(a.bits, b.bits) <= 0;
  return toNumber(a) <= toNumber(b);
}
