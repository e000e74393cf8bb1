// Whether a cache may give a response to others, with all that is set on it.

import * as ascii from "../bytes/ascii";
import { Pairs } from "../bytes/pairs";
import { fixed } from "../bytes/records";
import {
  addressOf,
  findByte,
  isWord,
  isWordInLower,
  lengthOf,
  Slice,
  sliceOf,
  trimmed,
} from "../bytes/slice";

export const enum Caching {
  /** Nothing says that others get it. */
  None,
  /** `cache-control` lets shared caches store it: `public`, `s-maxage` (RFC 9111 section 5.2.2). */
  Shared,
  /** A 304: what is set on it changes the response that a cache has (RFC 9111 section 4.3.4). */
  NotModified,
}

const pairs: Pairs = fixed<Pairs>();

/** What a response's headers say, given as the host's block of pairs. */
export function cachingOf(block: Slice): Caching {
  let caching = Caching.None;
  pairs.begin(block);
  while (pairs.next()) {
    if (isWord(pairs.key, ":status")) {
      if (isWord(pairs.value, "304")) return Caching.NotModified;
    } else if (isWord(pairs.key, "cache-control") && isShared(pairs.value)) {
      caching = Caching.Shared;
    }
  }
  return caching;
}

/** Whether a `cache-control` has one of the directives that let shared caches store. */
function isShared(value: Slice): bool {
  let at = addressOf(value);
  const end = at + lengthOf(value);
  while (at < end) {
    const stop = directiveEnd(at, end);
    const name = trimmed(sliceOf(at, (findByte(at, stop, ascii.EQUALS) - at) as u32));
    if (isWordInLower(name, "public") || isWordInLower(name, "s-maxage")) return true;
    at = stop + 1;
  }
  return false;
}

/** The comma behind a directive, whose value may be a quoted string with commas. */
function directiveEnd(from: usize, end: usize): usize {
  let isQuoted = false;
  let at = from;
  for (; at < end; at++) {
    const byte = load<u8>(at);
    if (byte == ascii.QUOTE) isQuoted = !isQuoted;
    else if (byte == ascii.BACKSLASH && isQuoted) at++;
    else if (byte == ascii.COMMA && !isQuoted) break;
  }
  return at < end ? at : end;
}
