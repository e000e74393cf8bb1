// A ramp by the clock: which step it is on, from the time alone, so that every Envoy is on the same.

import { Run } from "../bytes/records";

/** The shares of a variant, one after the other. */
@unmanaged
export class Ramp {
  /** Thousandths of a percent, rising. */
  steps: Run<u32>;
  stepCount: u32;
  everyNs: u64;
  /** Wall clock in nanoseconds; 0 where `serin advance` moves the percent. */
  startNs: u64;
  isPaused: bool;
  /** Steps that were taken: none is taken back. */
  taken: u32;
  /** A hash of the above: what was taken of another ramp counts for nothing here. */
  signature: u64;
}

/** How many steps a ramp has begun by this time: 0 before its start. */
export function stepsBegun(ramp: Ramp, nowNs: u64): u32 {
  let begun: u32 = 0;
  let due = ramp.startNs;
  while (begun < ramp.stepCount && nowNs >= due) {
    begun++;
    due += ramp.everyNs;
  }
  return begun;
}

/** The share after so many steps. */
export function shareAfter(ramp: Ramp, steps: u32): u32 {
  return steps == 0 ? 0 : ramp.steps.at((steps < ramp.stepCount ? steps : ramp.stepCount) - 1);
}
