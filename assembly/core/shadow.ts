// Which shadows get a copy of a request. Budgets are applied elsewhere: they are state, and a decision has to be
// reproducible.

import { lengthOf, sameText, isWord, Slice } from "../bytes/slice";
import { SPACE } from "./bucket";
import { Decision, Draw, Drawn } from "./decision";
import { identify } from "./identity";
import { holds, Truth } from "./logic/evaluate";
import { hashAfter } from "./murmur3";
import { Dispatch, Shadow, UNLIMITED } from "./shadow-plan";
import { mayHash } from "./split";
import { UNKNOWN_LENGTH, view } from "./view";

/** Whether the shadow is for requests of this method. */
export function takesMethod(shadow: Shadow, method: Slice): bool {
  if (shadow.methods.isNone) {
    // A copy of anything else may have side effects.
    return isWord(method, "GET") || isWord(method, "HEAD") || isWord(method, "OPTIONS");
  }
  for (let i: u32 = 0; i < shadow.methodCount; i++) {
    if (sameText(shadow.methods.at(i), method)) return true;
  }
  return false;
}

/** Whether the request is one that has no copy at all: what it opens is a tunnel. */
export function opensTunnel(): bool {
  return view.isUpgrade || isWord(view.method, "CONNECT");
}

/** Decides a shadow whose match holds. @returns false when the client's address has to be given first */
export function decideShadow(decision: Decision, shadow: Shadow): bool {
  if (opensTunnel() || !takesMethod(shadow, view.method)) return true;
  const errors = decision.ruleErrors;
  const when = shadow.when;
  if (when) {
    const held = holds(decision, when);
    if (held != Truth.True) return held == Truth.False;
  }
  const drawn = decision.drawn.at(decision.drawnCount);
  drawn.shadow = shadow;
  drawn.outcome = Draw.None;
  drawn.hash = 0;
  if (!shadow.byIdentity) {
    drawRequest(decision, shadow, drawn);
  } else if (!drawVisitor(decision, shadow, drawn)) {
    // Its rule runs once more.
    decision.ruleErrors = errors;
    return false;
  }
  if (drawn.outcome == Draw.Copy && isTooLarge(shadow)) drawn.outcome = Draw.TooLarge;
  decision.drawnCount++;
  return true;
}

/** No cookie is issued for a shadow's sake: production is not changed by it. */
function drawVisitor(decision: Decision, shadow: Shadow, drawn: Drawn): bool {
  drawn.outcome = Draw.Anonymous;
  const identity = shadow.identity;
  if (!identity) return true;
  const visitor = identify(decision, identity, false);
  if (!visitor) return false;
  if (lengthOf(visitor.value) == 0 || !mayHash(decision, visitor.value)) return true;
  drawn.hash = hashAfter(shadow.salted, visitor.value);
  drawn.outcome = (drawn.hash as u64) < shadow.below ? Draw.Copy : Draw.None;
  return true;
}

const REQUEST_BYTES: u32 = 4;

function drawRequest(decision: Decision, shadow: Shadow, drawn: Drawn): void {
  if (shadow.below == SPACE) {
    drawn.outcome = Draw.Copy;
  } else if (shadow.below != 0) {
    const random = decision.takeRandom(REQUEST_BYTES);
    if (random == 0) return;
    drawn.hash = load<u32>(random);
    if ((drawn.hash as u64) < shadow.below) drawn.outcome = Draw.Copy;
  }
}

/** Whether the request's headers say already that its body is too large to be copied. */
function isTooLarge(shadow: Shadow): bool {
  if (view.hasNoBody || shadow.maxBodyBytes == UNLIMITED) return false;
  // A mirror's body streams, so its length has to be known before.
  if (view.bodyBytes == UNKNOWN_LENGTH) return shadow.dispatch == Dispatch.Mirror;
  return view.bodyBytes > (shadow.maxBodyBytes as u64);
}
