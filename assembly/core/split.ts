// Which variant of a rollout somebody gets: the one that is asked for by name, or the one whose part of the space holds
// the bucket.

import { lengthOf, sameText, Slice } from "../bytes/slice";
import { readCookies } from "./cookies";
import { Decision, Given, GivenReason } from "./decision";
import { holds, Truth } from "./logic/evaluate";
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

/** Whether a user of the default is in the control group. */
export function isControl(rollout: Rollout, identity: Slice): bool {
  if (rollout.controlBelow == 0) return false;
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
