// What a decision does to the request and its response, told to the host in a fixed order: removals, rollouts, cluster,
// flags, cookie, mirrors; then the route cache is cleared, once, and only if a route may depend on what was set.

import { take } from "../bytes/arena";
import { addressOf, lengthOf, NONE, Slice, sliceOf } from "../bytes/slice";
import { beginText, textOf, Writer } from "../bytes/writer";
import { IssueCookie, Plan, Rollout, STEER_HEADER, Variant } from "../core/plan";
import {
  anyIssued,
  givenAt,
  isAnnounced,
  isSecure,
  putCookieHeader,
  putSetCookie,
  steeredCluster,
} from "../core/steering";
import { anyExposed, putDictionary } from "../core/dictionary";
import { putObserved } from "../core/observed";
import { view } from "../core/view";
import {
  addResponseHeader,
  removeRequestHeader,
  removeRequestTrailer,
  replaceRequestHeader,
} from "../host/headers";
import { callForeign } from "../host/plugin";
import { setFilterState } from "../host/properties";
import { CLEAR_INLINE } from "../vocabulary/headers";
import { Stream } from "./contexts";
import { announceMirrors } from "./shadow/send";
import { survive } from "./survive";
import {
  vmArena,
  wordClearRouteCache,
  wordClusterHeader,
  wordClusterState,
  wordCookie,
  wordDecisionState,
  wordFlagsHeader,
  wordIpTags,
  wordSetCookie,
} from "./words";

/** A cookie that the stream's response has to set. */
@unmanaged
class IssuedCookie {
  next: usize;
  /** Of the stream's plan, which outlives the stream. */
  issue: usize;
  isSecure: bool;
  /** 32 hexadecimal digits follow. */
  id: u8;
}

const ID_BYTES: u32 = 32;
const ID_OFFSET: usize = offsetof<IssuedCookie>("id");
const ISSUED_BYTES: usize = ID_OFFSET + ID_BYTES;

const text: Writer = changetype<Writer>(memory.data(32, 8));
let freeIssued: usize = 0;
/** Whether Envoy will look for the route again, for a header was written since the last filter state. */
let routeCleared: bool = true;

/** Whether `applyDecision` changed the request's headers. */
export let headersChanged: bool = false;

/** Tells the host what was decided. */
export function applyDecision(plan: Plan, stream: Stream): void {
  routeCleared = true;
  headersChanged = view.forgedCount != 0;
  for (let i: u32 = 0; i < view.forgedCount; i++) {
    if (!removeRequestHeader(load<u64>(view.forged + ((i as usize) << 3)))) {
      survive("host-call", "a client header under x-serin- could not be removed");
    }
  }
  if (plan.givenCount == 0 && plan.watched == 0 && plan.drawnCount == 0) return;
  const byHeader = plan.steer == STEER_HEADER;
  if (plan.observes) observe(plan);
  for (let i: u32 = 0; i < plan.givenCount; i++) {
    const given = givenAt(plan, i);
    if (!isAnnounced(given)) continue;
    const rollout = changetype<Rollout>(given.rollout);
    const variant = changetype<Variant>(given.variant);
    if (byHeader) write(true, rollout.header, variant.headerValue);
    else write(false, rollout.state, variant.name);
  }
  const cluster = steeredCluster(plan);
  if (cluster != NONE) write(byHeader, byHeader ? wordClusterHeader : wordClusterState, cluster);
  if (plan.watched != 0 && anyExposed(plan)) {
    beginText(text);
    putDictionary(text, plan);
    write(true, wordFlagsHeader, textOf(text));
  }
  if (plan.issues != 0 && anyIssued(plan)) issueCookies(plan, stream);
  if (plan.drawnCount != 0 && announceMirrors(plan, plan.nowNs)) {
    routeCleared = true;
    headersChanged = true;
  }
  if (!routeCleared) clearRoute();
}

/** For access logs and spans: no route looks at it, so the route stays as it is. */
function observe(plan: Plan): void {
  beginText(text);
  putObserved(text, plan);
  const line = textOf(text);
  if (lengthOf(line) == 0) return;
  if (!setFilterState(wordDecisionState, line)) survive("host-call", "a filter state could not be written");
}

/** Takes the client's own `x-serin-*` out of the request's trailers: an upstream may fold them into its headers. */
export function removeForgedTrailers(): void {
  for (let i: u32 = 0; i < view.forgedCount; i++) {
    if (!removeRequestTrailer(load<u64>(view.forged + ((i as usize) << 3)))) {
      survive("host-call", "a client trailer under x-serin- could not be removed");
    }
  }
}

function write(byHeader: bool, name: Slice, value: Slice): void {
  if (byHeader) {
    if (!replaceRequestHeader(name, value)) survive("host-call", "a request header could not be written");
    routeCleared = true;
    headersChanged = true;
    return;
  }
  if (!setFilterState(name, value)) survive("host-call", "a filter state could not be written");
  routeCleared = false;
}

/** Any write of a request header makes Envoy look for the route again; taking an absent inline one away is cheapest. */
function clearRoute(): void {
  if (CLEAR_INLINE && !view.hasIpTags) removeRequestHeader(wordIpTags);
  else if (!callForeign(wordClearRouteCache)) survive("host-call", "the route cache could not be cleared");
}

function issueCookies(plan: Plan, stream: Stream): void {
  beginText(text);
  putCookieHeader(text, plan);
  if (!replaceRequestHeader(wordCookie, textOf(text)))
    survive("host-call", "the cookie header could not be written");
  routeCleared = true;
  headersChanged = true;
  for (let at = plan.issues; at != 0; at = changetype<IssueCookie>(at).next) {
    const issue = changetype<IssueCookie>(at);
    if (issue.stamp != plan.stamp) continue;
    const address = takeIssued();
    if (address == 0) {
      survive("memory", "no memory for an issued cookie");
      return;
    }
    const issued = changetype<IssuedCookie>(address);
    issued.issue = at;
    issued.isSecure = isSecure(issue);
    memory.copy(
      address + ID_OFFSET,
      addressOf(issue.id),
      lengthOf(issue.id) < ID_BYTES ? lengthOf(issue.id) : ID_BYTES,
    );
    issued.next = stream.issued;
    stream.issued = address;
  }
}

/** Sets the stream's cookies on its response. */
export function setIssuedCookies(stream: Stream): void {
  for (let at = stream.issued; at != 0; at = changetype<IssuedCookie>(at).next) {
    const issued = changetype<IssuedCookie>(at);
    beginText(text);
    putSetCookie(
      text,
      changetype<IssueCookie>(issued.issue),
      sliceOf(at + ID_OFFSET, ID_BYTES),
      issued.isSecure,
    );
    if (!addResponseHeader(wordSetCookie, textOf(text))) survive("host-call", "a cookie could not be set");
  }
  releaseIssued(stream);
}

/** Gives the stream's cookies back, set or not. */
export function releaseIssued(stream: Stream): void {
  let at = stream.issued;
  stream.issued = 0;
  while (at != 0) {
    const next = changetype<IssuedCookie>(at).next;
    changetype<IssuedCookie>(at).next = freeIssued;
    freeIssued = at;
    at = next;
  }
}

function takeIssued(): usize {
  const at = freeIssued;
  if (at == 0) return take(vmArena, ISSUED_BYTES);
  freeIssued = changetype<IssuedCookie>(at).next;
  return at;
}
