// What a decision does to the request and its response, told to the host in a fixed order: removals, rollouts, cluster,
// flags, cookie, mirrors; then the route cache is cleared, once, and only if a route may depend on what was set.

import { take } from "../bytes/arena";
import { FreeList } from "../bytes/free-list";
import { fixed, nextOf } from "../bytes/records";
import { addressOf, lengthOf, NONE, Slice } from "../bytes/slice";
import { beginText, textOf, Writer } from "../bytes/writer";
import { Decision } from "../core/decision";
import { beginForged, nextForged } from "../core/own-headers";
import { Steer } from "../core/plan";
import {
  anyIssued,
  isAnnounced,
  isSecure,
  putCookieHeader,
  putSetCookie,
  steeredCluster,
} from "../core/steering";
import { anyExposed, putDictionary } from "../core/dictionary";
import { Caching, cachingOf } from "../core/caching";
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
import * as headerNames from "../vocabulary/headers";
import { ID_BYTES, ISSUED_BYTES, IssuedCookie, Stream } from "./records";
import { announceMirrors } from "./shadow/send";
import { settleMarks } from "./side-effects/marks";
import { survive } from "./survive";
import { vmArena } from "./vm";
import { words } from "./words";

const text: Writer = fixed<Writer>();
const freeIssued: FreeList<IssuedCookie> = fixed<FreeList<IssuedCookie>>();
/** Whether Envoy will look for the route again, for a header was written since the last filter state. */
let routeCleared: bool = true;

/** Whether a header of the request was written or removed. */
let headersChanged: bool = false;

/** Tells the host what was decided. @returns whether the request's headers are no longer those that `view` has */
export function applyDecision(decision: Decision, stream: Stream): bool {
  const plan = decision.plan;
  routeCleared = true;
  headersChanged = view.hasForged;
  if (view.hasForged) removeForged(view.block);
  if ((view.members != 0 || view.hasMark) && settleMarks(plan)) headersChanged = true;
  if (decision.givenCount == 0 && !plan.watched && decision.drawnCount == 0) return headersChanged;
  const byHeader = plan.steer == Steer.Header;
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
  if (cluster != NONE) write(byHeader, byHeader ? words.clusterHeader : words.clusterState, cluster);
  if (plan.watched && anyExposed(decision)) {
    beginText(text);
    putDictionary(text, decision);
    write(true, words.flagsHeader, textOf(text));
  }
  if (plan.issues && anyIssued(decision)) issueCookies(decision, stream);
  if (decision.drawnCount != 0 && announceMirrors(decision)) {
    routeCleared = true;
    headersChanged = true;
  }
  if (!routeCleared) clearRoute();
  return headersChanged;
}

/** For access logs and spans: no route looks at it, so the route stays as it is. */
function observe(decision: Decision): void {
  beginText(text);
  putObserved(text, decision);
  const line = textOf(text);
  if (lengthOf(line) == 0) return;
  if (!setFilterState(words.decisionState, line)) survive("host-call", "a filter state could not be written");
}

/** Takes the client's own `x-serin-*` out of the request's headers. @param block all of them */
export function removeForged(block: Slice): void {
  beginForged(block);
  for (let name = nextForged(); name != NONE; name = nextForged()) {
    if (!removeRequestHeader(name))
      survive("host-call", "a client header under x-serin- could not be removed");
  }
}

/** As `removeForged`, for the request's trailers: an upstream may fold them into its headers. */
export function removeForgedTrailers(block: Slice): void {
  beginForged(block);
  for (let name = nextForged(); name != NONE; name = nextForged()) {
    if (!removeRequestTrailer(name))
      survive("host-call", "a client trailer under x-serin- could not be removed");
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
  if (headerNames.CLEAR_INLINE && !view.hasIpTags) removeRequestHeader(words.ipTags);
  else if (!callForeign(words.clearRouteCache)) survive("host-call", "the route cache could not be cleared");
}

function issueCookies(decision: Decision, stream: Stream): void {
  beginText(text);
  putCookieHeader(text, decision);
  if (!replaceRequestHeader(words.cookie, textOf(text)))
    survive("host-call", "the cookie header could not be written");
  routeCleared = true;
  headersChanged = true;
  for (let issue = decision.plan.issues; issue; issue = nextOf(issue)) {
    const id = decision.idOf(issue);
    if (id == NONE) continue;
    const issued = takeIssued();
    if (issued == null) {
      survive("memory", "no memory for an issued cookie");
      return;
    }
    issued.issue = issue;
    issued.isSecure = isSecure(issue);
    memory.copy(addressOf(issued.id), addressOf(id), lengthOf(id) < ID_BYTES ? lengthOf(id) : ID_BYTES);
    issued.next = stream.issued;
    stream.issued = issued;
  }
}

/** Sets the stream's cookies on its response, whose headers are `block`, but for one that others may get from a cache. */
export function setIssuedCookies(stream: Stream, block: Slice): void {
  const kind = cachingOf(block);
  for (let issued = stream.issued; issued != null; issued = nextOf(issued)) {
    if (kind == Caching.NotModified || (kind == Caching.Shared && !issued.issue.always)) continue;
    beginText(text);
    putSetCookie(text, issued.issue, issued.id, issued.isSecure);
    if (!addResponseHeader(words.setCookie, textOf(text))) survive("host-call", "a cookie could not be set");
  }
  releaseIssued(stream);
}

/** Gives the stream's cookies back, set or not. */
export function releaseIssued(stream: Stream): void {
  let issued = stream.issued;
  stream.issued = null;
  while (issued != null) {
    const next = issued.next;
    freeIssued.give(issued);
    issued = next;
  }
}

/** A cookie's record of any content; null without memory. */
function takeIssued(): IssuedCookie | null {
  const issued = freeIssued.take();
  return issued == null ? changetype<IssuedCookie | null>(take(vmArena(), ISSUED_BYTES)) : issued;
}
