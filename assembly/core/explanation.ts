// Why a request was decided so, rollout by rollout, also those that do not apply: the line at trace level that
// `serin explain` puts into words. It looks at every entry by itself, without the index.

import { NONE } from "../bytes/slice";
import { put, putByte, putNumber, putString, Writer } from "../bytes/writer";
import { putCluster, putGiven, putKey } from "./decision-line";
import {
  failedOf,
  FAILED_FLAG,
  FAILED_HEADERS,
  FAILED_HOSTS,
  FAILED_METHOD,
  FAILED_PATH,
  HOLDS,
} from "./match";
import { nextOf } from "../bytes/records";
import {
  Decision,
  Drawn,
  DRAWN_ANONYMOUS,
  DRAWN_TOO_LARGE,
  Given,
  GIVEN_FORCED_BY_COOKIE,
  GIVEN_FORCED_BY_HEADER,
  GIVEN_SPLIT,
} from "./decision";
import {
  Identity,
  SOURCE_ADDRESS,
  SOURCE_COOKIE,
  SOURCE_HEADER,
  SOURCE_ISSUE,
  SOURCE_JWT,
  SOURCE_QUERY,
} from "./identity-plan";
import { Entry } from "./match-plan";
import { Rollout } from "./plan";
import { answerFlag } from "./flag";
import { beginTrace, endTrace } from "./logic/trace";
import { opensTunnel, takesMethod } from "./shadow";
import { Shadow } from "./shadow-plan";
import { view } from "./view";

function sourceWord(kind: u32): string {
  if (kind == SOURCE_COOKIE) return "cookie";
  if (kind == SOURCE_HEADER) return "header";
  if (kind == SOURCE_QUERY) return "query";
  if (kind == SOURCE_JWT) return "jwt";
  if (kind == SOURCE_ADDRESS) return "sourceAddress";
  return kind == SOURCE_ISSUE ? "issueCookie" : "random";
}

function failureWord(code: u32): string {
  if (code == FAILED_HOSTS) return "hosts";
  if (code == FAILED_PATH) return "path";
  if (code == FAILED_METHOD) return "method";
  if (code == FAILED_HEADERS) return "headers";
  return code == FAILED_FLAG ? "flag" : "queryParams";
}

function putIdentity(writer: Writer, decision: Decision, identity: Identity | null): void {
  const value = decision.identityOf(identity);
  if (!identity || value == NONE) {
    put(writer, "null");
    return;
  }
  const source = identity.source(decision.visitors.at(identity.index).found);
  put(writer, '{"value":');
  putString(writer, value);
  put(writer, ',"source":"');
  put(writer, sourceWord(source.kind));
  putByte(writer, 0x22);
  if (source.name != NONE) {
    put(writer, ',"name":');
    putString(writer, source.name);
  }
  putByte(writer, 0x7d);
}

/** Puts the explanation of the request that `decide` has just decided. */
export function putExplanation(writer: Writer, decision: Decision): void {
  put(writer, '{"explain":{"identity":');
  putIdentity(writer, decision, decision.plan.identity);
  put(writer, ',"rollouts":{');
  let next: u32 = 0;
  const plan = decision.plan;
  for (let i: u32 = 0; i < plan.rolloutCount; i++) {
    const rollout = plan.rollout(i);
    if (i != 0) putByte(writer, 0x2c);
    putString(writer, rollout.name);
    putByte(writer, 0x3a);
    if (next < decision.givenCount && decision.given.at(next).rollout == rollout) {
      putApplying(writer, decision, decision.given.at(next));
      next++;
    } else {
      const matched = putFailures(writer, decision, rollout.entries);
      put(writer, matched ? ',"when":false}' : "}");
    }
  }
  put(writer, '},"flags":{');
  putFlagSteps(writer, decision);
  put(writer, '},"shadows":{');
  putShadows(writer, decision);
  put(writer, "}}}");
}

/** Puts what the targeting of each flag looked at: it runs once more for that, with the same outcome. */
function putFlagSteps(writer: Writer, decision: Decision): void {
  let first = true;
  const plan = decision.plan;
  for (let i: u32 = 0; i < plan.flagCount; i++) {
    const flag = plan.flag(i);
    if (!decision.answerOf(flag) || !flag.targeting || flag.disabled) continue;
    if (!first) putByte(writer, 0x2c);
    first = false;
    putString(writer, flag.key);
    put(writer, ':{"steps":[');
    beginTrace(writer, plan.marks);
    answerFlag(decision, flag);
    endTrace();
    put(writer, "]}");
  }
}

/**
 * Puts what fails of each entry.
 * @returns whether an entry holds, or none is asked for: it was something else that did not
 */
function putFailures(writer: Writer, decision: Decision, entries: Entry | null): bool {
  let matched = !entries;
  put(writer, '{"applies":false,"entries":[');
  for (let entry = entries; entry; entry = nextOf(entry)) {
    if (entry != entries) putByte(writer, 0x2c);
    const failed = failedOf(decision, entry);
    if (failed == HOLDS) {
      matched = true;
      put(writer, "null");
    } else {
      putByte(writer, 0x22);
      put(writer, failureWord(failed));
      putByte(writer, 0x22);
    }
  }
  putByte(writer, 0x5d);
  return matched;
}

function putShadows(writer: Writer, decision: Decision): void {
  let next: u32 = 0;
  const plan = decision.plan;
  for (let i: u32 = 0; i < plan.shadowCount; i++) {
    const shadow = plan.shadow(i);
    if (i != 0) putByte(writer, 0x2c);
    putString(writer, shadow.name);
    putByte(writer, 0x3a);
    if (next < decision.drawnCount && decision.drawn.at(next).shadow == shadow) {
      putDrawn(writer, decision, shadow, decision.drawn.at(next));
      next++;
      continue;
    }
    const matched = putFailures(writer, decision, shadow.entries);
    if (opensTunnel()) put(writer, ',"upgrade":true}');
    else if (!takesMethod(shadow, view.method)) put(writer, ',"method":false}');
    else put(writer, matched ? ',"when":false}' : "}");
  }
}

function putDrawn(writer: Writer, decision: Decision, shadow: Shadow, drawn: Drawn): void {
  put(writer, '{"applies":true,');
  putEntry(writer, decision, shadow.entries);
  put(writer, drawn.outcome >= DRAWN_TOO_LARGE ? '"drawn":true' : '"drawn":false');
  put(writer, shadow.byIdentity ? ',"sample":"identity"' : ',"sample":"request"');
  put(writer, ',"share":');
  putNumber(writer, shadow.share);
  if (shadow.byIdentity) {
    putKey(writer, false, "identity");
    putIdentity(writer, decision, shadow.identity);
    if (drawn.outcome != DRAWN_ANONYMOUS) {
      putKey(writer, false, "hash");
      putNumber(writer, drawn.hash);
      putKey(writer, false, "below");
      putNumber(writer, shadow.below);
    }
  }
  if (drawn.outcome == DRAWN_TOO_LARGE) {
    put(writer, ',"tooLarge":true,"maxBodyBytes":');
    putNumber(writer, shadow.maxBodyBytes);
  }
  putCluster(writer, shadow);
  putByte(writer, 0x7d);
}

/** Puts the first entry that holds. */
function putEntry(writer: Writer, decision: Decision, entries: Entry | null): void {
  for (let entry = entries; entry; entry = nextOf(entry)) {
    if (failedOf(decision, entry) != HOLDS) continue;
    put(writer, '"entry":');
    putNumber(writer, entry.index);
    putByte(writer, 0x2c);
    return;
  }
}

function putApplying(writer: Writer, decision: Decision, given: Given): void {
  const rollout = given.rollout;
  put(writer, '{"applies":true,');
  putEntry(writer, decision, rollout.entries);
  putGiven(writer, given);
  if (given.reason == GIVEN_FORCED_BY_HEADER) {
    put(writer, ',"forcedBy":"header","name":');
    putString(writer, rollout.forceHeaderName);
  } else if (given.reason == GIVEN_FORCED_BY_COOKIE) {
    put(writer, ',"forcedBy":"cookie","name":');
    putString(writer, rollout.forceCookieName);
  } else if (given.reason == GIVEN_SPLIT) {
    putKey(writer, false, "identity");
    putIdentity(writer, decision, rollout.identity);
    putKey(writer, false, "salt");
    putString(writer, rollout.salt);
    putKey(writer, false, "hash");
    putNumber(writer, given.hash);
    putSlots(writer, rollout);
  }
  putByte(writer, 0x7d);
}

function putSlots(writer: Writer, rollout: Rollout): void {
  put(writer, ',"slots":[');
  let first = true;
  for (let i: u32 = 0; i < rollout.variantCount; i++) {
    if (i == rollout.fallback) continue;
    const variant = rollout.variant(i);
    if (!first) putByte(writer, 0x2c);
    first = false;
    put(writer, '{"variant":');
    putString(writer, variant.name);
    put(writer, ',"begin":');
    putNumber(writer, variant.begin);
    put(writer, ',"end":');
    putNumber(writer, variant.end);
    putByte(writer, 0x7d);
  }
  putByte(writer, 0x5d);
}
