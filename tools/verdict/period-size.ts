// How many users one evidence period can hold, and what that is enough to show.

import { crossing } from "../statistics/evidence.ts";
import { shownRatio } from "../statistics/first-setters.ts";
import { usersToPass, usersToShowBelow } from "../statistics/needed-users.ts";
import { DEFAULT_LIMITS, FALSE_PASSES } from "./limits.ts";

/** Bits of a bitmap where there is room for it, and how full it may be: a period ends there. */
const BITS = 65_536;
const FULL = 7 / 8;

/** A period ends, too, when so many users have met an error and they are more than this part of all. */
const MANY_ERRORS = 200;
const OFTEN = 1 / 3;

/**
 * Users of variants and control group whom one period holds, of whom this part (0 to 1) meets an error: linear counting,
 * -m ln(1 - 7/8), with m the bits of its bitmaps.
 */
export function periodUsers(part: number, bits = BITS): number {
  const users = -bits * Math.log(1 - FULL);
  return part > OFTEN ? Math.min(users, MANY_ERRORS / part) : users;
}

/** The first period of a step: thresholds are m(m + 1) / alpha. */
export const PERIOD_FACTOR = 2;

/**
 * Users of the variant until it is shown to be within the limit: by the ratio to the baseline, or because so few users meet
 * an error that it does not matter, whichever comes first. `base`: the part of the baseline's users that meets one, 0 to 1.
 */
export function usersToBeWithin(base: number, pi: number, limit: number): number {
  const logThreshold = Math.log(PERIOD_FACTOR / FALSE_PASSES);
  return Math.min(
    usersToPass(base, pi, shownRatio(limit, base), logThreshold),
    usersToShowBelow(base, DEFAULT_LIMITS.negligible, logThreshold),
  );
}

/** The smallest ratio that so many users of the variant show; Infinity when none up to 100 does. */
export function shownLimit(base: number, pi: number, users: number): number {
  const excess = (limit: number): number => Math.log(usersToBeWithin(base, pi, limit) / users);
  const most = 100;
  if (!(excess(most) <= 0)) return Infinity;
  // `crossing` wants to know where it is above 0: just above 1, where no number of users is enough.
  return crossing(excess, 1.0001, most);
}
