// Copies that gave their places back while production's answer goes on: what is still to be counted at its end. As many as
// streams are open, and a few words each.

import { FreeList } from "../../bytes/free-list";
import { fixed, takeRecord } from "../../bytes/records";
import { MetCopy } from "../../core/evidence";
import { MILLISECOND } from "../../host/clock";
import { addToMetric, recordMetric } from "../../host/metrics";
import { countCopyUser } from "../evidence/copy-users";
import { Copy, Remainder, ShadowState, Stream } from "../records";
import { vmArena } from "../vm";

const freeRemainders: FreeList<Remainder> = fixed<FreeList<Remainder>>();

/**
 * Leaves with production's stream what is still to be counted of a copy that is about to be forgotten.
 * @param isOpen whether its verdict is: a match if production's answer comes to its end
 * @param met of an open one, what its user has met then (a bit for each MetCopy)
 * @returns false without memory, or when production's stream is over
 */
export function leaveRemainder(copy: Copy, isOpen: bool, met: u32): bool {
  const stream = copy.stream;
  if (stream == null) return false;
  let remainder = freeRemainders.take();
  if (remainder == null) remainder = takeRecord<Remainder>(vmArena());
  if (remainder == null) return false;
  remainder.state = copy.state;
  remainder.sentNs = copy.sentNs;
  remainder.endedNs = copy.theirs.endedNs;
  remainder.isOpen = isOpen;
  remainder.met = met;
  remainder.evidence = copy.evidence;
  remainder.period = copy.period;
  remainder.user = copy.user;
  remainder.next = stream.remainders;
  stream.remainders = remainder;
  return true;
}

/** Production's stream is over: its time is counted beside the shadow's, and the verdicts that waited for it. */
export function endRemainders(stream: Stream, isWhole: bool, now: u64): void {
  let at = stream.remainders;
  stream.remainders = null;
  while (at != null) {
    const remainder = at;
    at = remainder.next;
    const state = remainder.state;
    if (isWhole) recordTimes(state, remainder.sentNs, remainder.endedNs, now);
    if (remainder.isOpen) {
      addToMetric(isWhole ? state.match : state.reset, 1);
      if (isWhole) countMet(state, remainder.evidence, remainder.period, remainder.user, remainder.met);
    }
    freeRemainders.give(remainder);
  }
}

/** Counts what a copy that was compared came to for its user (a bit for each MetCopy), and where only the second instance differed. */
export function countMet(state: ShadowState, evidence: usize, period: u32, user: u32, met: u32): void {
  if ((met & (1 << MetCopy.NOISE_ONLY)) != 0) addToMetric(state.noiseOnly, 1);
  countCopyUser(evidence, period, user, met);
}

/** Both or none: the two histograms are of the same requests. */
export function recordTimes(state: ShadowState, sentNs: u64, theirsNs: u64, oursNs: u64): void {
  recordMetric(state.time, passed(sentNs, theirsNs));
  recordMetric(state.productionTime, passed(sentNs, oursNs));
}

function passed(from: u64, to: u64): u64 {
  return to > from ? (to - from) / MILLISECOND : 0;
}
