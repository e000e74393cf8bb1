// The mark of shadows' requests, told to the host: what is taken out of a request, what stays, and what a copy gets.

import * as ascii from "../../bytes/ascii";
import { Pairs } from "../../bytes/pairs";
import { fixed } from "../../bytes/records";
import { isWord, lengthOf, NONE, Slice } from "../../bytes/slice";
import { beginText, putByte, putSlice, put, textOf, Writer } from "../../bytes/writer";
import { Plan } from "../../core/plan";
import { blankMembers, leftInBaggage, Members } from "../../core/shadow-mark";
import { Shadow } from "../../core/shadow-plan";
import { view } from "../../core/view";
import {
  addRequestHeader,
  addRequestTrailer,
  removeRequestHeader,
  removeRequestTrailer,
  replaceRequestHeader,
} from "../../host/headers";
import * as headerNames from "../../vocabulary/headers";
import { survive } from "../survive";
import { words } from "../words";

const pairs: Pairs = fixed<Pairs>();
const text: Writer = fixed<Writer>();

/**
 * Takes the client's own members out of the baggage of the request that `view` has, and keeps a shadow's: the services
 * behind hand it on. @returns whether a header was written
 */
export function settleMarks(plan: Plan): bool {
  const isForged = (view.members & Members.Forged) != 0;
  if (!isForged && !view.hasMark) return false;
  beginText(text);
  putMark(text, view.shadow, plan.shadowSecret);
  if (view.hasMark && !replaceRequestHeader(words.shadowHeader, textOf(text)))
    survive("host-call", "a request header could not be written");
  if (!isForged) return true;
  if ((view.members & Members.Real) == 0) {
    writeBaggage(view.block, NONE, false);
  } else {
    beginText(text);
    put(text, headerNames.BAGGAGE_MEMBER);
    putByte(text, ascii.EQUALS);
    putMark(text, view.shadow, plan.shadowSecret);
    writeBaggage(view.block, textOf(text), false);
  }
  return true;
}

function putMark(to: Writer, shadow: Slice, secret: Slice): void {
  putSlice(to, shadow);
  putByte(to, ascii.DOT);
  putSlice(to, secret);
}

/** Takes every member `serin-shadow` out of headers, or trailers, that nothing is decided by. @param block all of them */
export function stripBaggage(block: Slice, isTrailer: bool): void {
  let found: u32 = block == view.block ? view.members : Members.None;
  pairs.begin(block);
  while (pairs.next()) {
    if (isWord(pairs.key, headerNames.BAGGAGE)) found |= blankMembers(pairs.value, NONE);
  }
  if (found != Members.None) writeBaggage(block, NONE, isTrailer);
}

/**
 * A value of baggage with the mark's member behind those that it has, in scratch memory; NONE without memory, or with
 * nothing left. A mark that it had is taken out: a copy has one.
 */
export function withMember(value: Slice, member: Slice): Slice {
  blankMembers(value, NONE);
  const left = leftInBaggage(value);
  if (left == NONE || member == NONE) return left == NONE ? member : left;
  beginText(text);
  putSlice(text, left);
  putByte(text, ascii.COMMA);
  putSlice(text, member);
  return text.full ? NONE : textOf(text);
}

/** Writes a shadow's mark into the baggage of a copy that Envoy made, beside what it has. @returns whether it was done */
export function markBaggage(shadow: Shadow, block: Slice): bool {
  let marked = shadow.member;
  for (let i: u32 = 0; i < shadow.changeCount; i++) {
    const change = shadow.changes.at(i);
    if (!isWord(change.name, headerNames.BAGGAGE)) continue;
    if (change.value != NONE) marked = withMember(change.value, shadow.member);
    return marked != NONE && replaceRequestHeader(words.baggage, marked);
  }
  let sound = removeRequestHeader(words.baggage);
  let isMarked = false;
  pairs.begin(block);
  while (pairs.next()) {
    if (!isWord(pairs.key, headerNames.BAGGAGE)) continue;
    const value = withMember(pairs.value, isMarked ? NONE : shadow.member);
    if (value == NONE) sound = isMarked && sound;
    else if (!addRequestHeader(words.baggage, value)) sound = false;
    isMarked = true;
  }
  return isMarked ? sound : addRequestHeader(words.baggage, shadow.member) && sound;
}

/** Writes each baggage of the block as it is left there, behind a shadow's own member where there is one. */
function writeBaggage(block: Slice, member: Slice, isTrailer: bool): void {
  let sound = isTrailer ? removeRequestTrailer(words.baggage) : removeRequestHeader(words.baggage);
  if (member != NONE && !addRequestHeader(words.baggage, member)) sound = false;
  pairs.begin(block);
  while (pairs.next()) {
    if (!isWord(pairs.key, headerNames.BAGGAGE)) continue;
    const left = leftInBaggage(pairs.value);
    if (lengthOf(left) == 0) continue;
    if (!(isTrailer ? addRequestTrailer(words.baggage, left) : addRequestHeader(words.baggage, left)))
      sound = false;
  }
  if (!sound) survive("host-call", "a client's own serin-shadow could not be removed");
}
