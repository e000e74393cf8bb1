// The decision of one request: plan and view in, a list of Given and one of Drawn out. No host, no allocation; clock,
// randomness and the client's address are inputs, so that a case replays exactly.

import { lengthOf, NONE, sameText, Slice } from "../bytes/slice";
import { readCookies } from "./cookies";
import { DECIDED, identify } from "./identity";
import { clearMatched, matchAll } from "./match";
import { hashAfter } from "./murmur3";
import {
  Flag,
  Given,
  GIVEN_BYTES,
  GIVEN_DEFAULT,
  GIVEN_DISABLED,
  GIVEN_FORCED_BY_COOKIE,
  GIVEN_FORCED_BY_HEADER,
  GIVEN_SPLIT,
  Identity,
  NO_SLOT,
  Plan,
  Rollout,
  ROLLOUT_BYTES,
  Variant,
  VARIANT_BYTES,
} from "./plan";
import { evaluateFlag } from "./flag";
import { held, holds } from "./logic/evaluate";
import { decideShadow } from "./shadow";
import { Shadow, SHADOW_BYTES } from "./shadow-plan";
import { slotValue } from "./view";

/**
 * Decides every rollout that applies, in document order, into `plan.given`, then every shadow into `plan.drawn`.
 * @returns DECIDED, or what the filter has to give before it calls again: NEEDS_ADDRESS, NEEDS_RANDOM
 */
export function decide(plan: Plan): u32 {
  plan.givenCount = 0;
  plan.drawnCount = 0;
  plan.ruleErrors = 0;
  for (let at = plan.watched; at != 0; at = changetype<Flag>(at).nextWatched) {
    const needs = evaluateFlag(plan, changetype<Flag>(at));
    if (needs != DECIDED) return needs;
  }
  const targets = plan.rolloutCount + plan.shadowCount;
  if (targets == 0) return DECIDED;
  clearMatched(plan);
  plan.needs = DECIDED;
  matchAll(plan);
  if (plan.needs != DECIDED) return plan.needs;
  const words = (targets + 4095) >> 12;
  for (let s: u32 = 0; s < words; s++) {
    let above = load<u64>(plan.summary + ((s as usize) << 3));
    while (above != 0) {
      const word = (s << 6) + (ctz<u64>(above) as u32);
      above &= above - 1;
      let bits = load<u64>(plan.matched + ((word as usize) << 3));
      while (bits != 0) {
        const target = (word << 6) + (ctz<u64>(bits) as u32);
        bits &= bits - 1;
        const needs = decideTarget(plan, target);
        if (needs != DECIDED) return needs;
      }
    }
  }
  return DECIDED;
}

function decideTarget(plan: Plan, target: u32): u32 {
  if (target < plan.rolloutCount) {
    return decideRollout(plan, changetype<Rollout>(plan.rollouts + target * ROLLOUT_BYTES));
  }
  const shadow = plan.shadows + (target - plan.rolloutCount) * SHADOW_BYTES;
  return decideShadow(plan, changetype<Shadow>(shadow));
}

function decideRollout(plan: Plan, rollout: Rollout): u32 {
  if (rollout.when != 0) {
    const needs = holds(plan, rollout.when);
    if (needs != DECIDED || !held) return needs;
  }
  const given = changetype<Given>(plan.given + plan.givenCount * GIVEN_BYTES);
  given.rollout = changetype<usize>(rollout);
  given.variant = rollout.variants + rollout.fallback * VARIANT_BYTES;
  given.hash = 0;
  given.isControl = false;
  if (rollout.disabled) {
    given.reason = GIVEN_DISABLED;
    plan.givenCount++;
    return DECIDED;
  }
  const needs = decideForced(plan, rollout, given);
  if (needs != DECIDED) return needs;
  if (given.reason != NOT_FORCED) {
    plan.givenCount++;
    return DECIDED;
  }
  given.reason = GIVEN_DEFAULT;
  if (rollout.identity != 0) {
    const identity = changetype<Identity>(rollout.identity);
    const asks = identify(plan, identity, true);
    if (asks != DECIDED) return asks;
    if (identity.value != NONE) {
      given.reason = GIVEN_SPLIT;
      given.hash = hashAfter(rollout.salted, identity.value);
      const fallback = given.variant;
      given.variant = variantAt(rollout, given.hash, fallback);
      if (rollout.controlBelow != 0 && given.variant == fallback) {
        // By a salt of its own: the position among all says already that it is the default's.
        const hash = hashAfter(rollout.controlSalted, identity.value);
        given.isControl = (hash as u64) < rollout.controlBelow;
      }
    }
  }
  plan.givenCount++;
  return DECIDED;
}

/** No tester chose: never a reason that stands in a Given in the end. */
const NOT_FORCED: u32 = 0xffffffff;

/** Gives the variant that the request asks for by header or cookie, if `force.when` lets it; NOT_FORCED otherwise. */
function decideForced(plan: Plan, rollout: Rollout, given: Given): u32 {
  given.reason = NOT_FORCED;
  let reason = GIVEN_FORCED_BY_HEADER;
  let forced = variantNamed(rollout, slotValue(plan, rollout.forceHeader));
  if (forced == 0 && rollout.forceCookie != NO_SLOT) {
    readCookies(plan);
    reason = GIVEN_FORCED_BY_COOKIE;
    forced = variantNamed(rollout, slotValue(plan, rollout.forceCookie));
  }
  if (forced == 0) return DECIDED;
  if (rollout.forceWhen != 0) {
    const needs = holds(plan, rollout.forceWhen);
    if (needs != DECIDED || !held) return needs;
  }
  given.reason = reason;
  given.variant = forced;
  return DECIDED;
}

function variantNamed(rollout: Rollout, name: Slice): usize {
  if (lengthOf(name) == 0) return 0;
  let at = rollout.variants;
  for (let i: u32 = 0; i < rollout.variantCount; i++) {
    if (sameText(changetype<Variant>(at).name, name)) return at;
    at += VARIANT_BYTES;
  }
  return 0;
}

/** The variant whose part of the space holds `hash`, the default otherwise. */
function variantAt(rollout: Rollout, hash: u32, fallback: usize): usize {
  const point = hash as u64;
  let at = rollout.variants;
  for (let i: u32 = 0; i < rollout.variantCount; i++) {
    const variant = changetype<Variant>(at);
    if (point >= variant.begin && point < variant.end) return at;
    at += VARIANT_BYTES;
  }
  return fallback;
}
