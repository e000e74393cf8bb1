// How a flag's key or a variant's name stands in a stat's name.

import { addressOf, lengthOf, Slice } from "../bytes/slice";
import { putByte, Writer } from "../bytes/writer";

/** Puts a text with `_` in place of every byte that is no letter, digit, `_` or `-`. */
export function putFolded(writer: Writer, text: Slice): void {
  const begin = addressOf(text);
  for (let i: u32 = 0; i < lengthOf(text); i++) {
    const byte = load<u8>(begin + i);
    const small = byte | 0x20;
    const stays =
      (small >= 0x61 && small <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte == 0x5f || byte == 0x2d;
    // A character of several bytes is one `_`.
    if ((byte & 0xc0) == 0x80) continue;
    putByte(writer, stays ? byte : 0x5f);
  }
}
