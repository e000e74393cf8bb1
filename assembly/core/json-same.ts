// Whether two JSON scalars are the same.

import * as ascii from "../bytes/ascii";
import { likeness, Likeness } from "../bytes/decimal-compare";
import { isWithin } from "../bytes/decimal-within";
import { Token } from "../bytes/json-reader";
import { parseNumber } from "../bytes/number-parse";
import { addressOf, lengthOf, sameText, Slice } from "../bytes/slice";
import { JsonValue, takeSteps } from "./json-tree";

/** Steps for two floats that are read exactly: up to some microseconds. */
const FLOAT_STEPS: u32 = 1024;

/** Whether two values are the same, of containers only their kind. */
export function sameValue(a: JsonValue, b: JsonValue, tolerance: u32): bool {
  if (a.kind != b.kind) return false;
  if (a.kind == Token.String) return sameText(a.text, b.text);
  if (a.kind != Token.Number) return true;
  if (tolerance != 0) {
    // Both are read twice.
    takeSteps((lengthOf(a.text) + lengthOf(b.text)) >> 6);
    if (isWithin(a.text, b.text, tolerance)) return true;
  }
  return sameNumber(a.text, b.text);
}

function isInteger(token: Slice): bool {
  const from = addressOf(token);
  for (let i: u32 = 0; i < lengthOf(token); i++) {
    const byte = load<u8>(from + i);
    if (byte == ascii.DOT || (byte | 0x20) == ascii.LOWER_E) return false;
  }
  return true;
}

/** Numbers by value; whole ones digit by digit, so that two ids beyond 2^53 are not taken for one. */
function sameNumber(a: Slice, b: Slice): bool {
  if (sameText(a, b)) return true;
  const like = likeness(a, b);
  // Of whole numbers only 0 has two texts.
  if (isInteger(a) && isInteger(b)) return like == Likeness.Same;
  if (like != Likeness.Close) return like == Likeness.Same;
  takeSteps(FLOAT_STEPS);
  return parseNumber(a) == parseNumber(b);
}
