// `$flagd.timestamp` is a number. A date beside it never compares as people think, so it is said what to write.

import * as ascii from "../bytes/ascii";
import { Token } from "../bytes/json-reader";
import { isWord, lengthOf, addressOf, Slice } from "../bytes/slice";
import { nextOf } from "../bytes/records";
import { put, putNumber, putString } from "../bytes/writer";
import { Node } from "./node";
import { beginMessage, message } from "./problems";

/** The text, no number in quotes, that a comparison holds against `$flagd.timestamp`; null when there is none. */
export function textBesideTime(list: Node): Node | null {
  let text: Node | null = null;
  let isTime = false;
  for (let node = list.first; node; node = nextOf(node)) {
    if (node.kind == Token.String && !isNumber(node.text)) text = node;
    else if (isTimestamp(node)) isTime = true;
  }
  return isTime ? text : null;
}

function isNumber(text: Slice): bool {
  return lengthOf(text) != 0 && digits(text, 0, lengthOf(text)) >= 0;
}

function isTimestamp(node: Node): bool {
  if (node.kind != Token.Object || node.count != 1 || !isWord(node.head.key, "var")) return false;
  const path: Node | null = node.head.kind == Token.Array ? node.head.first : node.head;
  return path != null && path.kind == Token.String && isWord(path.text, "$flagd.timestamp");
}

/** Puts what to write in the place of a text. */
export function putTimeFault(text: Slice): void {
  beginMessage();
  put(message, "$flagd.timestamp is a number, seconds since 1970: ");
  const seconds = secondsOf(text);
  if (seconds < 0) {
    put(message, "write one in place of ");
    putString(message, text);
    return;
  }
  put(message, "write ");
  putNumber(message, seconds as u64);
  put(message, " in place of ");
  putString(message, text);
}

const DAY: i64 = 86400;

/** `2026-12-01`, or `2026-12-01T09:00:00Z`, as seconds since 1970; -1 for anything else. */
function secondsOf(text: Slice): i64 {
  const length = lengthOf(text);
  if (length != 10 && length != 20) return -1;
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 2);
  const day = digits(text, 8, 2);
  if (!has(text, 4, ascii.MINUS) || !has(text, 7, ascii.MINUS)) return -1;
  if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31) return -1;
  const days = daysBefore(year, month) + day - 1;
  if (length == 10) return days * DAY;
  const hour = digits(text, 11, 2);
  const minute = digits(text, 14, 2);
  const second = digits(text, 17, 2);
  if (!has(text, 13, ascii.COLON) || !has(text, 16, ascii.COLON) || !isZulu(text)) return -1;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return -1;
  return days * DAY + hour * 3600 + minute * 60 + second;
}

function isZulu(text: Slice): bool {
  return has(text, 10, ascii.UPPER_T) && has(text, 19, ascii.UPPER_Z);
}

/** Days from 1970 to the first of a month (H. Hinnant, "chrono-compatible low-level date algorithms", days_from_civil). */
function daysBefore(year: i64, month: i64): i64 {
  const y = month <= 2 ? year - 1 : year;
  const era = y / 400;
  const ofEra = y - era * 400;
  const ofYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5;
  return era * 146097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719468;
}

function has(text: Slice, at: u32, byte: u8): bool {
  return load<u8>(addressOf(text) + at) == byte;
}

/** A number of so many digits; -1 when one is none. */
function digits(text: Slice, at: u32, count: u32): i64 {
  let value: i64 = 0;
  for (let i = at; i < at + count; i++) {
    const byte = load<u8>(addressOf(text) + i);
    if (!ascii.isDigit(byte)) return -1;
    value = value * 10 + ((byte - ascii.ZERO) as i64);
  }
  return value;
}
