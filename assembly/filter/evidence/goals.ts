// The goals of a request: noted when its answer was a success, once a user, goal and evidence period.

import { take } from "../../bytes/arena";
import { indexOfUser } from "../../core/evidence";
import { Decision } from "../../core/decision";
import { Goal } from "../../core/goal-plan";
import { worthOf } from "../../core/goal-value";
import { NONE } from "../../bytes/slice";
import { property } from "../../host/properties";
import { isFallingBack } from "../fallback";
import { Stream } from "../records";
import { vmArena } from "../vm";
import { isNewGoal, noteGoal } from "./notes";
import { Evidence, isStopped } from "./record";

/** A user of a stream who reaches a goal, for one rollout. */
@unmanaged
class Reaching {
  next: usize;
  evidence: usize;
  /** Of the stream's plan. */
  goal: Goal;
  /** The period in which the request began. */
  period: u32;
  index: u32;
  slot: u32;
  /** The goal's place among those of the rollout. */
  place: u32;
}
const REACHING_BYTES: usize = offsetof<Reaching>();

let freeReachings: usize = 0;

/** Notes on the stream the goals that its request reaches if the answer is a success, and that are new for its user. */
export function beginGoals(decision: Decision, stream: Stream): void {
  for (let i: u32 = 0; i < decision.reachedCount; i++) {
    const reached = decision.reached.at(i);
    const rollout = reached.rollout;
    if (rollout.evidence == 0) continue;
    const evidence = changetype<Evidence>(rollout.evidence);
    if (evidence.period == 0 || evidence.signature != rollout.signature) continue;
    if (isStopped(evidence, reached.slot)) continue;
    const index = indexOfUser(reached.hash, evidence.bits);
    const place = reached.pair.index;
    // Most who buy have bought before: what is known costs nothing more.
    if (!isNewGoal(evidence, index, place)) continue;
    // Meanwhile `users` does not count them either.
    if (isFallingBack(reached.variant)) continue;
    let at = freeReachings;
    if (at != 0) freeReachings = changetype<Reaching>(at).next;
    else at = take(vmArena(), REACHING_BYTES);
    if (at == 0) return;
    const reaching = changetype<Reaching>(at);
    reaching.evidence = rollout.evidence;
    reaching.goal = reached.pair.goal;
    reaching.period = evidence.period;
    reaching.index = index;
    reaching.slot = reached.slot;
    reaching.place = place;
    reaching.next = stream.goals;
    stream.goals = at;
  }
}

/**
 * The stream is over: counts its goals, if the period in which it began is still open.
 * @param status of its answer
 * @param isWhole whether the answer came to its end, and is no error of gRPC
 */
export function endGoals(stream: Stream, status: u32, isWhole: bool): void {
  let at = stream.goals;
  stream.goals = 0;
  while (at != 0) {
    const reaching = changetype<Reaching>(at);
    const goal = reaching.goal;
    if (isWhole && goal.takes(status)) count(reaching, goal);
    const next = reaching.next;
    reaching.next = freeReachings;
    freeReachings = at;
    at = next;
  }
}

function count(reaching: Reaching, goal: Goal): void {
  const evidence = changetype<Evidence>(reaching.evidence);
  if (evidence.period != reaching.period || isStopped(evidence, reaching.slot)) return;
  if (!isNewGoal(evidence, reaching.index, reaching.place)) return;
  const value: u64 = goal.valueProperty == NONE ? 0 : worthOf(property(goal.valueProperty), goal.most);
  noteGoal(evidence, reaching.index, reaching.slot, reaching.place, value);
}
