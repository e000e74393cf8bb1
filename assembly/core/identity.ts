// Whom a request belongs to: the first source of a list that yields something.

import { hexDigit } from "../bytes/hex";
import { scratch } from "../bytes/scratch";
import { lengthOf, NONE, Slice, sliceOf } from "../bytes/slice";
import { readCookies } from "./cookies";
import { Decision, DRAW_BYTES, Visitor } from "./decision";
import { Identity, Source, SourceKind } from "./identity-plan";
import { claimIn, claimOf } from "./jwt";
import { percentDecoded, readParams } from "./query";
import { view } from "./view";

/**
 * Finds the request's identity by this list.
 * @param mayIssue whether a cookie may be issued for a visitor without any
 * @returns the visitor; null when the client's address has to be given first
 */
export function identify(decision: Decision, identity: Identity, mayIssue: bool): Visitor | null {
  const visitor = decision.visitors.at(identity.index);
  if (visitor.stamp == decision.stamp) return visitor;
  const kept = identity.kept;
  if (kept) {
    readCookies(decision);
    const value = decision.valueOf(kept.slot);
    if (lengthOf(value) != 0) {
      visitor.value = value;
      visitor.found = kept.index;
      visitor.isDrawn = false;
      visitor.stamp = decision.stamp;
      return visitor;
    }
  }
  for (let i: u32 = 0; i < identity.count; i++) {
    const source = identity.source(i);
    if (source.kind == SourceKind.Address && !view.addressGiven) return null;
    const value = valueFrom(decision, source, mayIssue);
    if (lengthOf(value) == 0) continue;
    visitor.value = value;
    visitor.found = i;
    visitor.isDrawn = isDrawnFrom(decision, source);
    visitor.stamp = decision.stamp;
    return visitor;
  }
  visitor.value = NONE;
  // What was looked at without issuing must be looked at again when issuing is allowed.
  if (mayIssue) visitor.stamp = decision.stamp;
  return visitor;
}

/** Whether what a source has yielded was drawn for this request: such a visitor may never come back. */
function isDrawnFrom(decision: Decision, source: Source): bool {
  const issue = source.issue;
  if (source.kind == SourceKind.Issue && issue) return decision.idOf(issue) != NONE;
  return source.kind == SourceKind.Random;
}

/** What a source yields; empty, or NONE, when it is nothing. */
function valueFrom(decision: Decision, source: Source, mayIssue: bool): Slice {
  const kind = source.kind;
  if (kind == SourceKind.Header || kind == SourceKind.Cookie) {
    if (kind == SourceKind.Cookie) readCookies(decision);
    const value = decision.valueOf(source.slot);
    return source.decodes ? percentDecoded(value) : value;
  }
  if (kind == SourceKind.Query) {
    readParams(decision);
    return decision.valueOf(source.slot);
  }
  if (kind == SourceKind.Jwt) {
    const token = source.token;
    return token ? claimIn(decision, token, source.name) : claimOf(decision, source.slot, source.name);
  }
  if (kind == SourceKind.Address) return view.address;
  if (kind == SourceKind.Issue) return issuedFrom(decision, source, mayIssue);
  return mayIssue ? draw(decision) : NONE;
}

/** The cookie that the client has, or the one that it gets with this response. */
function issuedFrom(decision: Decision, source: Source, mayIssue: bool): Slice {
  readCookies(decision);
  const value = decision.valueOf(source.slot);
  const issue = source.issue;
  if (lengthOf(value) != 0 || !issue) return value;
  const known = decision.idOf(issue);
  // A preflight is the browser's own request: it never has the cookie, and what it gets is not kept.
  if (known != NONE || !mayIssue || view.isPreflight) return known;
  const id = draw(decision);
  if (id != NONE) decision.keepId(issue, id);
  return id;
}

/** 128 random bits as 32 hexadecimal digits; NONE without random bytes or without memory. */
function draw(decision: Decision): Slice {
  const to = scratch(DRAW_BYTES << 1);
  if (to == 0) {
    decision.lacksRandom = true;
    return NONE;
  }
  const from = decision.takeRandom(DRAW_BYTES);
  if (from == 0) return NONE;
  for (let i: u32 = 0; i < DRAW_BYTES; i++) {
    const byte = load<u8>(from + i);
    store<u8>(to + (i << 1), hexDigit((byte >> 4) as u32));
    store<u8>(to + (i << 1) + 1, hexDigit((byte & 15) as u32));
  }
  return sliceOf(to, DRAW_BYTES << 1);
}
