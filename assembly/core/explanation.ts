// Why a request was decided so, rollout by rollout, also those that do not apply: the line at trace level that
// `serin explain` puts into words. It looks at every entry by itself, without the index.

import { NONE } from "../bytes/slice";
import { put, putByte, putNumber, putString, Writer } from "../bytes/writer";
import { putGiven, putKey } from "./decision-line";
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
import { givenAt } from "./steering";

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
      putFailures(writer, plan, changetype<Rollout>(address));
    }
  }
  put(writer, '},"flags":{');
  putFlagSteps(writer, plan);
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

function putFailures(writer: Writer, plan: Plan, rollout: Rollout): void {
  // Where an entry holds, or none is asked for, it was the rule that did not.
  let matches = rollout.entries == 0;
  put(writer, '{"applies":false,"entries":[');
  for (let at = rollout.entries; at != 0; at = changetype<Entry>(at).next) {
    if (at != rollout.entries) putByte(writer, 0x2c);
    const failed = failedOf(plan, changetype<Entry>(at));
    if (failed == HOLDS) {
      matches = true;
      put(writer, "null");
    } else {
      putByte(writer, 0x22);
      put(writer, failureWord(failed));
      putByte(writer, 0x22);
    }
  }
  put(writer, matches ? '],"when":false}' : "]}");
}

function putApplying(writer: Writer, plan: Plan, given: Given): void {
  const rollout = changetype<Rollout>(given.rollout);
  put(writer, '{"applies":true,');
  for (let at = rollout.entries; at != 0; at = changetype<Entry>(at).next) {
    const entry = changetype<Entry>(at);
    if (failedOf(plan, entry) != HOLDS) continue;
    put(writer, '"entry":');
    putNumber(writer, entry.index);
    putByte(writer, 0x2c);
    break;
  }
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
