// The decision as one JSON line: what `serin decide` prints and what Envoy logs at debug level, from the same code.

import { NONE, Slice } from "../bytes/slice";
import { beginText, put, putByte, putSlice, putString, textOf, Writer } from "../bytes/writer";
import { HEADER_CLUSTER, HEADER_FLAGS, STATE_CLUSTER, STATE_NAMESPACE } from "../vocabulary/headers";
import { anyExposed, putDictionary } from "./dictionary";
import { ERROR_PARSE } from "./logic/opcodes";
import { putValue } from "./logic/value-text";
import {
  ERROR_CODE_GENERAL,
  ERROR_CODE_PARSE,
  REASON_DEFAULT,
  REASON_DISABLED,
  REASON_ERROR,
  REASON_SPLIT,
  REASON_STATIC,
  REASON_TARGETING_MATCH,
} from "../vocabulary/reasons";
import { fixed, nextOf } from "../bytes/records";
import {
  Decision,
  Drawn,
  DRAWN_COPY,
  FLAG_DEFAULT,
  FLAG_DISABLED,
  FLAG_ERROR,
  FLAG_STATIC,
  Given,
  GIVEN_DEFAULT,
  GIVEN_DISABLED,
  GIVEN_SPLIT,
} from "./decision";
import { NO_SLOT, STEER_HEADER } from "./plan";
import { anyIssued, isAnnounced, isSecure, putCookieHeader, putSetCookie, steeredCluster } from "./steering";
import { DISPATCH_MIRROR, Shadow } from "./shadow-plan";
import { view } from "./view";

/** For texts that stand inside the line as JSON strings. */
const part: Writer = fixed<Writer>();

/** OpenFeature's word for a GIVEN_* code. */
export function reasonOf(code: u32): string {
  if (code == GIVEN_DISABLED) return REASON_DISABLED;
  if (code == GIVEN_DEFAULT) return REASON_DEFAULT;
  return code == GIVEN_SPLIT ? REASON_SPLIT : REASON_TARGETING_MATCH;
}

/** Puts a member's name that needs no escapes, with the comma before it unless it is the first. */
export function putKey(writer: Writer, first: bool, name: string): void {
  if (!first) putByte(writer, 0x2c);
  putByte(writer, 0x22);
  put(writer, name);
  put(writer, '":');
}

/** Puts `"variant":…,"reason":…` and the cluster when the variant names one. */
export function putGiven(writer: Writer, given: Given): void {
  const variant = given.variant;
  put(writer, '"variant":');
  putString(writer, variant.name);
  put(writer, ',"reason":"');
  put(writer, reasonOf(given.reason));
  putByte(writer, 0x22);
  if (variant.cluster != NONE) {
    put(writer, ',"cluster":');
    putString(writer, variant.cluster);
  }
}

function putSeparated(writer: Writer, first: bool, name: Slice): void {
  if (!first) putByte(writer, 0x2c);
  putString(writer, name);
  putByte(writer, 0x3a);
}

/** Puts what is written for rollouts and cluster, as the members of one object. */
function putSteering(writer: Writer, decision: Decision, first: bool): bool {
  const byHeader = decision.plan.steer == STEER_HEADER;
  for (let i: u32 = 0; i < decision.givenCount; i++) {
    const given = decision.given.at(i);
    if (!isAnnounced(given)) continue;
    const rollout = given.rollout;
    if (byHeader) {
      putSeparated(writer, first, rollout.header);
    } else {
      if (!first) putByte(writer, 0x2c);
      putByte(writer, 0x22);
      put(writer, STATE_NAMESPACE);
      putSlice(writer, rollout.state);
      put(writer, '":');
    }
    first = false;
    const variant = given.variant;
    putByte(writer, 0x22);
    putSlice(writer, variant.name);
    // A line may stand in logs: that there is a secret is told, not which.
    if (byHeader && variant.headerValue != variant.name) put(writer, ".***");
    putByte(writer, 0x22);
  }
  const cluster = steeredCluster(decision);
  if (cluster == NONE) return first;
  if (!first) putByte(writer, 0x2c);
  putByte(writer, 0x22);
  if (!byHeader) put(writer, STATE_NAMESPACE);
  put(writer, byHeader ? HEADER_CLUSTER : STATE_CLUSTER);
  put(writer, '":');
  putString(writer, cluster);
  return false;
}

/** flagd's word for an answer. */
export function flagReason(code: u32): string {
  if (code == FLAG_DISABLED) return REASON_DISABLED;
  if (code == FLAG_STATIC) return REASON_STATIC;
  if (code == FLAG_DEFAULT) return REASON_DEFAULT;
  return code == FLAG_ERROR ? REASON_ERROR : REASON_TARGETING_MATCH;
}

/** Every flag that was evaluated for the request, as the members of an object. */
function putFlags(writer: Writer, decision: Decision): void {
  let first = true;
  const plan = decision.plan;
  for (let i: u32 = 0; i < plan.flagCount; i++) {
    const flag = plan.flag(i);
    const answer = decision.answerOf(flag);
    if (!answer) continue;
    putSeparated(writer, first, flag.key);
    first = false;
    putByte(writer, 0x7b);
    if (answer.given != NO_SLOT) {
      const variant = flag.variant(answer.given);
      put(writer, '"value":');
      putValue(writer, variant.value);
      put(writer, ',"variant":');
      putString(writer, variant.name);
      putByte(writer, 0x2c);
    }
    put(writer, '"reason":"');
    put(writer, flagReason(answer.reason));
    if (answer.reason == FLAG_ERROR) {
      put(writer, '","errorCode":"');
      put(writer, answer.error == ERROR_PARSE ? ERROR_CODE_PARSE : ERROR_CODE_GENERAL);
    }
    put(writer, '"}');
  }
}

/** Puts the Set-Cookie values of this request, as the items of an array. */
function putIssued(writer: Writer, decision: Decision): void {
  let first = true;
  for (let issue = decision.plan.issues; issue; issue = nextOf(issue)) {
    const id = decision.idOf(issue);
    if (id == NONE) continue;
    beginText(part);
    putSetCookie(part, issue, id, isSecure(issue));
    if (!first) putByte(writer, 0x2c);
    first = false;
    putString(writer, textOf(part));
  }
}

/** Whether the request is copied, as far as the decision goes: what the budget says is no part of it. */
function isCopied(drawn: Drawn): bool {
  return drawn.outcome >= DRAWN_COPY;
}

/** Puts the shadows that get a copy, as the items of an array. */
function putShadows(writer: Writer, decision: Decision): void {
  let first = true;
  for (let i: u32 = 0; i < decision.drawnCount; i++) {
    const drawn = decision.drawn.at(i);
    if (!isCopied(drawn)) continue;
    const shadow = drawn.shadow;
    if (!first) putByte(writer, 0x2c);
    first = false;
    put(writer, '{"name":');
    putString(writer, shadow.name);
    putCluster(writer, shadow);
    putByte(writer, 0x7d);
  }
}

/** Puts `,"cluster":…,"dispatch":…`. */
export function putCluster(writer: Writer, shadow: Shadow): void {
  put(writer, ',"cluster":');
  putString(writer, shadow.cluster);
  put(writer, ',"dispatch":"');
  put(writer, shadow.dispatch == DISPATCH_MIRROR ? "mirror" : "call");
  putByte(writer, 0x22);
}

/** Puts the decision line of policy.md. */
export function putDecisionLine(writer: Writer, decision: Decision): void {
  put(writer, '{"identity":');
  const identity = decision.identityOf(decision.plan.identity);
  if (identity == NONE) put(writer, "null");
  else putString(writer, identity);
  put(writer, ',"rollouts":{');
  for (let i: u32 = 0; i < decision.givenCount; i++) {
    const given = decision.given.at(i);
    putSeparated(writer, i == 0, given.rollout.name);
    putByte(writer, 0x7b);
    putGiven(writer, given);
    putByte(writer, 0x7d);
  }
  put(writer, '},"flags":{');
  putFlags(writer, decision);
  put(writer, '},"shadows":[');
  putShadows(writer, decision);
  put(writer, '],"request":{"set":{');
  let first = true;
  if (decision.plan.steer == STEER_HEADER) first = putSteering(writer, decision, true);
  if (anyExposed(decision)) {
    beginText(part);
    putDictionary(part, decision);
    putKey(writer, first, HEADER_FLAGS);
    putString(writer, textOf(part));
    first = false;
  }
  if (anyIssued(decision)) {
    beginText(part);
    putCookieHeader(part, decision);
    putKey(writer, first, "cookie");
    putString(writer, textOf(part));
    first = false;
  }
  for (let i: u32 = 0; i < decision.drawnCount; i++) {
    const drawn = decision.drawn.at(i);
    const shadow = drawn.shadow;
    if (!isCopied(drawn) || shadow.dispatch != DISPATCH_MIRROR) continue;
    putSeparated(writer, first, shadow.header);
    putString(writer, shadow.cluster);
    first = false;
  }
  put(writer, '},"remove":[');
  for (let i: u32 = 0; i < view.forgedCount; i++) {
    if (i != 0) putByte(writer, 0x2c);
    putString(writer, view.forged.at(i));
  }
  putByte(writer, 0x5d);
  if (decision.plan.steer != STEER_HEADER) {
    put(writer, ',"filterState":{');
    putSteering(writer, decision, true);
    putByte(writer, 0x7d);
  }
  put(writer, '},"response":{"set-cookie":[');
  putIssued(writer, decision);
  put(writer, "]}}");
}
