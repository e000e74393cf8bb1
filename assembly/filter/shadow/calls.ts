// HTTP calls under way, by the token that the host gave each.

import { FreeList } from "../../bytes/free-list";
import { fixed, Run, takeRecord } from "../../bytes/records";
import { Call, Copy, Root } from "../records";
import { vmArena } from "../vm";

/** The calls whose tokens end in the same bits: a chain. */
@unmanaged
class Bucket {
  first: Call | null;
}

const BUCKETS: u32 = 256;
const buckets: Run<Bucket> = changetype<Run<Bucket>>(memory.data(BUCKETS * offsetof<Bucket>(), 8));
const freeCalls: FreeList<Call> = fixed<FreeList<Call>>();

function bucketOf(token: u32): Bucket {
  return buckets.at(token & (BUCKETS - 1));
}

/**
 * A call's record, taken before the call is made, so that none is made that cannot be followed: `enterCall` or
 * `freeCall` has it next. @returns null without memory
 */
export function reserveCall(): Call | null {
  const call = freeCalls.take();
  return call == null ? takeRecord<Call>(vmArena()) : call;
}

/** The host refused the call that this record was reserved for. */
export function freeCall(call: Call): void {
  freeCalls.give(call);
}

/** Enters a call that the host took. */
export function enterCall(
  call: Call,
  token: u32,
  copy: Copy,
  root: Root,
  isNoise: bool,
  reserved: u32,
): void {
  call.token = token;
  call.isNoise = isNoise;
  call.reserved = reserved;
  call.copy = copy;
  call.root = root;
  const bucket = bucketOf(token);
  call.next = bucket.first;
  bucket.first = call;
  if (isNoise) copy.noiseCall = call;
  else copy.call = call;
  root.calls++;
}

/** The call of a token, which is unique among those of one root; null for one that was given up. */
export function callOf(root: u32, token: u32): Call | null {
  let call = bucketOf(token).first;
  while (call != null && (call.token != token || call.root.id != root)) call = call.next;
  return call;
}

/** Forgets a call. */
export function closeCall(call: Call): void {
  const bucket = bucketOf(call.token);
  let before: Call | null = null;
  let at = bucket.first;
  while (at != null && at != call) {
    before = at;
    at = at.next;
  }
  if (at == null) return;
  if (before == null) bucket.first = call.next;
  else before.next = call.next;
  if (call.isNoise) call.copy.noiseCall = null;
  else call.copy.call = null;
  call.root.calls--;
  freeCalls.give(call);
}
