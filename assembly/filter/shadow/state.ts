// What this worker keeps of a shadow beyond any policy: its stats, what is left of its budget, its open copies. Found by the shadow's
// name, as variants' stats are (docs/decisions/stat-records.md).

import { keep, take } from "../../bytes/arena";
import { NONE, Slice } from "../../bytes/slice";
import { ABSENT, find, insert, newTable, Table } from "../../bytes/table";
import { put, putByte, putSlice, restartText, textOf, Writer } from "../../bytes/writer";
import { Plan } from "../../core/plan";
import { SECOND } from "../../host/clock";
import { COUNTER, defineMetric, HISTOGRAM } from "../../host/metrics";
import {
  STAT_MATCH,
  STAT_MISMATCH_BODY,
  STAT_MISMATCH_STATUS,
  STAT_NOISE,
  STAT_OVER_BUDGET,
  STAT_PRODUCTION_RQ_TIME,
  STAT_RESET,
  STAT_RQ_TIME,
  STAT_SENT,
  STAT_SHADOW,
  STAT_TIMEOUT,
  STAT_TOO_LARGE,
  STAT_UNAVAILABLE,
} from "../../vocabulary/stats";
import { vmArena } from "../words";


@unmanaged
export class ShadowState {
  sent: u32;
  overBudget: u32;
  tooLarge: u32;
  unavailable: u32;
  match: u32;
  mismatchStatus: u32;
  mismatchBody: u32;
  timeout: u32;
  reset: u32;
  noise: u32;
  time: u32;
  productionTime: u32;
  /** Whether the log has been told that its cluster, or that of its noise, cannot be reached. */
  saidUnavailable: bool;
  saidNoiseUnavailable: bool;
  /** When it was told last; 0 when never under the policy that serves. */
  saidNs: u64;
  /** Open copies: a list (filter/shadow/copies.ts), oldest first. */
  first: usize;
  last: usize;
  inFlight: u32;
  /** The token bucket: nanoseconds times `perSecond`, a copy costs one second. */
  credit: u64;
  /** The same for what answers have over `maxBodyBytes`, 64 KiB for a copy; below 0 when it is overdrawn. */
  allowance: i64;
  /** What the last answer took of it: what the next one is taken for while it is under way. In parts of 64 KiB. */
  expected: u32;
  /** When both were filled last. */
  filledNs: u64;
  isFilled: bool;
  /** Mismatches written within the second that began at `sampledNs`. */
  sampled: u32;
  sampledNs: u64;
  /** Every state of this worker is in one list. */
  nextState: usize;
  /** No open copy is overdue before this; 0 when none waits for an answer. */
  dueNs: u64;
}

const MINUTE: u64 = 60 * SECOND;
let states: Table = changetype<Table>(0);
let allStates: usize = 0;
const name: Writer = changetype<Writer>(memory.data(32, 8));

/** The state of a shadow by its name; 0 when this worker never had one. */
export function stateNamed(shadow: Slice): usize {
  if (changetype<usize>(states) == 0) return 0;
  const found = find(states, shadow);
  return found == ABSENT ? 0 : found;
}

/** The first of all states. */
export function firstState(): usize {
  return allStates;
}

/** Gives every shadow of the plan its state. @returns false without memory: such a shadow sends nothing */
export function adoptShadows(plan: Plan): bool {
  if (plan.shadowCount == 0) return true;
  if (changetype<usize>(states) == 0) states = newTable(vmArena);
  if (changetype<usize>(states) == 0) return false;
  let sound = true;
  for (let i: u32 = 0; i < plan.shadowCount; i++) {
    const shadow = plan.shadow(i);
    shadow.state = stateOf(shadow.name);
    if (shadow.state == 0) sound = false;
    else forgetSaid(changetype<ShadowState>(shadow.state));
  }
  return sound;
}

/** Under another policy it is news again. */
function forgetSaid(state: ShadowState): void {
  state.saidUnavailable = false;
  state.saidNoiseUnavailable = false;
  state.saidNs = 0;
}

/** Whether the log may be told now: circuit breakers open and close many times a second. */
export function maySay(state: ShadowState, now: u64): bool {
  if (state.saidNs != 0 && now >= state.saidNs && now - state.saidNs < MINUTE) return false;
  state.saidNs = now;
  return true;
}

function stateOf(shadow: Slice): usize {
  const found = find(states, shadow);
  if (found != ABSENT) return found;
  const own = keep(vmArena, shadow);
  const address = take(vmArena, offsetof<ShadowState>());
  if (own == NONE || address == 0 || !insert(vmArena, states, own, address as u32)) return 0;
  const state = changetype<ShadowState>(address);
  state.nextState = allStates;
  allStates = address;
  state.sent = define(COUNTER, shadow, STAT_SENT);
  state.overBudget = define(COUNTER, shadow, STAT_OVER_BUDGET);
  state.tooLarge = define(COUNTER, shadow, STAT_TOO_LARGE);
  state.unavailable = define(COUNTER, shadow, STAT_UNAVAILABLE);
  state.match = define(COUNTER, shadow, STAT_MATCH);
  state.mismatchStatus = define(COUNTER, shadow, STAT_MISMATCH_STATUS);
  state.mismatchBody = define(COUNTER, shadow, STAT_MISMATCH_BODY);
  state.timeout = define(COUNTER, shadow, STAT_TIMEOUT);
  state.reset = define(COUNTER, shadow, STAT_RESET);
  state.noise = define(COUNTER, shadow, STAT_NOISE);
  state.time = define(HISTOGRAM, shadow, STAT_RQ_TIME);
  state.productionTime = define(HISTOGRAM, shadow, STAT_PRODUCTION_RQ_TIME);
  return address;
}

function define(kind: i32, shadow: Slice, leaf: string): u32 {
  restartText(name);
  put(name, STAT_SHADOW);
  putSlice(name, shadow);
  putByte(name, 0x2e);
  put(name, leaf);
  return defineMetric(kind, textOf(name));
}
