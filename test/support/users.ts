// Whom the filter counts as users of a variant and of its control group, and by which bit: computed from docs/policy.md and
// docs/decisions/evidence.md with nothing of the filter's.

import { murmur3, position, SPACE } from "./assignment.ts";

/** A user's bit of a rollout's bitmap of 2^`bits` bits: multiplicative hashing (Knuth, TAOCP 3, 6.4) by 2^32 / golden ratio. */
export function bitOf(rollout: string, user: string, bits = 16): number {
  return Math.imul(murmur3(`${rollout}/${user}`), 0x9e3779b1) >>> (32 - bits);
}

/**
 * Where the control group ends in the space of its own salt: four times as large as the largest of the other variants,
 * at most all of the default. Both in percent of all users.
 */
export function controlEnd(largest: number, ofDefault: number): number {
  const thousandths = (percent: number): bigint => BigInt(Math.round(percent * 1000));
  const rest = thousandths(ofDefault);
  const most = 4n * thousandths(largest);
  return Number(((most < rest ? most : rest) * BigInt(SPACE)) / rest);
}

/** Whether a user of the default is in the control group. */
export function isControl(rollout: string, user: string, largest: number, ofDefault: number): boolean {
  return murmur3(`control/${rollout}/${user}`) < controlEnd(largest, ofDefault);
}

/** Of a rollout whose one variant `canary` has so many percent; null: of the default, and not in its control group. */
export function groupOf(rollout: string, user: string, percent: number): "canary" | "control" | null {
  if (murmur3(`${rollout}/${user}`) < position(percent)) return "canary";
  return isControl(rollout, user, percent, 100 - percent) ? "control" : null;
}
