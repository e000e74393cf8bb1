// Were users split as asked? By users, never by requests: those of one user are one draw.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import type { RolloutCounts } from "../metrics/snapshot.ts";
import { fellBackSince, type UserCounts } from "../metrics/users.ts";
import { logMean, logOfPeriod } from "../statistics/first-setters.ts";
import { ratioEvidence } from "../statistics/sample-ratio.ts";
import { usersBehind } from "../statistics/linear-counting.ts";
import { percent } from "../terminal/numbers.ts";
import { FALSE_MISMATCHES } from "./limits.ts";

export interface ShareFigures {
  /** The target share of all users, 0 to 1. */
  readonly target: number;
  /** What it comes to among users that were counted. */
  readonly actual: number;
  readonly users: number;
}

export interface RatioJudgement {
  /** `unknown`: there are no users, or no shares to hold them against. */
  readonly decision: "match" | "mismatch" | "unknown";
  /** In words, unless all is as it should be. */
  readonly reason: string | null;
  /** Of variants that are compared with the control group. */
  readonly shares: ReadonlyMap<string, ShareFigures>;
  /** Logarithm of the e-value against the target shares; null while nothing is known. */
  readonly logEvidence: number | null;
}

interface Drawn {
  readonly name: string;
  readonly share: number;
  readonly bits: number;
}

/** The variants beside the default, and the control group under null's name. */
function drawnOf({ variants, control, began }: UserCounts, defaultName: string | null): Drawn[] {
  const sides = [...variants].filter(([name]) => name !== defaultName);
  const all = control === null ? sides : [...sides, ["", control] as const];
  // A variant that was rolled back counts no users any more, and one that fell back did not for a while: it says
  // nothing of how the others are split.
  return all.flatMap(([name, side]) => {
    const { share, bits, guard } = side;
    if (share === null || share <= 0 || guard === "rolled back" || fellBackSince(side, began)) return [];
    return [{ name, share, bits: bits.get(statNames.USERS) ?? 0 }];
  });
}

/** `defaultName`: whose users are compared by the control group. */
export function judgeRatio(rollout: RolloutCounts, defaultName: string | null): RatioJudgement {
  const conflict = conflictWords(rollout.shareConflicts);
  if (conflict !== null) return unknown("mismatch", conflict);
  const logs: number[] = [];
  const sums = new Map<string, { target: number; users: number; part: number }>();
  let all = 0;
  for (const counts of rollout.users) {
    const drawn = counts.period > 0 && counts.control !== null ? drawnOf(counts, defaultName) : [];
    const bits = drawn.reduce((sum, each) => sum + each.bits, 0);
    if (drawn.length < 2 || bits === 0) continue;
    const whole = drawn.reduce((sum, { share }) => sum + share, 0);
    const evidence = ratioEvidence(
      drawn.map((each) => each.bits),
      drawn.map(({ share }) => share / whole),
    );
    logs.push(logOfPeriod(evidence, counts.period));
    for (const each of drawn) {
      const users = usersBehind(each.bits, bits, counts.size);
      all += users;
      const sum = sums.get(each.name) ?? { target: each.share, users: 0, part: whole };
      sums.set(each.name, { ...sum, users: sum.users + users });
    }
  }
  if (logs.length === 0) return unknown("unknown", null);
  const shares = new Map(
    [...sums]
      .filter(([name]) => name !== "")
      .map(([name, { target, users, part }]) => [name, { target, actual: (users / all) * part, users }]),
  );
  const logEvidence = logMean(logs);
  const isMismatch = logEvidence >= -Math.log(FALSE_MISMATCHES);
  return {
    decision: isMismatch ? "mismatch" : "match",
    reason: isMismatch ? mismatchWords(shares) : null,
    shares,
    logEvidence,
  };
}

function unknown(decision: "mismatch" | "unknown", reason: string | null): RatioJudgement {
  return { decision, reason, shares: new Map(), logEvidence: null };
}

function conflictWords(conflicts: ReadonlyMap<string, readonly number[]>): string | null {
  const [first] = conflicts;
  if (first === undefined) return null;
  const shares = first[1].map((share) => percent(share / 100_000)).join(" and ");
  return (
    `sample ratio mismatch: Envoys have different target shares of ${first[0]} (${shares}): ` +
    "has the last policy reached all of them?"
  );
}

/** Names the variant that is farthest off, and where to look. */
function mismatchWords(shares: ReadonlyMap<string, ShareFigures>): string {
  const off = ([, { target, actual }]: [string, ShareFigures]): number => Math.abs(actual / target - 1);
  const [name, { target, actual }] = [...shares].sort((a, b) => off(b) - off(a))[0] ?? [
    "",
    { target: 0, actual: 0 },
  ];
  return (
    `sample ratio mismatch: ${name} has a target share of ${percent(target)} of users and an actual share of ` +
    `${percent(actual)}, so the variants did not get alike users and cannot be compared. Look for: an identity that ` +
    "one variant changes or removes, clients that only one variant makes come back, another hash or salt in front"
  );
}
