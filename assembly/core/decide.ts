// The decision of one request. No host, no allocation; clock, randomness and the client's address are inputs, so that a
// case replays exactly.

import { NONE } from "../bytes/slice";
import { Decision, Given, GivenReason } from "./decision";
import { evaluateFlag } from "./flag";
import { decideGoal } from "./goal";
import { identify } from "./identity";
import { holds, Truth } from "./logic/evaluate";
import { matchAll } from "./match";
import { hashAfter } from "./murmur3";
import { NO_SLOT, Rollout } from "./plan";
import { decideShadow } from "./shadow";
import { forcedReason, isControl, isForced, mayHash, variantAt } from "./split";
import { view } from "./view";

/**
 * Decides every rollout that applies, in document order, into `given`, then every shadow into `drawn` and every goal into
 * `reached`, and finds the first effect whose match holds. The client's address is dear to ask for, so it is given only when the decision comes to something that
 * looks at it: that flag, entry, rollout, shadow or goal is then begun again, all before it stands.
 * @returns false when the address has to be given; called again, the decision goes on where it was
 */
export function decide(decision: Decision): bool {
  return evaluateWatched(decision) && matchAll(decision) && decideMatched(decision);
}

/** Evaluates the flags that every request asks for. */
function evaluateWatched(decision: Decision): bool {
  let flag = decision.watched;
  while (flag) {
    if (!evaluateFlag(decision, flag)) break;
    flag = flag.nextWatched;
  }
  decision.watched = flag;
  return !flag;
}

/** Decides the rollouts, shadows and goals whose match holds, and takes back the bit of each. */
function decideMatched(decision: Decision): bool {
  const plan = decision.plan;
  const words = (plan.rolloutCount + plan.shadowCount + plan.goalCount + plan.effectCount + 4095) >> 12;
  for (let s: u32 = 0; s < words; s++) {
    let above = decision.summary.at(s);
    while (above != 0) {
      const word = (s << 6) + (ctz<u64>(above) as u32);
      let bits = decision.matched.at(word);
      while (bits != 0) {
        if (!decideTarget(decision, (word << 6) + (ctz<u64>(bits) as u32))) return false;
        bits &= bits - 1;
        decision.matched.set(word, bits);
      }
      above &= above - 1;
      decision.summary.set(s, above);
    }
  }
  return true;
}

function decideTarget(decision: Decision, target: u32): bool {
  const plan = decision.plan;
  if (target < plan.rolloutCount) return decideRollout(decision, plan.rollout(target));
  const behind = target - plan.rolloutCount;
  if (behind < plan.shadowCount) return decideShadow(decision, plan.shadow(behind));
  const goal = behind - plan.shadowCount;
  if (goal < plan.goalCount) return decideGoal(decision, plan.goal(goal));
  if (!decision.effect) decision.effect = plan.effect(goal - plan.goalCount);
  return true;
}

function decideRollout(decision: Decision, rollout: Rollout): bool {
  const errors = decision.ruleErrors;
  const when = rollout.when;
  if (when) {
    const held = holds(decision, when);
    if (held != Truth.True) return held == Truth.False;
  }
  const given = decision.given.at(decision.givenCount);
  given.rollout = rollout;
  given.variant = rollout.variant(rollout.fallback);
  given.hash = 0;
  given.isControl = false;
  given.slot = NO_SLOT;
  given.reason = rollout.disabled ? GivenReason.Disabled : forcedReason(decision, rollout, given);
  if (isForced(given.reason)) decision.isForced = true;
  if (
    given.reason == GivenReason.Undecided ||
    (given.reason == GivenReason.Default && !split(decision, rollout, given))
  ) {
    // Its rules run once more.
    decision.ruleErrors = errors;
    return false;
  }
  decision.givenCount++;
  return true;
}

/** Gives the visitor's variant. @returns false when the client's address has to be given first */
function split(decision: Decision, rollout: Rollout, given: Given): bool {
  const identity = rollout.identity;
  // A preflight says nothing of the user whose request will follow: all get the same answer to it.
  if (!identity || view.isPreflight) return true;
  const visitor = identify(decision, identity, true);
  if (!visitor) return false;
  if (visitor.value == NONE || !mayHash(decision, visitor.value)) return true;
  given.reason = GivenReason.Split;
  given.hash = hashAfter(rollout.salted, visitor.value);
  const fallback = given.variant;
  given.variant = variantAt(rollout, given.hash, fallback);
  if (given.variant.isRolledBack) {
    // Its users are no control group either: that is of those whom the bucket gives the default.
    given.reason = GivenReason.RolledBack;
    given.variant = fallback;
    return true;
  }
  if (given.variant == fallback) given.isControl = isControl(decision, rollout, visitor.value);
  if (rollout.slots != 0 && (!visitor.isDrawn || rollout.isRandom)) {
    if (given.variant != fallback) given.slot = given.variant.slot;
    else if (given.isControl) given.slot = rollout.controlSlot;
  }
  return true;
}
