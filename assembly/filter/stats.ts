// Stats of variants: defined when a policy is loaded, moved as requests come and go. A variant's record outlives the
// plan, as Envoy's counters do: the host gives a new id for every define, so ids are asked for once a name and worker.

import * as ascii from "../bytes/ascii";
import { keep, take } from "../bytes/arena";
import { FreeList } from "../bytes/free-list";
import { fixed, takeRecord } from "../bytes/records";
import { NONE, Slice, sliceOfWord } from "../bytes/slice";
import { ABSENT, find, insert, Table } from "../bytes/table";
import { put, putByte, putSlice, restartText, textOf, Writer } from "../bytes/writer";
import { Word } from "../bytes/word";
import { Plan, Rollout, Signals, Variant } from "../core/plan";
import { addToMetric, defineMetric, MetricKind, NO_METRIC, recordMetric } from "../host/metrics";
import * as statNames from "../vocabulary/stats";
import { MODULE_VERSION } from "../vocabulary/version";
import { CELL_BYTES, CELL_ROOM, Stream, VariantCell, VariantStats } from "./records";
import { isServedSince, noteServed, noteServedLate } from "./served";
import { vmArena } from "./vm";
import { words } from "./words";

/** Positions of rq_reset and rq_left behind the five classes. */
export const ENDED_RESET: u32 = 6;
export const ENDED_LEFT: u32 = 7;

const records: Table = fixed<Table>();
let prepared: bool = false;
const freeCells: FreeList<VariantCell> = fixed<FreeList<VariantCell>>();
let loaded: u32 = NO_METRIC;
let rejected: u32 = NO_METRIC;
let errors: u32 = NO_METRIC;
let version: u32 = NO_METRIC;
let policyDigest: u32 = NO_METRIC;
const name: Writer = fixed<Writer>();

/** Defines the stats that every policy has. @returns false without memory */
export function prepareStats(): bool {
  if (prepared) return true;
  prepared = true;
  loaded = defineMetric(MetricKind.Counter, sliceOfWord(statNames.POLICY_LOADED));
  rejected = defineMetric(MetricKind.Counter, sliceOfWord(statNames.POLICY_REJECTED));
  errors = defineMetric(MetricKind.Counter, sliceOfWord(statNames.ERROR));
  return !vmArena().failed;
}

/**
 * Tells which module serves which policy. Only here, when a policy has been accepted: a refused one leaves the gauges
 * at what is served, and roots and VMs on their way out tell nothing.
 * @param digest of the policy; 0 when plugins of this VM serve different ones
 */
export function tellServed(digest: u64): void {
  if (version == NO_METRIC) {
    version = defineMetric(MetricKind.Gauge, sliceOfWord(statNames.MODULE_VERSION));
    policyDigest = defineMetric(MetricKind.Gauge, sliceOfWord(statNames.POLICY_DIGEST));
  }
  recordMetric(version, MODULE_VERSION);
  recordMetric(policyDigest, digest);
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
  putByte(name, ascii.DOT);
  putSlice(name, variant);
  return textOf(name);
}

/** @param key `rollout.variant` */
function define(kind: MetricKind, key: Slice, leaf: Word): u32 {
  restartText(name);
  put(name, statNames.ROLLOUT);
  putSlice(name, key);
  putByte(name, ascii.DOT);
  put(name, leaf);
  defined++;
  return defineMetric(kind, textOf(name));
}

function defineRest(stats: VariantStats): void {
  stats.isFull = true;
  stats.ended1 = define(MetricKind.Counter, stats.key, statNames.RQ_1XX);
  stats.ended2 = define(MetricKind.Counter, stats.key, statNames.RQ_2XX);
  stats.ended3 = define(MetricKind.Counter, stats.key, statNames.RQ_3XX);
  stats.ended4 = define(MetricKind.Counter, stats.key, statNames.RQ_4XX);
  stats.ended5 = define(MetricKind.Counter, stats.key, statNames.RQ_5XX);
  stats.endedReset = define(MetricKind.Counter, stats.key, statNames.RQ_RESET);
  stats.endedLeft = define(MetricKind.Counter, stats.key, statNames.RQ_LEFT);
  stats.time = define(MetricKind.Histogram, stats.key, statNames.RQ_TIME);
  stats.active = define(MetricKind.Gauge, stats.key, statNames.RQ_ACTIVE);
  stats.overflow = define(MetricKind.Counter, stats.key, statNames.RQ_OVERFLOW);
  stats.grpcOk = define(MetricKind.Counter, stats.key, statNames.GRPC_OK);
  stats.grpcError = define(MetricKind.Counter, stats.key, statNames.GRPC_ERROR);
}

/**
 * So many stats are defined when a policy is loaded, about 10 ms of Envoy's. Those of further rollouts are when a request
 * is given the variant: a policy of thousands holds no worker up, and Envoy keeps each stat for good. Until then such a
 * variant has no record either (docs/decisions/stat-records.md).
 */
const DEFINED_AT_LOAD: u32 = 4096;
/** What `define` has defined since the policy began to be loaded. */
let defined: u32 = 0;

/**
 * Gives the variants of the plan's first rollouts their records, and those that have one already. Without memory a variant
 * has none and is not counted: serin.error is.
 */
export function adoptStats(plan: Plan): bool {
  defined = 0;
  return adoptAll(plan);
}

/** Gives variants their records as far as stats may still be defined, or where there is one. @returns false without memory */
export function adoptAll(plan: Plan): bool {
  let sound = true;
  for (let r: u32 = 0; r < plan.rolloutCount; r++) {
    const rollout = plan.rollout(r);
    if (rollout.variant(0).stats != 0) continue;
    const isEarly = defined < DEFINED_AT_LOAD;
    if (!isEarly && !isKnown(rollout)) continue;
    noteServed(plan, rollout);
    for (let v: u32 = 0; v < rollout.variantCount; v++) {
      const variant = rollout.variant(v);
      variant.stats = adopt(rollout, variant.name, variant.share, isEarly, true, isFull(rollout, variant));
      if (variant.stats == 0) sound = false;
    }
    if (rollout.controlBelow == 0 && !rollout.isRamped) continue;
    const isMatched = rollout.signals == Signals.Matched;
    rollout.controlStats = adopt(rollout, words.control, rollout.controlShare, isEarly, isMatched, isMatched);
    if (rollout.controlStats == 0) sound = false;
  }
  return sound;
}

/** Whether some variant of a rollout has a record, by an earlier policy or another VM. */
function isKnown(rollout: Rollout): bool {
  for (let v: u32 = 0; v < rollout.variantCount; v++) {
    if (find(records, variantKey(rollout.name, rollout.variant(v).name)) != ABSENT) return true;
  }
  return false;
}

/** A record for a variant to which a request comes before it has one; 0 without memory. */
function adoptLate(plan: Plan, rollout: Rollout, variant: Slice): usize {
  const stats = statsNamed(variantKey(rollout.name, variant));
  if (stats == null) return 0;
  noteServedLate(plan, rollout);
  stats.plans++;
  return changetype<usize>(stats);
}

/** Whether every stream of this variant is counted to its end. */
export function isFull(rollout: Rollout, variant: Variant): bool {
  if (rollout.signals == Signals.Full) return true;
  return rollout.signals == Signals.Matched && !rollout.isFallback(variant);
}

function adopt(rollout: Rollout, variant: Slice, share: u32, defines: bool, counts: bool, full: bool): usize {
  const stats = statsNamed(variantKey(rollout.name, variant));
  if (stats == null) return 0;
  stats.plans++;
  if (defines) defineAll(stats, counts, full, rollout.countsRetries);
  recordMetric(stats.share, share);
  return changetype<usize>(stats);
}

/** Defines what is not defined yet of what a variant needs. */
function defineAll(stats: VariantStats, counts: bool, full: bool, retries: bool): void {
  if (stats.share == NO_METRIC) stats.share = define(MetricKind.Gauge, stats.key, statNames.SHARE);
  if (counts && stats.total == NO_METRIC)
    stats.total = define(MetricKind.Counter, stats.key, statNames.RQ_TOTAL);
  if (full && !stats.isFull) defineRest(stats);
  if (full && retries && stats.retried == NO_METRIC)
    stats.retried = define(MetricKind.Counter, stats.key, statNames.RQ_RETRIED);
}

/** Defines the share of a control group whose requests are not counted apart: without it nothing is held against its users. */
export function showControl(plan: Plan, rollout: Rollout): void {
  if (rollout.controlStats == 0) rollout.controlStats = adoptLate(plan, rollout, words.control);
  const stats = statsAt(rollout.controlStats);
  if (stats == null || stats.share != NO_METRIC) return;
  defineAll(stats, false, false, false);
  recordMetric(stats.share, rollout.controlShare);
}

/** Writes the shares of a rollout anew: a ramp has moved. */
export function tellShares(rollout: Rollout): void {
  for (let v: u32 = 0; v < rollout.variantCount; v++) {
    const variant = rollout.variant(v);
    const stats = statsAt(variant.stats);
    if (stats != null) recordMetric(stats.share, variant.share);
  }
  const stats = statsAt(rollout.controlStats);
  if (stats != null) recordMetric(stats.share, rollout.controlShare);
}

/** @param key `rollout.variant` */
function statsNamed(key: Slice): VariantStats | null {
  const found = find(records, key);
  if (found != ABSENT) return statsAt(found);
  const own = keep(vmArena(), key);
  const stats = takeRecord<VariantStats>(vmArena());
  if (own == NONE || stats == null) return null;
  stats.key = own;
  if (!insert(vmArena(), records, own, changetype<usize>(stats) as u32)) return null;
  return stats;
}

/**
 * Defines stats of a variant that another VM had, so that they go on when that VM goes. Its share is not shown: it has none.
 * @param key `rollout.variant`
 * @returns its record; null without memory, or when as many stats are defined as a load may
 */
export function keepStats(key: Slice, counts: bool, full: bool, retries: bool): VariantStats | null {
  if (defined >= DEFINED_AT_LOAD) return null;
  const stats = statsNamed(key);
  if (stats) defineAll(stats, counts, full, retries);
  return stats;
}

/** The stats that a plan has the address of; null for 0. */
// @ts-ignore: decorator
@inline
export function statsAt(address: usize): VariantStats | null {
  return changetype<VariantStats | null>(address);
}

/** The plan is going: a variant that no other plan of this worker has, nor a later one elsewhere, has no share any more. */
export function releaseStats(plan: Plan): void {
  for (let r: u32 = 0; r < plan.rolloutCount; r++) {
    const rollout = plan.rollout(r);
    for (let v: u32 = 0; v < rollout.variantCount; v++) {
      const variant = rollout.variant(v);
      release(plan, rollout, variant.name, variant.stats);
    }
    release(plan, rollout, words.control, rollout.controlStats);
  }
}

function release(plan: Plan, rollout: Rollout, variant: Slice, address: usize): void {
  const stats = statsAt(address);
  if (stats == null) return;
  stats.plans--;
  if (stats.plans == 0 && !isServedSince(plan, rollout.name, variant)) recordMetric(stats.share, 0);
}

/** Counts that the stream's request was given a variant. @returns false without memory */
export function countVariant(stream: Stream, rollout: Rollout, variant: Variant): bool {
  if (variant.stats == 0) variant.stats = adoptLate(stream.plan, rollout, variant.name);
  return countGiven(stream, rollout, variant.share, variant.stats, isFull(rollout, variant));
}

/** Counts that the stream's request is one of the control group. @returns false without memory */
export function countControl(stream: Stream, rollout: Rollout): bool {
  if (rollout.controlStats == 0) rollout.controlStats = adoptLate(stream.plan, rollout, words.control);
  return countGiven(stream, rollout, rollout.controlShare, rollout.controlStats, true);
}

/**
 * @param address of the stats
 * @param full whether the stream's end is counted too
 */
function countGiven(stream: Stream, rollout: Rollout, share: u32, address: usize, full: bool): bool {
  const stats = statsAt(address);
  if (stats == null) return false;
  const retries = rollout.countsRetries;
  if (stats.total == NO_METRIC || (full && (!stats.isFull || (retries && stats.retried == NO_METRIC)))) {
    defineAll(stats, true, full, retries);
    recordMetric(stats.share, share);
  }
  if (!full) {
    addToMetric(stats.total, 1);
    return true;
  }
  let cell = stream.variants;
  if (cell == null || cell.count == CELL_ROOM) {
    const fresh = takeCell();
    if (fresh == null) return false;
    fresh.next = cell;
    fresh.count = 0;
    fresh.retries = 0;
    stream.variants = fresh;
    cell = fresh;
  }
  cell.add(stats, retries);
  if (retries) stream.countsRetries = true;
  addToMetric(stats.total, 1);
  addToMetric(stats.active, 1);
  return true;
}

/** What gRPC says of an answer. */
export const enum Grpc {
  None,
  Ok,
  Error,
}

/**
 * Counts how the stream ended, for every variant that it was given.
 * @param ending 1 to 5 for the class of the answer, ENDED_RESET, ENDED_LEFT
 * @param milliseconds from the request's first byte at the filter
 * @param overflow whether Envoy had no room or no host for it
 * @param grpc what gRPC says of the answer
 * @param retried whether it was sent to an upstream more than once
 */
export function countEnded(
  stream: Stream,
  ending: u32,
  milliseconds: u64,
  overflow: bool,
  grpc: Grpc,
  retried: bool,
): void {
  let cell = stream.variants;
  stream.variants = null;
  while (cell != null) {
    for (let i: u32 = 0; i < cell.count; i++) {
      const stats = cell.at(i);
      addToMetric(stats.endedBy(ending), 1);
      addToMetric(stats.active, -1);
      recordMetric(stats.time, milliseconds);
      if (overflow) addToMetric(stats.overflow, 1);
      if (retried && ((cell.retries >> i) & 1) != 0) addToMetric(stats.retried, 1);
      if (grpc != Grpc.None) addToMetric(grpc == Grpc.Ok ? stats.grpcOk : stats.grpcError, 1);
    }
    const next = cell.next;
    freeCells.give(cell);
    cell = next;
  }
}

/** A cell of any content; null without memory. */
function takeCell(): VariantCell | null {
  const cell = freeCells.take();
  return cell == null ? changetype<VariantCell | null>(take(vmArena(), CELL_BYTES)) : cell;
}
