// What a decision does to the request and its response, told to the host in a fixed order: removals, rollouts, cluster,
// flags, cookie, mirrors; then the route cache is cleared, once, and only if a route may depend on what was set.

import { take } from "../bytes/arena";
import { addressOf, lengthOf, NONE, Slice, sliceOf } from "../bytes/slice";
import { beginText, textOf, Writer } from "../bytes/writer";
import { nextOf } from "../bytes/records";
import { Decision } from "../core/decision";
import { IssueCookie } from "../core/identity-plan";
import { STEER_HEADER } from "../core/plan";
import {
  anyIssued,
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
  issue: IssueCookie;
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
export function applyDecision(decision: Decision, stream: Stream): void {
  const plan = decision.plan;
  routeCleared = true;
  headersChanged = view.forgedCount != 0;
  for (let i: u32 = 0; i < view.forgedCount; i++) {
    if (!removeRequestHeader(view.forged.at(i))) {
      survive("host-call", "a client header under x-serin- could not be removed");
    }
  }
  if (decision.givenCount == 0 && !plan.watched && decision.drawnCount == 0) return;
  const byHeader = plan.steer == STEER_HEADER;
  if (plan.observes) observe(decision);
  for (let i: u32 = 0; i < decision.givenCount; i++) {
    const given = decision.given.at(i);
    if (!isAnnounced(given)) continue;
    const rollout = given.rollout;
    const variant = given.variant;
    if (byHeader) write(true, rollout.header, variant.headerValue);
    else write(false, rollout.state, variant.name);
  }
  const cluster = steeredCluster(decision);
  if (cluster != NONE) write(byHeader, byHeader ? wordClusterHeader : wordClusterState, cluster);
  if (plan.watched && anyExposed(decision)) {
    beginText(text);
    putDictionary(text, decision);
    write(true, wordFlagsHeader, textOf(text));
  }
  if (plan.issues && anyIssued(decision)) issueCookies(decision, stream);
  if (decision.drawnCount != 0 && announceMirrors(decision)) {
    routeCleared = true;
    headersChanged = true;
  }
  if (!routeCleared) clearRoute();
}

/** For access logs and spans: no route looks at it, so the route stays as it is. */
function observe(decision: Decision): void {
  beginText(text);
  putObserved(text, decision);
  const line = textOf(text);
  if (lengthOf(line) == 0) return;
  if (!setFilterState(wordDecisionState, line)) survive("host-call", "a filter state could not be written");
}

/** Takes the client's own `x-serin-*` out of the request's trailers: an upstream may fold them into its headers. */
export function removeForgedTrailers(): void {
  for (let i: u32 = 0; i < view.forgedCount; i++) {
    if (!removeRequestTrailer(view.forged.at(i))) {
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

function issueCookies(decision: Decision, stream: Stream): void {
  beginText(text);
  putCookieHeader(text, decision);
  if (!replaceRequestHeader(wordCookie, textOf(text)))
    survive("host-call", "the cookie header could not be written");
  routeCleared = true;
  headersChanged = true;
  for (let issue = decision.plan.issues; issue; issue = nextOf(issue)) {
    const id = decision.idOf(issue);
    if (id == NONE) continue;
    const address = takeIssued();
    if (address == 0) {
      survive("memory", "no memory for an issued cookie");
      return;
    }
    const issued = changetype<IssuedCookie>(address);
    issued.issue = issue;
    issued.isSecure = isSecure(issue);
    memory.copy(address + ID_OFFSET, addressOf(id), lengthOf(id) < ID_BYTES ? lengthOf(id) : ID_BYTES);
    issued.next = stream.issued;
    stream.issued = address;
  }
}

/** Sets the stream's cookies on its response. */
export function setIssuedCookies(stream: Stream): void {
  for (let at = stream.issued; at != 0; at = changetype<IssuedCookie>(at).next) {
    const issued = changetype<IssuedCookie>(at);
    beginText(text);
    putSetCookie(text, issued.issue, sliceOf(at + ID_OFFSET, ID_BYTES), issued.isSecure);
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
