// Whom a request belongs to: the first source of a list that yields something.

import { hexDigit } from "../bytes/hex";
import { scratch } from "../bytes/scratch";
import { lengthOf, NONE, Slice, sliceOf } from "../bytes/slice";
import { readCookies } from "./cookies";
import { claimOf } from "./jwt";
import {
  Identity,
  IssueCookie,
  Plan,
  Source,
  SOURCE_ADDRESS,
  SOURCE_BYTES,
  SOURCE_COOKIE,
  SOURCE_HEADER,
  SOURCE_ISSUE,
  SOURCE_JWT,
  SOURCE_QUERY,
  SOURCE_RANDOM,
} from "./plan";
import { readParams } from "./query";
import { slotValue, view } from "./view";

/** What `decide` cannot know by itself and asks the filter for. */
export const DECIDED: u32 = 0;
export const NEEDS_ADDRESS: u32 = 1;
export const NEEDS_RANDOM: u32 = 2;

/** Random bytes of one drawn identity. */
export const DRAW_BYTES: u32 = 16;

/**
 * Finds the request's identity by this list and leaves it in `identity.value` (NONE when anonymous), `identity.found`.
 * @param mayIssue whether a cookie may be issued for a visitor without any
 * @returns DECIDED, or what has to be given first
 */
export function identify(plan: Plan, identity: Identity, mayIssue: bool): u32 {
  if (identity.stamp == plan.stamp) return DECIDED;
  for (let i: u32 = 0; i < identity.count; i++) {
    const source = changetype<Source>(identity.sources + i * SOURCE_BYTES);
    const kind = source.kind;
    let value: Slice = NONE;
    if (kind == SOURCE_HEADER) {
      value = slotValue(plan, source.slot);
    } else if (kind == SOURCE_COOKIE) {
      readCookies(plan);
      value = slotValue(plan, source.slot);
    } else if (kind == SOURCE_QUERY) {
      readParams(plan);
      value = slotValue(plan, source.slot);
    } else if (kind == SOURCE_JWT) {
      value = claimOf(plan, source.slot, source.name);
    } else if (kind == SOURCE_ADDRESS) {
      if (!view.addressGiven) return NEEDS_ADDRESS;
      value = view.address;
    } else if (kind == SOURCE_ISSUE) {
      readCookies(plan);
      value = slotValue(plan, source.slot);
      if (lengthOf(value) == 0) {
        const issue = changetype<IssueCookie>(source.issue);
        if (issue.stamp != plan.stamp && mayIssue) {
          const id = draw(plan);
          if (id == NONE) return NEEDS_RANDOM;
          issue.id = id;
          issue.stamp = plan.stamp;
        }
        if (issue.stamp == plan.stamp) value = issue.id;
      }
    } else if (kind == SOURCE_RANDOM) {
      if (mayIssue) {
        value = draw(plan);
        if (value == NONE) return NEEDS_RANDOM;
      }
    }
    if (lengthOf(value) != 0) {
      identity.value = value;
      identity.found = i;
      identity.stamp = plan.stamp;
      return DECIDED;
    }
  }
  identity.value = NONE;
  // What was looked at without issuing must be looked at again when issuing is allowed.
  if (mayIssue) identity.stamp = plan.stamp;
  return DECIDED;
}

/** 128 random bits as 32 hexadecimal digits; NONE when the filter has to give more, or without memory. */
function draw(plan: Plan): Slice {
  if (plan.randomBytes - plan.randomUsed < DRAW_BYTES) return NONE;
  const to = scratch(DRAW_BYTES << 1);
  if (to == 0) return NONE;
  const from = plan.random + plan.randomUsed;
  plan.randomUsed += DRAW_BYTES;
  for (let i: u32 = 0; i < DRAW_BYTES; i++) {
    const byte = load<u8>(from + i);
    store<u8>(to + (i << 1), hexDigit((byte >> 4) as u32));
    store<u8>(to + (i << 1) + 1, hexDigit((byte & 15) as u32));
  }
  return sliceOf(to, DRAW_BYTES << 1);
}
