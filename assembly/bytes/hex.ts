// Hexadecimal digits, both ways.

import * as ascii from "./ascii";

/** The value of a digit; above 15 for any other byte. */
export function hexValue(byte: u8): u32 {
  if (ascii.isDigit(byte)) return (byte - ascii.ZERO) as u32;
  const small = byte | 0x20;
  return small >= ascii.LOWER_A && small <= ascii.LOWER_F
    ? ((small - ascii.LOWER_A + 10) as u32)
    : 0xffffffff;
}

/** The lower-case digit of 0 to 15. */
// @ts-ignore: decorator
@inline
export function hexDigit(value: u32): u8 {
  return (value < 10 ? ascii.ZERO + value : ascii.LOWER_A - 10 + value) as u8;
}
