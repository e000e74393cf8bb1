// What a goal is worth, from a text of the upstream's.

import * as ascii from "../bytes/ascii";
import { addressOf, lengthOf, Slice, trimmed } from "../bytes/slice";

/** Digits behind the point that count. */
const DIGITS: u32 = 3;

/**
 * `12`, `12.5`, `12.3456` in thousandths, digits beyond the third behind the point cut off, at most `most` (at most
 * 2^59); 0 for any other text.
 */
export function worthOf(text: Slice, most: u64): u64 {
  const number = trimmed(text);
  const begin = addressOf(number);
  const length = lengthOf(number);
  let value: u64 = 0;
  let hasPoint = false;
  let behind: u32 = 0;
  for (let i: u32 = 0; i < length; i++) {
    const byte = load<u8>(begin + i);
    if (ascii.isDigit(byte)) {
      if (behind == DIGITS) continue;
      if (hasPoint) behind++;
      // What is more than the most stays so, however many digits follow.
      if (value <= most) value = value * 10 + ((byte - ascii.ZERO) as u64);
    } else if (byte == ascii.DOT && !hasPoint && i != 0 && i + 1 != length) {
      hasPoint = true;
    } else {
      return 0;
    }
  }
  while (behind < DIGITS && value <= most) {
    value *= 10;
    behind++;
  }
  return value < most ? value : most;
}
