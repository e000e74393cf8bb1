// What a decision does to the request, as values: the filter tells the host, the decision line tells the reader.

import { isWord, lengthOf, NONE, Slice } from "../bytes/slice";
import { cookieHeader } from "./cookies";
import { put, putByte, putSlice, Writer } from "../bytes/writer";
import {
  Given,
  GIVEN_BYTES,
  IssueCookie,
  Plan,
  Rollout,
  SECURE_ALWAYS,
  SECURE_AUTO,
  Variant,
  VARIANT_BYTES,
} from "./plan";
import { view } from "./view";

export function givenAt(plan: Plan, index: u32): Given {
  return changetype<Given>(plan.given + index * GIVEN_BYTES);
}

/** Whether the variant is told to routes and upstreams: the default only where the rollout announces all. */
export function isAnnounced(given: Given): bool {
  const rollout = changetype<Rollout>(given.rollout);
  return rollout.announceAll || given.variant != rollout.variants + rollout.fallback * VARIANT_BYTES;
}

/** The cluster of the first applying rollout whose given variant names one; NONE when none does. */
export function steeredCluster(plan: Plan): Slice {
  for (let i: u32 = 0; i < plan.givenCount; i++) {
    const cluster = changetype<Variant>(givenAt(plan, i).variant).cluster;
    if (cluster != NONE) return cluster;
  }
  return NONE;
}

/** Whether any cookie was drawn for this request. */
export function anyIssued(plan: Plan): bool {
  for (let at = plan.issues; at != 0; at = changetype<IssueCookie>(at).next) {
    if (changetype<IssueCookie>(at).stamp == plan.stamp) return true;
  }
  return false;
}

/** Puts the Cookie header that the upstream sees: the client's, and behind it what was drawn. */
export function putCookieHeader(writer: Writer, plan: Plan): void {
  let written = false;
  const header = cookieHeader();
  if (lengthOf(header) != 0) {
    putSlice(writer, header);
    written = true;
  }
  for (let at = plan.issues; at != 0; at = changetype<IssueCookie>(at).next) {
    const issue = changetype<IssueCookie>(at);
    if (issue.stamp != plan.stamp) continue;
    if (written) put(writer, "; ");
    written = true;
    putSlice(writer, issue.name);
    putByte(writer, 0x3d);
    putSlice(writer, issue.id);
  }
}

/** Whether the cookie is marked Secure on this request. */
export function isSecure(issue: IssueCookie): bool {
  if (issue.secure == SECURE_AUTO) return isWord(view.scheme, "https");
  return issue.secure == SECURE_ALWAYS;
}

/** Puts the Set-Cookie value (RFC 6265 section 4.1) of an issued cookie. */
export function putSetCookie(writer: Writer, issue: IssueCookie, id: Slice, secure: bool): void {
  putSlice(writer, issue.name);
  putByte(writer, 0x3d);
  putSlice(writer, id);
  putSlice(writer, issue.attributes);
  if (secure) put(writer, "; Secure");
}
