// Ramps by the clock: the steps that are due are taken when a policy is loaded and on the tick. What was taken stands in
// shared data, so that neither a clock that is put back nor another policy takes a step back.

import { fixed } from "../../bytes/records";
import { addressOf, lengthOf, Slice, sliceOf } from "../../bytes/slice";
import { put, putSlice, restartText, textOf, Writer } from "../../bytes/writer";
import { FORMAT } from "../../core/evidence-record";
import { layOutRollout } from "../../core/layout";
import { Plan, Rollout, Variant } from "../../core/plan";
import { Ramp, shareAfter, stepsBegun } from "../../core/ramp";
import { readShared, SharedValue, writeShared } from "../../host/shared-data";
import { tellShares } from "../stats";

/** `serin/<rollout>/ramp/<variant>` */
@unmanaged
class RampRecord {
  format: u32;
  /** Steps that were taken. */
  taken: u32;
  /** Of which ramp. */
  signature: u64;
}
const RECORD_BYTES: u32 = offsetof<RampRecord>() as u32;
/** No record, or one of another ramp. */
const NONE_TAKEN: u32 = 0xffffffff;

const shared: SharedValue = fixed<SharedValue>();
const next: RampRecord = fixed<RampRecord>();
const key: Writer = fixed<Writer>();

/**
 * A plan is loaded: each ramp goes on where it was, or where the clock is when nobody has begun it. Without gauges, which
 * come after it.
 */
export function beginRamps(plan: Plan, nowNs: u64): void {
  if (!plan.isRamped) return;
  for (let i: u32 = 0; i < plan.rolloutCount; i++) {
    const rollout = plan.rollout(i);
    if (!isMoving(rollout)) continue;
    for (let v: u32 = 0; v < rollout.variantCount; v++) {
      const variant = rollout.variant(v);
      const ramp = variant.ramp;
      if (!ramp || ramp.startNs == 0) continue;
      const taken = takenOf(rollout, variant, ramp);
      if (taken != NONE_TAKEN) step(variant, ramp, taken);
      else if (!ramp.isPaused) takeSteps(rollout, variant, ramp, nowNs);
    }
    layOutRollout(rollout);
  }
}

/** Takes the steps that are due in a plan that is served. @returns whether there were any */
export function moveRamps(plan: Plan, nowNs: u64): bool {
  if (!plan.isRamped) return false;
  let hasMoved = false;
  for (let i: u32 = 0; i < plan.rolloutCount; i++) {
    const rollout = plan.rollout(i);
    if (!isMoving(rollout)) continue;
    let isMoved = false;
    for (let v: u32 = 0; v < rollout.variantCount; v++) {
      const variant = rollout.variant(v);
      const ramp = variant.ramp;
      // What a guard has rolled back does not go on.
      if (!ramp || ramp.startNs == 0 || ramp.isPaused || variant.isRolledBack) continue;
      if (takeSteps(rollout, variant, ramp, nowNs)) isMoved = true;
    }
    if (!isMoved) continue;
    hasMoved = true;
    layOutRollout(rollout);
    tellShares(rollout);
  }
  return hasMoved;
}

function isMoving(rollout: Rollout): bool {
  return rollout.isRamped && !rollout.disabled;
}

function takeSteps(rollout: Rollout, variant: Variant, ramp: Ramp, nowNs: u64): bool {
  const begun = stepsBegun(ramp, nowNs);
  if (begun <= ramp.taken) return false;
  step(variant, ramp, begun);
  noteTaken(rollout, variant, ramp);
  return true;
}

function step(variant: Variant, ramp: Ramp, taken: u32): void {
  ramp.taken = taken;
  variant.share = shareAfter(ramp, taken);
}

function keyOf(rollout: Rollout, variant: Variant): Slice {
  restartText(key);
  put(key, "serin/");
  putSlice(key, rollout.name);
  put(key, "/ramp/");
  putSlice(key, variant.name);
  return textOf(key);
}

function takenOf(rollout: Rollout, variant: Variant, ramp: Ramp): u32 {
  if (!readShared(keyOf(rollout, variant), shared) || lengthOf(shared.bytes) < RECORD_BYTES)
    return NONE_TAKEN;
  const there = changetype<RampRecord>(addressOf(shared.bytes));
  return there.format == FORMAT && there.signature == ramp.signature ? there.taken : NONE_TAKEN;
}

/** Writes what was taken, unless another worker has taken as many. */
function noteTaken(rollout: Rollout, variant: Variant, ramp: Ramp): void {
  const there = takenOf(rollout, variant, ramp);
  if (there != NONE_TAKEN && there >= ramp.taken) return;
  next.format = FORMAT;
  next.taken = ramp.taken;
  next.signature = ramp.signature;
  // Where another worker is faster, it has written as much.
  writeShared(keyOf(rollout, variant), sliceOf(changetype<usize>(next), RECORD_BYTES), shared);
}
