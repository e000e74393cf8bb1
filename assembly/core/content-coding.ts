// How bodies are encoded (RFC 9110 section 8.4), and what a client accepts (section 12.5.3).

import * as ascii from "../bytes/ascii";
import { addressOf, findByte, isWordInLower, lengthOf, NONE, Slice, sliceOf, trimmed } from "../bytes/slice";
import { put, putSlice, Writer } from "../bytes/writer";

/** One coding of a body. */
export const enum Coding {
  Identity,
  Gzip,
  Deflate,
  Brotli,
  Zstd,
  /** None of these. */
  Other,
  /** There are more than MOST_CODINGS, one on top of the other. */
  TooMany,
}

/** The codings of one body, the one that was applied last in the lowest bits; 0: identity. */
export type Codings = u32;

/** Codings on top of each other that are decoded. */
export const MOST_CODINGS: u32 = 2;
const CODING_BITS: u32 = 4;
const CODING_MASK: u32 = (1 << CODING_BITS) - 1;
const ALL_BITS: u32 = MOST_CODINGS * CODING_BITS;

/** The coding that was applied last. */
// @ts-ignore: decorator
@inline
export function lastCoding(codings: Codings): Coding {
  return (codings & CODING_MASK) as Coding;
}

/** The codings below that one. */
// @ts-ignore: decorator
@inline
export function withoutLast(codings: Codings): Codings {
  return codings >> CODING_BITS;
}

/** Whether all of them can be decoded. */
export function canDecode(codings: Codings): bool {
  return strangeCoding(codings) == Coding.Identity;
}

/** The first coding, from the outside, that cannot be decoded; Coding.Identity when all can. */
export function strangeCoding(codings: Codings): Coding {
  for (let left = codings; left != 0; left >>= CODING_BITS) {
    if ((left & CODING_MASK) > (Coding.Deflate as u32)) return (left & CODING_MASK) as Coding;
  }
  return Coding.Identity;
}

/** The element of a list that was read last, without the blanks around it. */
let element: Slice = NONE;

/** Reads the element that begins at `at`. @returns where the next one begins */
function readElement(at: usize, end: usize): usize {
  const stop = findByte(at, end, ascii.COMMA);
  element = trimmed(sliceOf(at, (stop - at) as u32));
  return stop + 1;
}

/** Adds what a line of `content-encoding` says to what the lines before it said. */
export function addCodings(before: Codings, line: Slice): Codings {
  let codings = before;
  const end = addressOf(line) + lengthOf(line);
  for (let at = addressOf(line); at < end;) {
    at = readElement(at, end);
    const coding = codingOf(element);
    if (coding == Coding.Identity || codings == Coding.TooMany) continue;
    codings = codings >> (ALL_BITS - CODING_BITS) != 0 ? Coding.TooMany : (codings << CODING_BITS) | coding;
  }
  return codings;
}

/** An empty element is none, as in every list (RFC 9110 section 5.6.1). */
function codingOf(name: Slice): Coding {
  if (lengthOf(name) == 0 || isWordInLower(name, "identity")) return Coding.Identity;
  if (isGzip(name)) return Coding.Gzip;
  if (isWordInLower(name, "deflate")) return Coding.Deflate;
  if (isWordInLower(name, "br")) return Coding.Brotli;
  return isWordInLower(name, "zstd") ? Coding.Zstd : Coding.Other;
}

/** `x-gzip` is gzip (RFC 9110 section 8.4.1.3). */
function isGzip(name: Slice): bool {
  return isWordInLower(name, "gzip") || isWordInLower(name, "x-gzip");
}

/** The name of an element of `accept-encoding`. */
function nameOf(element: Slice): Slice {
  const begin = addressOf(element);
  const stop = findByte(begin, begin + lengthOf(element), ascii.SEMICOLON);
  return trimmed(sliceOf(begin, (stop - begin) as u32));
}

/** Whether its weight is 0: not acceptable (RFC 9110 section 12.4.2). */
function isRefused(element: Slice): bool {
  const end = addressOf(element) + lengthOf(element);
  let at = findByte(addressOf(element), end, ascii.EQUALS) + 1;
  if (at >= end) return false;
  while (at < end && (load<u8>(at) == ascii.ZERO || load<u8>(at) == ascii.DOT || load<u8>(at) == ascii.SPACE))
    at++;
  return at == end;
}

/**
 * Puts what is left of a line of `accept-encoding` when only gzip, identity and perhaps deflate are asked for, with the
 * weights that they have. `*` stands for gzip where that has no element of its own. Without any, identity is left.
 */
export function putNarrowed(writer: Writer, line: Slice, withDeflate: bool): void {
  const end = addressOf(line) + lengthOf(line);
  let any: Slice = NONE;
  let namesGzip = false;
  let count: u32 = 0;
  for (let at = addressOf(line); at < end;) {
    at = readElement(at, end);
    const name = nameOf(element);
    const isOfGzip = isGzip(name);
    if (isOfGzip) namesGzip = true;
    if (isWordInLower(name, "*")) any = element;
    if (!isOfGzip && !isWordInLower(name, "identity") && !(withDeflate && isWordInLower(name, "deflate")))
      continue;
    if (count != 0) put(writer, ", ");
    putSlice(writer, element);
    count++;
  }
  if (any != NONE && !namesGzip) {
    if (count != 0) put(writer, ", ");
    put(writer, "gzip");
    // With the weight of `*`.
    const begin = addressOf(any) + 1;
    putSlice(writer, sliceOf(begin, lengthOf(any) - 1));
    count++;
  }
  if (count == 0) put(writer, "identity");
}

/** Whether a line of `accept-encoding` accepts gzip, by its name or by `*`. */
export function acceptsGzip(line: Slice): bool {
  const end = addressOf(line) + lengthOf(line);
  let byStar = false;
  for (let at = addressOf(line); at < end;) {
    at = readElement(at, end);
    const name = nameOf(element);
    if (isGzip(name)) return !isRefused(element);
    if (isWordInLower(name, "*")) byStar = !isRefused(element);
  }
  return byStar;
}
