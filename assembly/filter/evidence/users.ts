// What is counted of the user of a request: that it got a variant, and how the request ended.

import { take } from "../../bytes/arena";
import { indexOfUser, Met, metAtEnd } from "../../core/evidence";
import { Given } from "../../core/decision";
import { Stream } from "../records";
import { vmArena } from "../vm";
import { isNew, note } from "./notes";
import { Evidence, isStopped } from "./record";

/** A user of a stream, in one rollout. */
@unmanaged
class User {
  next: usize;
  evidence: usize;
  /** The period in which the request began. */
  period: u32;
  index: u32;
  slot: u32;
}
const USER_BYTES: usize = offsetof<User>();

let freeUsers: usize = 0;

/** The request got a variant by its bucket, or the default as part of the control group. */
export function beginUser(stream: Stream, given: Given): void {
  const rollout = given.rollout;
  if (rollout.evidence == 0) return;
  const evidence = changetype<Evidence>(rollout.evidence);
  if (evidence.period == 0 || evidence.signature != rollout.signature || isStopped(evidence, given.slot))
    return;
  const index: u32 = evidence.isRandom ? 0 : indexOfUser(given.hash, evidence.bits);
  note(evidence, index, given.slot, 1 << Met.USERS);
  if (evidence.countsUsersAlone) return;
  let at = freeUsers;
  if (at != 0) freeUsers = changetype<User>(at).next;
  else at = take(vmArena(), USER_BYTES);
  if (at == 0) return;
  const user = changetype<User>(at);
  user.evidence = rollout.evidence;
  user.period = evidence.period;
  user.index = index;
  user.slot = given.slot;
  user.next = stream.users;
  stream.users = at;
}

/** Counts a request that has ended, so that the guard knows the traffic. */
function countEnded(evidence: Evidence, slot: u32): void {
  const at = evidence.ended + (slot << 2);
  store<u32>(at, load<u32>(at) + 1);
  evidence.hasEnded = true;
}

/** How a stream ended, for its users. */
@unmanaged
export class UsersEnd {
  /** 1 to 5 for the class of the answer, 0 without a complete answer. */
  ending: u32;
  isError: bool;
  /** Whether it was open for as long as the client liked: a tunnel, an event stream. */
  isOpenEnded: bool;
  nowNs: u64;
  /** From the request's headers at the filter. */
  spentNs: u64;
}

const MILLISECOND: u64 = 1000000;

/** Whether slowness of this stream would be new, so that it matters whether it was open-ended. */
export function saysSlow(stream: Stream, end: UsersEnd): bool {
  for (let at = stream.users; at != 0; at = changetype<User>(at).next) {
    const user = changetype<User>(at);
    const evidence = changetype<Evidence>(user.evidence);
    if (evidence.period != user.period) continue;
    const slow = slowBits(evidence, end);
    if (slow != 0 && isNew(evidence, user.index, slow)) return true;
  }
  return false;
}

function slowBits(evidence: Evidence, end: UsersEnd): u32 {
  return metAtEnd(0, false, slowerThan(evidence, end));
}

/** How many thresholds the answer took longer than; none while the variant warms up. */
function slowerThan(evidence: Evidence, end: UsersEnd): u32 {
  if (end.isOpenEnded) return 0;
  const sharesNs = evidence.seen.sharesNs;
  if (end.nowNs < sharesNs || end.nowNs - sharesNs < evidence.warmupNs) return 0;
  let count: u32 = 0;
  while (
    count < evidence.slowCount &&
    end.spentNs > (load<u32>(evidence.slow + (count << 2)) as u64) * MILLISECOND
  )
    count++;
  return count;
}

/** The stream is over: counts what its users met, if the period in which it began is still open. */
export function endUsers(stream: Stream, end: UsersEnd): void {
  let at = stream.users;
  stream.users = 0;
  while (at != 0) {
    const user = changetype<User>(at);
    const evidence = changetype<Evidence>(user.evidence);
    if (evidence.period == user.period && !isStopped(evidence, user.slot)) {
      if (evidence.isGuarded) countEnded(evidence, user.slot);
      const met = metAtEnd(end.ending, end.isError, slowerThan(evidence, end));
      if (met != 0) note(evidence, user.index, user.slot, met);
    }
    const next = user.next;
    user.next = freeUsers;
    freeUsers = at;
    at = next;
  }
}
