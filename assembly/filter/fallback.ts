// Fallback: a variant whose cluster cannot answer costs its users a few requests, then they get the default for a while.
//
// What all workers have to know at once is a gauge, which each of them reads for a request of such a variant (1.3k
// instructions; shared data would take 10.9k): 0 its cluster answers, 1 Envoy has answered for it and a row has begun,
// 2 its users get the default. How long the row is and when the next request may try is a record in shared data, which
// is read when something goes wrong, when a row ends, and once a second by each worker while users fall back.

import * as ascii from "../bytes/ascii";
import { keep } from "../bytes/arena";
import { fixed, takeRecord } from "../bytes/records";
import { addressOf, lengthOf, NONE, Slice, sliceOf } from "../bytes/slice";
import { ABSENT, find, insert, Table } from "../bytes/table";
import { Word } from "../bytes/word";
import { put, putByte, putSlice, restartText, textOf, Writer } from "../bytes/writer";
import { Decision, Given, GivenReason } from "../core/decision";
import { NO_SLOT, Plan, Rollout, Variant } from "../core/plan";
import { SECOND } from "../host/clock";
import { addToMetric, defineMetric, MetricKind, readMetric, recordMetric } from "../host/metrics";
import { readShared, SharedValue, writeShared, Written } from "../host/shared-data";
import * as statNames from "../vocabulary/stats";
import { Stream } from "./records";
import { vmArena } from "./vm";

/** What the gauge says. */
const ANSWERS: u64 = 0;
const IN_A_ROW: u64 = 1;
const FALLS_BACK: u64 = 2;

/** `serin/<rollout>/fallback/<variant>` in shared data. */
@unmanaged
class FallbackRecord {
  format: u32;
  /** Answers in a row that Envoy had to give. */
  row: u32;
  /** When users began to get the default; 0 while they do not. Wall clock in nanoseconds, as all times. */
  beganNs: u64;
  /** From when on the next request may try. */
  tryNs: u64;
  /** When a policy last said that the variant has a fallback. */
  adoptedNs: u64;
}

const FORMAT: u32 = 1;
const RECORD_BYTES: usize = offsetof<FallbackRecord>();
/** How often a write is tried that another worker was ahead of: each time one of them has got its own done. */
const TRIES: u32 = 8;

/** What this VM knows of one variant's fallback: it outlives any policy. */
@unmanaged
class Fallback {
  key: Slice;
  gauge: u32;
  counter: u32;
  last: u32;
  after: u32;
  forNs: u64;
  /** What the gauge said when it was last read. */
  state: u64;
  /** No request of this worker may try before. */
  tryNs: u64;
  /** Plans of this VM that have it. */
  plans: u32;
}

const known: Table = fixed<Table>();
const text: Writer = fixed<Writer>();
const shared: SharedValue = fixed<SharedValue>();
const record: FallbackRecord = fixed<FallbackRecord>();

/** Gives every variant that has a fallback its record. @returns false without memory for some */
export function adoptFallbacks(plan: Plan): bool {
  if (!plan.hasFallback) return true;
  let isSound = true;
  for (let r: u32 = 0; r < plan.rolloutCount; r++) {
    const rollout = plan.rollout(r);
    for (let v: u32 = 0; v < rollout.variantCount; v++) {
      const variant = rollout.variant(v);
      if (variant.fallbackAfter == 0) continue;
      const address = fallbackOf(rollout, variant);
      variant.fallbackState = address;
      if (address == 0) isSound = false;
      else adopt(changetype<Fallback>(address), variant, plan.loadedNs);
    }
  }
  return isSound;
}

function adopt(fallback: Fallback, variant: Variant, nowNs: u64): void {
  fallback.plans++;
  fallback.after = variant.fallbackAfter;
  fallback.forNs = variant.fallbackForNs;
  fallback.tryNs = 0;
  for (let i: u32 = 0; i < TRIES; i++) {
    if (!readRecord(fallback)) return;
    record.adoptedNs = nowNs;
    if (writeRecord(fallback) != Written.LOST) return;
  }
}

/** The plan is going: a fallback that no later policy has is over. */
export function releaseFallbacks(plan: Plan): void {
  if (!plan.hasFallback) return;
  for (let r: u32 = 0; r < plan.rolloutCount; r++) {
    const rollout = plan.rollout(r);
    for (let v: u32 = 0; v < rollout.variantCount; v++) {
      const address = rollout.variant(v).fallbackState;
      if (address != 0) release(changetype<Fallback>(address), plan.loadedNs);
    }
  }
}

function release(fallback: Fallback, loadedNs: u64): void {
  fallback.plans--;
  if (fallback.plans != 0) return;
  if (!readRecord(fallback) || record.adoptedNs > loadedNs) return;
  end(fallback);
}

function fallbackOf(rollout: Rollout, variant: Variant): usize {
  putName("serin/", rollout.name);
  put(text, "/fallback/");
  putSlice(text, variant.name);
  const key = textOf(text);
  const found = find(known, key);
  if (found != ABSENT) return found;
  const own = keep(vmArena(), key);
  const fallback = takeRecord<Fallback>(vmArena());
  if (own == NONE || fallback == null) return 0;
  const address = changetype<usize>(fallback);
  if (!insert(vmArena(), known, own, address as u32)) return 0;
  fallback.key = own;
  fallback.gauge = defineMetric(MetricKind.Gauge, statName(rollout, variant, statNames.FALLBACK));
  fallback.last = defineMetric(MetricKind.Gauge, statName(rollout, variant, statNames.FALLBACK_LAST));
  fallback.counter = defineMetric(MetricKind.Counter, statName(rollout, variant, statNames.RQ_FALLBACK));
  return address;
}

function statName(rollout: Rollout, variant: Variant, leaf: Word): Slice {
  putName(statNames.ROLLOUT, rollout.name);
  putByte(text, ascii.DOT);
  putSlice(text, variant.name);
  putByte(text, ascii.DOT);
  put(text, leaf);
  return textOf(text);
}

function putName(prefix: Word, name: Slice): void {
  restartText(text);
  put(text, prefix);
  putSlice(text, name);
}

/** Gives the default to users of variants whose clusters do not answer, and notes whose cluster the request is for. */
export function fallBack(decision: Decision, stream: Stream): void {
  for (let i: u32 = 0; i < decision.givenCount; i++) {
    const given = decision.given.at(i);
    const address = given.variant.fallbackState;
    if (address == 0) continue;
    const fallback = changetype<Fallback>(address);
    // Those who force a variant keep it. What its cluster answers them says as much of it.
    fallback.state = readMetric(fallback.gauge);
    if (
      given.reason == GivenReason.Split &&
      fallback.state == FALLS_BACK &&
      !mayTry(fallback, decision.nowNs)
    )
      giveDefault(given, fallback, decision.nowNs);
  }
  stream.fallback = answering(decision);
}

/** Whether users of this variant get the default now, but for the one that tries. */
export function isFallingBack(variant: Variant): bool {
  if (variant.fallbackState == 0) return false;
  return readMetric(changetype<Fallback>(variant.fallbackState).gauge) == FALLS_BACK;
}

function giveDefault(given: Given, fallback: Fallback, nowNs: u64): void {
  given.reason = GivenReason.FellBack;
  given.variant = given.rollout.variant(given.rollout.fallback);
  given.isControl = false;
  given.slot = NO_SLOT;
  addToMetric(fallback.counter, 1);
  recordMetric(fallback.last, nowNs / SECOND);
}

/** The fallback of the variant whose cluster gets the request: of several rollouts the first that names one decides. */
function answering(decision: Decision): usize {
  let first: usize = 0;
  for (let i: u32 = 0; i < decision.givenCount; i++) {
    const variant = decision.given.at(i).variant;
    if (variant.cluster != NONE) return variant.fallbackState;
    if (first == 0) first = variant.fallbackState;
  }
  return first;
}

/** Whether this request may try the variant's cluster: one a second, of all workers, once `for` is over. */
function mayTry(fallback: Fallback, nowNs: u64): bool {
  if (isAhead(fallback, fallback.tryNs, nowNs)) return false;
  // Whatever comes of it, this worker asks again in a second.
  fallback.tryNs = nowNs + SECOND;
  if (!readRecord(fallback)) return false;
  // Over, or lost with the last VM that knew: the gauge alone is no reason.
  if (record.beganNs == 0) return true;
  if (isAhead(fallback, record.tryNs, nowNs)) {
    if (record.tryNs < fallback.tryNs) fallback.tryNs = record.tryNs;
    return false;
  }
  record.tryNs = nowNs + SECOND;
  return writeRecord(fallback) == Written.DONE;
}

/** Whether a time is yet to come. A clock that was set back makes none so far off that nobody would try. */
function isAhead(fallback: Fallback, timeNs: u64, nowNs: u64): bool {
  const most = fallback.forNs > SECOND ? fallback.forNs : SECOND;
  return nowNs < timeNs && timeNs - nowNs <= most;
}

/**
 * Takes note of how a stream ended.
 * @param isUnanswered whether Envoy had to answer, since the cluster could not
 * @param isAnswered whether the cluster did; both false where nothing is known of it
 */
export function noteAnswer(stream: Stream, isUnanswered: bool, isAnswered: bool, nowNs: u64): void {
  const fallback = changetype<Fallback>(stream.fallback);
  stream.fallback = 0;
  if (isUnanswered) return fail(fallback, nowNs);
  if (isAnswered && fallback.state != ANSWERS) succeed(fallback, stream.begunNs, nowNs);
}

/** Whether an answer of the stream's cluster would change anything. */
export function awaitsAnswer(stream: Stream): bool {
  return changetype<Fallback>(stream.fallback).state != ANSWERS;
}

function fail(fallback: Fallback, nowNs: u64): void {
  for (let i: u32 = 0; i < TRIES; i++) {
    if (!readRecord(fallback)) return;
    // What was under way when users began to get the default, and whoever tried: the time to try is set.
    if (record.beganNs != 0 && !isStale(fallback, nowNs)) return keepFallingBack(fallback);
    if (record.beganNs != 0) clearRecord();
    record.row++;
    const isOver = record.row >= fallback.after;
    if (isOver) {
      record.beganNs = nowNs;
      record.tryNs = nowNs + fallback.forNs;
    }
    const written = writeRecord(fallback);
    if (written == Written.LOST) continue;
    if (written != Written.DONE) return;
    fallback.state = isOver ? FALLS_BACK : IN_A_ROW;
    recordMetric(fallback.gauge, fallback.state);
    return;
  }
}

/**
 * Whether `record` tells of a time that is long over. Record and gauge are two writes, and what another worker writes
 * between them can leave the gauge at 0 though users fall back. They then get the variant: where its cluster still
 * cannot answer, one of them fails within `for`, and the gauge is mended. Where none did, its cluster answers.
 */
function isStale(fallback: Fallback, nowNs: u64): bool {
  return !isAhead(fallback, record.tryNs, nowNs) && readMetric(fallback.gauge) == ANSWERS;
}

/** The gauge says what the record says, even if another worker's late write changed it. */
function keepFallingBack(fallback: Fallback): void {
  fallback.state = FALLS_BACK;
  if (readMetric(fallback.gauge) != FALLS_BACK) recordMetric(fallback.gauge, FALLS_BACK);
}

/**
 * A good answer ends a row; and a time of the default, if the request began in it, as one that tries does. After the
 * clock was set back to before that time, which of them did is unknown: any good answer ends it.
 */
function succeed(fallback: Fallback, begunNs: u64, nowNs: u64): void {
  if (!readRecord(fallback)) return;
  if (record.beganNs != 0 && begunNs <= record.beganNs && nowNs >= record.beganNs) return;
  end(fallback);
}

function clearRecord(): void {
  record.row = 0;
  record.beganNs = 0;
  record.tryNs = 0;
}

/** Its cluster answers: `record` is what was read last. */
function end(fallback: Fallback): void {
  clearRecord();
  if (writeRecord(fallback) != Written.DONE) return;
  fallback.state = ANSWERS;
  recordMetric(fallback.gauge, ANSWERS);
}

/** Reads what all workers know into `record`. @returns false when the host fails, or a later module wrote it */
function readRecord(fallback: Fallback): bool {
  if (!readShared(fallback.key, shared)) return false;
  const isThere = lengthOf(shared.bytes) >= (RECORD_BYTES as u32);
  if (!isThere) {
    memory.fill(changetype<usize>(record), 0, RECORD_BYTES);
    record.format = FORMAT;
    return true;
  }
  memory.copy(changetype<usize>(record), addressOf(shared.bytes), RECORD_BYTES);
  return record.format == FORMAT;
}

/** Writes `record`, if nobody has since it was read. */
function writeRecord(fallback: Fallback): Written {
  return writeShared(fallback.key, sliceOf(changetype<usize>(record), RECORD_BYTES as u32), shared);
}
