// Which shadows get a copy of a request. Budgets are no part of it: they are state, and a decision replays exactly.

import { lengthOf, NONE, sameText, isWord, Slice } from "../bytes/slice";
import { SPACE } from "./bucket";
import { DECIDED, identify, NEEDS_RANDOM } from "./identity";
import { held, holds } from "./logic/evaluate";
import { hashAfter } from "./murmur3";
import { Identity, Plan } from "./plan";
import {
  DISPATCH_MIRROR,
  Drawn,
  DRAWN_ANONYMOUS,
  DRAWN_BYTES,
  DRAWN_COPY,
  DRAWN_NOT,
  DRAWN_TOO_LARGE,
  Shadow,
  UNLIMITED,
} from "./shadow-plan";
import { UNKNOWN_LENGTH, view } from "./view";

export function drawnAt(plan: Plan, index: u32): Drawn {
  return changetype<Drawn>(plan.drawn + index * DRAWN_BYTES);
}

/** Whether the shadow is for requests of this method. */
export function takesMethod(shadow: Shadow, method: Slice): bool {
  if (shadow.methods == 0) {
    // A copy of anything else may have side effects.
    return isWord(method, "GET") || isWord(method, "HEAD") || isWord(method, "OPTIONS");
  }
  for (let i: u32 = 0; i < shadow.methodCount; i++) {
    if (sameText(load<u64>(shadow.methods + ((i as usize) << 3)), method)) return true;
  }
  return false;
}

/** Whether the request is one that has no copy at all: what it opens is a tunnel. */
export function opensTunnel(): bool {
  return view.isUpgrade || isWord(view.method, "CONNECT");
}

/** Decides a shadow whose match holds. @returns DECIDED, or what has to be given first */
export function decideShadow(plan: Plan, shadow: Shadow): u32 {
  if (opensTunnel() || !takesMethod(shadow, view.method)) return DECIDED;
  if (shadow.when != 0) {
    const needs = holds(plan, shadow.when);
    if (needs != DECIDED || !held) return needs;
  }
  const drawn = drawnAt(plan, plan.drawnCount);
  drawn.shadow = changetype<usize>(shadow);
  drawn.outcome = DRAWN_NOT;
  drawn.hash = 0;
  const needs = shadow.byIdentity ? drawVisitor(plan, shadow, drawn) : drawRequest(plan, shadow, drawn);
  if (needs != DECIDED) return needs;
  if (drawn.outcome == DRAWN_COPY && isTooLarge(shadow)) drawn.outcome = DRAWN_TOO_LARGE;
  plan.drawnCount++;
  return DECIDED;
}

/** No cookie is issued for a shadow's sake: production is not changed by it. */
function drawVisitor(plan: Plan, shadow: Shadow, drawn: Drawn): u32 {
  drawn.outcome = DRAWN_ANONYMOUS;
  if (shadow.identity == 0) return DECIDED;
  const identity = changetype<Identity>(shadow.identity);
  const needs = identify(plan, identity, false);
  if (needs != DECIDED || identity.value == NONE || lengthOf(identity.value) == 0) return needs;
  drawn.hash = hashAfter(shadow.salted, identity.value);
  drawn.outcome = (drawn.hash as u64) < shadow.below ? DRAWN_COPY : DRAWN_NOT;
  return DECIDED;
}

const DRAW_BYTES: u32 = 4;

function drawRequest(plan: Plan, shadow: Shadow, drawn: Drawn): u32 {
  if (shadow.below == SPACE) {
    drawn.outcome = DRAWN_COPY;
  } else if (shadow.below != 0) {
    if (plan.randomBytes - plan.randomUsed < DRAW_BYTES) return NEEDS_RANDOM;
    drawn.hash = load<u32>(plan.random + plan.randomUsed);
    plan.randomUsed += DRAW_BYTES;
    if ((drawn.hash as u64) < shadow.below) drawn.outcome = DRAWN_COPY;
  }
  return DECIDED;
}

/** Whether the request's headers say already that its body is too large to be copied. */
function isTooLarge(shadow: Shadow): bool {
  if (view.hasNoBody || shadow.maxBodyBytes == UNLIMITED) return false;
  // A mirror's body streams, so its length has to be known before.
  if (view.bodyBytes == UNKNOWN_LENGTH) return shadow.dispatch == DISPATCH_MIRROR;
  return view.bodyBytes > (shadow.maxBodyBytes as u64);
}
