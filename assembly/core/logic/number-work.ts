// Numbers and their texts, and what they cost: most are arithmetic, some are the work of big integers.

import { limbsWorked } from "../../bytes/big-integer";
import { parseDecimal } from "../../bytes/number-parse";
import { putNumberText } from "../../bytes/number-text";
import { lengthOf, Slice } from "../../bytes/slice";
import { Writer } from "../../bytes/writer";
import { isSpent, spend, spendBytes, spendLimbs } from "./work";

/** The number that a decimal text is (bytes/number-parse.ts); NaN once the work is spent. */
export function readNumber(text: Slice): f64 {
  // Gone through again where it has more digits than a word.
  spendBytes(lengthOf(text) << 1);
  if (isSpent()) return NaN;
  const before = limbsWorked();
  const number = parseDecimal(text);
  spendLimbs(limbsWorked() - before);
  return number;
}

/** Puts a number's text (bytes/number-text.ts). */
export function writeNumber(writer: Writer, number: f64): void {
  const before = limbsWorked();
  putNumberText(writer, number);
  spend(2);
  spendLimbs(limbsWorked() - before);
}

/** The remainder of a division, which goes bit by bit from the larger exponent to the smaller one. */
export function remainder(number: f64, by: f64): f64 {
  const bits = exponentOf(number) - exponentOf(by);
  spend(bits > 0 ? 2 + ((bits as u32) >> 2) : 2);
  return number % by;
}

// @ts-ignore: decorator
@inline
function exponentOf(number: f64): i32 {
  return ((reinterpret<u64>(number) >> 52) & 0x7ff) as i32;
}
