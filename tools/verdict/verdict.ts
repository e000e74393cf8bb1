// The verdict: what was counted in, and whether each variant may go on.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import {
  DEFAULT_TERMS,
  NO_VARIANT,
  requestsOf,
  shareOf,
  type RolloutCounts,
  type RolloutTerms,
  type Snapshot,
} from "../metrics/snapshot.ts";
import { fellBackSince, type UserCounts } from "../metrics/users.ts";
import { usersBehind } from "../statistics/linear-counting.ts";
import { grouped, percent } from "../terminal/numbers.ts";
import { worstOf, type Decision } from "./decision.ts";
import { evidenceOf, goalsOf, hasEndings, thresholdsOf } from "./evidence.ts";
import { guardOf, type GuardState } from "./guard.ts";
import { FALSE_ALARMS, type Limits } from "./limits.ts";
import { isNegligible } from "./measure.ts";
import { noEvidenceReason } from "./no-evidence.ts";
import { judgeRatio, type RatioJudgement } from "./ratio.ts";
import { judgeVariant, type VariantVerdict } from "./variant.ts";
import { newestPeriod, type NewestPeriod } from "./newest-period.ts";

export interface Baseline {
  /** The default variant, which the control group is a part of. */
  readonly variant: string;
  /** How it is known that this is the default. */
  readonly by: "option" | "policy";
  /** Users of the control group that were counted, of all Envoys. */
  readonly users: number;
}

export interface RolloutVerdict {
  /** Null for a rollout that is left out of the verdict. */
  readonly decision: Decision | null;
  /** In one sentence. */
  readonly reason: string;
  /** Null when the default is not known. */
  readonly baseline: Baseline | null;
  /** The newest evidence period of any Envoy; null where there is none. */
  readonly period: NewestPeriod | null;
  readonly ratio: RatioJudgement;
  readonly variants: ReadonlyMap<string, VariantVerdict>;
  /** What the guard does with each variant that it is there for, whether it is judged or not. */
  readonly guards: ReadonlyMap<string, GuardState>;
  /** Variants that are not judged, and why. */
  readonly leftOut: ReadonlyMap<string, string>;
}

export interface Verdict {
  readonly decision: Decision;
  readonly rollouts: ReadonlyMap<string, RolloutVerdict>;
}

/** `baselines`: default variants as somebody said, by rollout, above what the snapshot knows. */
export function judge(
  snapshot: Snapshot,
  limits: Limits,
  baselines: ReadonlyMap<string, string> = new Map(),
): Verdict {
  const rollouts = new Map(
    [...snapshot.rollouts].map(([name, rollout]) => {
      const baseline = baselineOf(rollout, baselines.get(name), snapshot.defaults.get(name));
      const terms = snapshot.terms.get(name) ?? DEFAULT_TERMS;
      return [name, judgeRollout(rollout, baseline, terms, limits, snapshot.takenAt / 1000)];
    }),
  );
  const judged = [...rollouts.values()].flatMap(({ decision }) => decision ?? []);
  return { decision: worstOf(judged), rollouts };
}

/** Rollouts of which nobody says which variant is the default, though there is something to compare. */
export function withoutBaseline({ rollouts }: Verdict): string[] {
  return [...rollouts]
    .filter(([, { baseline, decision }]) => baseline === null && decision !== null)
    .map(([name]) => name);
}

/** Never guessed: the variant with the largest share may be a canary. */
function baselineOf(
  rollout: RolloutCounts,
  said: string | undefined,
  known: string | undefined,
): Baseline | null {
  const variant = said ?? known;
  if (variant === undefined || !rollout.variants.has(variant)) return null;
  const users = rollout.users.reduce((sum, counts) => sum + controlUsers(counts), 0);
  return { variant, by: said === undefined ? "policy" : "option", users };
}

function controlUsers({ control, variants, size }: UserCounts): number {
  const own = control?.bits.get(statNames.USERS) ?? 0;
  const all = [...variants.values()].reduce((sum, { bits }) => sum + (bits.get(statNames.USERS) ?? 0), own);
  return usersBehind(own, all, size);
}

function judgeRollout(
  rollout: RolloutCounts,
  baseline: Baseline | null,
  terms: RolloutTerms,
  limits: Limits,
  now: number,
): RolloutVerdict {
  const ratio = judgeRatio(rollout, baseline?.variant ?? null);
  const guards = guardsOf(rollout, baseline, terms);
  const { judged, leftOut } = divide(rollout, baseline, guards);
  const common = { baseline, period: newestPeriod(rollout.users), ratio, guards, leftOut };
  const nothing = nothingToJudge(rollout, judged, baseline, leftOut);
  if (nothing !== null) return { ...common, decision: null, reason: nothing, variants: new Map() };
  if (baseline === null) {
    return {
      ...common,
      decision: "inconclusive",
      reason: "which variant is the default is not known: name it with --policy or --baseline",
      variants: new Map(),
    };
  }
  const thresholds = thresholdsOf(rollout, terms);
  const variants = new Map(
    judged.map((name) => {
      const verdict = judgeOne(name, rollout, baseline, thresholds, terms, limits, judged.length, now);
      const split = ratio.decision === "mismatch" ? stopped(verdict, ratio.reason ?? "") : verdict;
      return [name, guarded(name, unlessFellBack(name, split, rollout.users), guards.get(name))];
    }),
  );
  const decision = worstOf([...variants.values()].map((each) => each.decision));
  const reason =
    decision === "fail" ? reasonOf(decision, variants) : (ratio.reason ?? reasonOf(decision, variants));
  return { ...common, decision, reason, variants };
}

function judgeOne(
  name: string,
  rollout: RolloutCounts,
  baseline: Baseline,
  thresholds: readonly number[],
  terms: RolloutTerms,
  limits: Limits,
  judged: number,
  now: number,
): VariantVerdict {
  const counts = rollout.variants.get(name) ?? NO_VARIANT;
  const base = rollout.variants.get(baseline.variant) ?? NO_VARIANT;
  const control = rollout.control;
  const hasControl = control !== null && (requestsOf(control) > 0 || control.latency.length > 0);
  const controlShare = rollout.users.find((each) => each.control !== null)?.control?.share ?? null;
  const period = newestPeriod(rollout.users);
  const goals = goalsOf(rollout, terms);
  const verdict = judgeVariant(
    {
      name,
      evidence: evidenceOf(rollout, name, thresholds, goals, terms, now),
      thresholds,
      goals,
      sides: {
        variant: rollout.users.flatMap(({ variants }) => variants.get(name) ?? []),
        baseline: rollout.users.flatMap(({ control: each }) => each ?? []),
      },
      variants: judged,
      terms,
      counts,
      baseline: hasControl ? control : base,
      share: shareOf(counts) ?? 0,
      baselineShare: (hasControl ? controlShare : shareOf(base)) ?? 0,
      seconds: period === null || period.began <= 0 ? null : now - period.began,
    },
    limits,
    FALSE_ALARMS / judged,
  );
  if (shareOf(counts) === 1) return withoutControl(name, verdict, rollout.users, limits);
  const missing = missingEvidence(rollout);
  return missing === null ? verdict : stopped(verdict, missing);
}

/** A variant with the whole share has nothing to be held against but itself. */
function withoutControl(
  name: string,
  verdict: VariantVerdict,
  users: readonly UserCounts[],
  { negligible }: Limits,
): VariantVerdict {
  const parts = users.map(({ variants, period, size }) => {
    const bits = variants.get(name)?.bits;
    const of = (leaf: string): number => bits?.get(leaf) ?? 0;
    const met = Math.max(of(statNames.USERS_ERROR), of(statNames.USERS_4XX));
    return {
      met: usersBehind(met, met, size),
      users: usersBehind(of(statNames.USERS), of(statNames.USERS), size),
      isFew: period > 0 && isNegligible(met, of(statNames.USERS), negligible, period),
    };
  });
  const [met, all] = [
    parts.reduce((sum, part) => sum + part.met, 0),
    parts.reduce((sum, part) => sum + part.users, 0),
  ];
  const isPass = parts.length > 0 && parts.every(({ isFew }) => isFew);
  const rate = `errors or 4xx ${percent(all > 0 ? met / all : 0)} of users (${grouped(met)} of ${grouped(all)})`;
  const why = isPass
    ? `${rate}: below ${percent(negligible)} of users, within the limit`
    : `${rate}; ${name} has the whole share, so there is no baseline, and it is not shown to be below ${percent(negligible)} of users`;
  return {
    ...verdict,
    decision: isPass ? "pass" : "inconclusive",
    reasons: [why],
    users: { variant: all, baseline: 0 },
    usersNeeded: null,
  };
}

function missingEvidence({ users }: RolloutCounts): string | null {
  const reason = noEvidenceReason(users);
  if (reason !== null) return `no evidence: ${reason}`;
  if (!users.some((counts) => counts.period > 0 && hasEndings(counts)))
    return "no evidence: only users are counted (signals: count)";
  return null;
}

function divide(
  rollout: RolloutCounts,
  baseline: Baseline | null,
  guards: ReadonlyMap<string, GuardState>,
): { readonly judged: string[]; readonly leftOut: Map<string, string> } {
  const judged: string[] = [];
  const leftOut = new Map<string, string>();
  for (const [name, counts] of rollout.variants) {
    if (name === baseline?.variant) continue;
    const requests = requestsOf(counts);
    const isBack = guards.get(name)?.word === "rolled back";
    if (shareOf(counts) !== 0) judged.push(name);
    else if (isBack) leftOut.set(name, "gets 0%: the guard has rolled it back");
    else if (requests === 0) leftOut.set(name, "gets 0%");
    else leftOut.set(name, `gets 0%: its ${grouped(requests)} requests were forced, or are from before`);
  }
  return { judged, leftOut };
}

/** Why a rollout is left out of the verdict; null for one to judge. */
function nothingToJudge(
  { variants, users }: RolloutCounts,
  judged: readonly string[],
  baseline: Baseline | null,
  leftOut: ReadonlyMap<string, string>,
): string | null {
  if (variants.size < 2) return "left out: it has one variant";
  if (baseline !== null && judged.length === 0) {
    return `left out: no variant but ${baseline.variant} gets users (${[...leftOut].map(([name, why]) => `${name} at 0%${why.includes("rolled") ? ", rolled back by the guard" : ""}`).join(", ")})`;
  }
  const traffic = [...variants.values()].reduce((sum, counts) => sum + requestsOf(counts), 0);
  const counted = users.some(({ variants: sides, control }) =>
    [...sides.values(), ...(control === null ? [] : [control])].some(
      ({ bits }) => (bits.get(statNames.USERS) ?? 0) > 0,
    ),
  );
  return traffic === 0 && !counted ? "left out: there was no traffic" : null;
}

function guardsOf(
  { variants, users }: RolloutCounts,
  baseline: Baseline | null,
  terms: RolloutTerms,
): Map<string, GuardState> {
  return new Map(
    [...variants.keys()].flatMap((name): [string, GuardState][] => {
      const state = name === baseline?.variant ? null : guardOf(name, users, terms);
      return state === null ? [] : [[name, state]];
    }),
  );
}

/** What a guard has done comes before all that was counted: it has looked every second. */
function guarded(name: string, verdict: VariantVerdict, state: GuardState | undefined): VariantVerdict {
  if (state?.word !== "rolled back" && state?.word !== "alarm") return verdict;
  const isBack = state.word === "rolled back";
  const where = state.of > 1 ? ` on ${grouped(state.envoys)} of ${grouped(state.of)} Envoys` : "";
  const acted = isBack ? `the guard has rolled ${name} back` : "the guard has given an alarm";
  return {
    ...verdict,
    decision: worstOf([verdict.decision, isBack ? "fail" : "inconclusive"]),
    reasons: [`${acted}${where}`, ...verdict.reasons],
    usersNeeded: null,
  };
}

/** Whose users were given the default in this period cannot pass: what was counted is of the time in which it answered. */
function unlessFellBack(name: string, verdict: VariantVerdict, users: readonly UserCounts[]): VariantVerdict {
  const envoys = users.filter(({ variants, began }) => {
    const side = variants.get(name);
    return side !== undefined && fellBackSince(side, began);
  });
  if (envoys.length === 0) return verdict;
  const where = users.length > 1 ? ` on ${grouped(envoys.length)} of ${grouped(users.length)} Envoys` : "";
  const reason = `its cluster did not answer, and its users got the default${where} in this evidence period`;
  return {
    ...verdict,
    decision: worstOf([verdict.decision, "inconclusive"]),
    reasons: verdict.decision === "fail" ? [...verdict.reasons, reason] : [reason, ...verdict.reasons],
    usersNeeded: null,
  };
}

/** Nothing can be concluded, whatever the figures are. */
function stopped(verdict: VariantVerdict, reason: string): VariantVerdict {
  return { ...verdict, decision: "inconclusive", reasons: [reason], usersNeeded: null };
}

function reasonOf(decision: Decision, variants: ReadonlyMap<string, VariantVerdict>): string {
  const deciding = [...variants].filter(([, each]) => each.decision === decision);
  if (decision === "pass") return `${deciding.map(([name]) => name).join(", ")}: within the limit`;
  return deciding.map(([name, { reasons }]) => `${name}: ${reasons[0] ?? ""}`).join("; ");
}
