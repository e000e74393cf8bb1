// One request as the filter sees it: the host's block of header pairs, read in place, in one pass.

import * as ascii from "../bytes/ascii";
import { decimal, MOST_DIGITS, NOT_DECIMAL } from "../bytes/decimal";
import {
  keyLengthAt,
  LENGTHS_BYTES,
  lengthsIn,
  NO_PAIRS,
  pairBytes,
  pairsIn,
  valueLengthAt,
} from "../bytes/pairs";
import { fixed } from "../bytes/records";
import { scratch } from "../bytes/scratch";
import {
  addressOf,
  copyLower,
  findByte,
  findEither,
  isWord,
  lengthOf,
  NONE,
  Slice,
  sliceOf,
  startsWithWord,
  trimmed,
} from "../bytes/slice";
import { ABSENT, find, mayHold } from "../bytes/table";
import * as headerNames from "../vocabulary/headers";
import { Address, readAddress } from "./address";
import { Decision } from "./decision";
import { isOwnHeader, mayBeOwn } from "./own-headers";
import { blankMembers, Members, nameInMark, shadowInBaggage } from "./shadow-mark";


@unmanaged
export class View {
  method: Slice;
  scheme: Slice;
  /** `:authority` as it came. */
  authority: Slice;
  /** `:path` without query and fragment; NONE when there is no path (CONNECT). */
  path: Slice;
  /** The text between `?` and `#`; NONE without `?`. */
  query: Slice;
  /** The first `cookie` and `authorization` headers. */
  cookie: Slice;
  authorization: Slice;
  /** Whether the bearer token's payload was read (core/jwt.ts). */
  payloadRead: bool;
  cookieHeaders: u32;
  /** The block itself. */
  block: Slice;
  /** Whether the client sent some of Serin's own headers: core/own-headers.ts finds them again. */
  hasForged: bool;
  /** Whether it says that it is a shadow's copy. */
  isCopy: bool;
  /** What its baggage had of Serin's own: a bit each (core/shadow-mark.ts). They are blanked in the block. */
  members: u32;
  /** The shadow whose request it is, by the policy's secret; NONE for production's. Whether its header said so. */
  shadow: Slice;
  hasMark: bool;
  cookiesRead: bool;
  paramsRead: bool;
  /** Whether the request has an x-envoy-ip-tags header (see filter/effects.ts). */
  hasIpTags: bool;
  /** Whether the request is one of gRPC. */
  isGrpc: bool;
  /** Whether it is one of gRPC-Web, which no filter before this one has made one of gRPC. */
  isGrpcWeb: bool;
  /** Whether the request asks for another protocol (WebSocket). */
  isUpgrade: bool;
  /** Whether it says so in its headers that it asks whether it may come from another origin (Fetch standard, 4.8). */
  isPreflight: bool;
  /** Whether the client wants an event stream (HTML standard, 9.2: an EventSource says so). */
  wantsEvents: bool;
  /** Whether nothing follows the headers; set by the filter. */
  hasNoBody: bool;
  /** What content-length says; UNKNOWN_LENGTH without. */
  bodyBytes: u64;
  /** `:authority` in lower case without its port and its last dot, made when first asked for. */
  host: Slice;
  hostRead: bool;
  /** Address of the client without its port; given by the filter when `decide` asks for it. */
  address: Slice;
  addressGiven: bool;
  /** Whether it was read as a number, and is one: see `clientAddress`. */
  addressRead: bool;
  addressIsNumber: bool;
}

/** There was no content-length, or it was not a number. */
export const UNKNOWN_LENGTH: u64 = NOT_DECIMAL;

/** The one view: a worker decides one request at a time. */
export const view: View = fixed<View>();

/**
 * Reads the host's block of request headers (bytes/pairs.ts) into `view` and the slots of headers.
 * @returns false when the block is not what its lengths say
 */
export function readRequest(decision: Decision, block: Slice): bool {
  memory.fill(changetype<usize>(view), 0, offsetof<View>());
  view.block = block;
  view.bodyBytes = UNKNOWN_LENGTH;
  const count = pairsIn(block);
  if (count == NO_PAIRS) return false;
  const headers = decision.plan.inputs.headers;
  const wantedLengths = headers.lengths | KNOWN_LENGTHS;
  // Every header of every request comes through here: the place in the block is in local variables, where that of `Pairs`
  // is in memory.
  let lengths = lengthsIn(block);
  const behindLengths = lengths + count * LENGTHS_BYTES;
  let at = behindLengths;
  const end = addressOf(block) + lengthOf(block);
  while (lengths != behindLengths) {
    const keyLength = keyLengthAt(lengths);
    const valueLength = valueLengthAt(lengths);
    const bytes = pairBytes(keyLength, valueLength);
    if (bytes > ((end - at) as u64)) return false;
    const key = sliceOf(at, keyLength);
    const value = sliceOf(at + keyLength + 1, valueLength);
    lengths += LENGTHS_BYTES;
    at += bytes as usize;
    if (keyLength == 0) continue;
    const first = load<u8>(addressOf(key));
    if (first == ascii.COLON) {
      readPseudo(key, value);
      continue;
    }
    if (first == ascii.LOWER_X && mayBeOwn(key) && isOwnHeader(key)) {
      view.hasForged = true;
      if (isWord(key, headerNames.SHADOW)) readMark(value, decision.plan.shadowSecret);
      continue;
    }
    if (((wantedLengths >> ((keyLength < 63 ? keyLength : 63) as u64)) & 1) == 0) continue;
    if (keyLength == 7 && first == ascii.LOWER_B && isWord(key, headerNames.BAGGAGE))
      readBaggage(value, decision.plan.shadowSecret);
    else readKnown(first, key, value);
    if (mayHold(headers, keyLength)) {
      const slot = find(headers, key);
      if (slot != ABSENT) fillSlot(decision, slot, trimmed(value));
    }
  }
  return true;
}

function readMark(value: Slice, secret: Slice): void {
  view.isCopy = true;
  const name = nameInMark(value, secret);
  if (name == NONE) return;
  view.shadow = name;
  view.hasMark = true;
}

function readBaggage(value: Slice, secret: Slice): void {
  const found = blankMembers(value, secret);
  view.members |= found;
  if ((found & Members.Real) == 0) return;
  view.isCopy = true;
  if (!view.hasMark) view.shadow = shadowInBaggage();
}

/** The first non-empty occurrence is the value. */
export function fillSlot(decision: Decision, slot: u32, value: Slice): void {
  if (lengthOf(decision.valueOf(slot)) == 0) decision.fill(slot, value);
}

function readPseudo(key: Slice, value: Slice): void {
  const length = lengthOf(key);
  const second = length > 1 ? load<u8>(addressOf(key), 1) : 0;
  if (length == 7 && second == ascii.LOWER_M) view.method = value;
  else if (length == 7 && second == ascii.LOWER_S) view.scheme = value;
  else if (length == 10 && second == ascii.LOWER_A) view.authority = value;
  else if (length == 5 && second == ascii.LOWER_P) splitPath(value);
}

function splitPath(value: Slice): void {
  const begin = addressOf(value);
  const end = begin + lengthOf(value);
  const at = findEither(begin, end, ascii.QUESTION, ascii.HASH);
  view.path = sliceOf(begin, (at - begin) as u32);
  if (at < end && load<u8>(at) == ascii.QUESTION) {
    const stop = findByte(at + 1, end, ascii.HASH);
    view.query = sliceOf(at + 1, (stop - at - 1) as u32);
  }
}

/** Bit n: `readKnown` or `readBaggage` takes a header of n bytes. */
const KNOWN_LENGTHS: u64 = (1 << 6) | (1 << 7) | (1 << 12) | (1 << 13) | (1 << 14) | (1 << 15) | (1 << 29);

/** @param first the key's first byte, which tells most others of these lengths apart without a call */
function readKnown(first: u8, key: Slice, value: Slice): void {
  const length = lengthOf(key);
  if (first == ascii.LOWER_C) {
    if (length == 6) {
      if (startsWithWord(key, "cookie")) {
        if (view.cookieHeaders == 0) view.cookie = value;
        view.cookieHeaders++;
      }
    } else if (length == 12) {
      if (startsWithWord(key, "content-type")) {
        view.isGrpc = isGrpcType(value);
        view.isGrpcWeb = startsWithWord(value, "application/grpc-web");
      }
    } else if (length == 14) {
      if (startsWithWord(key, "content-length")) view.bodyBytes = decimal(value, MOST_DIGITS);
    }
  } else if (first == ascii.LOWER_A) {
    if (length == 6) {
      if (startsWithWord(key, "accept")) view.wantsEvents = startsWithWord(value, "text/event-stream");
    } else if (length == 13) {
      if (view.authorization == NONE && startsWithWord(key, "authorization")) view.authorization = value;
    } else if (length == 29) {
      if (startsWithWord(key, "access-control-request-method"))
        view.isPreflight = isWord(view.method, "OPTIONS");
    }
  } else if (first == ascii.LOWER_X) {
    if (length == 15 && startsWithWord(key, headerNames.IP_TAGS)) view.hasIpTags = true;
  } else if (first == ascii.LOWER_U) {
    if (length == 7 && startsWithWord(key, "upgrade")) view.isUpgrade = true;
  }
}

/** `application/grpc`, with a message format or without; not gRPC-Web, whose status is in its body. */
export function isGrpcType(type: Slice): bool {
  if (!startsWithWord(type, "application/grpc")) return false;
  const length = lengthOf(type);
  if (length == 16) return true;
  const next = load<u8>(addressOf(type), 16);
  return next == ascii.PLUS || next == ascii.SEMICOLON || next == ascii.SPACE;
}

/** `:authority` in lower case without its port, and without the dot of a fully qualified name. IPv6 keeps its brackets. */
export function hostOf(): Slice {
  if (view.hostRead) return view.host;
  view.hostRead = true;
  const begin = addressOf(view.authority);
  let end = begin + lengthOf(view.authority);
  // The port is what follows the last colon, if only digits do and no bracket closes behind it.
  let at = end;
  while (at > begin && ascii.isDigit(load<u8>(at - 1))) at--;
  if (at > begin && load<u8>(at - 1) == ascii.COLON) end = at - 1;
  // `shop.example.com.` is the same name (RFC 1034 section 3.1): browsers send the dot as it was typed.
  if (end > begin && load<u8>(end - 1) == ascii.DOT) end--;
  const length = (end - begin) as u32;
  const to = scratch(length);
  if (to == 0) return NONE;
  copyLower(to, begin, length);
  view.host = sliceOf(to, length);
  return view.host;
}

const clientNumber: Address = fixed<Address>();

/** The client's address, once it is given, as a number; null when it is none, as that of a Unix socket. */
export function clientAddress(): Address | null {
  if (!view.addressRead) {
    view.addressRead = true;
    view.addressIsNumber = readAddress(view.address, clientNumber);
  }
  return view.addressIsNumber ? clientNumber : null;
}
