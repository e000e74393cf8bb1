// The budget of a shadow: copies a second, what their answers may cost this worker, mismatches written to the log.

import { DEFAULT_BODY_BYTES, Shadow, UNLIMITED } from "../../core/shadow-plan";
import { SECOND } from "../../host/clock";
import { ShadowState } from "../records";

/** After this long an allowance is overdrawn no more. */
const DEBT: u64 = 10 * SECOND;
const LONGEST_FILL: u64 = DEBT + SECOND;
/** 64 KiB of an answer cost as much as a copy. */
const PART_BITS: u32 = 16;
/** What may be saved of an allowance at least: 32 MiB. */
const SAVED: u64 = 512 * SECOND;
/** What an answer without an end is taken for: it may have been up to 32 MiB (Envoy's own bound), or next to nothing. */
const UNTOLD_BYTES: u32 = 4194304;

/** Takes one copy's part of the budget of this second. @returns false when it is spent, or answers have overdrawn it */
export function takeToken(state: ShadowState, shadow: Shadow, now: u64): bool {
  if (shadow.perSecond == UNLIMITED) return true;
  const rate = shadow.perSecond as u64;
  const most = rate * SECOND;
  const saved = (most > SAVED ? most : SAVED) as i64;
  if (!state.isFilled) {
    state.credit = most;
    state.allowance = saved;
    state.isFilled = true;
  } else if (now > state.filledNs) {
    // A longer pause fills both, however long it was: the product below stays within 64 bits.
    const passed = now - state.filledNs < LONGEST_FILL ? now - state.filledNs : LONGEST_FILL;
    state.credit += passed * rate;
    state.allowance += passed * rate;
  }
  state.filledNs = now;
  if (state.credit > most) state.credit = most;
  if (state.allowance > saved) state.allowance = saved;
  if (state.credit < SECOND || state.allowance < 0) return false;
  state.credit -= SECOND;
  return true;
}

/** Gives back what a copy took that was never sent. */
export function giveToken(state: ShadowState): void {
  state.credit += SECOND;
}

/** An answer came to no end: how much of it Envoy has read, it does not say. */
export const UNTOLD: u32 = 0xffffffff;

/**
 * Takes from the allowance what the answer to a copy is expected to cost, that of the last one, so that many large ones
 * cannot be under way before the first is known. @returns the parts taken, for `chargeAnswer`
 */
export function reserveAnswer(state: ShadowState, shadow: Shadow): u32 {
  takeParts(state, shadow, state.expected as i64);
  return state.expected;
}

/**
 * Takes from the allowance what an answer has over `maxBodyBytes` (64 KiB at least), since Envoy reads all of it on the
 * worker; less what was reserved for it.
 */
export function chargeAnswer(state: ShadowState, shadow: Shadow, bytes: u32, reserved: u32): u32 {
  const free = shadow.maxBodyBytes > DEFAULT_BODY_BYTES ? shadow.maxBodyBytes : DEFAULT_BODY_BYTES;
  const whole = bytes == UNTOLD ? UNTOLD_BYTES : bytes;
  const parts = whole <= free ? 0 : ((whole - free - 1) >> PART_BITS) + 1;
  takeParts(state, shadow, (parts as i64) - (reserved as i64));
  return parts;
}

function takeParts(state: ShadowState, shadow: Shadow, parts: i64): void {
  if (parts == 0 || shadow.perSecond == UNLIMITED) return;
  state.allowance -= parts * (SECOND as i64);
  const least = -(((shadow.perSecond as u64) * DEBT) as i64);
  if (state.allowance < least) state.allowance = least;
}

/** Whether one more mismatch, or what cannot be compared, may be written to the log: neither takes the other's place. */
export function takeSample(state: ShadowState, shadow: Shadow, now: u64, isIncomparable: bool): bool {
  if (now < state.sampledNs || now - state.sampledNs >= SECOND) {
    state.sampledNs = now;
    state.sampled = 0;
    state.sampledIncomparable = 0;
  }
  if ((isIncomparable ? state.sampledIncomparable : state.sampled) >= shadow.sample) return false;
  if (isIncomparable) state.sampledIncomparable++;
  else state.sampled++;
  return true;
}
