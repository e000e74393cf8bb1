// JSON Pointer (RFC 6901): `~` and `/` in a token are written `~0` and `~1`.

import * as ascii from "./ascii";
import { addressOf, lengthOf, NONE, Slice, sliceOf } from "./slice";
import { put, putByte, putEscaped, putNumber, Writer } from "./writer";

/** The character before each token. */

/** Puts the step to a member, which is also escaped as inside of a JSON string. */
export function putStep(writer: Writer, token: Slice): void {
  const begin = addressOf(token);
  const length = lengthOf(token);
  let from: u32 = 0;
  putByte(writer, ascii.SLASH);
  for (let i: u32 = 0; i < length; i++) {
    const byte = load<u8>(begin + i);
    if (byte != ascii.TILDE && byte != ascii.SLASH) continue;
    putEscaped(writer, sliceOf(begin + from, i - from));
    put(writer, byte == ascii.TILDE ? "~0" : "~1");
    from = i + 1;
  }
  putEscaped(writer, sliceOf(begin + from, length - from));
}

/** Puts the step to an item. */
export function putItemStep(writer: Writer, index: u32): void {
  putByte(writer, ascii.SLASH);
  putNumber(writer, index);
}

/** Takes the escapes of a token out, in place. @returns what is left of it; NONE when it has others than `~0` and `~1` */
export function decodeStep(token: Slice): Slice {
  const begin = addressOf(token);
  const end = begin + lengthOf(token);
  let to = begin;
  for (let at = begin; at < end; at++) {
    let byte = load<u8>(at);
    if (byte == ascii.TILDE) {
      at++;
      const digit: u8 = at < end ? load<u8>(at) : 0;
      if (digit != ascii.ZERO && digit != ascii.ONE) return NONE;
      byte = digit == ascii.ZERO ? ascii.TILDE : ascii.SLASH;
    }
    store<u8>(to, byte);
    to++;
  }
  return sliceOf(begin, (to - begin) as u32);
}
