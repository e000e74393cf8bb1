// The escapes of JSON's strings (RFC 8259 section 7), as they are read.

import * as ascii from "./ascii";
import { hexValue } from "./hex";
import { addressOf, lengthOf, Slice, sliceOf } from "./slice";
import { putCodePoint } from "./utf8";

/** No four hexadecimal digits. */
export const NO_HEX: u32 = 0xffffffff;

/** Whether a letter behind a backslash is an escape by itself. */
export function isEscapeLetter(letter: u8): bool {
  return (
    letter == ascii.QUOTE || letter == ascii.BACKSLASH || letter == ascii.SLASH || controlOf(letter) != letter
  );
}

/**
 * The control character that a letter behind a backslash stands for; the letter itself when there is no such character.
 */
function controlOf(letter: u8): u8 {
  if (letter == ascii.LOWER_B) return ascii.BACKSPACE;
  if (letter == ascii.LOWER_F) return ascii.FORM_FEED;
  if (letter == ascii.LOWER_N) return ascii.LINE_FEED;
  if (letter == ascii.LOWER_R) return ascii.CARRIAGE_RETURN;
  return letter == ascii.LOWER_T ? ascii.TAB : letter;
}

/** The value of the four hexadecimal digits at `at`; NO_HEX when they are none. */
export function hex4(at: usize, end: usize): u32 {
  if (end - at < 4) return NO_HEX;
  let value: u32 = 0;
  for (let i: usize = 0; i < 4; i++) {
    const digit = hexValue(load<u8>(at + i));
    if (digit > 15) return NO_HEX;
    value = (value << 4) | digit;
  }
  return value;
}

/**
 * Writes what a name or string that has been read says to `to`, where there is room for as many bytes as it is written in.
 * @param inside `text` of the reader
 * @returns what was written, never longer than `inside`
 */
export function unescaped(inside: Slice, to: usize): Slice {
  let at = addressOf(inside);
  const end = at + lengthOf(inside);
  let out = to;
  while (at < end) {
    const byte = load<u8>(at);
    if (byte != ascii.BACKSLASH) {
      store<u8>(out, byte);
      out++;
      at++;
      continue;
    }
    const letter = load<u8>(at + 1);
    at += 2;
    if (letter != ascii.LOWER_U) {
      store<u8>(out, controlOf(letter));
      out++;
      continue;
    }
    let point = hex4(at, end);
    at += 4;
    if (point >= 0xd800 && point <= 0xdbff) {
      point = 0x10000 + ((point - 0xd800) << 10) + (hex4(at + 2, end) - 0xdc00);
      at += 6;
    }
    out += putCodePoint(out, point);
  }
  return sliceOf(to, (out - to) as u32);
}
