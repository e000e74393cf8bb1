// Text written into scratch memory, JSON escapes included: problem lines, decision lines, header values.

import * as ascii from "./ascii";
import { hexDigit } from "./hex";
import { isStillTaken, scratch, scratchGeneration } from "./scratch";
import { addressOf, lengthOf, Slice, sliceOf } from "./slice";
import { codePointLength } from "./utf8";
import { Word } from "./word";


@unmanaged
export class Writer {
  begin: usize;
  at: usize;
  end: usize;
  /** Set once there was no room: the text is then cut. */
  full: bool;
  /** Only for JSON: whether a comma is due before what comes next. */
  comma: bool;
  /** The callback that the memory belongs to. */
  generation: u32;
}

const FIRST: usize = 1024;

/** A line longer than this is cut: no log line and no header of ours comes near it with a policy of a person's size. */
const LONGEST: usize = 8 << 20;

/** Begins a text; what the writer held before is forgotten. */
export function beginText(writer: Writer): void {
  writer.begin = scratch(FIRST);
  writer.at = writer.begin;
  writer.full = writer.begin == 0;
  writer.end = writer.full ? 0 : writer.begin + FIRST;
  writer.generation = scratchGeneration();
  writer.comma = false;
}

/**
 * As `beginText`, over the memory of the writer's last text of this callback: that text must no longer be needed. Where
 * that memory was given back meanwhile (`rewindScratch`), it is another's by now, and the writer takes its own anew.
 */
export function restartText(writer: Writer): void {
  if (writer.generation != scratchGeneration() || writer.full) return beginText(writer);
  if (!isStillTaken(writer.end)) return beginText(writer);
  writer.at = writer.begin;
  writer.comma = false;
}

/** What was written, alive until the callback ends. */
export function textOf(writer: Writer): Slice {
  return sliceOf(writer.begin, (writer.at - writer.begin) as u32);
}

/** Whether there is room for so many bytes more; makes it where it can. Who writes them by himself moves `at` on. */
export function room(writer: Writer, bytes: usize): bool {
  if (bytes <= writer.end - writer.at) return true;
  if (writer.full) return false;
  const used = writer.at - writer.begin;
  let wanted = (writer.end - writer.begin) << 1;
  while (wanted < used + bytes && wanted <= LONGEST) wanted <<= 1;
  const fresh: usize = wanted > LONGEST ? 0 : scratch(wanted);
  if (fresh == 0) {
    writer.full = true;
    return false;
  }
  memory.copy(fresh, writer.begin, used);
  writer.begin = fresh;
  writer.at = fresh + used;
  writer.end = fresh + wanted;
  return true;
}

export function putByte(writer: Writer, byte: u8): void {
  if (writer.at == writer.end && !room(writer, 1)) return;
  store<u8>(writer.at, byte);
  writer.at++;
}

/** Puts a word. */
export function put(writer: Writer, word: Word): void {
  const length = word.length as usize;
  if (!room(writer, length)) return;
  memory.copy(writer.at, word.begin, length);
  writer.at += length;
}

/** Puts bytes as they are. */
export function putSlice(writer: Writer, text: Slice): void {
  const length = lengthOf(text) as usize;
  if (!room(writer, length)) return;
  memory.copy(writer.at, addressOf(text), length);
  writer.at += length;
}

export function putNumber(writer: Writer, value: u64): void {
  if (!room(writer, 20)) return;
  let digits: usize = 1;
  let rest = value / 10;
  while (rest != 0) {
    digits++;
    rest /= 10;
  }
  let left = value;
  for (let i = digits; i > 0; i--) {
    store<u8>(writer.at + i - 1, ascii.ZERO + ((left % 10) as u8));
    left /= 10;
  }
  writer.at += digits;
}

/** Puts thousandths as a decimal number without needless zeros: 5250 -> 5.25 */
export function putThousandths(writer: Writer, value: u64): void {
  putNumber(writer, value / 1000);
  let rest = (value % 1000) as u32;
  if (rest == 0) return;
  putByte(writer, ascii.DOT);
  while (rest != 0) {
    putByte(writer, ascii.ZERO + ((rest / 100) as u8));
    rest = (rest % 100) * 10;
  }
}

/** Puts bytes as lower-case hexadecimal. */
export function putHex(writer: Writer, from: usize, bytes: u32): void {
  for (let i: u32 = 0; i < bytes; i++) {
    const byte = load<u8>(from + i) as u32;
    putByte(writer, hexDigit(byte >> 4));
    putByte(writer, hexDigit(byte & 15));
  }
}

/** Puts the inside of a JSON string: escapes as RFC 8259 section 7, bytes that are not UTF-8 as U+FFFD. */
export function putEscaped(writer: Writer, text: Slice): void {
  let at = addressOf(text);
  const end = at + lengthOf(text);
  while (room(writer, end - at)) {
    let to = writer.at;
    while (at < end) {
      const byte = load<u8>(at);
      if (byte < ascii.SPACE || byte >= ascii.DELETE || byte == ascii.QUOTE || byte == ascii.BACKSLASH) break;
      store<u8>(to, byte);
      to++;
      at++;
    }
    writer.at = to;
    if (at == end) return;
    at += putEscape(writer, at, end);
  }
}

/** Puts the character at `at`, which has to be escaped or is longer than a byte. @returns its bytes */
function putEscape(writer: Writer, at: usize, end: usize): u32 {
  const byte = load<u8>(at);
  if (byte >= 0x80) {
    const length = codePointLength(at, end);
    if (length == 0) {
      // U+FFFD.
      putByte(writer, 0xef);
      putByte(writer, 0xbf);
      putByte(writer, 0xbd);
      return 1;
    }
    putSlice(writer, sliceOf(at, length));
    return length;
  }
  if (byte == ascii.QUOTE || byte == ascii.BACKSLASH) {
    putByte(writer, ascii.BACKSLASH);
    putByte(writer, byte);
  } else {
    put(writer, "\\u00");
    putByte(writer, hexDigit((byte >> 4) as u32));
    putByte(writer, hexDigit((byte & 15) as u32));
  }
  return 1;
}

/** Puts text in double quotes, escaped as in JSON: for sentences that repeat what somebody wrote. */
export function putString(writer: Writer, text: Slice): void {
  putByte(writer, ascii.QUOTE);
  putEscaped(writer, text);
  putByte(writer, ascii.QUOTE);
}
