// Whom a guard watches or has acted on: one record a variant, which outlives any policy, with its gauge and its key in
// shared data.

import * as ascii from "../../bytes/ascii";
import { fixed } from "../../bytes/records";
import { keep, take } from "../../bytes/arena";
import { addressOf, lengthOf, NONE, sameText, Slice, sliceOf } from "../../bytes/slice";
import { put, putByte, putSlice, restartText, textOf, Writer } from "../../bytes/writer";
import { FORMAT } from "../../core/evidence-record";
import { GuardRecord } from "../../core/guard";
import { GuardAction, Rollout } from "../../core/plan";
import { defineMetric, MetricKind } from "../../host/metrics";
import { readShared, SharedValue, writeShared, Written } from "../../host/shared-data";
import * as statNames from "../../vocabulary/stats";
import { vmArena } from "../vm";
import { Evidence } from "./record";

/** What the gauge `guard` says. */
export const WATCHING: u32 = 0;
export const ALARM: u32 = 1;
export const ROLLED_BACK: u32 = 2;
/** No value of the gauge. */
export const UNTOLD: u32 = 0xffffffff;


@unmanaged
export class Guarded {
  next: usize;
  name: Slice;
  /** `serin/<rollout>/guard/<variant>` */
  key: Slice;
  record: GuardRecord;
  /** Whether this VM, which judges, has read the record; and its times then, or when it last wrote it. */
  isKnown: bool;
  blockNs: u64;
  minuteNs: u64;
  gauge: u32;
  /** What the gauge should say, and what this VM has told it. */
  value: u32;
  told: u32;
}

const RECORD_BYTES: usize = offsetof<GuardRecord>();
const shared: SharedValue = fixed<SharedValue>();
const text: Writer = fixed<Writer>();
let isAny: bool = false;

/** Whether this VM knows any. */
export function hasGuarded(): bool {
  return isAny;
}

/** The record of a variant, made when it is new; 0 without memory. */
export function guardedOf(evidence: Evidence, variant: Slice): usize {
  for (let at = evidence.guarded; at != 0; at = changetype<Guarded>(at).next) {
    if (sameText(changetype<Guarded>(at).name, variant)) return at;
  }
  const address = take(vmArena(), offsetof<Guarded>());
  const record = take(vmArena(), RECORD_BYTES);
  const name = keep(vmArena(), variant);
  restartText(text);
  putSlice(text, evidence.key);
  put(text, "/guard/");
  putSlice(text, variant);
  const key = keep(vmArena(), textOf(text));
  if (address == 0 || record == 0 || name == NONE || key == NONE) return 0;
  const guarded = changetype<Guarded>(address);
  guarded.name = name;
  guarded.key = key;
  guarded.record = changetype<GuardRecord>(record);
  guarded.told = UNTOLD;
  restartText(text);
  put(text, statNames.ROLLOUT);
  putSlice(text, evidence.name);
  putByte(text, ascii.DOT);
  putSlice(text, variant);
  putByte(text, ascii.DOT);
  put(text, statNames.GUARD);
  guarded.gauge = defineMetric(MetricKind.Gauge, textOf(text));
  guarded.next = evidence.guarded;
  evidence.guarded = address;
  isAny = true;
  return address;
}

/** What the gauge should say of a variant under this policy. */
export function valueOf(guarded: Guarded, rollout: Rollout): u32 {
  if (guarded.record.rolledBack > rollout.epoch) return ROLLED_BACK;
  return rollout.guard == GuardAction.Alarm && guarded.record.alarmed > rollout.epoch ? ALARM : WATCHING;
}

/** Reads all that shared data have of a variant. @returns false when the host fails, or a later module wrote it */
export function loadGuarded(guarded: Guarded): bool {
  const there = read(guarded);
  if (there == 0) return false;
  const record = guarded.record;
  if (there == ABSENT) memory.fill(changetype<usize>(record), 0, RECORD_BYTES);
  else memory.copy(changetype<usize>(record), there, RECORD_BYTES);
  guarded.blockNs = record.blockNs;
  guarded.minuteNs = record.minuteNs;
  guarded.isKnown = true;
  return true;
}

/** Reads what a guard has done to a variant, and nothing else of it: a judge knows more than it has written. */
export function loadActs(guarded: Guarded): void {
  const there = read(guarded);
  if (there == 0 || there == ABSENT) return;
  guarded.record.rolledBack = changetype<GuardRecord>(there).rolledBack;
  guarded.record.alarmed = changetype<GuardRecord>(there).alarmed;
}

const ABSENT: usize = 1;

/** Where the record stands that shared data have; ABSENT when they have none, 0 when it cannot be read. */
function read(guarded: Guarded): usize {
  if (!readShared(guarded.key, shared)) return 0;
  if (lengthOf(shared.bytes) < (RECORD_BYTES as u32)) return ABSENT;
  return changetype<GuardRecord>(addressOf(shared.bytes)).format == FORMAT ? addressOf(shared.bytes) : 0;
}

/** Writes the record. @returns false when another VM has written meanwhile, or the host fails: it has to be read again */
export function saveGuarded(guarded: Guarded): bool {
  guarded.isKnown = false;
  const there = read(guarded);
  if (there == 0) return false;
  if (there != ABSENT) {
    const other = changetype<GuardRecord>(there);
    if (other.blockNs != guarded.blockNs || other.minuteNs != guarded.minuteNs) return false;
  } else if (guarded.blockNs != 0) {
    return false;
  }
  const record = guarded.record;
  const bytes = sliceOf(changetype<usize>(record), RECORD_BYTES as u32);
  if (writeShared(guarded.key, bytes, shared) != Written.DONE) return false;
  guarded.blockNs = record.blockNs;
  guarded.minuteNs = record.minuteNs;
  guarded.isKnown = true;
  return true;
}
