// JSON (RFC 8259) read token by token, in place and strictly: UTF-8 only, nothing behind the document, nesting bounded by
// the caller. Policies, answers that are compared and the claims of a JWT are all read with it. It takes no memory.

import * as ascii from "./ascii";
import { hex4, isEscapeLetter, NO_HEX } from "./json-escape";
import { addressOf, lengthOf, Slice, sliceOf } from "./slice";
import { codePointLength } from "./utf8";

/** `true`, `null` and `fals`, four bytes at once. */
const TRUE: u32 = 0x65757274;
const NULL: u32 = 0x6c6c756e;
const FALS: u32 = 0x736c6166;

/** What `nextToken` has read. The first seven are values; for an array or object, only its opening bracket. */
export const enum Token {
  Null,
  False,
  True,
  Number,
  String,
  Array,
  Object,
  /** The end of the innermost array or object. */
  Close,
  /** A member's name and its colon. */
  Name,
  /** The document is over. */
  End,
  /** The text is not JSON: `fault` says why, `faultAt` where. */
  Fault,
}

/** Why a text did not read. */
export const enum Fault {
  None,
  /** No value where one is due. */
  Value,
  /** A number in a spelling that JSON does not have. */
  Number,
  /** No name where a member is due. */
  Name,
  /** No colon behind a member's name. */
  Colon,
  /** Neither a comma nor the end behind a member. */
  MemberEnd,
  /** Neither a comma nor the end behind an item. */
  ItemEnd,
  /** Something behind the document. */
  Over,
  /** More containers inside one another than the caller allows. */
  Depth,
  /** A string that does not end. */
  Open,
  /** A control character inside a string that is not escaped. */
  Control,
  /** Bytes that are not UTF-8. */
  Utf8,
  /** An escape that is half a surrogate pair. */
  Surrogate,
  /** A backslash that is not followed by an escape. */
  Escape,
}

/** What may come next. */
const enum Due {
  Value,
  /** Behind an opening bracket: a value, or the end. */
  FirstItem,
  /** Behind an opening brace: a name, or the end. */
  FirstMember,
  Name,
  /** Behind a value: a comma, or an end. */
  Separator,
}

/** The most that a caller may allow: a bit each. */
export const MOST_DEPTH: u32 = 64;

/** A text that is being read, and the token that was read last. */
@unmanaged
export class JsonReader {
  /** The byte behind the last token, and the one behind the text. */
  at: usize;
  end: usize;
  /** Where the token begins. For a value that could not be read: where it should be, `end` when there is none. */
  begin: usize;
  /** The inside of a name or string as it is written, escapes and all; a number's or a word's letters. */
  text: Slice;
  /** Whether the name or string holds escapes: `unescaped` then gives what it says. */
  hasEscape: bool;
  /** Whether the innermost container is an object. */
  inObject: bool;
  /** Containers that are open, and how many may be. */
  depth: u32;
  deepest: u32;
  /** Bit n: container n, counted from the outermost, is an object. */
  objects: u64;
  due: Due;
  fault: Fault;
  /** The byte that does not belong there; the text's end when it ended too soon. */
  faultAt: usize;
}

/** Begins to read a text that nests at most `deepest` containers, which is at most MOST_DEPTH. */
export function beginJson(reader: JsonReader, text: Slice, deepest: u32): void {
  reader.at = addressOf(text);
  reader.end = addressOf(text) + lengthOf(text);
  reader.inObject = false;
  reader.depth = 0;
  reader.deepest = deepest;
  reader.objects = 0;
  reader.due = Due.Value;
  reader.fault = Fault.None;
}

/** Reads the next token. After Token.End and Token.Fault there is none. */
export function nextToken(reader: JsonReader): Token {
  const end = reader.end;
  let at = skipBlank(reader.at, end);
  let due = reader.due;
  if (due == Due.Separator) {
    if (reader.depth == 0) return at < end ? stop(reader, at, Fault.Over) : Token.End;
    const inObject = reader.inObject;
    const byte: u8 = at < end ? load<u8>(at) : 0;
    if (byte == (inObject ? ascii.CLOSE_BRACE : ascii.CLOSE_BRACKET)) return close(reader, at);
    if (byte != ascii.COMMA) return stop(reader, at, inObject ? Fault.MemberEnd : Fault.ItemEnd);
    at = skipBlank(at + 1, end);
    due = inObject ? Due.Name : Due.Value;
  } else if (due == Due.FirstItem) {
    if (at < end && load<u8>(at) == ascii.CLOSE_BRACKET) return close(reader, at);
    due = Due.Value;
  } else if (due == Due.FirstMember) {
    if (at < end && load<u8>(at) == ascii.CLOSE_BRACE) return close(reader, at);
    due = Due.Name;
  }
  reader.begin = at;
  reader.due = due;
  return due == Due.Name ? readName(reader, at) : readValue(reader, at);
}

/** Whether the fault lies inside of a value, not before it. */
export function isInValue(reader: JsonReader): bool {
  return reader.due == Due.Value && reader.begin < reader.end;
}

function stop(reader: JsonReader, at: usize, why: Fault): Token {
  reader.faultAt = at;
  reader.fault = why;
  return Token.Fault;
}

function close(reader: JsonReader, at: usize): Token {
  const depth = reader.depth - 1;
  reader.begin = at;
  reader.at = at + 1;
  reader.depth = depth;
  reader.inObject = depth != 0 && ((reader.objects >> ((depth - 1) as u64)) & 1) != 0;
  reader.due = Due.Separator;
  return Token.Close;
}

function readName(reader: JsonReader, at: usize): Token {
  const end = reader.end;
  if (at >= end || load<u8>(at) != ascii.QUOTE) return stop(reader, at, Fault.Name);
  const behind = readString(reader, at);
  if (behind == 0) return Token.Fault;
  const colon = skipBlank(behind, end);
  if (colon >= end || load<u8>(colon) != ascii.COLON) return stop(reader, colon, Fault.Colon);
  reader.at = colon + 1;
  reader.due = Due.Value;
  return Token.Name;
}

function readValue(reader: JsonReader, at: usize): Token {
  const end = reader.end;
  if (at >= end) return stop(reader, at, Fault.Value);
  const byte = load<u8>(at);
  if (byte == ascii.QUOTE) {
    const behind = readString(reader, at);
    if (behind == 0) return Token.Fault;
    return over(reader, behind, Token.String);
  }
  if (byte == ascii.OPEN_BRACE || byte == ascii.OPEN_BRACKET)
    return open(reader, at, byte == ascii.OPEN_BRACE);
  if (byte == ascii.MINUS || ascii.isDigit(byte)) return readNumber(reader, at);
  let token: Token = Token.Fault;
  let behind = at + 4;
  if (behind <= end) {
    const word = load<u32>(at);
    if (word == TRUE) {
      token = Token.True;
    } else if (word == NULL) {
      token = Token.Null;
    } else if (word == FALS && behind < end && load<u8>(behind) == ascii.LOWER_E) {
      token = Token.False;
      behind++;
    }
  }
  if (token == Token.Fault) return stop(reader, at, Fault.Value);
  reader.text = sliceOf(at, (behind - at) as u32);
  return over(reader, behind, token);
}

/** A value that is not a container ends before `behind`. */
// @ts-ignore: decorator
@inline
function over(reader: JsonReader, behind: usize, token: Token): Token {
  reader.at = behind;
  reader.due = Due.Separator;
  return token;
}

function open(reader: JsonReader, at: usize, isObject: bool): Token {
  const depth = reader.depth;
  if (depth == reader.deepest) return stop(reader, at, Fault.Depth);
  const bit = (1 as u64) << (depth as u64);
  reader.objects = isObject ? reader.objects | bit : reader.objects & ~bit;
  reader.inObject = isObject;
  reader.depth = depth + 1;
  reader.at = at + 1;
  reader.due = isObject ? Due.FirstMember : Due.FirstItem;
  return isObject ? Token.Object : Token.Array;
}

/** Address of the first byte that is not white space. */
function skipBlank(from: usize, end: usize): usize {
  let at = from;
  while (at < end) {
    const byte = load<u8>(at);
    if (
      byte > ascii.SPACE ||
      (byte != ascii.SPACE && byte != ascii.LINE_FEED && byte != ascii.CARRIAGE_RETURN && byte != ascii.TAB)
    )
      break;
    at++;
  }
  return at;
}

/** Eight times the same byte. */
const EVERY: u64 = 0x0101010101010101;

/** The address of the next byte of a string that is not plain ASCII: quote, backslash, control character, beyond 0x7f. */
function skipPlain(from: usize, end: usize): usize {
  let at = from;
  // Eight bytes a step: a byte's top bit is set where subtraction found it too small, and in what has it already. What a
  // borrow adds lies above a byte that was found rightly.
  while (at + 8 <= end) {
    const bytes = load<u64>(at);
    const small = bytes - EVERY * ascii.SPACE;
    const quotes = (bytes ^ (EVERY * (ascii.QUOTE as u64))) - EVERY;
    const backslashes = (bytes ^ (EVERY * (ascii.BACKSLASH as u64))) - EVERY;
    const found = (small | quotes | backslashes | bytes) & (EVERY << 7);
    if (found != 0) return at + ((ctz<u64>(found) >> 3) as usize);
    at += 8;
  }
  while (at < end) {
    const byte = load<u8>(at);
    if (byte < ascii.SPACE || byte == ascii.QUOTE || byte == ascii.BACKSLASH || byte >= 0x80) break;
    at++;
  }
  return at;
}

/**
 * Reads over the string whose opening quote is at `from`.
 * @returns the address behind the closing quote; 0 with `fault` set otherwise
 */
function readString(reader: JsonReader, from: usize): usize {
  const end = reader.end;
  let hasEscape = false;
  let at = from + 1;
  while (true) {
    at = skipPlain(at, end);
    if (at >= end) break;
    const byte = load<u8>(at);
    if (byte == ascii.QUOTE) {
      reader.text = sliceOf(from + 1, (at - from - 1) as u32);
      reader.hasEscape = hasEscape;
      return at + 1;
    }
    if (byte == ascii.BACKSLASH) {
      hasEscape = true;
      const length = escapeLength(reader, at);
      if (length == 0) return 0;
      at += length;
    } else if (byte < ascii.SPACE) {
      stop(reader, at, Fault.Control);
      return 0;
    } else {
      const length = codePointLength(at, end);
      if (length == 0) {
        stop(reader, at, Fault.Utf8);
        return 0;
      }
      at += length;
    }
  }
  stop(reader, end, Fault.Open);
  return 0;
}

/** Bytes of the escape at `at`; 0 with `fault` set when it is not valid. */
function escapeLength(reader: JsonReader, at: usize): usize {
  const end = reader.end;
  if (end - at < 2) {
    stop(reader, end, Fault.Open);
    return 0;
  }
  const letter = load<u8>(at + 1);
  let length: usize = 2;
  let why = Fault.None;
  if (letter == ascii.LOWER_U) {
    length = 6;
    const high = hex4(at + 2, end);
    if (high > 0xffff) {
      why = Fault.Escape;
    } else if (high >= 0xdc00 && high <= 0xdfff) {
      why = Fault.Surrogate;
    } else if (high >= 0xd800 && high <= 0xdbff) {
      length = 12;
      const paired =
        end - at >= 12 && load<u8>(at + 6) == ascii.BACKSLASH && load<u8>(at + 7) == ascii.LOWER_U;
      const low = paired ? hex4(at + 8, end) : NO_HEX;
      if (low < 0xdc00 || low > 0xdfff) why = Fault.Surrogate;
    }
  } else if (!isEscapeLetter(letter)) {
    why = Fault.Escape;
  }
  if (why == Fault.None) return length;
  stop(reader, at, why);
  return 0;
}

/** Address of the first byte that is not a digit. */
function skipDigits(from: usize, end: usize): usize {
  let at = from;
  while (at < end && ascii.isDigit(load<u8>(at))) at++;
  return at;
}

function readNumber(reader: JsonReader, from: usize): Token {
  const end = reader.end;
  let at = load<u8>(from) == ascii.MINUS ? from + 1 : from;
  let behind = skipDigits(at, end);
  if (behind == at) return stop(reader, at, Fault.Number);
  // No digit behind a leading zero.
  if (load<u8>(at) == ascii.ZERO && behind > at + 1) return stop(reader, at + 1, Fault.Number);
  at = behind;
  if (at < end && load<u8>(at) == ascii.DOT) {
    at++;
    behind = skipDigits(at, end);
    if (behind == at) return stop(reader, at, Fault.Number);
    at = behind;
  }
  if (at < end && (load<u8>(at) | 0x20) == ascii.LOWER_E) {
    at++;
    if (at < end && (load<u8>(at) == ascii.PLUS || load<u8>(at) == ascii.MINUS)) at++;
    behind = skipDigits(at, end);
    if (behind == at) return stop(reader, at, Fault.Number);
    at = behind;
  }
  reader.text = sliceOf(from, (at - from) as u32);
  return over(reader, at, Token.Number);
}
