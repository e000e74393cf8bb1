// Stats of variants: defined when a policy is loaded, moved as requests come and go. A variant's record outlives the
// plan, as Envoy's counters do: the host gives a new id for every define, so ids are asked for once a name and worker.

import { keep, take } from "../bytes/arena";
import { NONE, Slice } from "../bytes/slice";
import { ABSENT, find, insert, newTable, Table } from "../bytes/table";
import { put, putByte, putSlice, restartText, textOf, Writer } from "../bytes/writer";
import { Plan, Rollout, SIGNALS_FULL, SIGNALS_MATCHED, Variant } from "../core/plan";
import {
  addToMetric,
  COUNTER,
  defineMetric,
  GAUGE,
  HISTOGRAM,
  NO_METRIC,
  recordMetric,
} from "../host/metrics";
import {
  STAT_ERROR,
  STAT_GRPC_ERROR,
  STAT_GRPC_OK,
  STAT_POLICY_LOADED,
  STAT_POLICY_REJECTED,
  STAT_ROLLOUT,
  STAT_RQ_1XX,
  STAT_RQ_2XX,
  STAT_RQ_3XX,
  STAT_RQ_4XX,
  STAT_RQ_5XX,
  STAT_RQ_ACTIVE,
  STAT_RQ_OVERFLOW,
  STAT_RQ_RESET,
  STAT_RQ_TIME,
  STAT_RQ_TOTAL,
  STAT_SHARE,
} from "../vocabulary/stats";
import { Stream } from "./contexts";
import { vmArena, wordControl, written } from "./words";

/** The metric ids of one variant on this worker. */
@unmanaged
export class VariantStats {
  total: u32;
  /** rq_1xx to rq_5xx, then rq_reset. */
  ended1: u32;
  ended2: u32;
  ended3: u32;
  ended4: u32;
  ended5: u32;
  endedReset: u32;
  share: u32;
  time: u32;
  active: u32;
  overflow: u32;
  grpcOk: u32;
  grpcError: u32;
  /** Whether all of them are defined, not `total` and `share` alone. */
  isFull: bool;
  /** Plans of this worker that have the variant. */
  plans: u32;
}

/** Position of rq_reset behind the five classes. */
export const ENDED_RESET: u32 = 6;

/** A stream's variants, some in a cell. */
@unmanaged
class VariantCell {
  next: usize;
  count: u32;
  first: u32;
}

const CELL_ROOM: u32 = 13;
const CELL_BYTES: usize = 64;
const CELL_FIRST: usize = offsetof<VariantCell>("first");

let records: Table = changetype<Table>(0);
let freeCells: usize = 0;
let loaded: u32 = NO_METRIC;
let rejected: u32 = NO_METRIC;
let errors: u32 = NO_METRIC;
const name: Writer = changetype<Writer>(memory.data(32, 8));

/** Defines the stats that every policy has. @returns false without memory */
export function prepareStats(): bool {
  if (changetype<usize>(records) != 0) return true;
  records = newTable(vmArena);
  loaded = defineMetric(COUNTER, written(STAT_POLICY_LOADED));
  rejected = defineMetric(COUNTER, written(STAT_POLICY_REJECTED));
  errors = defineMetric(COUNTER, written(STAT_ERROR));
  return !vmArena.failed;
}

export function countLoaded(): void {
  addToMetric(loaded, 1);
}

export function countRejected(): void {
  addToMetric(rejected, 1);
}

export function countError(): void {
  addToMetric(errors, 1);
}

/** `rollout.variant`, in scratch memory. */
function variantKey(rollout: Slice, variant: Slice): Slice {
  restartText(name);
  putSlice(name, rollout);
  putByte(name, 0x2e);
  putSlice(name, variant);
  return textOf(name);
}

function define(kind: i32, rollout: Slice, variant: Slice, leaf: string): u32 {
  restartText(name);
  put(name, STAT_ROLLOUT);
  putSlice(name, rollout);
  putByte(name, 0x2e);
  putSlice(name, variant);
  putByte(name, 0x2e);
  put(name, leaf);
  return defineMetric(kind, textOf(name));
}

function defineRest(stats: VariantStats, rollout: Slice, variant: Slice): void {
  stats.isFull = true;
  stats.ended1 = define(COUNTER, rollout, variant, STAT_RQ_1XX);
  stats.ended2 = define(COUNTER, rollout, variant, STAT_RQ_2XX);
  stats.ended3 = define(COUNTER, rollout, variant, STAT_RQ_3XX);
  stats.ended4 = define(COUNTER, rollout, variant, STAT_RQ_4XX);
  stats.ended5 = define(COUNTER, rollout, variant, STAT_RQ_5XX);
  stats.endedReset = define(COUNTER, rollout, variant, STAT_RQ_RESET);
  stats.time = define(HISTOGRAM, rollout, variant, STAT_RQ_TIME);
  stats.active = define(GAUGE, rollout, variant, STAT_RQ_ACTIVE);
  stats.overflow = define(COUNTER, rollout, variant, STAT_RQ_OVERFLOW);
  stats.grpcOk = define(COUNTER, rollout, variant, STAT_GRPC_OK);
  stats.grpcError = define(COUNTER, rollout, variant, STAT_GRPC_ERROR);
}

/** Gives every variant of the plan its record. Without memory a variant has none and is not counted: serin.error is. */
export function adoptStats(plan: Plan): bool {
  let sound = true;
  for (let r: u32 = 0; r < plan.rolloutCount; r++) {
    const rollout = plan.rollout(r);
    for (let v: u32 = 0; v < rollout.variantCount; v++) {
      const variant = rollout.variant(v);
      variant.stats = adopt(rollout, variant.name, variant.share, isFull(rollout, variant));
      if (variant.stats == 0) sound = false;
    }
    if (rollout.controlBelow == 0) continue;
    rollout.controlStats = adopt(rollout, wordControl, rollout.controlShare, true);
    if (rollout.controlStats == 0) sound = false;
  }
  return sound;
}

/** Whether every stream of this variant is counted to its end. */
export function isFull(rollout: Rollout, variant: Variant): bool {
  if (rollout.signals == SIGNALS_FULL) return true;
  return rollout.signals == SIGNALS_MATCHED && !rollout.isFallback(variant);
}

function adopt(rollout: Rollout, variant: Slice, share: u32, full: bool): usize {
  const address = statsOf(rollout.name, variant);
  if (address == 0) return 0;
  const stats = changetype<VariantStats>(address);
  if (full && !stats.isFull) defineRest(stats, rollout.name, variant);
  stats.plans++;
  recordMetric(stats.share, share);
  return address;
}

function statsOf(rollout: Slice, variant: Slice): usize {
  const key = variantKey(rollout, variant);
  const found = find(records, key);
  if (found != ABSENT) return found;
  const own = keep(vmArena, key);
  const address = take(vmArena, offsetof<VariantStats>());
  if (own == NONE || address == 0 || !insert(vmArena, records, own, address as u32)) return 0;
  const stats = changetype<VariantStats>(address);
  stats.total = define(COUNTER, rollout, variant, STAT_RQ_TOTAL);
  stats.share = define(GAUGE, rollout, variant, STAT_SHARE);
  return address;
}

/** The plan is going: a variant that no other plan of this worker has asks for no share any more. */
export function releaseStats(plan: Plan): void {
  for (let r: u32 = 0; r < plan.rolloutCount; r++) {
    const rollout = plan.rollout(r);
    for (let v: u32 = 0; v < rollout.variantCount; v++) {
      release(rollout.variant(v).stats);
    }
    release(rollout.controlStats);
  }
}

function release(address: usize): void {
  if (address == 0) return;
  const stats = changetype<VariantStats>(address);
  stats.plans--;
  if (stats.plans == 0) recordMetric(stats.share, 0);
}

/**
 * Counts that the stream's request was given a variant.
 * @param full whether its end is counted too
 * @returns false without memory
 */
export function countGiven(stream: Stream, statsAddress: usize, full: bool): bool {
  if (statsAddress == 0) return false;
  if (!full) {
    addToMetric(changetype<VariantStats>(statsAddress).total, 1);
    return true;
  }
  let cell = stream.variants;
  if (cell == 0 || changetype<VariantCell>(cell).count == CELL_ROOM) {
    const fresh = takeCell();
    if (fresh == 0) return false;
    changetype<VariantCell>(fresh).next = cell;
    changetype<VariantCell>(fresh).count = 0;
    stream.variants = fresh;
    cell = fresh;
  }
  const into = changetype<VariantCell>(cell);
  store<u32>(cell + CELL_FIRST + ((into.count as usize) << 2), statsAddress as u32);
  into.count++;
  const stats = changetype<VariantStats>(statsAddress);
  addToMetric(stats.total, 1);
  addToMetric(stats.active, 1);
  return true;
}

/** What gRPC says of an answer. */
export const GRPC_NONE: u32 = 0;
export const GRPC_OK: u32 = 1;
export const GRPC_ERROR: u32 = 2;

/**
 * Counts how the stream ended, for every variant that it was given.
 * @param ending 1 to 5 for the class of the answer, ENDED_RESET
 * @param milliseconds from the request's first byte at the filter
 * @param overflow whether Envoy had no room or no host for it
 * @param grpc GRPC_*
 */
export function countEnded(stream: Stream, ending: u32, milliseconds: u64, overflow: bool, grpc: u32): void {
  let cell = stream.variants;
  stream.variants = 0;
  while (cell != 0) {
    const from = changetype<VariantCell>(cell);
    for (let i: u32 = 0; i < from.count; i++) {
      const address = load<u32>(cell + CELL_FIRST + ((i as usize) << 2)) as usize;
      const stats = changetype<VariantStats>(address);
      // The six counters of endings stand behind `total`, in this order.
      addToMetric(load<u32>(address + ((ending as usize) << 2)), 1);
      addToMetric(stats.active, -1);
      recordMetric(stats.time, milliseconds);
      if (overflow) addToMetric(stats.overflow, 1);
      if (grpc != GRPC_NONE) addToMetric(grpc == GRPC_OK ? stats.grpcOk : stats.grpcError, 1);
    }
    const next = from.next;
    from.next = freeCells;
    freeCells = cell;
    cell = next;
  }
}

/** 64 bytes, used again for the next stream; 0 without memory. */
function takeCell(): usize {
  const at = freeCells;
  if (at == 0) return take(vmArena, CELL_BYTES);
  freeCells = changetype<VariantCell>(at).next;
  return at;
}
