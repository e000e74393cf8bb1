// The table of waiting calls in shared data: one is put into its slot, and those that have waited long enough are taken
// out and judged, each by whichever worker comes to it first.

import { put, putNumber, restartText, textOf, Writer } from "../../bytes/writer";
import { beginHash, Hash64, hashBytes, hashOf } from "../../bytes/hash64";
import { fixed, placeOf, recordAt, Run } from "../../bytes/records";
import { markScratch, rewindScratch, scratch } from "../../bytes/scratch";
import { addressOf, lengthOf, NONE, Slice, sliceOf } from "../../bytes/slice";
import { Word } from "../../bytes/word";
import { SECOND } from "../../host/clock";
import { putShared, readShared, SharedValue, writeShared, Written } from "../../host/shared-data";
import { judge } from "./judge";
import {
  FORMAT,
  HEADER_BYTES,
  isSlot,
  Kind,
  SLOT_BYTES,
  SlotHeader,
  SLOTS,
  Waiting,
  WAITING_BYTES,
  Walk,
  WINDOW_NS,
} from "./waiting";

/** A call that comes to the table. */
@unmanaged
export class Arrival {
  kind: Kind;
  isKept: bool;
  id: u64;
  line: u64;
  bodyBytes: u64;
  bodyHash: u64;
  /** Names, of which hashes are compared. */
  shadow: Slice;
  effect: Slice;
  lineText: Slice;
  idText: Slice;
  body: Slice;
}

/** The one arrival: filled in and put at once. */
export const arrival: Arrival = fixed<Arrival>();

/** Attempts to write one slot: an attempt fails when another worker writes at the same time. */
const MOST_TRIES: u32 = 8;

/** When each slot is looked at next by this worker, in nanoseconds; 0 when it has put nothing there. */
const due: Run<u64> = recordAt<Run<u64>>(memory.data(sizeof<u64>() * SLOTS, 8));
let isAnyDue: bool = false;
/** Where the next look at the slots begins, so that none waits behind others that are always due. */
let nextSlot: u32 = 0;

const shared: SharedValue = fixed<SharedValue>();
const key: Writer = fixed<Writer>();
const hash: Hash64 = fixed<Hash64>();
const walk: Walk = fixed<Walk>();
const earlier: Walk = fixed<Walk>();

/** Puts a call into the table. @returns false when there was no room for it */
export function putWaiting(call: Arrival, now: u64): bool {
  const slot = ((call.id >> 32) as u32) & (SLOTS - 1);
  return addTo(slot, call, now);
}

/**
 * Judges what has waited long enough in the slots that are due, some of them.
 * @param most slots that are looked at
 * @param steps as core/json-tree.ts counts them: beyond, no other slot is begun
 */
export function sweepSlots(now: u64, most: u32, steps: u32): void {
  if (!isAnyDue) return;
  let left = most;
  let taken: u32 = 0;
  let any = false;
  restartText(key);
  const mark = markScratch();
  const begin = nextSlot;
  for (let i: u32 = 0; i < SLOTS; i++) {
    const slot = (begin + i) & (SLOTS - 1);
    const at = due.at(slot);
    if (at == 0) continue;
    any = true;
    if (now < at || left == 0 || taken >= steps) continue;
    left--;
    nextSlot = slot + 1;
    taken += sweep(slot, now);
    rewindScratch(mark);
  }
  isAnyDue = any;
}

/** Another VM may have left something in the table: all of it is looked at after the longest that a call waits. */
export function lookAtAll(now: u64): void {
  for (let slot: u32 = 0; slot < SLOTS; slot++) {
    if (due.at(slot) == 0) due.set(slot, now + WINDOW_NS);
  }
  isAnyDue = true;
}

/** The key that says that calls were put into the table: a VM that starts without effects looks at it alone. */
const USED: Word = "serin.effects";
let isUseSaid: bool = false;

function sayUsed(): void {
  if (isUseSaid) return;
  isUseSaid = true;
  restartText(key);
  put(key, USED);
  putShared(textOf(key), textOf(key));
}

/** Whether some VM of this `vm_id` has ever put a call into the table. */
export function isTableUsed(): bool {
  restartText(key);
  put(key, USED);
  return readShared(textOf(key), shared) && shared.bytes != NONE;
}

/** A slot is looked at again by one worker no sooner than after this. */
const LEAST_NS: u64 = SECOND;

function readSlot(slot: u32): bool {
  restartText(key);
  put(key, "serin.effects/");
  putNumber(key, slot);
  return readShared(textOf(key), shared);
}

/** Puts a call into a slot, behind those that are there. @returns false when there was no room for it */
function addTo(slot: u32, call: Arrival, now: u64): bool {
  const added = bytesOfCall(call);
  // Its memory is taken before the mark.
  restartText(key);
  const mark = markScratch();
  for (let tries: u32 = 0; tries < MOST_TRIES; tries++) {
    rewindScratch(mark);
    if (!readSlot(slot)) return false;
    const old: Slice = shared.bytes;
    const oldBytes: u32 = isSlot(old) ? lengthOf(old) : HEADER_BYTES;
    const hasRoom = oldBytes + added <= SLOT_BYTES;
    const to = scratch(oldBytes + added);
    if (to == 0) return false;
    if (isSlot(old)) memory.copy(to, addressOf(old), oldBytes);
    else memory.fill(to, 0, HEADER_BYTES);
    const header = recordAt<SlotHeader>(to);
    header.format = FORMAT;
    if (hasRoom) writeCall(to + oldBytes, call, added, now);
    else header.fullNs = now;
    const written = writeShared(textOf(key), sliceOf(to, hasRoom ? oldBytes + added : oldBytes), shared);
    if (written == Written.LOST) continue;
    if (written == Written.FAILED) return false;
    if (due.at(slot) == 0) due.set(slot, now + WINDOW_NS);
    isAnyDue = true;
    sayUsed();
    return hasRoom;
  }
  return false;
}

/**
 * Takes out of a slot what has waited long enough. Whoever has written the slot without it judges it, and nobody else.
 * @returns steps that it took: each call is held to each other's id, and what is judged is compared
 */
function sweep(slot: u32, now: u64): u32 {
  const isRead = readSlot(slot);
  const old: Slice = isRead ? shared.bytes : NONE;
  const to = isSlot(old) ? scratch(lengthOf(old)) : 0;
  if (to == 0) {
    due.set(slot, isRead ? 0 : now + LEAST_NS);
    return 1;
  }
  memory.copy(to, addressOf(old), HEADER_BYTES);
  let end = to + HEADER_BYTES;
  let next: u64 = 0;
  let calls: u32 = 0;
  let taken: u32 = 0;
  const anyOver = isAnyOver(old, now);
  walk.begin(old);
  while (walk.next()) {
    calls++;
    const waiting = walk.at;
    waiting.isJudged = !anyOver || !isOver(old, waiting, now);
    if (!waiting.isJudged) continue;
    memory.copy(end, placeOf(waiting), waiting.bytes);
    end += waiting.bytes;
    const ends = waiting.atNs + WINDOW_NS;
    if (next == 0 || ends < next) next = ends;
  }
  if (anyOver) {
    const fullNs = recordAt<SlotHeader>(to).fullNs;
    const written = writeShared(textOf(key), sliceOf(to, (end - to) as u32), shared);
    // Somebody has put a call into it, or has judged it.
    if (written != Written.DONE) next = now;
    else taken = judge(old, fullNs, now);
    taken += calls * calls;
  }
  due.set(slot, next == 0 || next >= now + LEAST_NS ? next : now + LEAST_NS);
  return taken + calls;
}

function isAnyOver(slot: Slice, now: u64): bool {
  walk.begin(slot);
  while (walk.next()) {
    if (hasWaited(walk.at, now)) return true;
  }
  return false;
}

function hasWaited(call: Waiting, now: u64): bool {
  return now > call.atNs && now - call.atNs >= WINDOW_NS;
}

/** Whether the first call of this one's id has waited long enough. */
function isOver(slot: Slice, call: Waiting, now: u64): bool {
  if (hasWaited(call, now)) return true;
  earlier.begin(slot);
  while (earlier.next()) {
    if (earlier.at.id == call.id && hasWaited(earlier.at, now)) return true;
  }
  return false;
}

function bytesOfCall(call: Arrival): u32 {
  const texts =
    lengthOf(call.shadow) + lengthOf(call.effect) + lengthOf(call.lineText) + lengthOf(call.idText);
  return (WAITING_BYTES + texts + lengthOf(call.body) + 7) & ~7;
}

function writeCall(to: usize, call: Arrival, bytes: u32, now: u64): void {
  memory.fill(to, 0, WAITING_BYTES);
  const waiting = recordAt<Waiting>(to);
  waiting.bytes = bytes;
  waiting.kind = call.kind;
  waiting.atNs = now;
  waiting.id = call.id;
  waiting.shadow = hashOfName(call.shadow);
  waiting.effect = hashOfName(call.effect);
  waiting.line = call.line;
  waiting.bodyBytes = call.bodyBytes;
  waiting.bodyHash = call.bodyHash;
  waiting.isKept = call.isKept;
  let end = to + WAITING_BYTES;
  waiting.shadowBytes = lengthOf(call.shadow);
  end = putText(end, call.shadow);
  waiting.effectBytes = lengthOf(call.effect);
  end = putText(end, call.effect);
  waiting.lineBytes = lengthOf(call.lineText);
  end = putText(end, call.lineText);
  waiting.idBytes = lengthOf(call.idText);
  end = putText(end, call.idText);
  waiting.keptBytes = lengthOf(call.body);
  end = putText(end, call.body);
  memory.fill(end, 0, to + bytes - end);
}

function putText(to: usize, text: Slice): usize {
  memory.copy(to, addressOf(text), lengthOf(text));
  return to + lengthOf(text);
}

function hashOfName(name: Slice): u64 {
  beginHash(hash);
  hashBytes(hash, addressOf(name), lengthOf(name));
  return hashOf(hash);
}
