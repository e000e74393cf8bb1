// What this worker keeps of an effect beyond any policy: its stats, and the policy that says how its calls are compared.

import * as ascii from "../../bytes/ascii";
import { keep } from "../../bytes/arena";
import { fixed, nextOf, placeOf, recordAt, takeRecord } from "../../bytes/records";
import { NONE, Slice } from "../../bytes/slice";
import { ABSENT, find, insert, Table } from "../../bytes/table";
import { put, putByte, putSlice, restartText, textOf, Writer } from "../../bytes/writer";
import { Word } from "../../bytes/word";
import { Effect } from "../../core/effect-plan";
import { Plan } from "../../core/plan";
import { SECOND } from "../../host/clock";
import { defineMetric, MetricKind } from "../../host/metrics";
import * as statNames from "../../vocabulary/stats";
import { releasePlan } from "../root";
import { vmArena } from "../vm";


@unmanaged
export class EffectState {
  /** Every state of this worker is in one list. */
  next: EffectState | null;
  name: Slice;
  total: u32;
  match: u32;
  mismatch: u32;
  missing: u32;
  extra: u32;
  unpaired: u32;
  /** As the newest policy with this effect has it; null once it has been gone for longer than calls wait. */
  effect: Effect | null;
  /** The plan of that policy, which is held. */
  plan: Plan | null;
  /** When that plan was first seen to serve no more; 0 while it does. */
  retiredNs: u64;
  /** When a line was last written about it. */
  saidNs: u64;
}

const states: Table = fixed<Table>();
let first: EffectState | null = null;
const text: Writer = fixed<Writer>();

/** The first of all states; the others are behind it. */
export function firstEffectState(): EffectState | null {
  return first;
}

/** The state of an effect by its name, made when it is new; null without memory. */
export function effectState(name: Slice): EffectState | null {
  const found = find(states, name);
  if (found != ABSENT) return recordAt<EffectState>(found);
  const own = keep(vmArena(), name);
  const state = takeRecord<EffectState>(vmArena());
  if (own == NONE || state == null) return null;
  if (!insert(vmArena(), states, own, placeOf(state) as u32)) return null;
  state.name = own;
  state.next = first;
  first = state;
  state.total = define(own, statNames.TOTAL);
  state.match = define(own, statNames.MATCH);
  state.mismatch = define(own, statNames.MISMATCH);
  state.missing = define(own, statNames.MISSING);
  state.extra = define(own, statNames.EXTRA);
  state.unpaired = define(own, statNames.UNPAIRED);
  return state;
}

function define(effect: Slice, leaf: Word): u32 {
  restartText(text);
  put(text, statNames.EFFECT);
  putSlice(text, effect);
  putByte(text, ascii.DOT);
  put(text, leaf);
  return defineMetric(MetricKind.Counter, textOf(text));
}

/** Gives every effect of the plan its state. @returns false when there was no memory for one */
export function adoptEffects(plan: Plan): bool {
  let sound = true;
  for (let i: u32 = 0; i < plan.effectCount; i++) {
    const effect = plan.effect(i);
    const state = effectState(effect.name);
    effect.state = placeOf(state);
    if (state == null) {
      sound = false;
      continue;
    }
    plan.streams++;
    letGo(state);
    state.plan = plan;
    state.effect = effect;
  }
  return sound;
}

/** The state of an effect of a plan; null when there was no memory for it. */
// @ts-ignore: decorator
@inline
export function stateOf(effect: Effect): EffectState | null {
  return recordAt<EffectState | null>(effect.state);
}

/** Lets plans go that serve no more and whose calls can wait no longer. @param longest how long those wait */
export function forgetRetired(now: u64, longest: u64): void {
  for (let state = first; state != null; state = nextOf(state)) {
    const plan = state.plan;
    if (plan == null || !plan.retired) continue;
    if (state.retiredNs == 0) state.retiredNs = now;
    else if (now > state.retiredNs && now - state.retiredNs > longest) letGo(state);
  }
}

function letGo(state: EffectState): void {
  const plan = state.plan;
  state.plan = null;
  state.effect = null;
  state.retiredNs = 0;
  if (plan != null) releasePlan(plan);
}

/** Whether a line may be written about an effect now: one a second and worker. */
export function maySay(state: EffectState, now: u64): bool {
  if (state.saidNs != 0 && now >= state.saidNs && now - state.saidNs < SECOND) return false;
  state.saidNs = now;
  return true;
}
