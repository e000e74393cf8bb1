// What a VM does for effects on its tick: judges calls that have waited long enough, and lets old policies go.

import { beginScratch } from "../../bytes/scratch";
import { Plan } from "../../core/plan";
import { nowNs, setTickPeriod } from "../../host/clock";
import { TICK_MS } from "../records";
import { adoptEffects, firstEffectState, forgetRetired } from "./state";
import { isTableUsed, lookAtAll, sweepSlots } from "./table";
import { WINDOW_NS } from "./waiting";

/** Slots that one tick looks at: about half a millisecond of work for as many calls as usual. */
const MOST_SLOTS: u32 = 64;
/** Steps after which a tick begins no other slot, whatever is in them: some milliseconds. */
const MOST_STEPS: u32 = 1 << 19;
/**
 * How long an effect that is gone is remembered: its calls wait for WINDOW_NS, then for their turn, which takes seconds
 * where every slot is due, and longer where ticks come late.
 */
const KEPT_NS: u64 = 2 * WINDOW_NS;

/** Whether this VM has calls to judge: those of its own policies, or what another module has left in the table. */
let isServing: bool = false;
let hasBegun: bool = false;

/** Takes in the effects of a policy that is loaded. @returns false when there was no memory for one */
export function beginEffects(plan: Plan, now: u64): bool {
  const sound = adoptEffects(plan);
  const isFirst = !hasBegun;
  hasBegun = true;
  if (!isServing) {
    isServing = firstEffectState() != null || (isFirst && isTableUsed());
    if (isServing) lookAtAll(now);
  }
  // Also where this policy has none: the calls of those before it may wait.
  if (isServing) setTickPeriod(TICK_MS);
  return sound;
}

/** A root ticks. */
export function tickEffects(): void {
  if (!isServing) return;
  beginScratch();
  const now = nowNs();
  sweepSlots(now, MOST_SLOTS, MOST_STEPS);
  forgetRetired(now, KEPT_NS);
}
