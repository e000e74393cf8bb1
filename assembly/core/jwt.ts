// A claim of the bearer token's payload (RFC 7519; the token's form: RFC 7515 section 7.1). Nothing is verified: a claim
// chooses a bucket, never an access. A payload that is no JSON, all of it, has no claims.

import { base64urlDecoded } from "../bytes/base64url";
import {
  decodeString,
  hasEscape,
  insideOf,
  skipBlank,
  skipLiteral,
  skipNumber,
  skipString,
} from "../bytes/json-text";
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
import { Decision } from "./decision";
import { view } from "./view";

/** Containers inside one another; a payload that nests deeper has no claims. */
const DEEPEST: u32 = 62;

/** The payload of `Authorization: Bearer header.payload.signature`, decoded; NONE when there is none. */
function payload(): Slice {
  const text = trimmed(view.authorization);
  const begin = addressOf(text);
  const end = begin + lengthOf(text);
  if (end - begin < 7) return NONE;
  const scheme = "bearer";
  for (let i: usize = 0; i < 6; i++) {
    if ((lower(load<u8>(begin + i)) as u16) != load<u16>(changetype<usize>(scheme) + (i << 1))) return NONE;
  }
  if (!isBlank(load<u8>(begin + 6))) return NONE;
  let at = begin + 6;
  while (at < end && isBlank(load<u8>(at))) at++;
  const first = findByte(at, end, 0x2e);
  const second = first < end ? findByte(first + 1, end, 0x2e) : end;
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

/** The value of a claim by its input slot: the token is read once a request, whoever asks. */
export function claimOf(decision: Decision, slot: u32, name: Slice): Slice {
  if (!decision.isFilled(slot)) decision.fill(slot, claim(name));
  return decision.valueOf(slot);
}

/** The part of a dotted path that begins at `from`: up to the next dot, or all of it. */
function segment(from: usize, end: usize, dotted: bool): Slice {
  const stop = dotted ? findByte(from, end, 0x2e) : end;
  return sliceOf(from, (stop - from) as u32);
}

/**
 * One pass over the document with the nesting in two words: which open containers are objects, and how many of them
 * lie on the path. The last of several members with one name counts, as in JSON.parse.
 */
function valueAt(json: Slice, path: Slice, dotted: bool): Slice {
  let at = addressOf(json);
  const end = at + lengthOf(json);
  const pathEnd = addressOf(path) + lengthOf(path);
  let found: Slice = NONE;
  /** Bit n: container n (from 0, outermost) is an object. */
  let objects: u64 = 0;
  let depth: u32 = 0;
  /** The outermost `onPath` containers are the path's; `next` is the path's segment that the innermost of them asks. */
  let onPath: u32 = 0;
  let next = addressOf(path);
  /** Whether the value that comes now is the one that `next` names. */
  let wanted = false;
  let needsValue = true;
  at = skipBlank(at, end);
  if (at >= end || load<u8>(at) != 0x7b) return NONE;
  while (at < end) {
    at = skipBlank(at, end);
    if (at >= end) return NONE;
    let byte = load<u8>(at);
    if (needsValue) {
      needsValue = false;
      if (byte == 0x7b || byte == 0x5b) {
        if (depth > DEEPEST) return NONE;
        const isObject = byte == 0x7b;
        const bit = (1 as u64) << (depth as u64);
        if (isObject) objects |= bit;
        else objects &= ~bit;
        if (depth == 0) {
          onPath = 1;
        } else if (wanted) {
          const behind = next + lengthOf(segment(next, pathEnd, dotted));
          // A later member of the same name replaces what an earlier one gave.
          found = NONE;
          if (isObject && behind < pathEnd) {
            onPath = depth + 1;
            next = behind + 1;
          }
        }
        wanted = false;
        depth++;
        at = skipBlank(at + 1, end);
        if (at >= end) return NONE;
        byte = load<u8>(at);
        if (byte == (isObject ? 0x7d : 0x5d)) {
          // Empty: closed below, as after a value.
        } else if (isObject) {
          at = readKey(at, end, path, next, pathEnd, dotted, onPath == depth);
          if (at == 0) return NONE;
          wanted = keyIsWanted;
          needsValue = true;
          continue;
        } else {
          needsValue = true;
          continue;
        }
      } else {
        const behind = skipScalar(at, end, byte);
        if (behind == 0) return NONE;
        if (wanted) {
          const last = next + lengthOf(segment(next, pathEnd, dotted)) == pathEnd;
          found = last ? scalarValue(at, behind, byte) : NONE;
          wanted = false;
        }
        at = behind;
        if (depth == 0) return NONE;
        continue;
      }
    }
    byte = load<u8>(at);
    const inObject = ((objects >> ((depth - 1) as u64)) & 1) != 0;
    if (byte == 0x2c) {
      at = skipBlank(at + 1, end);
      if (at >= end) return NONE;
      if (inObject) {
        at = readKey(at, end, path, next, pathEnd, dotted, onPath == depth);
        if (at == 0) return NONE;
        wanted = keyIsWanted;
      }
      needsValue = true;
    } else if (byte == (inObject ? 0x7d : 0x5d)) {
      if (onPath == depth) {
        onPath--;
        next = segmentBefore(path, next);
      }
      depth--;
      at++;
      if (depth == 0) return skipBlank(at, end) == end ? found : NONE;
    } else {
      return NONE;
    }
  }
  return NONE;
}

/** Whether the member name that `readKey` read is the path's next segment. */
let keyIsWanted: bool = false;

function readKey(
  from: usize,
  end: usize,
  path: Slice,
  next: usize,
  pathEnd: usize,
  dotted: bool,
  onPath: bool,
): usize {
  keyIsWanted = false;
  if (load<u8>(from) != 0x22) return 0;
  const behind = skipString(from, end);
  if (behind == 0) return 0;
  if (onPath) {
    const name = stringValue(from, behind);
    keyIsWanted = sameText(name, segment(next, pathEnd, dotted));
  }
  const colon = skipBlank(behind, end);
  return colon < end && load<u8>(colon) == 0x3a ? colon + 1 : 0;
}

function stringValue(from: usize, behind: usize): Slice {
  const inside = insideOf(from, behind);
  if (!hasEscape) return inside;
  const to = scratch(lengthOf(inside));
  return to == 0 ? NONE : decodeString(inside, to);
}

function skipScalar(at: usize, end: usize, first: u8): usize {
  if (first == 0x22) return skipString(at, end);
  if (first == 0x74) return skipLiteral(at, end, "true");
  if (first == 0x66) return skipLiteral(at, end, "false");
  if (first == 0x6e) return skipLiteral(at, end, "null");
  if (first == 0x2d || (first >= 0x30 && first <= 0x39)) return skipNumber(at, end);
  return 0;
}

function scalarValue(at: usize, behind: usize, first: u8): Slice {
  if (first == 0x22) return stringValue(at, behind);
  if (first == 0x74 || first == 0x66 || first == 0x6e) return NONE;
  return sliceOf(at, (behind - at) as u32);
}

/** The start of the path's segment before the one that starts at `next`. */
function segmentBefore(path: Slice, next: usize): usize {
  const begin = addressOf(path);
  if (next <= begin + 1) return begin;
  let at = next - 1;
  while (at > begin && load<u8>(at - 1) != 0x2e) at--;
  return at;
}
