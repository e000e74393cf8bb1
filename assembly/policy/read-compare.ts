// `compare` of a shadow, and what its `headers` change on the copy.

import * as ascii from "../bytes/ascii";
import { Token } from "../bytes/json-reader";
import { decodeStep } from "../bytes/json-pointer";
import { nextOf, noRun, Run } from "../bytes/records";
import { WHOLE_PART } from "../bytes/decimal-within";
import {
  addressOf,
  findByte,
  isWord,
  lengthOf,
  NONE,
  Slice,
  sliceOf,
  sliceOfWord,
  startsWithWord,
} from "../bytes/slice";
import { put, putString } from "../bytes/writer";
import { Word } from "../bytes/word";
import { Ignored } from "../core/json-difference";
import { isOwnHeader } from "../core/own-headers";
import { BodyComparison, HeaderChange, Shadow } from "../core/shadow-plan";
import * as limits from "../vocabulary/limits";
import * as codes from "../vocabulary/problems";
import { kept, keptLower, records, room } from "./build";
import { isOneOf } from "./nearest";
import { Node } from "./node";
import {
  beginMessage,
  fail,
  hintWith,
  isKind,
  isTruth,
  message,
  putOverLimit,
  report,
  reportKey,
  unknownKey,
} from "./problems";
import { isToken, NOT_WHOLE, units, wholeNumber } from "./scalars";

const KNOWN_COMPARE = "status headers body acceptEncoding sample logQuery";
const KNOWN_BODY = "json ignore tolerance unordered";
const KNOWN_OF_EFFECTS = "json ignore path";
const KNOWN_HEADERS = "set remove";
/** Headers that belong to the connection or the message, which Envoy writes by itself. */
export const ENVOYS_OWN =
  "connection content-length keep-alive proxy-connection transfer-encoding upgrade expect";
const MOST_SAMPLES: u32 = 1000;

/** Reads what of the answers is compared. */
export function readCompare(object: Node, shadow: Shadow): void {
  if (!isKind(object, Token.Object)) return;
  let accepted: Node | null = null;
  for (let node = object.first; node; node = nextOf(node)) {
    if (isWord(node.key, "status")) {
      shadow.comparesStatus = isTruth(node) && node.kind == Token.True;
    } else if (isWord(node.key, "headers")) {
      readCompared(node, shadow);
    } else if (isWord(node.key, "body")) {
      readBody(node, shadow, "");
    } else if (isWord(node.key, "acceptEncoding")) {
      accepted = node;
      if (!isKind(node, Token.String)) continue;
      shadow.narrowsClient = isWord(node.text, "gzip");
      if (!shadow.narrowsClient) fail(node, codes.VALUE, "must be gzip");
    } else if (isWord(node.key, "sample")) {
      if (isKind(node, Token.String)) shadow.sample = sample(node);
    } else if (isWord(node.key, "logQuery")) {
      shadow.logsQuery = isTruth(node) && node.kind == Token.True;
    } else {
      unknownKey(node, KNOWN_COMPARE);
    }
  }
  if (accepted && shadow.narrowsClient && shadow.body == BodyComparison.Ignored)
    hintWith(accepted, codes.NO_EFFECT, "without body nothing is decoded");
}

/** `headers: [location, content-type]` */
function readCompared(list: Node, shadow: Shadow): void {
  if (!isKind(list, Token.Array)) return;
  if (list.count > (limits.COMPARED_HEADERS as u32)) {
    putOverLimit(limits.COMPARED_HEADERS, " headers");
    return report(list, codes.LIMIT);
  }
  shadow.headers = records<Slice>(list.count);
  if (shadow.headers.isNone) return;
  for (let node = list.first; node; node = nextOf(node)) {
    if (!isKind(node, Token.String)) continue;
    const name = isToken(node.text) ? keptLower(node.text) : NONE;
    if (name == NONE || isOneOf(name, ENVOYS_OWN) || startsWithWord(name, "x-envoy-")) {
      beginMessage();
      put(
        message,
        "must be the name of a response header (not x-envoy-*, not a header of the connection or the length), got ",
      );
      putString(message, node.text);
      report(node, codes.NAME);
      continue;
    }
    shadow.headers.set(shadow.headerCount, name);
    shadow.headerCount++;
  }
}

/** `1/s` */
function sample(node: Node): u32 {
  const length = lengthOf(node.text);
  const begin = addressOf(node.text);
  const ends =
    length > 2 &&
    load<u8>(begin + length - 2) == ascii.SLASH &&
    load<u8>(begin + length - 1) == ascii.LOWER_S;
  const value = ends ? wholeNumber(sliceOf(begin, length - 2), MOST_SAMPLES) : NOT_WHOLE;
  if (value != NOT_WHOLE) return value;
  fail(node, codes.VALUE, "must be 0/s to 1000/s, like 1/s");
  return 0;
}

/** `true`, or `{ json: true, ignore: [...] }`. @param other a key that the caller reads; empty for none */
export function readBody(node: Node, shadow: Shadow, other: Word): void {
  if (node.kind == Token.True || node.kind == Token.False) {
    shadow.body = node.kind == Token.True ? BodyComparison.Bytes : BodyComparison.Ignored;
    return;
  }
  if (node.kind != Token.Object)
    return fail(
      node,
      codes.TYPE,
      'must be true, false or an object like {"json": true, "ignore": ["/timestamp"]}',
    );
  shadow.body = BodyComparison.Json;
  const isShadow = other.length == 0;
  let json: Node | null = null;
  for (let member = node.first; member; member = nextOf(member)) {
    if (isWord(member.key, "json")) {
      if (!isTruth(member) || member.kind == Token.False) shadow.body = BodyComparison.Bytes;
    } else if (isWord(member.key, "ignore")) {
      json = member;
      shadow.ignored = pointersOf(member);
      shadow.ignoredCount = readPointers(member, shadow.ignored);
    } else if (isShadow && isWord(member.key, "unordered")) {
      json = member;
      shadow.unordered = pointersOf(member);
      shadow.unorderedCount = readPointers(member, shadow.unordered);
    } else if (isShadow && isWord(member.key, "tolerance")) {
      json = member;
      shadow.tolerance = tolerance(member);
    } else if (!isWord(member.key, other)) {
      unknownKey(member, isShadow ? KNOWN_BODY : KNOWN_OF_EFFECTS);
    }
  }
  if (shadow.body == BodyComparison.Bytes && json)
    fail(json, codes.VALUE, "needs json: true, since only JSON has parts that can be named");
}

/** A part of the larger number, below 1. */
function tolerance(node: Node): u32 {
  if (!isKind(node, Token.Number)) return 0;
  const part = units(node.text, 9, WHOLE_PART);
  if (part < WHOLE_PART) return part;
  fail(
    node,
    codes.RANGE,
    "must be a part of the larger number, from 0 to below 1 with at most nine decimals",
  );
  return 0;
}

/** Room for a list of pointers; none for what is no list, or too long. */
function pointersOf(list: Node): Run<Ignored> {
  if (!isKind(list, Token.Array)) return noRun<Ignored>();
  if (list.count <= (limits.IGNORED as u32)) return records<Ignored>(list.count);
  putOverLimit(limits.IGNORED, " pointers");
  report(list, codes.LIMIT);
  return noRun<Ignored>();
}

/** Reads a list of pointers. @returns how many there are */
function readPointers(list: Node, pointers: Run<Ignored>): u32 {
  let count: u32 = 0;
  if (pointers.isNone) return count;
  for (let node = list.first; node; node = nextOf(node)) {
    if (!isKind(node, Token.String)) continue;
    if (!readPointer(node.text, pointers.at(count))) {
      fail(node, codes.VALUE, "must be a JSON Pointer (RFC 6901), like /items/*/id");
      continue;
    }
    count++;
  }
  return count;
}

/** Splits a pointer into its tokens, decoded. @returns whether it is one */
function readPointer(text: Slice, ignored: Ignored): bool {
  if (lengthOf(text) == 0) return true;
  const copy = kept(text);
  const begin = addressOf(copy);
  const end = begin + lengthOf(copy);
  if (load<u8>(begin) != ascii.SLASH) return false;
  let count: u32 = 0;
  for (let at = begin; at < end; at++) {
    if (load<u8>(at) == ascii.SLASH) count++;
  }
  ignored.tokens = room(count << 3);
  if (ignored.tokens == 0) return true;
  let from = begin + 1;
  while (ignored.count < count) {
    const stop = findByte(from, end, ascii.SLASH);
    const token = decodeStep(sliceOf(from, (stop - from) as u32));
    if (token == NONE) return false;
    store<u64>(ignored.tokens + ((ignored.count as usize) << 3), token);
    ignored.count++;
    from = stop + 1;
  }
  return true;
}

/** Reads `headers: { set, remove }`. */
export function readChanges(object: Node, shadow: Shadow): void {
  if (!isKind(object, Token.Object)) return;
  let count: u32 = 0;
  for (let list = object.first; list; list = nextOf(list)) count += list.count;
  if (count > (limits.SHADOW_LIST as u32)) {
    putOverLimit(limits.SHADOW_LIST, " header changes");
    return report(object, codes.LIMIT);
  }
  shadow.changes = records<HeaderChange>(count);
  if (shadow.changes.isNone) return;
  for (let list = object.first; list; list = nextOf(list)) {
    const isSet = isWord(list.key, "set");
    if (!isSet && !isWord(list.key, "remove")) {
      unknownKey(list, KNOWN_HEADERS);
      continue;
    }
    if (!isKind(list, isSet ? Token.Object : Token.Array)) continue;
    for (let item = list.first; item; item = nextOf(item)) readChange(item, isSet, shadow);
  }
}

function readChange(node: Node, isSet: bool, shadow: Shadow): void {
  if (!isKind(node, Token.String)) return;
  const text = isSet ? node.key : node.text;
  const name = isToken(text) ? keptLower(text) : NONE;
  // Envoy keeps Host as :authority, which every request has to have.
  const isHost = isWord(name, "host");
  if (name == NONE || isOwnHeader(name) || isOneOf(name, ENVOYS_OWN) || (isHost && !isSet)) {
    beginMessage();
    put(
      message,
      "must be the name of a header that may be changed on a copy (not x-serin-*, not a header of the connection or the length), got ",
    );
    putString(message, text);
    if (isSet) reportKey(node, codes.NAME);
    else report(node, codes.NAME);
    return;
  }
  if (isSet && !isFieldValue(node.text))
    return fail(node, codes.VALUE, "must be a header's value: visible ASCII, with spaces only inside it");
  const change = shadow.changes.at(shadow.changeCount);
  change.name = isHost ? sliceOfWord(":authority") : name;
  change.value = isSet ? kept(node.text) : NONE;
  shadow.changeCount++;
}

/** RFC 9110 section 5.5, without obs-text. */
export function isFieldValue(text: Slice): bool {
  const length = lengthOf(text);
  const begin = addressOf(text);
  if (length > 4096) return false;
  for (let i: u32 = 0; i < length; i++) {
    const byte = load<u8>(begin + i);
    const isInner = i != 0 && i != length - 1;
    if (byte > ascii.SPACE && byte < ascii.DELETE) continue;
    if (!isInner || (byte != ascii.SPACE && byte != ascii.TAB)) return false;
  }
  return true;
}
