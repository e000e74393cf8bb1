// Which goals a request reaches, and for whom that counts: for the variant that the bucket of each of the goal's rollouts
// gives the identity, whether or not that rollout applies to the request. A goal counts for whom `users` counts, so what
// keeps somebody out of those keeps the goal out too.

import { fixed } from "../bytes/records";
import { NONE } from "../bytes/slice";
import { Decision, Given, GivenReason, Reached } from "./decision";
import { Goal, GoalPair, nextOfGoal } from "./goal-plan";
import { identify } from "./identity";
import { hashAfter } from "./murmur3";
import { NO_SLOT } from "./plan";
import { forcedReason, isControl, isForced, mayHash, variantAt } from "./split";
import { view } from "./view";

/** Whether a request that a goal's match names counts for it, and why not. */
export const enum Reach {
  Counts,
  /** It asks whether it may come from another origin. */
  Preflight,
  /** It is a shadow's copy. */
  Copy,
  /** It asks for a variant by name. */
  Forced,
  /** It has no identity. */
  Anonymous,
  /** Its identity was drawn for this very request: whoever has it may never come back. */
  Drawn,
  /** The rollout is disabled, or no variant has a share. */
  NoShare,
  /** A guard has rolled the user's variant back. */
  RolledBack,
  /** The user gets the default, and is not in its control group. */
  NoControl,
  /** The client's address has to be given first. */
  Unknown,
}

const probe: Given = fixed<Given>();

/** What keeps the request from all goals, or from this one for all of its rollouts; Reach.Counts for nothing. */
export function reachOfAll(decision: Decision, goal: Goal): Reach {
  if (view.isPreflight) return Reach.Preflight;
  if (view.isCopy) return Reach.Copy;
  if (decision.isForced) return Reach.Forced;
  const errors = decision.ruleErrors;
  for (let pair = goal.pairs; pair; pair = nextOfGoal(pair)) {
    const rollout = decision.plan.rollout(pair.rollout);
    if (rollout.disabled || (rollout.forceHeader == NO_SLOT && rollout.forceCookie == NO_SLOT)) continue;
    const reason = forcedReason(decision, rollout, probe);
    // Where the rollout applies, its rule has run and was counted.
    decision.ruleErrors = errors;
    if (isForced(reason)) return Reach.Forced;
    if (reason == GivenReason.Undecided) return Reach.Unknown;
  }
  return Reach.Counts;
}

/** Whether the request counts for one of the goal's rollouts, and if so for whom: written to `reached`. */
export function reachOf(decision: Decision, pair: GoalPair, reached: Reached): Reach {
  const rollout = decision.plan.rollout(pair.rollout);
  const identity = rollout.identity;
  if (rollout.slots == 0 || !identity) return Reach.NoShare;
  // Nothing is issued for a goal's sake: whoever has no identity here met the rollout with none either.
  const visitor = identify(decision, identity, false);
  if (!visitor) return Reach.Unknown;
  if (visitor.value == NONE) return Reach.Anonymous;
  if (visitor.isDrawn) return Reach.Drawn;
  if (!mayHash(decision, visitor.value)) return Reach.Anonymous;
  const fallback = rollout.variant(rollout.fallback);
  reached.pair = pair;
  reached.rollout = rollout;
  reached.hash = hashAfter(rollout.salted, visitor.value);
  reached.variant = variantAt(rollout, reached.hash, fallback);
  if (reached.variant.isRolledBack) return Reach.RolledBack;
  if (reached.variant != fallback) reached.slot = reached.variant.slot;
  else if (isControl(decision, rollout, visitor.value)) reached.slot = rollout.controlSlot;
  else return Reach.NoControl;
  return reached.slot == NO_SLOT ? Reach.NoControl : Reach.Counts;
}

/** Decides a goal whose match holds. @returns false when the client's address has to be given first */
export function decideGoal(decision: Decision, goal: Goal): bool {
  const reach = reachOfAll(decision, goal);
  if (reach != Reach.Counts) return reach != Reach.Unknown;
  const before = decision.reachedCount;
  for (let pair = goal.pairs; pair; pair = nextOfGoal(pair)) {
    const one = reachOf(decision, pair, decision.reached.at(decision.reachedCount));
    if (one == Reach.Counts) {
      decision.reachedCount++;
    } else if (one == Reach.Unknown) {
      decision.reachedCount = before;
      return false;
    }
  }
  return true;
}
