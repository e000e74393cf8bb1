// base64url (RFC 4648 section 5), without padding or with it.

import * as ascii from "./ascii";
import { scratch } from "./scratch";
import { addressOf, lengthOf, NONE, Slice, sliceOf } from "./slice";

function sextet(byte: u8): u32 {
  if (byte >= ascii.UPPER_A && byte <= ascii.UPPER_Z) return (byte - ascii.UPPER_A) as u32;
  if (ascii.isLower(byte)) return ((byte - ascii.LOWER_A) as u32) + 26;
  if (ascii.isDigit(byte)) return ((byte - ascii.ZERO) as u32) + 52;
  if (byte == ascii.MINUS) return 62;
  if (byte == ascii.UNDERSCORE) return 63;
  return 64;
}

/** The decoded bytes in scratch memory; NONE for a text that is not base64url, or without memory. */
export function base64urlDecoded(text: Slice): Slice {
  let length = lengthOf(text);
  const begin = addressOf(text);
  for (let i = 0; i < 2 && length > 0 && load<u8>(begin + length - 1) == ascii.EQUALS; i++) length--;
  if ((length & 3) == 1) return NONE;
  const to = scratch(length);
  if (to == 0) return NONE;
  let out = to;
  let bits: u32 = 0;
  let held: u32 = 0;
  for (let i: u32 = 0; i < length; i++) {
    const value = sextet(load<u8>(begin + i));
    if (value > 63) return NONE;
    held = (held << 6) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      store<u8>(out, (held >> bits) as u8);
      out++;
    }
  }
  return sliceOf(to, (out - to) as u32);
}
