// The query string as application/x-www-form-urlencoded (WHATWG URL standard, section 5.1): `+` is a blank, `%41` an A,
// a `%` without two hexadecimal digits behind it is kept as it is. The result is bytes that may not be UTF-8.

import * as ascii from "../bytes/ascii";
import { hexValue } from "../bytes/hex";
import { scratch } from "../bytes/scratch";
import { addressOf, findByte, lengthOf, NONE, Slice, sliceOf, trimmed } from "../bytes/slice";
import { ABSENT, find, mayHold } from "../bytes/table";
import { codePointLength } from "../bytes/utf8";
import { Decision } from "./decision";
import { fillSlot, view } from "./view";

/** Fills the query parameters' slots from the request, once a request. */
export function readParams(decision: Decision): void {
  if (view.paramsRead) return;
  view.paramsRead = true;
  const params = decision.plan.inputs.params;
  let at = addressOf(view.query);
  const end = at + lengthOf(view.query);
  while (at < end) {
    const stop = findByte(at, end, ascii.AMPERSAND);
    const equals = findByte(at, stop, ascii.EQUALS);
    const name = formDecoded(sliceOf(at, (equals - at) as u32));
    if (mayHold(params, lengthOf(name))) {
      const slot = find(params, name);
      if (slot != ABSENT) {
        const begin = equals < stop ? equals + 1 : stop;
        fillSlot(decision, slot, trimmed(formDecoded(sliceOf(begin, (stop - begin) as u32))));
      }
    }
    at = stop + 1;
  }
}

/** The text itself when nothing in it is encoded, a decoded copy in scratch memory else; NONE without memory. */
export function formDecoded(text: Slice): Slice {
  const begin = addressOf(text);
  const end = begin + lengthOf(text);
  let at = begin;
  while (at < end && load<u8>(at) != ascii.PERCENT && load<u8>(at) != ascii.PLUS) at++;
  if (at == end) return text;
  const to = scratch(lengthOf(text));
  if (to == 0) return NONE;
  memory.copy(to, begin, at - begin);
  let out = to + (at - begin);
  while (at < end) {
    const byte = load<u8>(at);
    let plain = byte;
    if (byte == ascii.PLUS) {
      plain = ascii.SPACE;
    } else if (byte == ascii.PERCENT && end - at >= 3) {
      const high = hexValue(load<u8>(at + 1));
      const low = hexValue(load<u8>(at + 2));
      if (high < 16 && low < 16) {
        plain = ((high << 4) | low) as u8;
        at += 2;
      }
    }
    store<u8>(out, plain);
    out++;
    at++;
  }
  return sliceOf(to, (out - to) as u32);
}

/**
 * A text percent-decoded (RFC 3986 section 2.1), as applications read cookies. What does not decode to UTF-8 stays as it is
 * while the rest is decoded, and `+` is a plus. The text itself when nothing in it is encoded; NONE without memory.
 */
export function percentDecoded(text: Slice): Slice {
  const begin = addressOf(text);
  const end = begin + lengthOf(text);
  const first = findByte(begin, end, ascii.PERCENT);
  if (first == end) return text;
  const to = scratch(lengthOf(text));
  if (to == 0) return NONE;
  memory.copy(to, begin, first - begin);
  let out = to + (first - begin);
  let at = first;
  while (at < end) {
    // The bytes of one character at the most, which are kept if they are one.
    let bytes: u32 = 0;
    while (bytes < 4 && encodedByte(at + bytes * 3, end) < 256) {
      store<u8>(out + bytes, encodedByte(at + bytes * 3, end) as u8);
      bytes++;
    }
    const length: u32 = bytes == 0 ? 0 : codePointLength(out, out + bytes);
    if (length != 0) {
      out += length;
      at += length * 3;
    } else {
      store<u8>(out, load<u8>(at));
      out++;
      at++;
    }
  }
  return sliceOf(to, (out - to) as u32);
}

/** The byte that `%41` stands for; above 255 for anything else. */
function encodedByte(at: usize, end: usize): u32 {
  if (end < at + 3 || load<u8>(at) != ascii.PERCENT) return 256;
  const high = hexValue(load<u8>(at + 1));
  const low = hexValue(load<u8>(at + 2));
  return high < 16 && low < 16 ? (high << 4) | low : 256;
}
