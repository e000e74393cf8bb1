// `shadows`: whom each copies, where the copies go, and what of the answers is compared.

import { Token } from "../bytes/json-reader";
import { nextOf } from "../bytes/records";
import { isWord, NONE, Slice } from "../bytes/slice";
import { pointOf, WHOLE } from "../core/bucket";
import { MetCopy } from "../core/evidence";
import { Rollout, Signals } from "../core/plan";
import { DEFAULT_BODY_BYTES, Dispatch, Shadow, UNLIMITED } from "../core/shadow-plan";
import * as headerNames from "../vocabulary/headers";
import * as limits from "../vocabulary/limits";
import * as codes from "../vocabulary/problems";
import { clusterName, build, isNamed, kept, keptAfter, record, records, saltedBy, share } from "./build";
import { compileRule } from "./compile-rule";
import { Node } from "./node";
import { readWhole } from "./read-number";
import { fail, failWith, hintWith, isKind, missingKey, putOverLimit, report, unknownKey } from "./problems";
import { readIdentity } from "./read-identity";
import { readMatch } from "./read-match";
import { readChanges, readCompare } from "./read-compare";
import { signShadow } from "./signature";
import { isMethod, milliseconds, NO_DURATION, NOT_WHOLE } from "./scalars";

const KNOWN_SHADOW =
  "match when identity percent sample cluster dispatch methods headers compare noise budget timeout";
const KNOWN_BUDGET = "perSecond inFlight maxBodyBytes";
const KNOWN_NOISE = "cluster";

const DEFAULT_PER_SECOND: u32 = 50;
const DEFAULT_IN_FLIGHT: u32 = 20;
const DEFAULT_TIMEOUT_MS: u32 = 1000;

/** Reads all shadows into the plan, behind its rollouts. */
export function readShadows(object: Node): void {
  if (!isKind(object, Token.Object)) return;
  if (object.count > (limits.SHADOWS as u32)) {
    putOverLimit(limits.SHADOWS, " shadows");
    return report(object, codes.LIMIT);
  }
  build.plan.shadows = records<Shadow>(object.count);
  if (build.plan.shadows.isNone) return;
  for (let node = object.first; node; node = nextOf(node)) {
    isNamed(node, "a shadow's name");
    readShadow(node, build.plan.shadow(build.plan.shadowCount));
    build.plan.shadowCount++;
    if (build.plan.arena.failed) return;
  }
}

function readShadow(node: Node, shadow: Shadow): void {
  if (!isKind(node, Token.Object)) return;
  shadow.name = kept(node.key);
  shadow.header = keptAfter(headerNames.SHADOW_PREFIX, node.key);
  let cluster = false;
  let ownIdentity = false;
  let percent: Node | null = null;
  let noise: Node | null = null;
  let budget: Node | null = null;
  let compare: Node | null = null;
  let timeout: Node | null = null;
  let headers: Node | null = null;
  for (let member = node.first; member; member = nextOf(member)) {
    const key = member.key;
    if (isWord(key, "match")) {
      shadow.entries = readMatch(member, build.plan.rolloutCount + build.plan.shadowCount);
    } else if (isWord(key, "when")) {
      shadow.when = compileRule(member, true);
    } else if (isWord(key, "identity")) {
      ownIdentity = true;
      shadow.identity = readIdentity(member);
    } else if (isWord(key, "percent")) {
      percent = member;
      shadow.share = share(member);
    } else if (isWord(key, "sample")) {
      if (!isKind(member, Token.String)) continue;
      shadow.byIdentity = isWord(member.text, "identity");
      if (!shadow.byIdentity && !isWord(member.text, "request"))
        fail(member, codes.VALUE, "must be request or identity");
    } else if (isWord(key, "cluster")) {
      cluster = true;
      shadow.cluster = clusterName(member);
    } else if (isWord(key, "dispatch")) {
      if (!isKind(member, Token.String)) continue;
      shadow.dispatch = isWord(member.text, "mirror") ? Dispatch.Mirror : Dispatch.Call;
      if (shadow.dispatch == Dispatch.Call && !isWord(member.text, "call"))
        fail(member, codes.VALUE, "must be call or mirror");
    } else if (isWord(key, "methods")) {
      readMethods(member, shadow);
    } else if (isWord(key, "headers")) {
      headers = member;
      readChanges(member, shadow);
    } else if (isWord(key, "compare")) {
      compare = member;
    } else if (isWord(key, "noise")) {
      noise = member;
      readNoise(member, shadow);
    } else if (isWord(key, "budget")) {
      budget = member;
    } else if (isWord(key, "timeout")) {
      timeout = member;
    } else {
      unknownKey(member, KNOWN_SHADOW);
    }
  }
  if (!cluster) missingKey(node, "cluster", "the cluster that gets the copies");
  shadow.below = pointOf(shadow.share);
  if (!percent) hintWith(node, codes.NO_EFFECT, "no percent: nothing is copied");
  if (!shadow.byIdentity && shadow.share != 0 && shadow.share != WHOLE) build.plan.drawsRandom = true;
  shadow.salted = saltedBy(keptAfter("shadow/", node.key));
  if (!ownIdentity) {
    shadow.identity = build.plan.identity;
    if (shadow.byIdentity && !build.identityGiven)
      hintWith(
        node,
        codes.NO_IDENTITY,
        "no identity here or at the top level: every request is anonymous and none is copied",
      );
  }
  // A call has an answer in any case, and its status is there to be compared.
  shadow.compares = shadow.dispatch == Dispatch.Call || compare != null;
  shadow.comparesStatus = shadow.compares;
  shadow.sample = 1;
  if (compare) readCompare(compare, shadow);
  readBudget(budget, shadow);
  shadow.timeoutMs = DEFAULT_TIMEOUT_MS;
  if (timeout) readTimeout(timeout, shadow);
  if (shadow.byIdentity && shadow.compares && shadow.share != 0 && shadow.identity) countUsers(node, shadow);
  if (shadow.dispatch == Dispatch.Call) return;
  if (noise) failWith(noise, codes.CONFLICT, "needs dispatch: call; a mirrored copy cannot be sent twice");
  if (compare) return;
  if (timeout) hintWith(timeout, codes.NO_EFFECT, "a mirror without compare waits for no answer");
  if (headers)
    hintWith(
      headers,
      codes.NO_EFFECT,
      "a mirror's headers are changed by the filter on the shadow's cluster, or by the route's request_headers_mutations",
    );
}

/** Has the users of a sample of users counted, each once, in one slot: as a control group without any variant. */
function countUsers(node: Node, shadow: Shadow): void {
  const counted = record<Rollout>();
  if (!counted) return;
  counted.name = shadow.name;
  counted.identity = shadow.identity;
  counted.signals = Signals.Count;
  counted.slots = 1;
  counted.controlSlot = 0;
  counted.stats = shadow.noise == NONE ? MetCopy.NOISE_ONLY : MetCopy.NOISE_ONLY + 1;
  counted.signature = signShadow(node);
  shadow.counted = changetype<usize>(counted);
}

function readMethods(list: Node, shadow: Shadow): void {
  if (!isKind(list, Token.Array)) return;
  if (list.count == 0) return failWith(list, codes.VALUE, "must name at least one method");
  if (list.count > (limits.SHADOW_LIST as u32)) {
    putOverLimit(limits.SHADOW_LIST, " methods");
    return report(list, codes.LIMIT);
  }
  shadow.methods = records<Slice>(list.count);
  if (shadow.methods.isNone) return;
  for (let node = list.first; node; node = nextOf(node)) {
    if (!isKind(node, Token.String)) continue;
    if (!isMethod(node.text)) {
      fail(node, codes.VALUE, "must be a method in capitals, like POST");
      continue;
    }
    if (isWord(node.text, "CONNECT")) {
      failWith(node, codes.VALUE, "CONNECT opens a tunnel, which cannot be copied");
      continue;
    }
    shadow.methods.set(shadow.methodCount, kept(node.text));
    shadow.methodCount++;
  }
}

function readNoise(node: Node, shadow: Shadow): void {
  if (!isKind(node, Token.Object)) return;
  for (let member = node.first; member; member = nextOf(member)) {
    if (isWord(member.key, "cluster")) shadow.noise = clusterName(member);
    else unknownKey(member, KNOWN_NOISE);
  }
  if (node.count == 0)
    missingKey(node, "cluster", "the cluster of a second instance of production's version");
}

function readBudget(object: Node | null, shadow: Shadow): void {
  const isCall = shadow.dispatch == Dispatch.Call;
  shadow.perSecond = isCall ? DEFAULT_PER_SECOND : UNLIMITED;
  shadow.inFlight = DEFAULT_IN_FLIGHT;
  shadow.maxBodyBytes = DEFAULT_BODY_BYTES;
  if (!object || !isKind(object, Token.Object)) return;
  for (let node = object.first; node; node = nextOf(node)) {
    if (isWord(node.key, "perSecond")) {
      shadow.perSecond = count(node, limits.PER_SECOND);
    } else if (isWord(node.key, "inFlight")) {
      shadow.inFlight = count(node, limits.IN_FLIGHT);
    } else if (isWord(node.key, "maxBodyBytes")) {
      if (node.kind == Token.String && isWord(node.text, "unlimited")) {
        if (isCall)
          failWith(
            node,
            codes.CONFLICT,
            "a call keeps the body until it is sent, so it needs a limit; a mirror does not",
          );
        else shadow.maxBodyBytes = UNLIMITED;
      } else {
        shadow.maxBodyBytes = count(node, limits.BODY_BYTES);
      }
    } else {
      unknownKey(node, KNOWN_BUDGET);
    }
  }
}

/** A whole number from 0 to `most`; anything else is reported and read as 0. */
function count(node: Node, most: u32): u32 {
  const value = readWhole(node, 0, most);
  return value == NOT_WHOLE ? 0 : value;
}

function readTimeout(node: Node, shadow: Shadow): void {
  if (!isKind(node, Token.String)) return;
  shadow.timeoutMs = milliseconds(node.text);
  if (
    shadow.timeoutMs == NO_DURATION ||
    shadow.timeoutMs < (limits.LEAST_TIMEOUT_MS as u32) ||
    shadow.timeoutMs > (limits.TIMEOUT_MS as u32)
  )
    fail(node, codes.VALUE, "must be a duration from 50ms to 60s, like 300ms or 2s");
}
