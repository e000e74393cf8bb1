// The headers that a copy goes out with: production's, less what belongs to the connection or to Envoy, with the
// policy's changes.

import * as ascii from "../../bytes/ascii";
import { addPair, beginList, listedPairs, Pairs } from "../../bytes/pairs";
import { fixed } from "../../bytes/records";
import { addressOf, isWord, lengthOf, NONE, sameText, Slice, startsWithWord } from "../../bytes/slice";
import { isOwnHeader } from "../../core/own-headers";
import { withMember } from "../side-effects/marks";
import { Shadow } from "../../core/shadow-plan";
import * as headerNames from "../../vocabulary/headers";
import { words } from "../words";
import { isNarrowed, narrowed } from "./accept-encoding";

const pairs: Pairs = fixed<Pairs>();

/**
 * The copy's headers as a block of pairs in scratch memory; NONE without memory.
 * @param block the request's headers as this filter leaves them
 * @param mayHaveBody Envoy writes content-length itself, by what the body turns out to be
 */
export function copyHeaders(shadow: Shadow, block: Slice, mayHaveBody: bool): Slice {
  const count = pairs.begin(block);
  if (!beginList(count + shadow.changeCount + 2)) return NONE;
  let isMarked = shadow.member == NONE;
  while (pairs.next()) {
    const key = pairs.key;
    if (lengthOf(key) == 0 || isDropped(key, mayHaveBody) || isChanged(shadow, key)) continue;
    if (isWord(key, headerNames.SHADOW)) continue;
    if (shadow.member == NONE || !isWord(key, headerNames.BAGGAGE)) {
      addPair(key, isNarrowed(shadow, key) ? narrowed(pairs.value) : pairs.value);
      continue;
    }
    const marked = withMember(pairs.value, isMarked ? NONE : shadow.member);
    if (marked == NONE && !isMarked) return NONE;
    if (marked != NONE) addPair(key, marked);
    isMarked = true;
  }
  for (let i: u32 = 0; i < shadow.changeCount; i++) {
    const change = shadow.changes.at(i);
    if (change.value == NONE) continue;
    if (isMarked || !isWord(change.name, headerNames.BAGGAGE)) {
      addPair(change.name, change.value);
      continue;
    }
    const marked = withMember(change.value, shadow.member);
    if (marked == NONE) return NONE;
    addPair(change.name, marked);
    isMarked = true;
  }
  if (!isMarked) addPair(words.baggage, shadow.member);
  addPair(words.shadowHeader, shadow.mark);
  return listedPairs();
}

/** The copy's trailers; NONE when it has none. The client's own `x-serin-*` are not among them. */
export function copyTrailers(block: Slice): Slice {
  const count = pairs.begin(block);
  if (!beginList(count)) return NONE;
  let any = false;
  while (pairs.next()) {
    if (lengthOf(pairs.key) == 0 || isOwnHeader(pairs.key)) continue;
    addPair(pairs.key, pairs.value);
    any = true;
  }
  return any ? listedPairs() : NONE;
}

function isChanged(shadow: Shadow, name: Slice): bool {
  for (let i: u32 = 0; i < shadow.changeCount; i++) {
    if (sameText(shadow.changes.at(i).name, name)) return true;
  }
  return false;
}

/** Headers of one hop (RFC 9110 section 7.6.1), of Envoy's own use, and those that tell mirrors what to do. */
function isDropped(name: Slice, mayHaveBody: bool): bool {
  const first = load<u8>(addressOf(name));
  if (first == ascii.LOWER_X)
    return startsWithWord(name, "x-envoy-") || startsWithWord(name, headerNames.SHADOW_PREFIX);
  if (first == ascii.LOWER_C)
    return isWord(name, "connection") || (mayHaveBody && isWord(name, "content-length"));
  if (first == ascii.LOWER_K) return isWord(name, "keep-alive");
  if (first == ascii.LOWER_P) return isWord(name, "proxy-connection");
  if (first == ascii.LOWER_T) return isWord(name, "transfer-encoding");
  if (first == ascii.LOWER_U) return isWord(name, "upgrade");
  return first == ascii.LOWER_E && isWord(name, "expect");
}
