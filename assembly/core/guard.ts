// The guard's arithmetic: how much speaks for a variant whose users meet more errors than the control group's, as a
// promise by rate. Numbers in, numbers out, no clock and no host: docs/decisions/guard.md says where it comes from, and
// test/statistics runs its twin over simulated traffic.

import { FORMAT } from "./evidence-record";

/** How many times as many errors a guard looks for: one of its bets each. */
const BETS: u32 = 4;
/** What a bet has at the begin of a period, and what it is given each minute: half of the promise a period, and half a day. */
const STAKE: f64 = 0.5;
const MINUTE_STAKE: f64 = 0.5 / 1440;
/** Between these a bet stays, so that nothing it meets makes it infinite or 0 for ever. */
const LEAST: f64 = 1e-290;
const MOST: f64 = 1e290;

const SECOND: u64 = 1000000000;
const MINUTE: u64 = 60000000000;
/** A block is at least so long. */
const BLOCK_NS: u64 = SECOND;
const BURST_BLOCK_NS: u64 = 10000000000;
/** … and so many requests of the control group have ended in it. */
const BLOCK_REQUESTS: u64 = 20;
/** What a burst may multiply a bet by at most. */
const BURST_FACTOR: f64 = 10;
/** Minutes that one look may pay for: a clock that jumps ahead by a year pays one. */
const MOST_MINUTES: u64 = 5;

/** Whom a guard watches, as VMs of one `vm_id` tell each other: `serin/<rollout>/guard/<variant>` in shared data. */
@unmanaged
export class GuardRecord {
  format: u32;
  /** The period that all below is of. */
  period: u32;
  /** The highest `epoch` in which it has rolled back, or given an alarm, and one; 0 for never. */
  rolledBack: u32;
  alarmed: u32;
  /** What has been bet on: users who met an error, of the variant and of the control group. */
  errors: u64;
  controlErrors: u64;
  /** Requests that had ended when the last block began. */
  ended: u64;
  controlEnded: u64;
  /** Wall clock in nanoseconds: when the block began, and the minute that was last paid. */
  blockNs: u64;
  minuteNs: u64;
  bet0: f64;
  bet1: f64;
  bet2: f64;
  bet3: f64;
}

/** What the gauges of the period say now. */
@unmanaged
export class GuardCounts {
  /** Users who met an error. */
  errors: u64;
  controlErrors: u64;
  /** Requests that have ended. */
  ended: u64;
  controlEnded: u64;
}

/** How many times as many errors bet `index` is on. */
export function ratioOfBet(index: u32): f64 {
  if (index == 0) return 1.5;
  if (index == 1) return 3;
  return index == 2 ? 8 : 24;
}

/**
 * The likelihood ratio of `errors` of the variant and `controlErrors` of the control group: a variant with `ratio` times
 * as many against one with as many.
 * @param part of the variant in the shares of both, above 0 and below 1
 * @returns 1e-290 to 1e290
 */
export function factorOf(ratio: f64, part: f64, errors: u64, controlErrors: u64): f64 {
  const less = 1 / (1 + (ratio - 1) * part);
  const more = ratio * less;
  let value: f64 = 1;
  let rises = errors;
  let falls = controlErrors;
  // In turn, so that neither side runs over while the other would bring it back.
  while (rises != 0 && falls != 0) {
    if (value > 1) {
      value *= less;
      falls--;
    } else {
      value *= more;
      rises--;
    }
  }
  for (; rises != 0 && value < MOST; rises--) value *= more;
  for (; falls != 0 && value > LEAST; falls--) value *= less;
  return bounded(value);
}

function bounded(value: f64): f64 {
  if (value < LEAST) return LEAST;
  return value > MOST ? MOST : value;
}

function betOf(guard: GuardRecord, index: u32): f64 {
  if (index == 0) return guard.bet0;
  if (index == 1) return guard.bet1;
  return index == 2 ? guard.bet2 : guard.bet3;
}

function setBet(guard: GuardRecord, index: u32, value: f64): void {
  if (index == 0) guard.bet0 = value;
  else if (index == 1) guard.bet1 = value;
  else if (index == 2) guard.bet2 = value;
  else guard.bet3 = value;
}

/** A period begins: all bets anew. What has been rolled back stays so. */
export function beginGuard(guard: GuardRecord, period: u32, nowNs: u64): void {
  guard.format = FORMAT;
  guard.period = period;
  guard.errors = 0;
  guard.controlErrors = 0;
  guard.ended = 0;
  guard.controlEnded = 0;
  guard.blockNs = nowNs;
  guard.minuteNs = nowNs;
  for (let i: u32 = 0; i < BETS; i++) setBet(guard, i, STAKE);
}

/** How much speaks for it: the mean of the bets. */
export function evidenceOfGuard(guard: GuardRecord): f64 {
  return (guard.bet0 + guard.bet1 + guard.bet2 + guard.bet3) / 4;
}

/** Whether that is enough. @param falseAlarm what was promised */
export function isEnough(guard: GuardRecord, falseAlarm: f64): bool {
  return evidenceOfGuard(guard) * falseAlarm >= 1;
}

/** Pays for the minutes that have passed. @returns whether any has */
export function payMinutes(guard: GuardRecord, nowNs: u64): bool {
  if (nowNs < guard.minuteNs) {
    // The clock was put back.
    guard.minuteNs = nowNs;
    return false;
  }
  if (nowNs - guard.minuteNs < MINUTE) return false;
  let minutes: u64 = 0;
  for (; minutes < MOST_MINUTES && nowNs - guard.minuteNs >= MINUTE; minutes++) guard.minuteNs += MINUTE;
  if (nowNs - guard.minuteNs >= MINUTE) {
    guard.minuteNs = nowNs;
    minutes = 1;
  }
  for (let i: u32 = 0; i < BETS; i++)
    setBet(guard, i, bounded(betOf(guard, i) + (minutes as f64) * MINUTE_STAKE));
  return true;
}

/**
 * Ends the block if it is long enough, and bets on the errors since the last block in which both had users.
 * @param part of the variant in the shares of both, above 0 and below 1
 * @returns whether any bet has changed
 */
export function endBlock(
  guard: GuardRecord,
  counts: GuardCounts,
  part: f64,
  ignoresBursts: bool,
  nowNs: u64,
): bool {
  // A clock that was put back begins the block anew.
  if (nowNs < guard.blockNs) guard.blockNs = nowNs;
  const least = ignoresBursts ? BURST_BLOCK_NS : BLOCK_NS;
  if (nowNs - guard.blockNs < least) return false;
  if (counts.controlEnded - guard.controlEnded < BLOCK_REQUESTS) return false;
  const hasUsers = counts.ended != guard.ended;
  guard.blockNs = nowNs;
  guard.ended = counts.ended;
  guard.controlEnded = counts.controlEnded;
  if (!hasUsers) return false;
  const errors = counts.errors - guard.errors;
  const controlErrors = counts.controlErrors - guard.controlErrors;
  if (errors == 0 && controlErrors == 0) return false;
  guard.errors = counts.errors;
  guard.controlErrors = counts.controlErrors;
  for (let i: u32 = 0; i < BETS; i++) {
    const factor = factorOf(ratioOfBet(i), part, errors, controlErrors);
    const most: f64 = ignoresBursts && factor > BURST_FACTOR ? BURST_FACTOR : factor;
    setBet(guard, i, bounded(betOf(guard, i) * most));
  }
  return true;
}

/** Whether the gauges are behind what has been seen of them: they are of another period. */
export function isBehind(guard: GuardRecord, counts: GuardCounts): bool {
  return (
    counts.errors < guard.errors ||
    counts.controlErrors < guard.controlErrors ||
    counts.ended < guard.ended ||
    counts.controlEnded < guard.controlEnded
  );
}
