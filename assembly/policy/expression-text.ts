// The text of a regular expression while it is read: where the reading stands, escapes, and what is wrong with it.

import * as ascii from "../bytes/ascii";
import { hexValue } from "../bytes/hex";
import { fixed } from "../bytes/records";
import { addressOf, lengthOf } from "../bytes/slice";
import { codePointLength, readCodePoint } from "../bytes/utf8";
import { put, putNumber } from "../bytes/writer";
import { Word } from "../bytes/word";
import * as codes from "../vocabulary/problems";
import { Node } from "./node";
import { beginMessage, message, putFound, report } from "./problems";

/** One expression is read at a time. */
@unmanaged
class ExpressionText {
  node: Node;
  begin: usize;
  at: usize;
  end: usize;
  /** Whether something is wrong with it, which has been reported. */
  failed: bool;
}

export const text: ExpressionText = fixed<ExpressionText>();

/** The largest code point. */
export const LARGEST: u32 = 0x10ffff;
/** No character: one was expected, and what is wrong has been reported. */
export const NO_CHARACTER: u32 = 0xffffffff;

/** Begins to read the expression that a node is. */
export function beginExpressionText(node: Node): void {
  text.node = node;
  text.begin = addressOf(node.text);
  text.at = text.begin;
  text.end = text.begin + lengthOf(node.text);
  text.failed = false;
}

/** Whether a byte stands so far behind the reading. */
export function isAhead(distance: u32, byte: u8): bool {
  return text.at + distance < text.end && load<u8>(text.at + distance) == byte;
}

/** Passes over a byte if it is there. */
export function skip(byte: u8): bool {
  if (!isAhead(0, byte)) return false;
  text.at++;
  return true;
}

/** Reports what is wrong where the reading stands, and ends it. Only the first fault of an expression is told. */
export function refuse(why: Word): void {
  if (text.failed) return;
  let character: u32 = 1;
  for (let at = text.begin; at < text.at; at++) if ((load<u8>(at) & 0xc0) != 0x80) character++;
  beginMessage();
  put(message, "must be a regular expression in RE2 syntax: ");
  put(message, why);
  put(message, " at character ");
  putNumber(message, character);
  put(message, ", got ");
  putFound(text.node);
  report(text.node, codes.VALUE);
  text.failed = true;
}

/** The next character, as it stands. */
export function takeCharacter(): u32 {
  const bytes = codePointLength(text.at, text.end);
  const character = readCodePoint(text.at, bytes);
  // The policy is UTF-8 as a whole.
  text.at += bytes == 0 ? 1 : bytes;
  return character;
}

// @ts-ignore: decorator
@inline
function isOctal(byte: u8): bool {
  return byte >= ascii.ZERO && byte < ascii.ZERO + 8;
}

/** The character that an escape stands for; the backslash has been read, and no class of characters follows. */
export function takeEscaped(): u32 {
  text.at--;
  if (text.at + 1 == text.end) return fault("a backslash with nothing behind it");
  const byte = load<u8>(text.at + 1);
  const isWordByte = ascii.isDigit(byte) || ascii.isLower(byte | 0x20);
  if (byte >= 0x80) return fault("an unknown escape");
  if (!isWordByte) return escaped(byte as u32);
  if (byte == ascii.LOWER_N) return escaped(ascii.LINE_FEED as u32);
  if (byte == ascii.LOWER_T) return escaped(ascii.TAB as u32);
  if (byte == ascii.LOWER_R) return escaped(ascii.CARRIAGE_RETURN as u32);
  if (byte == ascii.LOWER_F) return escaped(ascii.FORM_FEED as u32);
  if (byte == ascii.LOWER_A) return escaped(7);
  if (byte == ascii.LOWER_V) return escaped(11);
  if (byte == ascii.LOWER_X) return takeHexadecimal();
  if (isOctal(byte) && (byte == ascii.ZERO || (text.at + 2 < text.end && isOctal(load<u8>(text.at + 2)))))
    return takeOctal();
  if (ascii.isDigit(byte)) return fault("a back-reference, which is not part of RE2,");
  if ((byte | 0x20) == ascii.LOWER_P)
    return fault("a Unicode class, which is not supported (list the characters, like [A-Za-zÀ-ÿ]),");
  if (byte == ascii.UPPER_C) return fault("\\C, a single byte, which is not supported,");
  return fault("an unknown escape");
}

function fault(why: Word): u32 {
  refuse(why);
  return NO_CHARACTER;
}

/** The escape is two characters long. */
function escaped(character: u32): u32 {
  text.at += 2;
  return character;
}

/** Up to three octal digits. */
function takeOctal(): u32 {
  let value: u32 = 0;
  text.at++;
  for (let i = 0; i < 3 && text.at < text.end && isOctal(load<u8>(text.at)); i++) {
    value = (value << 3) | ((load<u8>(text.at) - ascii.ZERO) as u32);
    text.at++;
  }
  return value;
}

/** `x41`, or `x{10FFFF}`. */
function takeHexadecimal(): u32 {
  let at = text.at + 2;
  const isBraced = at < text.end && load<u8>(at) == ascii.OPEN_BRACE;
  if (isBraced) at++;
  const first = at;
  let value: u32 = 0;
  while (at < text.end && hexValue(load<u8>(at)) < 16 && (isBraced || at - first < 2)) {
    value = (value << 4) | hexValue(load<u8>(at));
    if (value > LARGEST) return fault("a character above \\x{10FFFF}");
    at++;
  }
  const isClosed = isBraced
    ? at > first && at < text.end && load<u8>(at) == ascii.CLOSE_BRACE
    : at - first == 2;
  if (!isClosed) return fault("an escape that is not like \\x41 or \\x{1F600}");
  text.at = isBraced ? at + 1 : at;
  return value;
}
