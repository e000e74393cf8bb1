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
import {
  Entry,
  Flag,
  FLAG_BYTES,
  Given,
  GIVEN_FORCED_BY_COOKIE,
  GIVEN_FORCED_BY_HEADER,
  GIVEN_SPLIT,
  Identity,
  Plan,
  Rollout,
  ROLLOUT_BYTES,
  Source,
  SOURCE_ADDRESS,
  SOURCE_BYTES,
  SOURCE_COOKIE,
  SOURCE_HEADER,
  SOURCE_ISSUE,
  SOURCE_JWT,
  SOURCE_QUERY,
  Variant,
  VARIANT_BYTES,
} from "./plan";
import { answer } from "./flag";
import { beginTrace, endTrace } from "./logic/trace";
import { drawnAt, opensTunnel, takesMethod } from "./shadow";
import { Drawn, DRAWN_ANONYMOUS, DRAWN_TOO_LARGE, Shadow, SHADOW_BYTES } from "./shadow-plan";
import { givenAt } from "./steering";
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

function putIdentity(writer: Writer, address: usize): void {
  if (address == 0 || changetype<Identity>(address).value == NONE) {
    put(writer, "null");
    return;
  }
  const identity = changetype<Identity>(address);
  const source = changetype<Source>(identity.sources + identity.found * SOURCE_BYTES);
  put(writer, '{"value":');
  putString(writer, identity.value);
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
export function putExplanation(writer: Writer, plan: Plan): void {
  put(writer, '{"explain":{"identity":');
  putIdentity(writer, plan.identity);
  put(writer, ',"rollouts":{');
  let next: u32 = 0;
  for (let i: u32 = 0; i < plan.rolloutCount; i++) {
    const address = plan.rollouts + i * ROLLOUT_BYTES;
    if (i != 0) putByte(writer, 0x2c);
    putString(writer, changetype<Rollout>(address).name);
    putByte(writer, 0x3a);
    if (next < plan.givenCount && givenAt(plan, next).rollout == address) {
      putApplying(writer, plan, givenAt(plan, next));
      next++;
    } else {
      putFailures(writer, plan, changetype<Rollout>(address).entries);
      put(writer, matched ? ',"when":false}' : "}");
    }
  }
  put(writer, '},"flags":{');
  putFlagSteps(writer, plan);
  put(writer, '},"shadows":{');
  putShadows(writer, plan);
  put(writer, "}}}");
}

/** Puts what the targeting of each flag looked at: it runs once more for that, with the same outcome. */
function putFlagSteps(writer: Writer, plan: Plan): void {
  let first = true;
  for (let i: u32 = 0; i < plan.flagCount; i++) {
    const flag = changetype<Flag>(plan.flags + i * FLAG_BYTES);
    if (flag.stamp != plan.stamp || flag.targeting == 0 || flag.disabled) continue;
    if (!first) putByte(writer, 0x2c);
    first = false;
    putString(writer, flag.key);
    put(writer, ':{"steps":[');
    beginTrace(writer, plan.marks);
    answer(plan, flag);
    endTrace();
    put(writer, "]}");
  }
}

/** Where an entry holds, or none is asked for, it was something else that did not. */
let matched: bool = false;

function putFailures(writer: Writer, plan: Plan, entries: usize): void {
  matched = entries == 0;
  put(writer, '{"applies":false,"entries":[');
  for (let at = entries; at != 0; at = changetype<Entry>(at).next) {
    if (at != entries) putByte(writer, 0x2c);
    const failed = failedOf(plan, changetype<Entry>(at));
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
}

function putShadows(writer: Writer, plan: Plan): void {
  let next: u32 = 0;
  for (let i: u32 = 0; i < plan.shadowCount; i++) {
    const address = plan.shadows + i * SHADOW_BYTES;
    const shadow = changetype<Shadow>(address);
    if (i != 0) putByte(writer, 0x2c);
    putString(writer, shadow.name);
    putByte(writer, 0x3a);
    if (next < plan.drawnCount && drawnAt(plan, next).shadow == address) {
      putDrawn(writer, plan, shadow, drawnAt(plan, next));
      next++;
      continue;
    }
    putFailures(writer, plan, shadow.entries);
    if (opensTunnel()) put(writer, ',"upgrade":true}');
    else if (!takesMethod(shadow, view.method)) put(writer, ',"method":false}');
    else put(writer, matched ? ',"when":false}' : "}");
  }
}

function putDrawn(writer: Writer, plan: Plan, shadow: Shadow, drawn: Drawn): void {
  put(writer, '{"applies":true,');
  putEntry(writer, plan, shadow.entries);
  put(writer, drawn.outcome >= DRAWN_TOO_LARGE ? '"drawn":true' : '"drawn":false');
  put(writer, shadow.byIdentity ? ',"sample":"identity"' : ',"sample":"request"');
  put(writer, ',"share":');
  putNumber(writer, shadow.share);
  if (shadow.byIdentity) {
    putKey(writer, false, "identity");
    putIdentity(writer, shadow.identity);
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
function putEntry(writer: Writer, plan: Plan, entries: usize): void {
  for (let at = entries; at != 0; at = changetype<Entry>(at).next) {
    const entry = changetype<Entry>(at);
    if (failedOf(plan, entry) != HOLDS) continue;
    put(writer, '"entry":');
    putNumber(writer, entry.index);
    putByte(writer, 0x2c);
    return;
  }
}

function putApplying(writer: Writer, plan: Plan, given: Given): void {
  const rollout = changetype<Rollout>(given.rollout);
  put(writer, '{"applies":true,');
  putEntry(writer, plan, rollout.entries);
  putGiven(writer, given);
  if (given.reason == GIVEN_FORCED_BY_HEADER) {
    put(writer, ',"forcedBy":"header","name":');
    putString(writer, rollout.forceHeaderName);
  } else if (given.reason == GIVEN_FORCED_BY_COOKIE) {
    put(writer, ',"forcedBy":"cookie","name":');
    putString(writer, rollout.forceCookieName);
  } else if (given.reason == GIVEN_SPLIT) {
    putKey(writer, false, "identity");
    putIdentity(writer, rollout.identity);
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
    const variant = changetype<Variant>(rollout.variants + i * VARIANT_BYTES);
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
