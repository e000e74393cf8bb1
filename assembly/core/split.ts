// Which variant of a rollout somebody gets: the one that is asked for by name, or the one whose part of the space holds
// the bucket.

import { lengthOf, sameText, Slice } from "../bytes/slice";
import { readCookies } from "./cookies";
import { Decision, Given, GivenReason } from "./decision";
import { holds, Truth } from "./logic/evaluate";
import { isSpent, spend } from "./logic/work";
import { hashAfter } from "./murmur3";
import { NO_SLOT, Rollout, Variant } from "./plan";

/**
 * Gives the variant that the request asks for by header or cookie, if `force.when` lets it.
 * @returns why; GivenReason.Default when no tester chose, or GivenReason.Undecided
 */
export function forcedReason(decision: Decision, rollout: Rollout, given: Given): GivenReason {
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

/** Whether a request asked for its variant by name. */
export function isForced(reason: GivenReason): bool {
  return reason == GivenReason.ForcedByHeader || reason == GivenReason.ForcedByCookie;
}

/** From so many bytes on the hashing of an identity is charged: below it costs less than the look for a header. */
const LONG_IDENTITY: u32 = 1024;
/** Bytes of an identity that are hashed in a step of work, as a power of two. */
const HASHED_IN_A_STEP: u32 = 5;

/**
 * Charges the hashing of an identity to the request's work: one of 60 KB, for hundreds of rollouts, would take longer than
 * any rule may.
 * @returns false when the work is spent: then whoever it is counts as nobody
 */
export function mayHash(decision: Decision, identity: Slice): bool {
  const bytes = lengthOf(identity);
  if (bytes < LONG_IDENTITY) return true;
  if (isSpent()) {
    decision.workErrors++;
    return false;
  }
  spend(bytes >> HASHED_IN_A_STEP);
  return true;
}

/** Whether a user of the default is in the control group. */
export function isControl(decision: Decision, rollout: Rollout, identity: Slice): bool {
  if (rollout.controlBelow == 0 || !mayHash(decision, identity)) return false;
  // By a salt of its own: the position among all says already that it is the default's.
  return (hashAfter(rollout.controlSalted, identity) as u64) < rollout.controlBelow;
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
export function variantAt(rollout: Rollout, hash: u32, fallback: Variant): Variant {
  const point = hash as u64;
  for (let i: u32 = 0; i < rollout.variantCount; i++) {
    const variant = rollout.variant(i);
    if (point >= variant.begin && point < variant.end) return variant;
  }
  return fallback;
}
