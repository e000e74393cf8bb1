// Bits that this worker has seen first. Requests note them; the tick writes them to shared data and to the gauges.

import * as ascii from "../../bytes/ascii";
import { fixed } from "../../bytes/records";
import { takePages } from "../../bytes/pages";
import { markScratch, rewindScratch } from "../../bytes/scratch";
import { addressOf, lengthOf, sliceOf } from "../../bytes/slice";
import { putByte, putNumber, putSlice, restartText, textOf, Writer } from "../../bytes/writer";
import { bitsOf, pieceBytes, setBits } from "../../core/evidence";
import { FORMAT, PieceHeader } from "../../core/evidence-record";
import { readMetric } from "../../host/metrics";
import { readShared, SharedValue, writeShared, Written } from "../../host/shared-data";
import { moveEnded, moveGauges } from "./gauges";
import { Evidence } from "./record";

/** Notes between two ticks: more than a worker serves new users in that time. */
const MOST_NOTES: u32 = 16384;
/** Pieces that one tick brings in at most: some milliseconds of work. */
const MOST_PIECES: u32 = 1024;
/** Attempts to write one piece; an attempt fails when another worker writes at the same time. */
const MOST_TRIES: u32 = 8;
const LARGEST_PIECE: i32 = 256;

/** Something that this worker sees a user meet for the first time. */
@unmanaged
class Note {
  index: u32;
  /** A bit for each stat from `first` on: those noted, and those of them that were clear in shared data. */
  stats: u32;
  fresh: u32;
  /** The number of the piece's next note, from 1; of a free note, the next free one. */
  next: u16;
  slot: u8;
  /** 0, or the first goal. */
  first: u8;
  /** What a goal that was reached is worth, in thousandths. */
  value: u64;
}
const NOTE_BYTES: u32 = offsetof<Note>() as u32;
/** What the notes take of a worker's memory. */
export const NOTES_BYTES: u32 = MOST_NOTES * NOTE_BYTES;

let notes: usize = 0;
let used: u32 = 0;
let free: u32 = 0;
let left: u32 = 0;
const key: Writer = fixed<Writer>();
const shared: SharedValue = fixed<SharedValue>();
const buffer: usize = memory.data(LARGEST_PIECE, 8);
const HEADER: usize = offsetof<PieceHeader>();

function noteOf(number: u32): Note {
  return changetype<Note>(notes + (number - 1) * NOTE_BYTES);
}

/** The number of a free note; 0 when all are used. */
function takeNote(): u32 {
  if (free != 0) {
    const number = free;
    free = noteOf(number).next;
    return number;
  }
  if (notes == 0) notes = takePages(NOTES_BYTES);
  if (notes == 0 || used == MOST_NOTES - 1) return 0;
  used++;
  return used;
}

function giveNotes(head: u32): void {
  let number = head;
  while (number != 0) {
    const note = noteOf(number);
    const next = note.next;
    note.next = free as u16;
    free = number;
    number = next;
  }
}

/** Notes what a user met (a bit for each stat), if this worker has not seen it before. */
export function note(evidence: Evidence, index: u32, slot: u32, stats: u32): void {
  noteFrom(evidence, 0, index, slot, stats, 0);
}

/** Notes that a user reached a goal, worth so many thousandths, if this worker has not seen it before. */
export function noteGoal(evidence: Evidence, index: u32, slot: u32, goal: u32, value: u64): void {
  noteFrom(evidence, evidence.firstGoal, index, slot, 1 << goal, value);
}

function noteFrom(evidence: Evidence, first: u32, index: u32, slot: u32, stats: u32, value: u64): void {
  if (evidence.counts == 0) return;
  if (evidence.isRandom) {
    addCounts(evidence, slot, 0, stats);
    evidence.pending = 1;
    return;
  }
  const number = index >> evidence.shift;
  const piece =
    evidence.pieces + number * pieceBytes(evidence.stats, evidence.shift) + rowAt(evidence, first);
  const fresh = stats & ~bitsOf(piece, index, evidence.shift, stats);
  if (fresh == 0) return;
  const taken = takeNote();
  if (taken == 0) return;
  setBits(piece, index, evidence.shift, fresh);
  const head = evidence.heads + (number << 1);
  const written = noteOf(taken);
  written.index = index;
  written.slot = slot as u8;
  written.first = first as u8;
  written.value = value;
  written.stats = fresh;
  written.next = load<u16>(head);
  store<u16>(head, taken as u16);
  evidence.pending++;
}

/** Where the bits of a stat begin in a piece. */
// @ts-ignore: decorator
@inline
function rowAt(evidence: Evidence, stat: u32): u32 {
  return stat << (evidence.shift - 3);
}

/** Whether this worker has not seen the user reach a goal. */
export function isNewGoal(evidence: Evidence, index: u32, goal: u32): bool {
  if (evidence.counts == 0) return false;
  const piece = evidence.pieces + (index >> evidence.shift) * pieceBytes(evidence.stats, evidence.shift);
  return bitsOf(piece + rowAt(evidence, evidence.firstGoal), index, evidence.shift, 1 << goal) == 0;
}

/** Whether this worker has not seen the user meet all of it. */
export function isNew(evidence: Evidence, index: u32, stats: u32): bool {
  if (evidence.counts == 0) return false;
  if (evidence.isRandom) return true;
  const piece = evidence.pieces + (index >> evidence.shift) * pieceBytes(evidence.stats, evidence.shift);
  return bitsOf(piece, index, evidence.shift, stats) != stats;
}

function addCounts(evidence: Evidence, slot: u32, first: u32, stats: u32): void {
  const to = evidence.counts + ((slot * evidence.stats + first) << 2);
  let rest = stats;
  while (rest != 0) {
    const at = to + (ctz<u32>(rest) << 2);
    rest &= rest - 1;
    store<u32>(at, load<u32>(at) + 1);
  }
}

/** Counts what a note was the first of. */
function countNote(evidence: Evidence, note: Note): void {
  addCounts(evidence, note.slot, note.first, note.fresh);
  if (note.value == 0) return;
  const goal = ctz<u32>(note.fresh);
  const at = evidence.values + ((note.slot * evidence.goals + goal) << 3);
  store<u64>(at, load<u64>(at) + note.value);
}

/** Called before the first `bringIn` of a tick. */
export function beginBringing(): void {
  left = MOST_PIECES;
}

/**
 * Writes a rollout's notes to shared data and the gauges. What another worker wrote first is not counted again.
 * @returns false when shared data or the gauges say that the period is over
 */
export function bringIn(evidence: Evidence): bool {
  const hasNotes = evidence.pending != 0 && evidence.counts != 0;
  if (!hasNotes && !evidence.hasEnded) return true;
  // VMs of another `vm_id` share the gauges and nothing else.
  if (readMetric(evidence.number) != (evidence.period as u64)) return false;
  const isSound = !hasNotes || bringNotes(evidence);
  moveEnded(evidence);
  return isSound;
}

function bringNotes(evidence: Evidence): bool {
  if (evidence.isRandom) {
    evidence.pending = 0;
    moveGauges(evidence);
    return true;
  }
  const count: u32 = 1 << (evidence.bits - evidence.shift);
  let isSound = true;
  // Its memory is taken before the mark.
  restartText(key);
  for (let number: u32 = 0; number < count && evidence.pending != 0 && left != 0 && isSound; number++) {
    const head = load<u16>(evidence.heads + (number << 1));
    if (head == 0) continue;
    left--;
    const mark = markScratch();
    isSound = bringPiece(evidence, number, head);
    rewindScratch(mark);
  }
  moveGauges(evidence);
  return isSound;
}

/** @returns false when the piece is of a later period */
function bringPiece(evidence: Evidence, number: u32, head: u32): bool {
  const bytes = pieceBytes(evidence.stats, evidence.shift);
  const whole = (HEADER as u32) + bytes;
  const header = changetype<PieceHeader>(buffer);
  const bits = buffer + HEADER;
  for (let tries: u32 = 0; tries < MOST_TRIES; tries++) {
    restartText(key);
    putSlice(key, evidence.key);
    putByte(key, ascii.SLASH);
    putNumber(key, number);
    if (!readShared(textOf(key), shared)) return true;
    const there = changetype<PieceHeader>(addressOf(shared.bytes));
    if (lengthOf(shared.bytes) >= (HEADER as u32) && there.format == FORMAT && there.number > evidence.period)
      return false;
    if (lengthOf(shared.bytes) == whole && there.format == FORMAT && there.number == evidence.period) {
      memory.copy(buffer, addressOf(shared.bytes), whole);
    } else {
      memory.fill(buffer, 0, whole);
      header.format = FORMAT;
      header.number = evidence.period;
    }
    let found: u32 = 0;
    for (let at = head; at != 0; at = noteOf(at).next) {
      const note = noteOf(at);
      const rows = bits + rowAt(evidence, note.first);
      note.fresh = note.stats & ~bitsOf(rows, note.index, evidence.shift, note.stats);
      if (note.fresh == 0) continue;
      setBits(rows, note.index, evidence.shift, note.fresh);
      found++;
    }
    if (found != 0) {
      const written = writeShared(textOf(key), sliceOf(buffer, whole), shared);
      if (written == Written.LOST) continue;
      if (written == Written.FAILED) return true;
    }
    for (let at = head; at != 0; at = noteOf(at).next) {
      const note = noteOf(at);
      if (note.fresh != 0) countNote(evidence, note);
      evidence.pending--;
    }
    giveNotes(head);
    store<u16>(evidence.heads + (number << 1), 0);
    // Including what other workers have set.
    memory.copy(evidence.pieces + number * bytes, bits, bytes);
    return true;
  }
  return true;
}

/** Drops the notes that were not written. */
export function dropNotes(evidence: Evidence): void {
  if (evidence.pending != 0 && evidence.counts != 0) {
    if (evidence.isRandom) {
      memory.fill(evidence.counts, 0, (evidence.slots * evidence.stats) << 2);
    } else {
      const count: u32 = 1 << (evidence.bits - evidence.shift);
      for (let number: u32 = 0; number < count; number++) {
        const at = evidence.heads + (number << 1);
        giveNotes(load<u16>(at));
        store<u16>(at, 0);
      }
    }
  }
  evidence.pending = 0;
}
