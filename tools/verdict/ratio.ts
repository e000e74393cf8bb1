// Did each variant get the share that was asked for?

import { requestsOf, shareOf, type RolloutCounts } from "../metrics/snapshot.ts";
import { sampleRatio } from "../statistics/sample-ratio.ts";
import { FALSE_MISMATCHES } from "./limits.ts";
import { percent } from "../terminal/numbers.ts";

export interface ShareFigures {
  /** 0 to 1 of those variants that a share is asked for. */
  readonly asked: number;
  readonly seen: number;
}

export interface RatioJudgement {
  /** `unknown`: there is no traffic, or there are no shares to hold it against. */
  readonly decision: "match" | "mismatch" | "unknown";
  /** In words, unless all is as it should be. */
  readonly reason: string | null;
  readonly shares: ReadonlyMap<string, ShareFigures>;
  /** Of one look: for people who know it. The decision is made by the evidence. */
  readonly pValue: number | null;
  readonly logEvidence: number | null;
}

/** `requestsPerUser`: how many requests count as one draw. */
export function judgeRatio(rollout: RolloutCounts, requestsPerUser: number): RatioJudgement {
  const conflict = conflictWords(rollout.shareConflicts);
  if (conflict !== null) return unknown("mismatch", conflict);
  const drawn = [...rollout.variants].flatMap(([name, counts]) => {
    const share = shareOf(counts);
    return share === null || share <= 0 ? [] : [{ name, share, requests: requestsOf(counts) }];
  });
  const all = drawn.reduce((sum, { requests }) => sum + requests, 0);
  const whole = drawn.reduce((sum, { share }) => sum + share, 0);
  if (drawn.length < 2 || all === 0) return unknown("unknown", null);
  const asked = drawn.map(({ share }) => share / whole);
  const { pValue, logEvidence } = sampleRatio(
    drawn.map(({ requests }) => requests / requestsPerUser),
    asked,
  );
  const shares = new Map(
    drawn.map(({ name, requests }, index) => [name, { asked: asked[index] ?? 0, seen: requests / all }]),
  );
  const isMismatch = logEvidence >= -Math.log(FALSE_MISMATCHES);
  return {
    decision: isMismatch ? "mismatch" : "match",
    reason: isMismatch ? mismatchWords(shares) : null,
    shares,
    pValue,
    logEvidence,
  };
}

function unknown(decision: "mismatch" | "unknown", reason: string | null): RatioJudgement {
  return { decision, reason, shares: new Map(), pValue: null, logEvidence: null };
}

function conflictWords(conflicts: ReadonlyMap<string, readonly number[]>): string | null {
  const [first] = conflicts;
  if (first === undefined) return null;
  const shares = first[1].map((share) => percent(share / 100_000)).join(" and ");
  return (
    `sample ratio mismatch: not all Envoys ask for the same share of ${first[0]} (${shares}): ` +
    "has the last policy reached all of them?"
  );
}

/** Names the variant that is farthest off, and where to look. */
function mismatchWords(shares: ReadonlyMap<string, ShareFigures>): string {
  const off = ([, { asked, seen }]: [string, ShareFigures]): number => Math.abs(seen / asked - 1);
  const [name, { asked, seen }] = [...shares].sort((a, b) => off(b) - off(a))[0] ?? [
    "",
    { asked: 0, seen: 0 },
  ];
  return (
    `sample ratio mismatch: ${name} was to get ${percent(asked)} of the requests and got ${percent(seen)}, which is ` +
    "no chance, so the variants were not given to like requests and cannot be compared. Look for: a percent that " +
    "was changed in the measured time (measure since then: --since); testers who force a variant; requests without " +
    "an identity, which all get the default; redirects or retries that only one variant causes; few users with many " +
    "requests each (--requests-per-user)"
  );
}
