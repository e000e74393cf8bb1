// A claim of the bearer token's payload (RFC 7519; the token's form: RFC 7515 section 7.1). Nothing is verified: a claim
// chooses a bucket, never an access. A payload that is not JSON as a whole has no claims.

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
  lower,
  NONE,
  sameText,
  Slice,
  sliceOf,
  trimmed,
} from "../bytes/slice";
import { Word } from "../bytes/word";
import { Decision } from "./decision";
import { Member, view } from "./view";

/** Containers inside one another; a payload that nests deeper has no claims. */
const DEEPEST: u32 = 63;

/** A byte of the first claim's token is decoded, read as JSON, and may be a part of a member of five bytes. */
const FIRST_SHIFT: u32 = 3;
/** A member that is gone over, in bytes. */
const MEMBER_SHIFT: u32 = 1;
/** A byte of a member that is read as JSON again. */
const PATH_SHIFT: u32 = 1;

const reader: JsonReader = fixed<JsonReader>();

/** Whether a scheme, which has no case (RFC 9110 section 11.1), begins at `begin`. */
function isScheme(begin: usize, scheme: Word): bool {
  for (let i: u32 = 0; i < scheme.length; i++) {
    if (lower(load<u8>(begin + i)) != load<u8>(scheme.begin + i)) return false;
  }
  return true;
}

/** The payload of `Authorization: Bearer header.payload.signature`, decoded; NONE when there is none. */
function decodedPayload(): Slice {
  const text = trimmed(view.authorization);
  const begin = addressOf(text);
  const end = begin + lengthOf(text);
  if (end - begin < 7) return NONE;
  if (!isScheme(begin, "bearer")) return NONE;
  if (!isBlank(load<u8>(begin + 6))) return NONE;
  let at = begin + 6;
  while (at < end && isBlank(load<u8>(at))) at++;
  const first = findByte(at, end, ascii.DOT);
  const second = first < end ? findByte(first + 1, end, ascii.DOT) : end;
  if (second >= end) return NONE;
  return base64urlDecoded(sliceOf(first + 1, (second - first - 1) as u32));
}

/** Decodes the payload and lists its members in the view, once a request. */
function readPayload(): void {
  if (view.payloadRead) return;
  view.payloadRead = true;
  const json = decodedPayload();
  if (json != NONE && listMembers(json)) view.payload = json;
}

/** @returns false when the text is no JSON object as a whole, or without memory */
function listMembers(json: Slice): bool {
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
  view.member = last;
  view.memberCount = count;
  return true;
}

/** The member of this name; of several the last counts, as in JSON.parse. */
function memberNamed(name: Slice): Member | null {
  let member = view.member;
  while (member && !sameText(member.name, name)) member = member.earlier;
  return member;
}

/**
 * The value of a claim: a string decoded, a number as its JSON text; NONE for any other type and for none.
 * A top-level claim of exactly this name comes before the path that its dots make (claims named by a URL have dots).
 */
export function claim(name: Slice): Slice {
  readPayload();
  const whole = memberNamed(name);
  if (whole) {
    if (whole.kind == Token.String) return textOf(whole.text, whole.hasEscape);
    if (whole.kind == Token.Number) return whole.text;
  }
  const end = addressOf(name) + lengthOf(name);
  const first = segmentAt(addressOf(name), end);
  const behind = addressOf(first) + lengthOf(first);
  if (behind == end) return NONE;
  const outer = memberNamed(first);
  if (!outer || outer.kind != Token.Object) return NONE;
  return valueAt(outer.text, sliceOf(behind + 1, (end - behind - 1) as u32));
}

/** The value of a claim by its input slot: the token is read at most once a request. */
export function claimOf(decision: Decision, slot: u32, name: Slice): Slice {
  if (!decision.isFilled(slot)) decision.fill(slot, claim(name));
  return decision.valueOf(slot);
}

/**
 * How many bytes are gone through for a claim at most, for the work of rules: the first one decodes the token, reads it and
 * lists its members; each goes over the members, and where its name has a dot over all that is in one.
 */
export function claimBytes(name: Slice): u32 {
  if (!view.payloadRead) return lengthOf(view.authorization) << FIRST_SHIFT;
  const end = addressOf(name) + lengthOf(name);
  const isPath = findByte(addressOf(name), end, ascii.DOT) < end;
  return (view.memberCount << MEMBER_SHIFT) + (isPath ? lengthOf(view.payload) << PATH_SHIFT : 0);
}

/**
 * The value on a path of objects in an object. One pass: the outermost `onPath` containers are the path's, and `segment` is
 * what the innermost of them is asked for. The last of several members with one name counts, as in JSON.parse.
 */
function valueAt(json: Slice, path: Slice): Slice {
  const pathEnd = addressOf(path) + lengthOf(path);
  let segment = segmentAt(addressOf(path), pathEnd);
  let found: Slice = NONE;
  beginJson(reader, json, DEEPEST);
  if (nextToken(reader) != Token.Object) return NONE;
  let onPath: u32 = 1;
  /** Whether the value that comes now is the one that `segment` names. */
  let wanted = false;
  for (let token = nextToken(reader); token < Token.End; token = nextToken(reader)) {
    if (token == Token.Name) {
      wanted = onPath == reader.depth && sameText(textOf(reader.text, reader.hasEscape), segment);
    } else if (token == Token.Close) {
      if (onPath == reader.depth + 1) {
        onPath--;
        segment = segmentBefore(path, segment);
      }
    } else if (wanted) {
      wanted = false;
      // A later member of the same name replaces what an earlier one gave.
      found = NONE;
      const behind = addressOf(segment) + lengthOf(segment);
      if (behind == pathEnd) {
        if (token == Token.String) found = textOf(reader.text, reader.hasEscape);
        else if (token == Token.Number) found = reader.text;
      } else if (token == Token.Object) {
        onPath = reader.depth;
        segment = segmentAt(behind + 1, pathEnd);
      }
    }
  }
  return reader.fault == Fault.None ? found : NONE;
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
