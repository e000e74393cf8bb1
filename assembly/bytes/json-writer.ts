// JSON (RFC 8259) written piece by piece into a text. Commas, colons and quotes are put here and nowhere else: what is
// written behind a value gets its comma by itself. Used as `json.…`.

import * as ascii from "./ascii";
import { putNumberText } from "./number-text";
import { Slice } from "./slice";
import { put, putByte, putEscaped, putNumber, room, Writer } from "./writer";
import { Word } from "./word";

// Whether a comma is due is one bit, whatever the depth: behind a value it is, behind an opening bracket and a name it is
// not, and an array or object that has ended is a value of the one around it.

function begin(writer: Writer, byte: u8): void {
  if (writer.comma) putByte(writer, ascii.COMMA);
  writer.comma = false;
  putByte(writer, byte);
}

function end(writer: Writer, byte: u8): void {
  putByte(writer, byte);
  writer.comma = true;
}

export function beginObject(writer: Writer): void {
  begin(writer, ascii.OPEN_BRACE);
}

export function endObject(writer: Writer): void {
  end(writer, ascii.CLOSE_BRACE);
}

export function beginArray(writer: Writer): void {
  begin(writer, ascii.OPEN_BRACKET);
}

export function endArray(writer: Writer): void {
  end(writer, ascii.CLOSE_BRACKET);
}

/** Begins a string that is put in pieces by what is in writer.ts, each of them escaped. */
export function beginString(writer: Writer): void {
  begin(writer, ascii.QUOTE);
}

export function endString(writer: Writer): void {
  end(writer, ascii.QUOTE);
}

/** Begins a member's name that is put in pieces, as `beginString`. */
export function beginName(writer: Writer): void {
  begin(writer, ascii.QUOTE);
}

export function endName(writer: Writer): void {
  putByte(writer, ascii.QUOTE);
  putByte(writer, ascii.COLON);
}

/** Puts a word in quotes, and behind a name its colon: most of what is written, so at one go. */
function quote(writer: Writer, word: Word, isName: bool): void {
  const length = word.length as usize;
  if (!room(writer, length + 4)) return;
  let to = writer.at;
  if (writer.comma) store<u8>(to++, ascii.COMMA);
  store<u8>(to++, ascii.QUOTE);
  memory.copy(to, word.begin, length);
  to += length;
  store<u8>(to++, ascii.QUOTE);
  if (isName) store<u8>(to++, ascii.COLON);
  writer.at = to;
  writer.comma = !isName;
}

/** Puts a member's name of ASCII that needs no escapes: its value comes next. */
export function name(writer: Writer, word: Word): void {
  quote(writer, word, true);
}

/** Puts a member's name: its value comes next. */
export function nameText(writer: Writer, text: Slice): void {
  beginName(writer);
  putEscaped(writer, text);
  endName(writer);
}

/** Puts a string. */
export function text(writer: Writer, value: Slice): void {
  beginString(writer);
  putEscaped(writer, value);
  endString(writer);
}

/** Puts a string of ASCII that needs no escapes. */
export function word(writer: Writer, value: Word): void {
  quote(writer, value, false);
}

/** Before a value that has no quotes. */
function separate(writer: Writer): void {
  if (writer.comma) putByte(writer, ascii.COMMA);
  writer.comma = true;
}

export function nothing(writer: Writer): void {
  separate(writer);
  put(writer, "null");
}

export function truth(writer: Writer, value: bool): void {
  separate(writer);
  put(writer, value ? "true" : "false");
}

export function number(writer: Writer, value: u64): void {
  separate(writer);
  putNumber(writer, value);
}

/** Puts any number. JSON has no word for one that is not finite: null, as JavaScript writes it. */
export function float(writer: Writer, value: f64): void {
  if (!isFinite<f64>(value)) return nothing(writer);
  separate(writer);
  putNumberText(writer, value);
}

// Members: a name of ASCII that needs no escapes, and its value.

export function objectAt(writer: Writer, member: Word): void {
  name(writer, member);
  beginObject(writer);
}

export function arrayAt(writer: Writer, member: Word): void {
  name(writer, member);
  beginArray(writer);
}

export function textAt(writer: Writer, member: Word, value: Slice): void {
  name(writer, member);
  text(writer, value);
}

export function wordAt(writer: Writer, member: Word, value: Word): void {
  name(writer, member);
  word(writer, value);
}

export function numberAt(writer: Writer, member: Word, value: u64): void {
  name(writer, member);
  number(writer, value);
}

export function truthAt(writer: Writer, member: Word, value: bool): void {
  name(writer, member);
  truth(writer, value);
}
