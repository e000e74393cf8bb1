// The Cookie header (RFC 6265 section 4.2.1), read as leniently as servers do: `name=value` between semicolons, blanks
// around both taken off, quotes kept, what has no `=` passed over.

import * as ascii from "../bytes/ascii";
import {
  addressOf,
  findByte,
  findEither,
  isWord,
  lengthOf,
  NONE,
  Slice,
  sliceOf,
  trimmed,
} from "../bytes/slice";
import { Pairs } from "../bytes/pairs";
import { fixed } from "../bytes/records";
import { scratch } from "../bytes/scratch";
import { ABSENT, find } from "../bytes/table";
import { Decision } from "./decision";
import { view } from "./view";

const pairs: Pairs = fixed<Pairs>();

/** Fills the cookies' slots from the request, once a request. */
export function readCookies(decision: Decision): void {
  if (view.cookiesRead) return;
  view.cookiesRead = true;
  const header = cookieHeader();
  if (header != NONE) readCookieHeader(decision, header);
}

/** All that the client sent as Cookie, as one header; NONE when it sent none, or without memory. */
export function cookieHeader(): Slice {
  if (view.cookieHeaders > 1) {
    view.cookie = joined();
    view.cookieHeaders = 1;
  }
  return view.cookie;
}

/**
 * Several Cookie headers with "; " between them, as RFC 9113 section 8.2.3 joins them: Envoy does so on HTTP/2 and
 * HTTP/3, not on HTTP/1.1.
 */
function joined(): Slice {
  const to = scratch(lengthOf(view.block));
  if (to == 0) return NONE;
  let out = to;
  pairs.begin(view.block);
  while (pairs.next()) {
    if (!isWord(pairs.key, "cookie")) continue;
    if (out != to) {
      // "; ", little endian
      store<u16>(out, 0x203b);
      out += 2;
    }
    memory.copy(out, addressOf(pairs.value), lengthOf(pairs.value));
    out += lengthOf(pairs.value);
  }
  return sliceOf(to, (out - to) as u32);
}

/** Reads no further than to the last of the cookies that the plan asks for. */
function readCookieHeader(decision: Decision, header: Slice): void {
  const cookies = decision.plan.inputs.cookies;
  let wanted = cookies.count;
  let at = addressOf(header);
  const end = at + lengthOf(header);
  while (at < end && wanted != 0) {
    const equals = findEither(at, end, ascii.EQUALS, ascii.SEMICOLON);
    if (equals >= end) return;
    if (load<u8>(equals) == ascii.SEMICOLON) {
      at = equals + 1;
      continue;
    }
    const name = nameBetween(at, equals);
    at = findByte(equals + 1, end, ascii.SEMICOLON);
    const slot = find(cookies, name);
    if (slot != ABSENT && lengthOf(decision.valueOf(slot)) == 0) {
      const value = trimmed(sliceOf(equals + 1, (at - equals - 1) as u32));
      decision.fill(slot, value);
      if (lengthOf(value) != 0) wanted--;
    }
    at++;
  }
}

/** As clients write it there is one space before a name, and no other blank: for that nothing is looked for. */
// @ts-ignore: decorator
@inline
function nameBetween(from: usize, equals: usize): Slice {
  const begin = from < equals && load<u8>(from) == ascii.SPACE ? from + 1 : from;
  const name = sliceOf(begin, (equals - begin) as u32);
  if (begin >= equals) return name;
  return load<u8>(begin) > ascii.SPACE && load<u8>(equals - 1) > ascii.SPACE ? name : trimmed(name);
}
