// How a flag's key or a variant's name is written in a stat's name.

import * as ascii from "../bytes/ascii";
import { addressOf, lengthOf, Slice } from "../bytes/slice";
import { putByte, Writer } from "../bytes/writer";

/** Puts a text with `_` in place of every byte that is not a letter, digit, `_` or `-`. */
export function putFolded(writer: Writer, text: Slice): void {
  const begin = addressOf(text);
  for (let i: u32 = 0; i < lengthOf(text); i++) {
    const byte = load<u8>(begin + i);
    const small = byte | 0x20;
    const stays =
      ascii.isLower(small) || ascii.isDigit(byte) || byte == ascii.UNDERSCORE || byte == ascii.MINUS;
    // A character of several bytes is one `_`.
    if ((byte & 0xc0) == 0x80) continue;
    putByte(writer, stays ? byte : ascii.UNDERSCORE);
  }
}
