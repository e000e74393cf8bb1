// A guard beside a simulated rollout: what the filter's judge does on each tick.

import { Guard } from "./guard.ts";
import { CONTROL, ERRORS, VARIANT, type Rollout } from "./rollout.ts";
import type { Simulation } from "./simulation.ts";

export class GuardWatch {
  readonly guard: Guard;
  #period = 1;

  constructor(
    private readonly simulation: Simulation,
    ignoresBursts: boolean,
  ) {
    this.guard = new Guard(simulation.pi, ignoresBursts);
  }

  /** One tick. `now`: seconds since the rollout began. */
  look(rollout: Rollout, now: number): void {
    const { ended: all } = this.simulation;
    const [ended, controlEnded] = [all[VARIANT] ?? 0, all[CONTROL] ?? 0];
    if (rollout.period !== this.#period) {
      this.#period = rollout.period;
      this.guard.begin(now, ended, controlEnded);
    }
    const [errors, controlErrors] = [rollout.count(VARIANT, ERRORS), rollout.count(CONTROL, ERRORS)];
    this.guard.endBlock({ errors, controlErrors, ended, controlEnded }, now);
    this.guard.payMinutes(now);
  }
}
