// What a decision does to the request, as values: the filter tells the host, the decision line tells the reader.

import * as ascii from "../bytes/ascii";
import { isWord, lengthOf, NONE, Slice } from "../bytes/slice";
import { cookieHeader } from "./cookies";
import { put, putByte, putSlice, Writer } from "../bytes/writer";
import { nextOf } from "../bytes/records";
import { Decision, Given } from "./decision";
import { IssueCookie, Secure } from "./identity-plan";
import { view } from "./view";

/** Whether routes and upstreams see the variant: the default only where the rollout announces all. */
export function isAnnounced(given: Given): bool {
  return given.rollout.announceAll || !given.rollout.isFallback(given.variant);
}

/** The cluster of the first applying rollout whose given variant names one; NONE when none does. */
export function steeredCluster(decision: Decision): Slice {
  for (let i: u32 = 0; i < decision.givenCount; i++) {
    const cluster = decision.given.at(i).variant.cluster;
    if (cluster != NONE) return cluster;
  }
  return NONE;
}

/** Whether any cookie was drawn for this request. */
export function anyIssued(decision: Decision): bool {
  for (let issue = decision.plan.issues; issue; issue = nextOf(issue)) {
    if (decision.idOf(issue) != NONE) return true;
  }
  return false;
}

/** Puts the Cookie header that the upstream sees: the client's, and behind it what was drawn. */
export function putCookieHeader(writer: Writer, decision: Decision): void {
  let written = false;
  const header = cookieHeader();
  if (lengthOf(header) != 0) {
    putSlice(writer, header);
    written = true;
  }
  for (let issue = decision.plan.issues; issue; issue = nextOf(issue)) {
    const id = decision.idOf(issue);
    if (id == NONE) continue;
    if (written) put(writer, "; ");
    written = true;
    putSlice(writer, issue.name);
    putByte(writer, ascii.EQUALS);
    putSlice(writer, id);
  }
}

/** Whether the cookie is marked Secure on this request. */
export function isSecure(issue: IssueCookie): bool {
  if (issue.secure == Secure.Auto) return isWord(view.scheme, "https");
  return issue.secure == Secure.Always;
}

/** Puts the Set-Cookie value (RFC 6265 section 4.1) of an issued cookie. */
export function putSetCookie(writer: Writer, issue: IssueCookie, id: Slice, secure: bool): void {
  putSlice(writer, issue.name);
  putByte(writer, ascii.EQUALS);
  putSlice(writer, id);
  putSlice(writer, issue.attributes);
  if (secure) put(writer, "; Secure");
}
