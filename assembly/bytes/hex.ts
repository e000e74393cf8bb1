// Hexadecimal digits, both ways.

/** The value of a digit; above 15 for what is none. */
export function hexValue(byte: u8): u32 {
  if (byte >= 0x30 && byte <= 0x39) return (byte - 0x30) as u32;
  const small = byte | 0x20;
  return small >= 0x61 && small <= 0x66 ? ((small - 0x57) as u32) : 0xffffffff;
}

/** The lower-case digit of 0 to 15. */
// @ts-ignore: decorator
@inline
export function hexDigit(value: u32): u8 {
  return (value < 10 ? 0x30 + value : 0x57 + value) as u8;
}
