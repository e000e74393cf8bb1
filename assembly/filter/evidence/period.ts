// The period that this worker counts for: joined when shared data say that it is open and the worker's own policy has its
// signature, left when either is no longer so.

import { fixed } from "../../bytes/records";
import { addressOf, lengthOf } from "../../bytes/slice";
import { pieceShift } from "../../core/evidence";
import { FORMAT, PeriodRecord, Phase } from "../../core/evidence-record";
import { Rollout, Signals } from "../../core/plan";
import { NO_METRIC } from "../../host/metrics";
import { readShared, SharedValue } from "../../host/shared-data";
import { prepareGauges } from "./gauges";
import { staleLayout } from "./layout";
import { dropNotes } from "./notes";
import { Evidence } from "./record";

const RECORD_BYTES: usize = offsetof<PeriodRecord>();
const MILLISECOND: u64 = 1000000;

/** Copies a rollout's record as it was read. */
export function take(evidence: Evidence, value: SharedValue): void {
  const seen = changetype<usize>(evidence.seen);
  memory.fill(seen, 0, RECORD_BYTES);
  if (lengthOf(value.bytes) >= (RECORD_BYTES as u32)) memory.copy(seen, addressOf(value.bytes), RECORD_BYTES);
}

const shared: SharedValue = fixed<SharedValue>();

/**
 * Defines the gauges of a period that another VM has begun: Envoy forgets a gauge with the last VM that has defined it, and
 * after a swap of the .wasm the old one may be gone before the first tick of this one.
 */
export function keepGauges(evidence: Evidence): void {
  const rollout = evidence.live;
  if (changetype<usize>(rollout) == 0 || evidence.number != NO_METRIC) return;
  if (!readShared(evidence.key, shared) || lengthOf(shared.bytes) < (RECORD_BYTES as u32)) return;
  const there = changetype<PeriodRecord>(addressOf(shared.bytes));
  if (there.format != FORMAT || there.phase != Phase.OPEN || there.signature != rollout.signature) return;
  prepareGauges(evidence, rollout);
}

/** Reads a rollout's record, and joins or leaves its period. */
export function learn(evidence: Evidence): void {
  if (!readShared(evidence.key, shared)) return;
  take(evidence, shared);
  settle(evidence);
}

/** Joins or leaves the rollout's period, by what is known of it. */
export function settle(evidence: Evidence): void {
  const rollout = evidence.live;
  const seen = evidence.seen;
  const isIts =
    changetype<usize>(rollout) != 0 &&
    seen.format == FORMAT &&
    seen.phase == Phase.OPEN &&
    seen.signature == rollout.signature;
  if (isIts && evidence.period == seen.number) {
    evidence.warmupNs = (rollout.warmupMs as u64) * MILLISECOND;
    return;
  }
  leavePeriod(evidence);
  if (isIts && prepareGauges(evidence, rollout)) join(evidence, rollout);
}

function join(evidence: Evidence, rollout: Rollout): void {
  evidence.period = evidence.seen.number;
  evidence.signature = rollout.signature;
  evidence.bits = evidence.seen.bits;
  evidence.stats = rollout.stats;
  evidence.slots = rollout.slots;
  evidence.shift = pieceShift(rollout.stats);
  evidence.isRandom = rollout.isRandom;
  evidence.countsUsersAlone = rollout.signals == Signals.Count;
  evidence.warmupNs = (rollout.warmupMs as u64) * MILLISECOND;
  evidence.slowCount = rollout.slowCount;
  memory.copy(evidence.slow, changetype<usize>(rollout.slow), rollout.slowCount << 2);
  staleLayout();
}

/** From now on the rollout's users are counted for no period. */
export function leavePeriod(evidence: Evidence): void {
  if (evidence.period == 0) return;
  dropNotes(evidence);
  evidence.period = 0;
  evidence.counts = 0;
  staleLayout();
}
