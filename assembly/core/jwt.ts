// Claims of a token's payload (RFC 7519; the token's form: RFC 7515 section 7.1): of the bearer token, or of one in a cookie
// or another header. Nothing is verified: a claim chooses a bucket, never an access. A payload that is not JSON as a whole
// has no claims.

import * as ascii from "../bytes/ascii";
import { base64urlDecoded } from "../bytes/base64url";
import { unescaped } from "../bytes/json-escape";
import { beginJson, Fault, JsonReader, nextToken, Token } from "../bytes/json-reader";
import { fixed, scratchRun } from "../bytes/records";
import { scratch } from "../bytes/scratch";
import {
  addressOf,
  findByte,
  isBlank,
  lengthOf,
  NONE,
  sameText,
  Slice,
  sliceOf,
  startsWithWordInLower,
  trimmed,
} from "../bytes/slice";
import { readCookies } from "./cookies";
import { Decision } from "./decision";
import { readNumber } from "./logic/number-work";
import { setArray, setBoolean, setNull, setNumber, setText, Value } from "./logic/value";
import { isSpent, spendBytes, spendItems } from "./logic/work";
import { Member, Payload, TokenPlace } from "./token-plan";
import { view } from "./view";

/** Containers inside one another; a payload that nests deeper has no claims. */
const DEEPEST: u32 = 63;

/** A byte of the first claim's token is decoded, read as JSON, and may be a part of a member of five bytes. */
const FIRST_SHIFT: u32 = 3;
/** A member that is gone over, in bytes. */
const MEMBER_SHIFT: u32 = 1;
/** A byte of a member that is read as JSON again. */
const PATH_SHIFT: u32 = 1;

const reader: JsonReader = fixed<JsonReader>();

/** A text without `Bearer ` in front, in any case (RFC 9110 section 11.1); as it is when that is not there. */
function withoutScheme(text: Slice): Slice {
  const begin = addressOf(text);
  if (lengthOf(text) < 7 || !startsWithWordInLower(text, "bearer") || !isBlank(load<u8>(begin + 6)))
    return text;
  return trimmed(sliceOf(begin + 6, lengthOf(text) - 6));
}

/** The payload of `header.payload.signature`, decoded; NONE when there is none. */
function decodedPayload(text: Slice): Slice {
  const at = addressOf(text);
  const end = at + lengthOf(text);
  const first = findByte(at, end, ascii.DOT);
  const second = first < end ? findByte(first + 1, end, ascii.DOT) : end;
  if (second >= end) return NONE;
  return base64urlDecoded(sliceOf(first + 1, (second - first - 1) as u32));
}

/** Decodes a token's payload and lists its members. */
function readPayload(text: Slice, to: Payload): void {
  to.json = NONE;
  to.member = null;
  to.memberCount = 0;
  const json = decodedPayload(text);
  if (json != NONE && listMembers(json, to)) to.json = json;
}

const bearer: Payload = fixed<Payload>();

/** The payload of `Authorization: Bearer …`, read once a request. */
function bearerPayload(): Payload {
  if (view.payloadRead) return bearer;
  view.payloadRead = true;
  const text = trimmed(view.authorization);
  const token = withoutScheme(text);
  readPayload(token == text ? NONE : token, bearer);
  return bearer;
}

/** The payload of a token in a cookie or a header, with `Bearer ` in front or without, read once a request. */
function payloadIn(decision: Decision, place: TokenPlace): Payload {
  if (place.stamp == decision.stamp) return place;
  place.stamp = decision.stamp;
  if (place.isCookie) readCookies(decision);
  readPayload(withoutScheme(decision.valueOf(place.slot)), place);
  return place;
}

/** @returns false when the text is no JSON object as a whole, or without memory */
function listMembers(json: Slice, to: Payload): bool {
  let last: Member | null = null;
  let count: u32 = 0;
  beginJson(reader, json, DEEPEST);
  if (nextToken(reader) != Token.Object) return false;
  for (let token = nextToken(reader); token < Token.End; token = nextToken(reader)) {
    const depth = reader.depth;
    if (depth == 1 && token == Token.Name) {
      const name = textOf(reader.text, reader.hasEscape);
      const room = scratchRun<Member>(1);
      if (name == NONE || room.isNone) return false;
      const member = room.at(0);
      member.name = name;
      member.earlier = last;
      last = member;
      count++;
    } else if (last) {
      if (depth == 1 && token == Token.Close) {
        last.text = sliceOf(addressOf(last.text), (reader.at - addressOf(last.text)) as u32);
      } else if (depth == 1) {
        last.kind = token;
        last.text = reader.text;
        last.hasEscape = reader.hasEscape;
      } else if (depth == 2 && (token == Token.Object || token == Token.Array)) {
        // Its own bracket: those inside of it are deeper.
        last.kind = token;
        last.text = sliceOf(reader.begin, 0);
      }
    }
  }
  if (reader.fault != Fault.None) return false;
  to.member = last;
  to.memberCount = count;
  return true;
}

/** The member of this name; of several the last counts, as in JSON.parse. */
function memberNamed(payload: Payload, name: Slice): Member | null {
  let member = payload.member;
  while (member && !sameText(member.name, name)) member = member.earlier;
  return member;
}

/** What a claim was found to be. */
@unmanaged
class Claim {
  /** Token.End when there is none. */
  kind: Token;
  /** The inside of a string as it is written; the JSON text of anything else. */
  text: Slice;
  hasEscape: bool;
}

const found: Claim = fixed<Claim>();

// @ts-ignore: decorator
@inline
function isScalar(kind: Token): bool {
  return kind == Token.String || kind == Token.Number || kind == Token.True || kind == Token.False;
}

/**
 * Looks for a claim. A top-level one of exactly this name comes before the path that its dots make (claims named by a URL
 * have dots).
 */
function look(payload: Payload, name: Slice): void {
  found.kind = Token.End;
  const whole = memberNamed(payload, name);
  if (whole && (isScalar(whole.kind) || whole.kind == Token.Array)) {
    found.kind = whole.kind;
    found.text = whole.text;
    found.hasEscape = whole.hasEscape;
    return;
  }
  const end = addressOf(name) + lengthOf(name);
  const first = segmentAt(addressOf(name), end);
  const behind = addressOf(first) + lengthOf(first);
  if (behind == end) return;
  const outer = memberNamed(payload, first);
  if (outer && outer.kind == Token.Object)
    lookOnPath(outer.text, sliceOf(behind + 1, (end - behind - 1) as u32));
}

/** What was found as the text of an identity: a string decoded, a number as its JSON text; NONE for any other type. */
function foundText(): Slice {
  if (found.kind == Token.String) return textOf(found.text, found.hasEscape);
  return found.kind == Token.Number ? found.text : NONE;
}

/** A claim of the bearer token as the text of an identity; NONE for a list, a boolean, an object, and for none. */
export function claim(name: Slice): Slice {
  look(bearerPayload(), name);
  return foundText();
}

/** The value of a claim by its input slot: the token is read at most once a request. */
export function claimOf(decision: Decision, slot: u32, name: Slice): Slice {
  if (!decision.isFilled(slot)) decision.fill(slot, claim(name));
  return decision.valueOf(slot);
}

/** As `claim`, of a token in a cookie or another header. */
export function claimIn(decision: Decision, place: TokenPlace, name: Slice): Slice {
  look(payloadIn(decision, place), name);
  return foundText();
}

/**
 * A claim of the bearer token as a value of rules: a string or a number as text, a boolean, a list of these; null for an
 * object and for none, and in a list for a list or an object.
 */
export function claimValue(to: Value, name: Slice): void {
  setNull(to);
  look(bearerPayload(), name);
  const kind = found.kind;
  if (kind == Token.True || kind == Token.False) return setBoolean(to, kind == Token.True);
  if (kind == Token.Array) return setList(to, found.text);
  const text = foundText();
  if (text != NONE) setText(to, text);
}

/** Bytes of a list that are gone through twice. */
const LIST_SHIFT: u32 = 1;

/** The items of a list of JSON, which has been read before. */
function setList(to: Value, json: Slice): void {
  spendBytes(lengthOf(json) << LIST_SHIFT);
  if (isSpent()) return;
  let count: u32 = 0;
  beginJson(reader, json, DEEPEST);
  nextToken(reader);
  for (let token = nextToken(reader); token < Token.End; token = nextToken(reader)) {
    if (isItem(token)) count++;
  }
  spendItems(count);
  const items = scratchRun<Value>(count);
  if (items.isNone || isSpent()) return;
  let i: u32 = 0;
  beginJson(reader, json, DEEPEST);
  nextToken(reader);
  for (let token = nextToken(reader); token < Token.End && i < count; token = nextToken(reader)) {
    if (!isItem(token)) continue;
    setItem(items.at(i), token);
    i++;
  }
  setArray(to, items, count);
}

/** Whether the token that was read is an item of the outermost list, or the bracket that opens one. */
function isItem(token: Token): bool {
  if (token == Token.Array || token == Token.Object) return reader.depth == 2;
  return reader.depth == 1 && token != Token.Close;
}

function setItem(to: Value, token: Token): void {
  setNull(to);
  if (token == Token.String) setText(to, textOf(reader.text, reader.hasEscape));
  else if (token == Token.Number) setNumber(to, readNumber(reader.text));
  else if (token == Token.True || token == Token.False) setBoolean(to, token == Token.True);
}

/**
 * How many bytes are gone through for a claim at most, for the work of rules: the first one decodes the token, reads it and
 * lists its members; each goes over the members, and where its name has a dot over all that is in one.
 */
export function claimBytes(name: Slice): u32 {
  if (!view.payloadRead) return lengthOf(view.authorization) << FIRST_SHIFT;
  const end = addressOf(name) + lengthOf(name);
  const isPath = findByte(addressOf(name), end, ascii.DOT) < end;
  return (bearer.memberCount << MEMBER_SHIFT) + (isPath ? lengthOf(bearer.json) << PATH_SHIFT : 0);
}

/**
 * Looks for what is on a path of objects in an object. One pass: the outermost `onPath` containers are the path's, and
 * `segment` is what the innermost of them is asked for. The last of several members with one name counts, as in JSON.parse.
 */
function lookOnPath(json: Slice, path: Slice): void {
  const pathEnd = addressOf(path) + lengthOf(path);
  let segment = segmentAt(addressOf(path), pathEnd);
  beginJson(reader, json, DEEPEST);
  if (nextToken(reader) != Token.Object) return;
  let onPath: u32 = 1;
  /** Whether the value that comes now is the one that `segment` names. */
  let wanted = false;
  /** The depth outside of the list that was found and has not ended; 0 without one. */
  let outside: u32 = 0;
  for (let token = nextToken(reader); token < Token.End; token = nextToken(reader)) {
    if (token == Token.Name) {
      wanted = onPath == reader.depth && sameText(textOf(reader.text, reader.hasEscape), segment);
    } else if (token == Token.Close) {
      if (outside != 0 && reader.depth == outside) {
        found.text = sliceOf(addressOf(found.text), (reader.at - addressOf(found.text)) as u32);
        outside = 0;
      } else if (onPath == reader.depth + 1) {
        onPath--;
        segment = segmentBefore(path, segment);
      }
    } else if (wanted) {
      wanted = false;
      // A later member of the same name replaces what an earlier one gave.
      found.kind = Token.End;
      const behind = addressOf(segment) + lengthOf(segment);
      if (behind == pathEnd) {
        if (isScalar(token)) {
          found.kind = token;
          found.text = reader.text;
          found.hasEscape = reader.hasEscape;
        } else if (token == Token.Array) {
          found.kind = token;
          found.text = sliceOf(reader.begin, 0);
          outside = reader.depth - 1;
        }
      } else if (token == Token.Object) {
        onPath = reader.depth;
        segment = segmentAt(behind + 1, pathEnd);
      }
    }
  }
  if (reader.fault != Fault.None) found.kind = Token.End;
}

/** What the inside of a name or string says; NONE without memory. */
function textOf(inside: Slice, hasEscape: bool): Slice {
  if (!hasEscape) return inside;
  const to = scratch(lengthOf(inside));
  return to == 0 ? NONE : unescaped(inside, to);
}

/** The part of a dotted path that begins at `from`: up to the next dot. */
function segmentAt(from: usize, end: usize): Slice {
  return sliceOf(from, (findByte(from, end, ascii.DOT) - from) as u32);
}

/** The segment of the path before this one; the first has itself before it. */
function segmentBefore(path: Slice, segment: Slice): Slice {
  const begin = addressOf(path);
  const next = addressOf(segment);
  let at = next <= begin + 1 ? begin : next - 1;
  while (at > begin && load<u8>(at - 1) != ascii.DOT) at--;
  return segmentAt(at, begin + lengthOf(path));
}
