// The decision of one request. No host, no allocation; clock, randomness and the client's address are inputs, so that a
// case replays exactly.

import { lengthOf, NONE, sameText, Slice } from "../bytes/slice";
import { readCookies } from "./cookies";
import { Decision, Given, GivenReason } from "./decision";
import { evaluateFlag } from "./flag";
import { identify } from "./identity";
import { holds, Truth } from "./logic/evaluate";
import { matchAll } from "./match";
import { hashAfter } from "./murmur3";
import { NO_SLOT, Rollout, Variant } from "./plan";
import { decideShadow } from "./shadow";
import { view } from "./view";

/**
 * Decides every rollout that applies, in document order, into `given`, then every shadow into `drawn`. The client's
 * address is dear to ask for, so it is given only when the decision comes to something that looks at it: that flag,
 * entry, rollout or shadow is then begun again, all before it stands.
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

/** Decides the rollouts and shadows whose match holds, and takes back the bit of each. */
function decideMatched(decision: Decision): bool {
  const plan = decision.plan;
  const words = (plan.rolloutCount + plan.shadowCount + 4095) >> 12;
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
  return decideShadow(decision, plan.shadow(target - plan.rolloutCount));
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

/**
 * Gives the variant that the request asks for by header or cookie, if `force.when` lets it.
 * @returns why; GivenReason.Default when no tester chose, or GivenReason.Undecided
 */
function forcedReason(decision: Decision, rollout: Rollout, given: Given): GivenReason {
  let reason = GivenReason.ForcedByHeader;
  let forced = variantNamed(rollout, decision.valueOf(rollout.forceHeader));
  if (!forced && rollout.forceCookie != NO_SLOT) {
    readCookies(decision);
    reason = GivenReason.ForcedByCookie;
    forced = variantNamed(rollout, decision.valueOf(rollout.forceCookie));
  }
  if (!forced) return GivenReason.Default;
  const when = rollout.forceWhen;
  if (when) {
    const held = holds(decision, when);
    if (held != Truth.True) return held == Truth.Unknown ? GivenReason.Undecided : GivenReason.Default;
  }
  given.variant = forced;
  return reason;
}

/** Gives the visitor's variant. @returns false when the client's address has to be given first */
function split(decision: Decision, rollout: Rollout, given: Given): bool {
  const identity = rollout.identity;
  if (!identity) return true;
  const visitor = identify(decision, identity, true);
  if (!visitor) return false;
  if (visitor.value == NONE) return true;
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
  if (rollout.controlBelow != 0 && given.variant == fallback) {
    // By a salt of its own: the position among all says already that it is the default's.
    const hash = hashAfter(rollout.controlSalted, visitor.value);
    given.isControl = (hash as u64) < rollout.controlBelow;
  }
  if (rollout.slots != 0 && (!visitor.isDrawn || rollout.isRandom) && !view.isPreflight) {
    if (given.variant != fallback) given.slot = given.variant.slot;
    else if (given.isControl) given.slot = rollout.controlSlot;
  }
  return true;
}

/** The variant of this name (exact bytes); null when there is none. */
export function variantNamed(rollout: Rollout, name: Slice): Variant | null {
  if (lengthOf(name) == 0) return null;
  for (let i: u32 = 0; i < rollout.variantCount; i++) {
    const variant = rollout.variant(i);
    if (sameText(variant.name, name)) return variant;
  }
  return null;
}

/** The variant whose part of the space holds `hash`, the default otherwise. */
function variantAt(rollout: Rollout, hash: u32, fallback: Variant): Variant {
  const point = hash as u64;
  for (let i: u32 = 0; i < rollout.variantCount; i++) {
    const variant = rollout.variant(i);
    if (point >= variant.begin && point < variant.end) return variant;
  }
  return fallback;
}
