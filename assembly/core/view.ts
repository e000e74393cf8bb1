// One request as the filter sees it: the host's block of header pairs, read in place, in one pass.

import { decimal, MOST_DIGITS, NOT_DECIMAL } from "../bytes/decimal";
import { beginPairs, nextPair, pairKey, pairsBroken, pairValue } from "../bytes/pairs";
import { scratch } from "../bytes/scratch";
import {
  addressOf,
  findByte,
  lengthOf,
  lower,
  NONE,
  sameText,
  Slice,
  sliceOf,
  startsWithWord,
  trimmed,
} from "../bytes/slice";
import { ABSENT, find, mayHold } from "../bytes/table";
import { HEADER_IP_TAGS, HEADER_PREFIX } from "../vocabulary/headers";
import {
  Flag,
  FLAG_BYTES,
  Identity,
  IssueCookie,
  NO_SLOT,
  Plan,
  Rollout,
  ROLLOUT_BYTES,
  Slot,
  SLOT_BYTES,
} from "./plan";
import { Shadow, SHADOW_BYTES } from "./shadow-plan";


@unmanaged
export class View {
  method: Slice;
  scheme: Slice;
  /** `:authority` as it came. */
  authority: Slice;
  /** `:path` without query and fragment; NONE when there is no path (CONNECT). */
  path: Slice;
  /** What stands between `?` and `#`; NONE without `?`. */
  query: Slice;
  /** The first `cookie` and `authorization` headers. */
  cookie: Slice;
  authorization: Slice;
  cookieHeaders: u32;
  /** The block itself. */
  block: Slice;
  /** The client's own `x-serin-*`: addresses of `forgedCount` Slices, repetitions left out. */
  forged: usize;
  forgedCount: u32;
  cookiesRead: bool;
  paramsRead: bool;
  /** Whether the request has an x-envoy-ip-tags header (see filter/effects.ts). */
  hasIpTags: bool;
  /** Whether the request is one of gRPC. */
  isGrpc: bool;
  /** Whether the request asks for another protocol (WebSocket). */
  isUpgrade: bool;
  /** Whether nothing follows the headers: told by the filter. */
  hasNoBody: bool;
  /** What content-length says; UNKNOWN_LENGTH without. */
  bodyBytes: u64;
  /** `:authority` in lower case without its port, made when first asked for. */
  host: Slice;
  hostRead: bool;
  /** Address of the client without its port; given by the filter when `decide` asks for it. */
  address: Slice;
  addressGiven: bool;
}

const VIEW_BYTES: i32 = 256;

/** No length was told, or none that is a number. */
export const UNKNOWN_LENGTH: u64 = NOT_DECIMAL;

/** The one view: a worker decides one request at a time. */
export const view: View = changetype<View>(memory.data(VIEW_BYTES, 8));

/** Makes every memo of the plan stale. */
export function nextStamp(plan: Plan): void {
  plan.stamp++;
  if (plan.stamp != 0) return;
  // After 2^32 requests a memo of the first could look new: forget them all.
  for (let i: u32 = 0; i < plan.inputs.count; i++)
    changetype<Slot>(plan.inputs.slots + i * SLOT_BYTES).stamp = 0;
  for (let issue = plan.issues; issue != 0; issue = changetype<IssueCookie>(issue).next) {
    changetype<IssueCookie>(issue).stamp = 0;
  }
  if (plan.identity != 0) changetype<Identity>(plan.identity).stamp = 0;
  for (let i: u32 = 0; i < plan.rolloutCount; i++) {
    const identity = changetype<Rollout>(plan.rollouts + i * ROLLOUT_BYTES).identity;
    if (identity != 0) changetype<Identity>(identity).stamp = 0;
  }
  for (let i: u32 = 0; i < plan.shadowCount; i++) {
    const identity = changetype<Shadow>(plan.shadows + i * SHADOW_BYTES).identity;
    if (identity != 0) changetype<Identity>(identity).stamp = 0;
  }
  for (let i: u32 = 0; i < plan.flagCount; i++) changetype<Flag>(plan.flags + i * FLAG_BYTES).stamp = 0;
  plan.stamp = 1;
}

/**
 * Reads the host's block of request headers (bytes/pairs.ts) into `view` and the plan's header slots.
 * @returns false when the block is not what its lengths say
 */
export function readRequest(plan: Plan, block: Slice): bool {
  memory.fill(changetype<usize>(view), 0, offsetof<View>());
  nextStamp(plan);
  view.block = block;
  view.bodyBytes = UNKNOWN_LENGTH;
  const count = beginPairs(block);
  const headers = plan.inputs.headers;
  while (nextPair()) {
    const key = pairKey;
    const keyLength = lengthOf(key);
    if (keyLength == 0) continue;
    const first = load<u8>(addressOf(key));
    if (first == 0x3a) {
      readPseudo(key, pairValue);
      continue;
    }
    if (first == 0x78 && startsWithWord(key, HEADER_PREFIX)) {
      noteForged(key, count);
      continue;
    }
    readKnown(key, pairValue);
    if (mayHold(headers, keyLength)) {
      const slot = find(headers, key);
      if (slot != ABSENT) fillSlot(plan, slot, trimmed(pairValue));
    }
  }
  return !pairsBroken;
}

/** As `readRequest`, for trailers: of these only the client's own `x-serin-*` matter. */
export function readTrailers(block: Slice): void {
  view.forged = 0;
  view.forgedCount = 0;
  const count = beginPairs(block);
  while (nextPair()) {
    if (startsWithWord(pairKey, HEADER_PREFIX)) noteForged(pairKey, count);
  }
}

/** The first non-empty occurrence is the value. */
export function fillSlot(plan: Plan, index: u32, value: Slice): void {
  const slot = changetype<Slot>(plan.inputs.slots + index * SLOT_BYTES);
  if (slot.stamp == plan.stamp && lengthOf(slot.value) != 0) return;
  slot.stamp = plan.stamp;
  slot.value = value;
}

/** The value that a slot holds for this request; NONE when nothing was filled in. */
export function slotValue(plan: Plan, index: u32): Slice {
  if (index == NO_SLOT) return NONE;
  const slot = changetype<Slot>(plan.inputs.slots + index * SLOT_BYTES);
  return slot.stamp == plan.stamp ? slot.value : NONE;
}

function readPseudo(key: Slice, value: Slice): void {
  const length = lengthOf(key);
  const second = length > 1 ? load<u8>(addressOf(key), 1) : 0;
  if (length == 7 && second == 0x6d) view.method = value;
  else if (length == 7 && second == 0x73) view.scheme = value;
  else if (length == 10 && second == 0x61) view.authority = value;
  else if (length == 5 && second == 0x70) splitPath(value);
}

function splitPath(value: Slice): void {
  const begin = addressOf(value);
  const end = begin + lengthOf(value);
  let at = begin;
  while (at < end && load<u8>(at) != 0x3f && load<u8>(at) != 0x23) at++;
  view.path = sliceOf(begin, (at - begin) as u32);
  if (at < end && load<u8>(at) == 0x3f) {
    const stop = findByte(at + 1, end, 0x23);
    view.query = sliceOf(at + 1, (stop - at - 1) as u32);
  }
}

function readKnown(key: Slice, value: Slice): void {
  const length = lengthOf(key);
  if (length == 6) {
    if (startsWithWord(key, "cookie")) {
      if (view.cookieHeaders == 0) view.cookie = value;
      view.cookieHeaders++;
    }
  } else if (length == 7) {
    if (startsWithWord(key, "upgrade")) view.isUpgrade = true;
  } else if (length == 12) {
    if (startsWithWord(key, "content-type")) view.isGrpc = isGrpc(value);
  } else if (length == 14) {
    if (startsWithWord(key, "content-length")) view.bodyBytes = decimal(value, MOST_DIGITS);
  } else if (length == 13) {
    if (view.authorization == NONE && startsWithWord(key, "authorization")) view.authorization = value;
  } else if (length == 15) {
    if (startsWithWord(key, HEADER_IP_TAGS)) view.hasIpTags = true;
  }
}

/** `application/grpc`, with a message format or without; not gRPC-Web, whose status is in its body. */
function isGrpc(type: Slice): bool {
  if (!startsWithWord(type, "application/grpc")) return false;
  const length = lengthOf(type);
  if (length == 16) return true;
  const next = load<u8>(addressOf(type), 16);
  return next == 0x2b || next == 0x3b || next == 0x20;
}

function noteForged(key: Slice, mostPairs: u32): void {
  for (let i: u32 = 0; i < view.forgedCount; i++) {
    const seen = load<u64>(view.forged + ((i as usize) << 3));
    if (sameText(seen, key)) return;
  }
  if (view.forged == 0) {
    view.forged = scratch((mostPairs as usize) << 3);
    if (view.forged == 0) return;
  }
  store<u64>(view.forged + ((view.forgedCount as usize) << 3), key);
  view.forgedCount++;
}

/** `:authority` in lower case without its port. An IPv6 literal keeps its brackets. */
export function hostOf(): Slice {
  if (view.hostRead) return view.host;
  view.hostRead = true;
  const begin = addressOf(view.authority);
  let end = begin + lengthOf(view.authority);
  // The port is what follows the last colon, if only digits do and no bracket closes behind it.
  let at = end;
  while (at > begin && load<u8>(at - 1) >= 0x30 && load<u8>(at - 1) <= 0x39) at--;
  if (at > begin && load<u8>(at - 1) == 0x3a) end = at - 1;
  const length = (end - begin) as u32;
  const to = scratch(length);
  if (to == 0) return NONE;
  for (let i: u32 = 0; i < length; i++) store<u8>(to + i, lower(load<u8>(begin + i)));
  view.host = sliceOf(to, length);
  return view.host;
}
