// Who begins evidence periods, and how: one VM at a time, by a lease in shared data, in two steps, so that no worker moves
// a gauge that has been set to 0 (docs/decisions/evidence.md).

import { fixed, nextOf } from "../../bytes/records";
import { addressOf, lengthOf, Slice, sliceOf, sliceOfWord } from "../../bytes/slice";
import { beginText, put, putString, textOf, Writer } from "../../bytes/writer";
import { isSpent, Met } from "../../core/evidence";
import { FORMAT, LeaseRecord, mayFollow, mayJudge, PeriodRecord, Phase } from "../../core/evidence-record";
import { Rollout, Signals } from "../../core/plan";
import { fillRandom, SECOND } from "../../host/clock";
import { log, LogLevel } from "../../host/log";
import { NO_METRIC, readMetric, recordMetric } from "../../host/metrics";
import { readShared, SharedValue, writeShared, Written } from "../../host/shared-data";
import * as reasons from "../../vocabulary/no-evidence";
import { clearGauges, prepareGauges, showReason, sumOf } from "./gauges";
import { forgetGuards, watch } from "./guard";
import { ALL_STOPPED } from "./obey";
import { take } from "./period";
import { Evidence, firstEvidence } from "./record";
import { lastConfiguredNs } from "./serving";

/** Periods that one tick begins or ends at most, and gauges after which it begins no more: some milliseconds of work. */
const MOST_CHANGES: u32 = 64;
const MOST_GAUGES: u32 = 1024;
/** Rollouts without evidence of which one tick says why, each with a gauge and a line. */
const MOST_SAID: u32 = 256;
/** Attempts to announce a change; one fails when another VM renews or takes the lease at the same time. */
const MOST_TRIES: u32 = 8;

const lease: LeaseRecord = fixed<LeaseRecord>();
const LEASE_BYTES: usize = offsetof<LeaseRecord>();
const shared: SharedValue = fixed<SharedValue>();
const next: PeriodRecord = fixed<PeriodRecord>();
const RECORD_BYTES: usize = offsetof<PeriodRecord>();
const self: usize = memory.data(sizeof<u64>(), 8);
const line: Writer = fixed<Writer>();
let leaseKey: Slice = 0;
let isJudge: bool = false;
/** Of this tick. */
let gaugesSet: u32 = 0;
let said: u32 = 0;
let isNew: bool = false;
/** Whether this VM has changed a period, and could not say so yet. */
let isOwed: bool = false;

/** Reads the lease, and takes or renews it where this VM may. @returns false when the host fails */
export function holdLease(nowNs: u64): bool {
  isJudge = false;
  isNew = false;
  if (leaseKey == 0) {
    leaseKey = sliceOfWord("serin");
    if (leaseKey == 0 || !fillRandom(self, 8)) return false;
  }
  if (isOwed) announce();
  if (!readLease()) return false;
  // Its roots tick until they are deleted, but what it has no policy for is for others to say.
  if (lastConfiguredNs() == 0) return true;
  if (!mayJudge(lease, load<u64>(self), lastConfiguredNs(), nowNs)) return true;
  isNew = lease.holder != load<u64>(self);
  if (isNew) takeOver();
  lease.format = FORMAT;
  lease.holder = load<u64>(self);
  lease.renewedNs = nowNs;
  lease.configuredNs = lastConfiguredNs();
  isJudge = writeShared(leaseKey, leaseBytes(), shared) == Written.DONE;
  return true;
}

/** Who comes new to it does not know what the last judge has told. */
function takeOver(): void {
  lease.sequence++;
  for (let evidence = firstEvidence(); evidence; evidence = nextOf(evidence)) {
    evidence.isShown = false;
  }
}

function readLease(): bool {
  if (!readShared(leaseKey, shared)) return false;
  memory.fill(changetype<usize>(lease), 0, LEASE_BYTES);
  if (lengthOf(shared.bytes) >= (LEASE_BYTES as u32))
    memory.copy(changetype<usize>(lease), addressOf(shared.bytes), LEASE_BYTES);
  return true;
}

function leaseBytes(): Slice {
  return sliceOf(changetype<usize>(lease), LEASE_BYTES as u32);
}

/** Counts up with each change of any period. */
export function sequence(): u32 {
  return lease.sequence;
}

/** Whether this VM is the judge, and whether it has only begun to be. */
export function isJudging(): bool {
  return isJudge;
}
export function isNewJudge(): bool {
  return isJudge && isNew;
}

/** Begins and ends periods, and has the guards look, if this VM is the judge. @returns whether a guard has acted */
export function judge(nowNs: u64): bool {
  if (!isJudge) return false;
  let hasActed = false;
  let changes: u32 = 0;
  gaugesSet = 0;
  said = 0;
  for (let evidence = firstEvidence(); evidence; evidence = nextOf(evidence)) {
    if (changes == MOST_CHANGES || gaugesSet >= MOST_GAUGES) break;
    if (judgeRollout(evidence, nowNs)) changes++;
  }
  for (let evidence = firstEvidence(); evidence; evidence = nextOf(evidence)) {
    if (isNew) forgetGuards(evidence);
    if (!watch(evidence, nowNs) || !noteActed(evidence)) continue;
    hasActed = true;
    changes++;
  }
  if (changes != 0) announce();
  return hasActed;
}

/**
 * Has every worker read the records again. Also when another VM has taken the lease meanwhile: it and others may have read
 * them before the change, and what nobody announces a worker never learns.
 */
function announce(): void {
  isOwed = true;
  for (let tries: u32 = 0; tries < MOST_TRIES && isOwed; tries++) {
    if (!readLease()) return;
    // A later module judges by now: its record may be longer than what this one would write back.
    if (lease.format > FORMAT) return;
    lease.sequence++;
    const written = writeShared(leaseKey, leaseBytes(), shared);
    if (written == Written.FAILED) return;
    isOwed = written == Written.LOST;
  }
}

/** Writes that a guard of the rollout has acted. @returns false when another VM has written meanwhile: the next tick tries again */
function noteActed(evidence: Evidence): bool {
  evidence.seen.acted = 1;
  return change(evidence, evidence.seen.phase, evidence.seen.phaseNs);
}

/** @returns whether the rollout's record is another now */
function judgeRollout(evidence: Evidence, nowNs: u64): bool {
  const seen = evidence.seen;
  if (seen.format > FORMAT) return false;
  const rollout = evidence.live;
  const isWanted = changetype<usize>(rollout) != 0 && evidence.hasRoom;
  if (seen.phase == Phase.OPEN) {
    if (isWanted && isAsWanted(evidence, rollout)) return false;
    return change(evidence, Phase.CLOSING, nowNs);
  }
  if (!isWanted && said < MOST_SAID) say(evidence);
  if (seen.phase == Phase.NONE && !isWanted) return false;
  if (!mayFollow(seen.phase, seen.phaseNs, nowNs)) return false;
  gaugesSet += evidence.slots * evidence.stats;
  if (isWanted) gaugesSet += rollout.slots * rollout.stats;
  if (isWanted && !prepareGauges(evidence, rollout)) return false;
  if (!change(evidence, Phase.CLAIMED, nowNs)) return false;
  return isWanted ? begin(evidence, rollout, nowNs) : end(evidence, nowNs);
}

function isAsWanted(evidence: Evidence, rollout: Rollout): bool {
  const seen = evidence.seen;
  if (seen.signature != rollout.signature || seen.bits != evidence.wantedBits) return false;
  // Gauges go with the last VM that has defined them: where no policy had the rollout when the .wasm was swapped, its record
  // is still there, and its gauges begin at 0. Another number than 0 is of another `vm_id`, which counts by itself.
  if (evidence.number != NO_METRIC && readMetric(evidence.number) == 0) return false;
  // Where each request is a user, nothing fills up.
  if (evidence.period != seen.number || evidence.isRandom) return true;
  // Where all was rolled back nobody is counted: what was found stays to be read.
  if (evidence.stopped == ALL_STOPPED) return true;
  const errors: u64 = rollout.signals == Signals.Count ? 0 : sumOf(evidence, Met.ERROR);
  return !isSpent(sumOf(evidence, Met.USERS), errors, evidence.bits);
}

/** Sets all gauges of the rollout to 0 and opens its next period. */
function begin(evidence: Evidence, rollout: Rollout, nowNs: u64): bool {
  const seen = evidence.seen;
  // The process keeps its gauges when the shared data are gone with the last VM.
  const told = readMetric(evidence.number) as u32;
  const number = (seen.number > told ? seen.number : told) + 1;
  const isSame = seen.shares == rollout.shares && seen.sharesNs != 0;
  seen.sharesNs = isSame ? seen.sharesNs : nowNs;
  seen.shares = rollout.shares;
  seen.signature = rollout.signature;
  seen.bits = evidence.wantedBits;
  seen.number = number;
  recordMetric(evidence.number, 0);
  clearGauges(evidence);
  recordMetric(evidence.began, nowNs / SECOND);
  if (!evidence.isShadow) {
    recordMetric(evidence.sharesBegan, seen.sharesNs / SECOND);
    recordMetric(evidence.epoch, rollout.epoch);
  }
  recordMetric(evidence.size, seen.bits == 0 ? 0 : (1 as u64) << (seen.bits as u64));
  recordMetric(evidence.number, number);
  evidence.said = 0;
  showReason(evidence, 0);
  return change(evidence, Phase.OPEN, nowNs);
}

/** Sets all gauges of the rollout to 0: there is no evidence. */
function end(evidence: Evidence, nowNs: u64): bool {
  recordMetric(evidence.number, 0);
  clearGauges(evidence);
  recordMetric(evidence.size, 0);
  return change(evidence, Phase.NONE, nowNs);
}

/** Writes what is known of the rollout with another phase. @returns false when another VM has written meanwhile */
function change(evidence: Evidence, phase: Phase, nowNs: u64): bool {
  if (!readShared(evidence.key, shared)) return false;
  const seen = evidence.seen;
  const there = changetype<PeriodRecord>(addressOf(shared.bytes));
  const isThere = lengthOf(shared.bytes) >= (RECORD_BYTES as u32);
  memory.copy(changetype<usize>(next), changetype<usize>(seen), RECORD_BYTES);
  next.format = FORMAT;
  next.phase = phase;
  next.phaseNs = nowNs;
  if (isThere && there.acted != 0) next.acted = there.acted;
  const isKnown = isThere
    ? there.phase == seen.phase && there.phaseNs == seen.phaseNs
    : seen.phase == Phase.NONE && seen.phaseNs == 0;
  const bytes = sliceOf(changetype<usize>(next), RECORD_BYTES as u32);
  if (!isKnown || writeShared(evidence.key, bytes, shared) != Written.DONE) {
    take(evidence, shared);
    return false;
  }
  memory.copy(changetype<usize>(seen), changetype<usize>(next), RECORD_BYTES);
  return true;
}

/** Says once why a rollout has no evidence, by its gauge and in the log; one that no policy has any more needs no reason. */
function say(evidence: Evidence): void {
  let reason: u32 = 0;
  if (evidence.isTorn) reason = reasons.POLICIES_DIFFER;
  else if (changetype<usize>(evidence.live) != 0) reason = reasons.NO_MEMORY;
  if (evidence.isShown && reason == evidence.said) return;
  evidence.isShown = true;
  said++;
  showReason(evidence, reason);
  if (reason == evidence.said) return;
  evidence.said = reason;
  if (reason == 0) return;
  beginText(line);
  if (evidence.isShadow) put(line, '{"shadow":');
  else put(line, '{"rollout":');
  putString(line, evidence.name);
  put(line, ',"evidence":"none","message":"');
  put(
    line,
    reason == reasons.POLICIES_DIFFER
      ? "policies that serve at the same time say different things of it"
      : "no memory: there are more rollouts and shadows with evidence than 8 MiB a worker can hold",
  );
  put(line, '"}');
  log(LogLevel.Warn, textOf(line));
}
