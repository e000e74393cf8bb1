// The memory of a worker's bitmaps: one run of pages for all rollouts that it counts for, laid out again when one begins
// or ends. The bitmaps are copies of shared data, so nothing is lost with an old run.

import { nextOf } from "../../bytes/records";
import { givePages, takePages } from "../../bytes/pages";
import { bitmapBytes, FEWEST_BITS, MOST_BITS, pieceShift } from "../../core/evidence";
import { Rollout } from "../../core/plan";
import { Evidence, firstEvidence } from "./record";
import { dropNotes, NOTES_BYTES } from "./notes";

/** The most memory that a worker uses for users, in bytes, its notes included. */
const MOST_BYTES: u32 = 8 << 20;
const MOST_RUN: u32 = MOST_BYTES - NOTES_BYTES;

let run: usize = 0;
let runBytes: u32 = 0;
/** What all rollouts with evidence need once their periods have begun, in bytes. */
let planned: u32 = 0;
let isStale: bool = false;

/** Notes that a rollout began or ended, so that `layOut` has something to do. */
export function staleLayout(): void {
  isStale = true;
}

/** Bytes of the bitmaps, the heads of their pieces, the values of goals, and the counts. */
function bytesFor(stats: u32, slots: u32, goals: u32, bits: u32, isRandom: bool): u32 {
  const counts = ((slots * stats) << 2) + ((slots * goals) << 3);
  if (isRandom) return (counts + 7) & ~7;
  const heads = (1 << (bits - pieceShift(stats))) << 1;
  return (bitmapBytes(stats, bits) + heads + counts + 7) & ~7;
}

/** Gives memory to every rollout that this worker counts for. A rollout that gets none waits for the next tick. */
export function layOut(): void {
  if (!isStale) return;
  isStale = false;
  let total: u32 = 0;
  for (let evidence = firstEvidence(); evidence; evidence = nextOf(evidence)) {
    dropNotes(evidence);
    evidence.counts = 0;
    if (evidence.period != 0) total += wants(evidence);
  }
  // For all of them at once: a run that grew with each would leave unused smaller runs behind.
  if (total < planned) total = planned;
  if (!takeRun(total < MOST_RUN ? total : MOST_RUN)) {
    isStale = true;
    return;
  }
  let to = run;
  for (let evidence = firstEvidence(); evidence; evidence = nextOf(evidence)) {
    if (evidence.period == 0) continue;
    const bytes = wants(evidence);
    if (bytes > runBytes - ((to - run) as u32)) {
      // While other rollouts still have the size that they had before.
      isStale = true;
      continue;
    }
    evidence.pieces = to;
    evidence.counts = to + bytes - ((((evidence.slots * evidence.stats) << 2) + 7) & ~7);
    evidence.values = evidence.counts - ((evidence.slots * evidence.goals) << 3);
    evidence.heads = evidence.isRandom ? 0 : to + bitmapBytes(evidence.stats, evidence.bits);
    to += bytes;
  }
}

/** Replaces the run by a zeroed one of so many bytes. @returns false when there is no memory */
function takeRun(bytes: u32): bool {
  if (bytes != runBytes) {
    givePages(run, runBytes);
    run = bytes == 0 ? 0 : takePages(bytes);
    runBytes = run == 0 ? 0 : bytes;
  }
  if (run != 0) memory.fill(run, 0, runBytes);
  return runBytes == bytes;
}

function wants(evidence: Evidence): u32 {
  return bytesFor(evidence.stats, evidence.slots, evidence.goals, evidence.bits, evidence.isRandom);
}

/** Determines the bitmap size of all rollouts with evidence, and which of them have no room. */
export function shareRoom(): void {
  let bits = MOST_BITS;
  while (bits > FEWEST_BITS && roomTaken(bits) > MOST_RUN) bits--;
  let total: u32 = 0;
  for (let evidence = firstEvidence(); evidence; evidence = nextOf(evidence)) {
    const rollout = evidence.live;
    if (changetype<usize>(rollout) == 0) continue;
    const bytes = bytesFor(rollout.stats, rollout.slots, rollout.goalCount, bits, rollout.isRandom);
    evidence.hasRoom = bytes <= MOST_RUN - total;
    evidence.wantedBits = rollout.isRandom ? 0 : bits;
    if (evidence.hasRoom) total += bytes;
  }
  planned = total;
}

/** Bytes of all of them together; MOST_RUN + 1 if they are more. */
function roomTaken(bits: u32): u32 {
  let total: u32 = 0;
  for (let evidence = firstEvidence(); evidence; evidence = nextOf(evidence)) {
    const rollout: Rollout = evidence.live;
    if (changetype<usize>(rollout) == 0) continue;
    total += bytesFor(rollout.stats, rollout.slots, rollout.goalCount, bits, rollout.isRandom);
    if (total > MOST_RUN) return MOST_RUN + 1;
  }
  return total;
}
