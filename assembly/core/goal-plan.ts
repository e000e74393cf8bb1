// Goals as the plan has them: which requests reach one, and for which rollouts that is counted.

import { Run } from "../bytes/records";
import { Slice } from "../bytes/slice";
import { Entry } from "./match-plan";

/** What the business wants: a request and the statuses of its success. */
@unmanaged
export class Goal {
  name: Slice;
  /** Its match entries in document order. */
  entries: Entry | null;
  /** A bit for each status, of STATUS_WORDS words. */
  statuses: Run<u64>;
  /** The response header with what a success is worth, as a property; NONE without. */
  valueProperty: Slice;
  /** The most that one success is worth, in thousandths. */
  most: u64;
  /** The rollouts that it is counted for: a chain by `nextOfGoal`. */
  pairs: GoalPair | null;

  /** Whether an answer of this status is a success. */
  takes(status: u32): bool {
    if (status >= STATUSES) return false;
    return ((this.statuses.at(status >> 6) >> ((status & 63) as u64)) & 1) != 0;
  }

  /** Makes this status a success; below STATUSES. */
  // @ts-ignore: decorator
  @inline
  take(status: u32): void {
    const word = status >> 6;
    this.statuses.set(word, this.statuses.at(word) | ((1 as u64) << ((status & 63) as u64)));
  }
}

/** Statuses that a goal may have: below 600, in whole words. */
export const STATUS_WORDS: u32 = 10;
const STATUSES: u32 = STATUS_WORDS << 6;

/** A goal that is counted for a rollout. */
@unmanaged
export class GoalPair {
  goal: Goal;
  /** The number of the rollout. */
  rollout: u32;
  /** Its place among the goals of that rollout: its stat follows the thresholds of `slow` in this order. */
  index: u32;
  nextOfGoal: GoalPair | null;
  nextOfRollout: GoalPair | null;
}

/** The next rollout of the same goal: for the step of a `for` loop, as `nextOf`. */
export function nextOfGoal(pair: GoalPair | null): GoalPair | null {
  return pair ? pair.nextOfGoal : null;
}

/** The next goal of the same rollout, likewise. */
export function nextOfRollout(pair: GoalPair | null): GoalPair | null {
  return pair ? pair.nextOfRollout : null;
}
