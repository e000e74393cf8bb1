// Requests that pass without a decision: nothing is known of their stream, since there was no memory for it or no policy,
// or their headers could not be read. The client's own `x-serin-*` are removed from these too: routes and upstreams
// believe them.

import { NONE, sameText, Slice } from "../bytes/slice";
import { beginDecision, decision } from "../core/decision";
import { Plan } from "../core/plan";
import { readRequest, view } from "../core/view";
import { removeRequestHeader, removeRequestTrailer, requestHeaders, requestTrailers } from "../host/headers";
import { property } from "../host/properties";
import { removeForged, removeForgedTrailers } from "./effects";
import { Root } from "./records";
import { refuseCall } from "./side-effects/calls";
import { stripBaggage } from "./side-effects/marks";
import { survive } from "./survive";
import { words } from "./words";

/** The stream that was created last for which there was no memory, and its root. Envoy brings its headers next. */
let lastId: u32 = 0;
let lastRoot: Root | null = null;

/** There is no memory for a stream of this root. */
export function noteUndecided(id: u32, root: Root): void {
  lastId = id;
  lastRoot = root;
}

/** The headers of a request of whose stream nothing is known are there. */
export function passUndecided(id: u32): void {
  survive("stream", "nothing is known of this stream: its request passes without a decision");
  if (isOfUpstream()) return;
  const plan = planOf(id);
  const block = requestHeaders();
  // Read before the mark is taken out: what effects hold back is never sent.
  if (plan != null && block != NONE && holdsBack(plan)) {
    beginDecision(decision, plan, 0);
    if (readRequest(decision, block) && view.shadow != NONE) return refuseCall();
  }
  stripRequest(block, plan);
}

/** Whether there are calls of shadows that the policy's effects answer. */
function holdsBack(plan: Plan): bool {
  for (let i: u32 = 0; i < plan.effectCount; i++) {
    if (plan.effect(i).answers) return true;
  }
  return false;
}

/** A request of whose stream nothing is known ends with trailers. */
export function endUndecided(id: u32): void {
  if (!isOfUpstream()) stripTrailers(requestTrailers(), planOf(id));
}

function planOf(id: u32): Plan | null {
  const root = lastId == id ? lastRoot : null;
  return root == null ? null : root.plan;
}

/** A filter on a shadow's cluster leaves the headers that the filter before it wrote. */
function isOfUpstream(): bool {
  return sameText(property(words.rootId), words.upstream);
}

/**
 * Removes the client's own `x-serin-*` headers, and its `serin-shadow` out of baggage.
 * @param block all headers; NONE when they could not be read: then those that the plan's routes and upstreams know by
 * name, as Serin spells them
 */
export function stripRequest(block: Slice, plan: Plan | null): void {
  if (block != NONE) {
    removeForged(block);
    stripBaggage(block, false);
  } else {
    removeKnown(plan, false);
  }
}

/** As `stripRequest`, for trailers. */
export function stripTrailers(block: Slice, plan: Plan | null): void {
  if (block != NONE) {
    removeForgedTrailers(block);
    stripBaggage(block, true);
  } else {
    removeKnown(plan, true);
  }
}

function removeKnown(plan: Plan | null, isTrailer: bool): void {
  remove(words.clusterHeader, isTrailer);
  remove(words.flagsHeader, isTrailer);
  remove(words.shadowHeader, isTrailer);
  // What cannot be read cannot be taken apart.
  remove(words.baggage, isTrailer);
  if (plan == null) return;
  for (let i: u32 = 0; i < plan.rolloutCount; i++) remove(plan.rollout(i).header, isTrailer);
  for (let i: u32 = 0; i < plan.shadowCount; i++) remove(plan.shadow(i).header, isTrailer);
}

function remove(name: Slice, isTrailer: bool): void {
  if (isTrailer) removeRequestTrailer(name);
  else removeRequestHeader(name);
}
