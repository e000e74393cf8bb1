// `x-serin-flags`: an RFC 9651 dictionary of the exposed flags' values.

import * as ascii from "../bytes/ascii";
import { addressOf, lengthOf, NONE, Slice } from "../bytes/slice";
import { put, putByte, putHex, putNumber, putSlice, Writer } from "../bytes/writer";
import { Decision } from "./decision";
import { Flag, FlagVariant } from "./flag-plan";
import { numberOf, Tag } from "./logic/value";
import { NO_SLOT } from "./plan";

/** Whether any exposed flag has a value that the dictionary can hold. */
export function anyExposed(decision: Decision): bool {
  let flag = decision.plan.watched;
  while (flag) {
    if (exposedOf(decision, flag)) return true;
    flag = flag.nextWatched;
  }
  return false;
}

/** The variant that the dictionary tells of a flag; null for objects, and for a flag whose value is the caller's default. */
function exposedOf(decision: Decision, flag: Flag): FlagVariant | null {
  if (flag.dictionaryKey == NONE) return null;
  const answer = decision.answerOf(flag);
  if (!answer || answer.given == NO_SLOT) return null;
  const variant = flag.variant(answer.given);
  const value = variant.value;
  const isTold =
    value.tag == Tag.Number
      ? isItem(numberOf(value))
      : value.tag == Tag.True || value.tag == Tag.False || value.tag == Tag.Text;
  return isTold ? variant : null;
}

/** The largest integer of RFC 9651 section 3.3.1: 15 digits; a decimal has 12 before its point (section 3.3.2). */
function isItem(number: f64): bool {
  const size = abs<f64>(number);
  return size == floor<f64>(size) ? size <= 999999999999999 : size < 999999999999.9995;
}

/** Puts the dictionary. */
export function putDictionary(writer: Writer, decision: Decision): void {
  let first = true;
  let next = decision.plan.watched;
  while (next) {
    const flag = next;
    next = flag.nextWatched;
    const variant = exposedOf(decision, flag);
    if (!variant) continue;
    if (!first) put(writer, ", ");
    first = false;
    putSlice(writer, flag.dictionaryKey);
    const value = variant.value;
    // True is written by the key alone (section 4.1.2).
    if (value.tag == Tag.True) continue;
    putByte(writer, ascii.EQUALS);
    if (value.tag == Tag.False) put(writer, "?0");
    else if (value.tag == Tag.Text) putText(writer, value.bits);
    else putDecimal(writer, numberOf(value));
  }
}

/** A String (section 4.1.6), or for what is not printable ASCII a Display String (section 4.1.11). */
function putText(writer: Writer, text: Slice): void {
  const begin = addressOf(text);
  const end = begin + lengthOf(text);
  let plain = true;
  for (let at = begin; at < end; at++) {
    const byte = load<u8>(at);
    if (byte < ascii.SPACE || byte > ascii.TILDE) plain = false;
  }
  put(writer, plain ? '"' : '%"');
  for (let at = begin; at < end; at++) {
    const byte = load<u8>(at);
    if (plain) {
      if (byte == ascii.QUOTE || byte == ascii.BACKSLASH) putByte(writer, ascii.BACKSLASH);
      putByte(writer, byte);
    } else if (byte < ascii.SPACE || byte > ascii.TILDE || byte == ascii.PERCENT || byte == ascii.QUOTE) {
      putByte(writer, ascii.PERCENT);
      putHex(writer, at, 1);
    } else {
      putByte(writer, byte);
    }
  }
  putByte(writer, ascii.QUOTE);
}

/** An Integer (section 4.1.4), or a Decimal (section 4.1.5): three digits behind the point, halves to even. */
function putDecimal(writer: Writer, number: f64): void {
  if (number < 0) putByte(writer, ascii.MINUS);
  const size = abs<f64>(number);
  const whole = floor<f64>(size);
  if (whole == size) {
    putNumber(writer, whole as u64);
    return;
  }
  const thousandths = nearest<f64>(size * 1000) as u64;
  putNumber(writer, thousandths / 1000);
  putByte(writer, ascii.DOT);
  let rest = (thousandths % 1000) as u32;
  if (rest == 0) putByte(writer, ascii.ZERO);
  while (rest != 0) {
    putByte(writer, (ascii.ZERO + rest / 100) as u8);
    rest = (rest % 100) * 10;
  }
}
