// The gauges of users: defined when a rollout's first period begins, or when this VM follows one that has a period, since
// few of many rollouts have any evidence.

import * as ascii from "../../bytes/ascii";
import { fixed } from "../../bytes/records";
import { keep, take } from "../../bytes/arena";
import { NONE, Slice } from "../../bytes/slice";
import { ABSENT, find, insert, Table } from "../../bytes/table";
import { put, putByte, putNumber, putSlice, restartText, textOf, Writer } from "../../bytes/writer";
import { Word } from "../../bytes/word";
import { Met, MetCopy } from "../../core/evidence";
import { nextOfRollout } from "../../core/goal-plan";
import { NO_SLOT, Rollout } from "../../core/plan";
import {
  addToMetric,
  defineMetric,
  MetricKind,
  NO_METRIC,
  readMetric,
  recordMetric,
} from "../../host/metrics";
import * as statNames from "../../vocabulary/stats";
import { vmArena } from "../vm";
import { words } from "../words";
import { guardedOf } from "./guarded";
import { Evidence, SLOT_BYTES } from "./record";

/** A gauge of users, which a new period sets to 0. */
@unmanaged
class Gauge {
  next: usize;
  id: u32;
}

const known: Table = fixed<Table>();
const name: Writer = fixed<Writer>();

/** Defines the gauges that the rollout's period moves, as far as they are not defined. @returns false without memory */
export function prepareGauges(evidence: Evidence, rollout: Rollout): bool {
  const stats = rollout.slots * rollout.stats;
  const count = stats + rollout.slots * rollout.goalCount;
  if (evidence.gaugeRoom < count) {
    evidence.gauges = take(vmArena(), (count as usize) << 2);
    evidence.gaugeRoom = evidence.gauges == 0 ? 0 : count;
    if (evidence.gauges == 0) return false;
  }
  evidence.valueGauges = evidence.gauges + (stats << 2);
  if (evidence.number == NO_METRIC) {
    evidence.number = ofRollout(evidence, statNames.EVIDENCE_PERIOD);
    evidence.began = ofRollout(evidence, statNames.EVIDENCE_BEGAN);
    evidence.size = ofRollout(evidence, statNames.EVIDENCE_BITS);
    if (!evidence.isShadow) {
      evidence.sharesBegan = ofRollout(evidence, statNames.SHARES_BEGAN);
      evidence.epoch = ofRollout(evidence, statNames.EVIDENCE_EPOCH);
    }
  }
  prepareReason(evidence);
  for (let i: u32 = 0; i < rollout.variantCount; i++) {
    const variant = rollout.variant(i);
    if (variant.slot != NO_SLOT && !fill(evidence, rollout, variant.slot, variant.name)) return false;
  }
  return rollout.controlSlot == NO_SLOT || fill(evidence, rollout, rollout.controlSlot, words.control);
}

/** Defines what a guard needs besides, as far as it is not defined. @returns false without memory */
export function prepareGuard(evidence: Evidence, rollout: Rollout): bool {
  if (evidence.ended == 0) evidence.ended = take(vmArena(), SLOT_BYTES);
  if (evidence.endedGauges == 0) evidence.endedGauges = take(vmArena(), SLOT_BYTES);
  if (evidence.ended == 0 || evidence.endedGauges == 0) return false;
  for (let i: u32 = 0; i < rollout.variantCount; i++) {
    const variant = rollout.variant(i);
    if (variant.slot == NO_SLOT) continue;
    if (guardedOf(evidence, variant.name) == 0 || !fillEnded(evidence, variant.slot, variant.name))
      return false;
  }
  return fillEnded(evidence, rollout.controlSlot, words.control);
}

function fillEnded(evidence: Evidence, slot: u32, variant: Slice): bool {
  beginName(evidence, variant);
  put(name, statNames.RQ_ENDED);
  const gauge = gaugeNamed(evidence);
  if (gauge == 0) return false;
  store<u32>(evidence.endedGauges + (slot << 2), changetype<Gauge>(gauge).id);
  return true;
}

function beginName(evidence: Evidence, variant: Slice): void {
  beginOwner(evidence);
  // A shadow has no variants: its one slot is of all its users.
  if (evidence.isShadow) return;
  putSlice(name, variant);
  putByte(name, ascii.DOT);
}

/** `serin.rollout.<name>.` or `serin.shadow.<name>.` */
function beginOwner(evidence: Evidence): void {
  restartText(name);
  put(name, evidence.isShadow ? statNames.SHADOW : statNames.ROLLOUT);
  putSlice(name, evidence.name);
  putByte(name, ascii.DOT);
}

/** Defines the gauge of why there is no evidence: a rollout that never had any needs no other. */
function prepareReason(evidence: Evidence): void {
  if (evidence.none == NO_METRIC) evidence.none = ofRollout(evidence, statNames.EVIDENCE_NONE);
}

/** Shows why the rollout has no evidence; 0 where nothing is wrong. */
export function showReason(evidence: Evidence, reason: u32): void {
  prepareReason(evidence);
  recordMetric(evidence.none, reason);
}

/** A rollout that no policy has any more needs no reason: whoever gave one takes it back, since the judge may not know it. */
export function withdrawReason(evidence: Evidence): void {
  if (evidence.said == 0 || evidence.isTorn || changetype<usize>(evidence.live) != 0) return;
  evidence.said = 0;
  showReason(evidence, 0);
}

function ofRollout(evidence: Evidence, leaf: Word): u32 {
  beginOwner(evidence);
  put(name, leaf);
  return defineMetric(MetricKind.Gauge, textOf(name));
}

function fill(evidence: Evidence, rollout: Rollout, slot: u32, variant: Slice): bool {
  const to = evidence.gauges + ((slot * rollout.stats) << 2);
  for (let stat: u32 = 0; stat < rollout.stats; stat++) {
    const gauge = gaugeOf(evidence, rollout, variant, stat);
    if (gauge == 0) return false;
    store<u32>(to + (stat << 2), changetype<Gauge>(gauge).id);
  }
  return fillValues(evidence, rollout, slot, variant);
}

function fillValues(evidence: Evidence, rollout: Rollout, slot: u32, variant: Slice): bool {
  const to = evidence.valueGauges + ((slot * rollout.goalCount) << 2);
  for (let pair = rollout.goals; pair; pair = nextOfRollout(pair)) {
    const goal = pair.goal;
    let id = NO_METRIC;
    if (goal.valueProperty != NONE) {
      beginName(evidence, variant);
      put(name, statNames.GOAL);
      putByte(name, ascii.DOT);
      putSlice(name, goal.name);
      putByte(name, ascii.DOT);
      put(name, statNames.GOAL_VALUE);
      const gauge = gaugeNamed(evidence);
      if (gauge == 0) return false;
      id = changetype<Gauge>(gauge).id;
    }
    store<u32>(to + (pair.index << 2), id);
  }
  return true;
}

function gaugeOf(evidence: Evidence, rollout: Rollout, variant: Slice, stat: u32): usize {
  beginName(evidence, variant);
  if (evidence.isShadow) {
    put(name, leafOfCopy(stat));
    return gaugeNamed(evidence);
  }
  const firstGoal = (Met.SLOW as u32) + rollout.slowCount;
  if (stat >= firstGoal) {
    put(name, statNames.USERS_GOAL);
    putByte(name, ascii.DOT);
    putSlice(name, goalNamed(rollout, stat - firstGoal));
  } else if (stat >= (Met.SLOW as u32)) {
    put(name, statNames.USERS_SLOW);
    putByte(name, ascii.DOT);
    putNumber(name, rollout.slow.at(stat - (Met.SLOW as u32)));
  } else {
    put(name, leafOf(stat));
  }
  return gaugeNamed(evidence);
}

/** The name of a rollout's goal. */
function goalNamed(rollout: Rollout, index: u32): Slice {
  let pair = rollout.goals;
  while (pair && pair.index != index) pair = pair.nextOfRollout;
  return pair ? pair.goal.name : NONE;
}

/** The gauge of the name that was put, defined when it is new; 0 without memory. */
function gaugeNamed(evidence: Evidence): usize {
  const key = textOf(name);
  const found = find(known, key);
  if (found != ABSENT) return found;
  const own = keep(vmArena(), key);
  const address = take(vmArena(), offsetof<Gauge>());
  if (own == NONE || address == 0 || !insert(vmArena(), known, own, address as u32)) return 0;
  const gauge = changetype<Gauge>(address);
  gauge.id = defineMetric(MetricKind.Gauge, own);
  gauge.next = evidence.defined;
  evidence.defined = address;
  return address;
}

function leafOfCopy(stat: u32): Word {
  if (stat == (MetCopy.MISMATCH as u32)) return statNames.USERS_MISMATCH;
  if (stat == (MetCopy.NOISE_ONLY as u32)) return statNames.USERS_NOISE_ONLY;
  return statNames.USERS;
}

function leafOf(stat: u32): Word {
  if (stat == (Met.ERROR as u32)) return statNames.USERS_ERROR;
  if (stat == (Met.OK as u32)) return statNames.USERS_OK;
  if (stat == (Met.REDIRECT as u32)) return statNames.USERS_3XX;
  return stat == (Met.CLIENT_ERROR as u32) ? statNames.USERS_4XX : statNames.USERS;
}

/** Sets every gauge of users that the rollout ever had to 0. */
export function clearGauges(evidence: Evidence): void {
  for (let at = evidence.defined; at != 0; at = changetype<Gauge>(at).next) {
    recordMetric(changetype<Gauge>(at).id, 0);
  }
}

/** Moves the gauges by what the worker has counted: users, and what their goals are worth. */
export function moveGauges(evidence: Evidence): void {
  const count = evidence.slots * evidence.stats;
  for (let i: u32 = 0; i < count; i++) {
    const at = evidence.counts + (i << 2);
    const amount = load<u32>(at);
    if (amount == 0) continue;
    store<u32>(at, 0);
    addToMetric(load<u32>(evidence.gauges + (i << 2)), amount as i64);
  }
  const values = evidence.slots * evidence.goals;
  for (let i: u32 = 0; i < values; i++) {
    const at = evidence.values + (i << 3);
    const amount = load<u64>(at);
    if (amount == 0) continue;
    store<u64>(at, 0);
    addToMetric(load<u32>(evidence.valueGauges + (i << 2)), amount as i64);
  }
}

/** Moves the gauges of requests that have ended. */
export function moveEnded(evidence: Evidence): void {
  if (!evidence.hasEnded) return;
  evidence.hasEnded = false;
  for (let slot: u32 = 0; slot < evidence.slots; slot++) {
    const at = evidence.ended + (slot << 2);
    const amount = load<u32>(at);
    if (amount == 0) continue;
    store<u32>(at, 0);
    addToMetric(load<u32>(evidence.endedGauges + (slot << 2)), amount as i64);
  }
}

/** What the gauge of one stat says of a variant or the control group. */
export function gaugeAt(evidence: Evidence, slot: u32, stat: u32): u64 {
  return readMetric(load<u32>(evidence.gauges + ((slot * evidence.stats + stat) << 2)));
}

/** What the gauges of one stat add up to, over all variants and the control group. */
export function sumOf(evidence: Evidence, stat: u32): u64 {
  let sum: u64 = 0;
  for (let slot: u32 = 0; slot < evidence.slots; slot++) {
    sum += gaugeAt(evidence, slot, stat);
  }
  return sum;
}
