// The period that this worker counts for. It joins one that is open, by shared data, and whose signature is that of its
// own policy, and leaves it when either is no longer true.

import { take as takeBytes } from "../../bytes/arena";
import { fixed } from "../../bytes/records";
import { addressOf, lengthOf, sliceOfWord } from "../../bytes/slice";
import { pieceShift } from "../../core/evidence";
import { FORMAT, PeriodRecord, Phase } from "../../core/evidence-record";
import { GuardAction, NO_SLOT, Rollout, Signals } from "../../core/plan";
import { NO_METRIC } from "../../host/metrics";
import { readShared, SharedValue } from "../../host/shared-data";
import * as limits from "../../vocabulary/limits";
import { vmArena } from "../vm";
import { prepareGauges, prepareGuard } from "./gauges";
import { staleLayout } from "./layout";
import { dropNotes } from "./notes";
import { Evidence, SLOT_BYTES } from "./record";

const RECORD_BYTES: usize = offsetof<PeriodRecord>();
const MILLISECOND: u64 = 1000000;

/** Copies the record of a rollout that was just read. */
export function take(evidence: Evidence, value: SharedValue): void {
  const seen = changetype<usize>(evidence.seen);
  memory.fill(seen, 0, RECORD_BYTES);
  if (lengthOf(value.bytes) >= (RECORD_BYTES as u32)) memory.copy(seen, addressOf(value.bytes), RECORD_BYTES);
}

const shared: SharedValue = fixed<SharedValue>();

/** Whether some VM has judged yet: in a process that has only begun there are no periods to look for. */
export function hasJudge(): bool {
  return !readShared(sliceOfWord("serin"), shared) || lengthOf(shared.bytes) != 0;
}

/**
 * Reads the record of the rollout before the first tick, and defines the gauges of a period that another VM has begun.
 * Envoy drops a gauge with the last VM that defined it, and after a swap of the .wasm the old VM may be gone before the
 * first tick of this one.
 */
export function keepGauges(evidence: Evidence): void {
  const rollout = evidence.live;
  if (changetype<usize>(rollout) == 0 || evidence.number != NO_METRIC || evidence.isFollowed) return;
  if (!readShared(evidence.key, shared)) return;
  take(evidence, shared);
  if (!isOpenFor(evidence.seen, rollout) || !prepareGauges(evidence, rollout)) return;
  if (isGuardable(rollout)) prepareGuard(evidence, rollout);
}

function isOpenFor(seen: PeriodRecord, rollout: Rollout): bool {
  return seen.format == FORMAT && seen.phase == Phase.OPEN && seen.signature == rollout.signature;
}

/** Whether there is a guard, and a baseline to compare variants with. */
function isGuardable(rollout: Rollout): bool {
  return rollout.guard != GuardAction.None && rollout.controlSlot != NO_SLOT;
}

/** Reads a rollout's record, and joins or leaves its period. */
export function learn(evidence: Evidence): void {
  if (!readShared(evidence.key, shared)) return;
  evidence.isFollowed = true;
  take(evidence, shared);
  settle(evidence);
}

/** Joins or leaves the rollout's period, by what is known of it. */
export function settle(evidence: Evidence): void {
  const rollout = evidence.live;
  const seen = evidence.seen;
  const isIts = changetype<usize>(rollout) != 0 && isOpenFor(seen, rollout);
  if (!isIts || evidence.period != seen.number) {
    leavePeriod(evidence);
    if (!isIts || !prepareSlow(evidence) || !prepareGauges(evidence, rollout)) return;
    join(evidence, rollout);
  }
  evidence.warmupNs = (rollout.warmupMs as u64) * MILLISECOND;
  evidence.isGuarded = isGuardable(rollout) && (evidence.isGuarded || prepareGuard(evidence, rollout));
}

/** Takes room for the thresholds of a period. @returns false without memory */
function prepareSlow(evidence: Evidence): bool {
  if (evidence.slow == 0) evidence.slow = takeBytes(vmArena(), (limits.SLOW as usize) << 2);
  return evidence.slow != 0;
}

function join(evidence: Evidence, rollout: Rollout): void {
  evidence.period = evidence.seen.number;
  evidence.signature = rollout.signature;
  evidence.bits = evidence.seen.bits;
  evidence.stats = rollout.stats;
  evidence.slots = rollout.slots;
  evidence.goals = rollout.goalCount;
  evidence.firstGoal = rollout.stats - rollout.goalCount;
  evidence.shift = pieceShift(rollout.stats);
  evidence.isRandom = rollout.isRandom;
  evidence.countsUsersAlone = rollout.signals == Signals.Count;
  evidence.slowCount = rollout.slowCount;
  memory.copy(evidence.slow, changetype<usize>(rollout.slow), rollout.slowCount << 2);
  staleLayout();
}

/** Stops counting the rollout's users. */
export function leavePeriod(evidence: Evidence): void {
  if (evidence.period == 0) return;
  dropNotes(evidence);
  evidence.period = 0;
  evidence.counts = 0;
  evidence.isGuarded = false;
  evidence.hasEnded = false;
  if (evidence.ended != 0) memory.fill(evidence.ended, 0, SLOT_BYTES);
  staleLayout();
}
