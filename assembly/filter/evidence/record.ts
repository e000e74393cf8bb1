// What this VM knows of the evidence of a rollout: one record a name, which outlives any policy, as Envoy's gauges do.

import { fixed } from "../../bytes/records";
import { keep, take } from "../../bytes/arena";
import { addressOf, lengthOf, NONE, Slice, sliceOf } from "../../bytes/slice";
import { ABSENT, find, insert, reserve, Table } from "../../bytes/table";
import { put, putSlice, restartText, textOf, Writer } from "../../bytes/writer";
import { MOST_SLOTS } from "../../core/evidence";
import { Rollout } from "../../core/plan";
import { PeriodRecord } from "../../core/evidence-record";
import { vmArena } from "../vm";


@unmanaged
export class Evidence {
  next: Evidence | null;
  name: Slice;
  /** Whether it is of a shadow, whose users are counted, and not of a rollout. */
  isShadow: bool;
  /** `serin/<name>`, of a shadow `serin-shadow/<name>`: its key in shared data. */
  key: Slice;
  /** As the newest policies have it; address 0 when none has it, or when they differ. */
  live: Rollout;
  /** Whether they differ. */
  isTorn: bool;
  /** Whether there is room for its bitmaps, of so many bits (a power of two): what a judge wants. */
  hasRoom: bool;
  wantedBits: u32;
  /** What shared data said when they were last read; zeroes for nothing. */
  seen: PeriodRecord;
  /** Whether a tick has ever read them: from then on it follows what they say. */
  isFollowed: bool;
  /** The period that this worker counts for; 0 for none. What follows is of it. */
  period: u32;
  signature: u64;
  bits: u32;
  stats: u32;
  slots: u32;
  shift: u32;
  isRandom: bool;
  /** Whether only `users` are counted. */
  countsUsersAlone: bool;
  warmupNs: u64;
  slowCount: u32;
  /** Milliseconds: u32 each. 0 before the first period. */
  slow: usize;
  /** In the worker's bitmaps (filter/evidence/layout.ts): a piece behind the other, the first note of each piece (u16),
   * and what the gauges are to move by (u32, the stats of a slot side by side). 0 before there is room. */
  pieces: usize;
  heads: usize;
  counts: usize;
  /** The goals among the stats: the place of the first, their number, and what their values are to grow by (u64, the goals
   * of a slot side by side). */
  firstGoal: u32;
  goals: u32;
  values: usize;
  /** Notes that are not brought in yet; of a random identity, whether there are counts. */
  pending: u32;
  /** Metric ids (u32), in the order of `counts`. */
  gauges: usize;
  gaugeRoom: u32;
  /** Likewise, in the order of `values`; NO_METRIC for a goal without a value. */
  valueGauges: usize;
  /** All gauges of users that this VM ever defined for the rollout: a chain of Gauge. */
  defined: usize;
  began: u32;
  number: u32;
  size: u32;
  sharesBegan: u32;
  epoch: u32;
  none: u32;
  /** What this VM last said of why there is no evidence, and whether the gauge shows it. */
  said: u32;
  isShown: bool;
  /** Whether a guard watches its variants. Then requests that end are counted: `ended`, a u32 for each slot, which the
   * tick brings into the gauges `endedGauges`; both 0 before a guard first does. */
  isGuarded: bool;
  hasEnded: bool;
  ended: usize;
  endedGauges: usize;
  /** Slots, a bit each, whose users are counted no more: of variants that were rolled back, and of the control group once
   * nothing is left that it could be held against. */
  stopped: u32;
  /** Those whom a guard watches or has acted on: a chain of Guarded. */
  guarded: usize;
}

/** Whether a guard has stopped the counting of this slot. */
// @ts-ignore: decorator
@inline
export function isStopped(evidence: Evidence, slot: u32): bool {
  return ((evidence.stopped >> slot) & 1) != 0;
}

/** A number for each slot. */
export const SLOT_BYTES: usize = (MOST_SLOTS as usize) << 2;

let first: Evidence | null = null;
let last: Evidence | null = null;
const names: Table = fixed<Table>();
const shadowNames: Table = fixed<Table>();
const text: Writer = fixed<Writer>();

/** The first of all records, in the order in which their rollouts were first seen; null without any. */
export function firstEvidence(): Evidence | null {
  return first;
}

/** The record of a rollout that this VM has seen; 0 for none. */
export function knownEvidence(name: Slice): usize {
  const found = find(names, name);
  return found == ABSENT ? 0 : found;
}

/** Makes room for the records of so many rollouts at once. */
export function reserveEvidence(rollouts: u32): void {
  reserve(vmArena(), names, rollouts);
}

/** The record at an address that a plan keeps; null at 0. */
// @ts-ignore: decorator
@inline
export function evidenceAt(address: usize): Evidence | null {
  return changetype<Evidence | null>(address);
}

/** The record of a rollout, made when it is new; 0 without memory. */
export function evidenceOf(name: Slice): usize {
  return recordIn(names, name, false);
}

/** The same of a shadow, which may have a rollout's name. */
export function evidenceOfShadow(name: Slice): usize {
  return recordIn(shadowNames, name, true);
}

function recordIn(table: Table, name: Slice, isShadow: bool): usize {
  const found = find(table, name);
  if (found != ABSENT) return found;
  const address = take(vmArena(), offsetof<Evidence>());
  const seen = take(vmArena(), offsetof<PeriodRecord>());
  restartText(text);
  if (isShadow) put(text, "serin-shadow/");
  else put(text, "serin/");
  putSlice(text, name);
  const key = keep(vmArena(), textOf(text));
  if (key == NONE || address == 0 || seen == 0) return 0;
  // The name as the key has it.
  const own = sliceOf(addressOf(key) + (lengthOf(key) - lengthOf(name)), lengthOf(name));
  if (!insert(vmArena(), table, own, address as u32)) return 0;
  const evidence = changetype<Evidence>(address);
  evidence.name = own;
  evidence.isShadow = isShadow;
  evidence.key = key;
  evidence.seen = changetype<PeriodRecord>(seen);
  const before = last;
  if (before) before.next = evidence;
  else first = evidence;
  last = evidence;
  return address;
}
