// The users of a shadow under `sample: identity`: how many had a copy compared, and how many of them met a mismatch.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import type { ShadowCounts } from "../metrics/snapshot.ts";
import type { ShadowUsers } from "../metrics/users.ts";
import { usersBehind } from "../statistics/linear-counting.ts";
import type { Trials } from "../statistics/share-of-trials.ts";
import type { JudgedTrials } from "./decide-shadow.ts";
import { copyCounts, unaskedMismatches } from "./shadow-counts.ts";

/** Whether users are counted, so that copies are not what is judged. */
export function isByUsers({ users }: ShadowCounts): boolean {
  return users.length > 0;
}

/** The users of each Envoy that counts some: who meets two Envoys counts on both. */
export function userTrials(shadow: ShadowCounts): JudgedTrials[] {
  const unasked = unaskedMismatches(shadow, copyCounts(shadow));
  return shadow.users
    .filter(({ period }) => period > 0)
    .map((counts) => {
      const { count, bad, offset } = bitsOf(counts);
      // Of users who share a bit only the first is seen, so bits have rather too large a share of mismatches: that is right
      // against a pass, and not for a fail.
      const users = usersBehind(count, count, counts.size);
      return {
        within: { count, bad, offset },
        beyond: { count: users, bad: Math.max(0, bad - unasked), offset },
        period: counts.period,
      };
    });
}

/** Users of all Envoys, for people. */
export function usersOfAll({ users }: ShadowCounts): Trials {
  let [count, bad] = [0, 0];
  let offset: number | null = null;
  for (const counts of users.filter(({ period }) => period > 0)) {
    const bits = bitsOf(counts);
    count += usersBehind(bits.count, bits.count, counts.size);
    bad += bits.bad;
    if (bits.offset !== null) offset = (offset ?? 0) + bits.offset;
  }
  return { count, bad, offset };
}

function bitsOf({ bits }: ShadowUsers): Trials {
  const count = bits.get(statNames.USERS) ?? 0;
  const bad = Math.min(count, bits.get(statNames.USERS_MISMATCH) ?? 0);
  return { count, bad, offset: bits.get(statNames.USERS_NOISE_ONLY) ?? null };
}
