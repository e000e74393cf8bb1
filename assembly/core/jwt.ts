// A claim of the bearer token's payload (RFC 7519; the token's form: RFC 7515 section 7.1). Nothing is verified: a claim
// chooses a bucket, never an access. A payload that is not JSON as a whole has no claims.

import * as ascii from "../bytes/ascii";
import { base64urlDecoded } from "../bytes/base64url";
import { unescaped } from "../bytes/json-escape";
import { beginJson, Fault, JsonReader, nextToken, Token } from "../bytes/json-reader";
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
import { view } from "./view";

/** Containers inside one another; a payload that nests deeper has no claims. */
const DEEPEST: u32 = 63;

const reader: JsonReader = changetype<JsonReader>(memory.data(offsetof<JsonReader>(), 8));

/** Whether a scheme, which has no case (RFC 9110 section 11.1), begins at `begin`. */
function isScheme(begin: usize, scheme: Word): bool {
  for (let i: u32 = 0; i < scheme.length; i++) {
    if (lower(load<u8>(begin + i)) != load<u8>(scheme.begin + i)) return false;
  }
  return true;
}

/** The payload of `Authorization: Bearer header.payload.signature`, decoded; NONE when there is none. */
function payload(): Slice {
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

/**
 * The value of a claim: a string decoded, a number as its JSON text; NONE for any other type and for none.
 * A top-level claim of exactly this name comes before the path that its dots make (claims named by a URL have dots).
 */
export function claim(name: Slice): Slice {
  const json = payload();
  if (json == NONE) return NONE;
  const whole = valueAt(json, name, false);
  if (whole != NONE) return whole;
  return valueAt(json, name, true);
}

/** The value of a claim by its input slot: the token is read at most once a request. */
export function claimOf(decision: Decision, slot: u32, name: Slice): Slice {
  if (!decision.isFilled(slot)) decision.fill(slot, claim(name));
  return decision.valueOf(slot);
}

/**
 * One pass over the document, which has to be an object. The outermost `onPath` containers are the path's, and `segment`
 * is what the innermost of them is asked for. The last of several members with one name counts, as in JSON.parse.
 */
function valueAt(json: Slice, path: Slice, dotted: bool): Slice {
  const pathEnd = addressOf(path) + lengthOf(path);
  let segment = segmentAt(addressOf(path), pathEnd, dotted);
  let found: Slice = NONE;
  beginJson(reader, json, DEEPEST);
  if (nextToken(reader) != Token.Object) return NONE;
  let onPath: u32 = 1;
  /** Whether the value that comes now is the one that `segment` names. */
  let wanted = false;
  for (let token = nextToken(reader); token < Token.End; token = nextToken(reader)) {
    if (token == Token.Name) {
      wanted = onPath == reader.depth && sameText(textOfToken(), segment);
    } else if (token == Token.Close) {
      if (onPath == reader.depth + 1) {
        onPath--;
        segment = segmentBefore(path, segment, dotted);
      }
    } else if (wanted) {
      wanted = false;
      // A later member of the same name replaces what an earlier one gave.
      found = NONE;
      const behind = addressOf(segment) + lengthOf(segment);
      if (behind == pathEnd) {
        if (token == Token.String) found = textOfToken();
        else if (token == Token.Number) found = reader.text;
      } else if (token == Token.Object) {
        onPath = reader.depth;
        segment = segmentAt(behind + 1, pathEnd, dotted);
      }
    }
  }
  return reader.fault == Fault.None ? found : NONE;
}

/** What the name or string that was just read says; NONE without memory. */
function textOfToken(): Slice {
  const inside = reader.text;
  if (!reader.hasEscape) return inside;
  const to = scratch(lengthOf(inside));
  return to == 0 ? NONE : unescaped(inside, to);
}

/** The part of a dotted path that begins at `from`: up to the next dot, or all of it. */
function segmentAt(from: usize, end: usize, dotted: bool): Slice {
  const stop = dotted ? findByte(from, end, ascii.DOT) : end;
  return sliceOf(from, (stop - from) as u32);
}

/** The segment of the path before this one; the first has itself before it. */
function segmentBefore(path: Slice, segment: Slice, dotted: bool): Slice {
  const begin = addressOf(path);
  const next = addressOf(segment);
  let at = next <= begin + 1 ? begin : next - 1;
  while (at > begin && load<u8>(at - 1) != ascii.DOT) at--;
  return segmentAt(at, begin + lengthOf(path), dotted);
}
