// base64url (RFC 4648 section 5), without padding or with it.

import { scratch } from "./scratch";
import { addressOf, lengthOf, NONE, Slice, sliceOf } from "./slice";

function sextet(byte: u8): u32 {
  if (byte >= 0x41 && byte <= 0x5a) return (byte - 0x41) as u32;
  if (byte >= 0x61 && byte <= 0x7a) return ((byte - 0x61) as u32) + 26;
  if (byte >= 0x30 && byte <= 0x39) return ((byte - 0x30) as u32) + 52;
  if (byte == 0x2d) return 62;
  if (byte == 0x5f) return 63;
  return 64;
}

/** The decoded bytes in scratch memory; NONE for a text that is no base64url, or without memory. */
export function base64urlDecoded(text: Slice): Slice {
  let length = lengthOf(text);
  const begin = addressOf(text);
  for (let i = 0; i < 2 && length > 0 && load<u8>(begin + length - 1) == 0x3d; i++) length--;
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
