// Whole numbers written in decimal.

import * as ascii from "./ascii";
import { addressOf, lengthOf, Slice } from "./slice";

/** No decimal number, or one of too many digits. */
export const NOT_DECIMAL: u64 = 0xffffffffffffffff;

/** Of so many any value fits into 64 bits, and is not NOT_DECIMAL. */
export const MOST_DIGITS: u32 = 18;

/**
 * The value of a text of ASCII digits and nothing else; zeros in front are digits.
 * @param most digits that it may have, up to MOST_DIGITS
 * @returns NOT_DECIMAL for anything else
 */
export function decimal(text: Slice, most: u32): u64 {
  const length = lengthOf(text);
  if (length == 0 || length > most) return NOT_DECIMAL;
  let value: u64 = 0;
  for (let i: u32 = 0; i < length; i++) {
    const byte = load<u8>(addressOf(text) + i);
    if (!ascii.isDigit(byte)) return NOT_DECIMAL;
    value = value * 10 + ((byte - ascii.ZERO) as u64);
  }
  return value;
}

/** As `decimal`, for a place in an array: up to 9 digits, none of them a zero in front (RFC 6901 section 4). */
export function arrayIndex(text: Slice): u64 {
  if (lengthOf(text) > 1 && load<u8>(addressOf(text)) == ascii.ZERO) return NOT_DECIMAL;
  return decimal(text, 9);
}
