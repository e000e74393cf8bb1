// What this worker keeps of a shadow beyond any policy: its stats, what is left of its budget, its open copies. Found
// by the shadow's name, as variants' stats are (docs/decisions/stat-records.md).

import * as ascii from "../../bytes/ascii";
import { keep } from "../../bytes/arena";
import { fixed, takeRecord } from "../../bytes/records";
import { NONE, Slice } from "../../bytes/slice";
import { ABSENT, find, insert, Table } from "../../bytes/table";
import { put, putByte, putSlice, restartText, textOf, Writer } from "../../bytes/writer";
import { Word } from "../../bytes/word";
import { Plan } from "../../core/plan";
import { Shadow } from "../../core/shadow-plan";
import { SECOND } from "../../host/clock";
import { defineMetric, MetricKind, NO_METRIC } from "../../host/metrics";
import * as statNames from "../../vocabulary/stats";
import { ShadowState } from "../records";
import { vmArena } from "../vm";

const MINUTE: u64 = 60 * SECOND;
const states: Table = fixed<Table>();
let allStates: ShadowState | null = null;
const name: Writer = fixed<Writer>();

/** The state of a shadow by its name; null when this worker never had one. */
export function stateNamed(shadow: Slice): ShadowState | null {
  const found = find(states, shadow);
  return found == ABSENT ? null : changetype<ShadowState>(found);
}

/** The state of a shadow of a plan; null when there was no memory for it: such a shadow sends nothing. */
// @ts-ignore: decorator
@inline
export function stateOf(shadow: Shadow): ShadowState | null {
  return changetype<ShadowState | null>(shadow.state);
}

/** The first of all states; the others are behind it. */
export function firstState(): ShadowState | null {
  return allStates;
}

/** Gives every shadow of the plan its state. @returns false when there was no memory for one */
export function adoptShadows(plan: Plan): bool {
  if (plan.shadowCount == 0) return true;
  let sound = true;
  for (let i: u32 = 0; i < plan.shadowCount; i++) {
    const shadow = plan.shadow(i);
    const state = takeState(shadow.name);
    shadow.state = changetype<usize>(state);
    if (state == null) {
      sound = false;
      continue;
    }
    forgetSaid(state);
    if (shadow.noise != NONE && state.noiseOnly == NO_METRIC) defineNoise(state, shadow.name);
  }
  return sound;
}

/** Under another policy it is news again. */
function forgetSaid(state: ShadowState): void {
  state.saidUnavailable = false;
  state.saidNoiseUnavailable = false;
  state.saidNs = 0;
}

/** Whether it may be logged now: circuit breakers open and close many times a second. */
export function maySay(state: ShadowState, now: u64): bool {
  if (state.saidNs != 0 && now >= state.saidNs && now - state.saidNs < MINUTE) return false;
  state.saidNs = now;
  return true;
}

function takeState(shadow: Slice): ShadowState | null {
  const found = stateNamed(shadow);
  if (found != null) return found;
  const own = keep(vmArena(), shadow);
  const state = takeRecord<ShadowState>(vmArena());
  if (own == NONE || state == null) return null;
  if (!insert(vmArena(), states, own, changetype<usize>(state) as u32)) return null;
  state.next = allStates;
  allStates = state;
  state.sent = define(MetricKind.Counter, shadow, statNames.SENT);
  state.overBudget = define(MetricKind.Counter, shadow, statNames.OVER_BUDGET);
  state.tooLarge = define(MetricKind.Counter, shadow, statNames.TOO_LARGE);
  state.unavailable = define(MetricKind.Counter, shadow, statNames.UNAVAILABLE);
  state.match = define(MetricKind.Counter, shadow, statNames.MATCH);
  state.mismatchStatus = define(MetricKind.Counter, shadow, statNames.MISMATCH_STATUS);
  state.mismatchHeaders = define(MetricKind.Counter, shadow, statNames.MISMATCH_HEADERS);
  state.mismatchBody = define(MetricKind.Counter, shadow, statNames.MISMATCH_BODY);
  state.timeout = define(MetricKind.Counter, shadow, statNames.TIMEOUT);
  state.reset = define(MetricKind.Counter, shadow, statNames.RESET);
  state.noise = define(MetricKind.Counter, shadow, statNames.NOISE);
  state.incomparable = define(MetricKind.Counter, shadow, statNames.INCOMPARABLE);
  state.time = define(MetricKind.Histogram, shadow, statNames.RQ_TIME);
  state.productionTime = define(MetricKind.Histogram, shadow, statNames.PRODUCTION_RQ_TIME);
  return state;
}

/** What is counted beside the verdicts where production has a second instance. */
function defineNoise(state: ShadowState, shadow: Slice): void {
  state.noiseWhole = define(MetricKind.Counter, shadow, statNames.NOISE_WHOLE);
  state.noiseMissing = define(MetricKind.Counter, shadow, statNames.NOISE_MISSING);
  state.noiseOnly = define(MetricKind.Counter, shadow, statNames.NOISE_ONLY);
}

function define(kind: MetricKind, shadow: Slice, leaf: Word): u32 {
  restartText(name);
  put(name, statNames.SHADOW);
  putSlice(name, shadow);
  putByte(name, ascii.DOT);
  put(name, leaf);
  return defineMetric(kind, textOf(name));
}
