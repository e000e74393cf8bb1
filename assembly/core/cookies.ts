// The Cookie header (RFC 6265 section 4.2.1), read as leniently as servers do: `name=value` between semicolons, blanks
// around both taken off, quotes kept, what has no `=` passed over.

import { addressOf, findByte, lengthOf, Slice, sliceOf, startsWithWord, trimmed } from "../bytes/slice";
import { ABSENT, find, mayHold } from "../bytes/table";
import { Plan } from "./plan";
import { fillSlot, view } from "./view";

/** Fills the plan's cookie slots from the request, once a request. */
export function readCookies(plan: Plan): void {
  if (view.cookiesRead) return;
  view.cookiesRead = true;
  if (view.cookieHeaders == 1) {
    readCookieHeader(plan, view.cookie);
  } else if (view.cookieHeaders > 1) {
    readEveryCookieHeader(plan);
  }
}

/** Envoy joins repeated cookie headers on HTTP/2 and HTTP/3, not on HTTP/1.1. `readRequest` has checked the block. */
function readEveryCookieHeader(plan: Plan): void {
  const count = load<u32>(view.block);
  let sizes = view.block + 4;
  let at = sizes + ((count as usize) << 3);
  for (let i: u32 = 0; i < count; i++) {
    const keyLength = load<u32>(sizes);
    const valueLength = load<u32>(sizes, 4);
    sizes += 8;
    if (keyLength == 6 && startsWithWord(sliceOf(at, 6), "cookie")) {
      readCookieHeader(plan, sliceOf(at + 7, valueLength));
    }
    at += keyLength + valueLength + 2;
  }
}

function readCookieHeader(plan: Plan, header: Slice): void {
  const cookies = plan.inputs.cookies;
  let at = addressOf(header);
  const end = at + lengthOf(header);
  while (at < end) {
    const stop = findByte(at, end, 0x3b);
    const equals = findByte(at, stop, 0x3d);
    if (equals < stop) {
      const name = trimmed(sliceOf(at, (equals - at) as u32));
      if (mayHold(cookies, lengthOf(name))) {
        const slot = find(cookies, name);
        if (slot != ABSENT) fillSlot(plan, slot, trimmed(sliceOf(equals + 1, (stop - equals - 1) as u32)));
      }
    }
    at = stop + 1;
  }
}
