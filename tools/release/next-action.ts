// What is to be done with one variant of a release, and why. It knows the policy and what Envoys count, and no state of its
// own: who is started anew comes to the same.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import { NO_VARIANT, requestsOf, type RolloutCounts, type Snapshot } from "../metrics/snapshot.ts";
import type { UserCounts, UserSide } from "../metrics/users.ts";
import { counted, duration, exactPercent, grouped, multiple } from "../terminal/numbers.ts";
import { visible } from "../terminal/visible.ts";
import { envoyFactor } from "../statistics/needed-users.ts";
import { periodUsers, shownLimit, usersToBeWithin } from "../verdict/period-size.ts";
import { DEFAULT_SHADOW_LIMITS } from "../verdict/limits.ts";
import { judgeShadow } from "../verdict/shadow.ts";
import { goalWords, type GoalMeasure } from "../verdict/goals.ts";
import { judge } from "../verdict/verdict.ts";
import type { VariantVerdict } from "../verdict/variant.ts";
import { servingAnother, type Fleet } from "./fleet.ts";
import { isAdvanced, nextStep, type Ramp, type Release, type ReleasedVariant } from "./ramps.ts";
import { stepLimits } from "./step-limits.ts";

export type Action =
  /** To a percent: the first step, the next, or back to 0. */
  | { readonly kind: "begin" | "promote" | "rollback"; readonly to: number }
  /** A clock ramp that was rolled back: `state: DISABLED` on the rollout. */
  | { readonly kind: "disable" }
  | { readonly kind: "wait" | "finished" | "stopped" };

export interface NextAction {
  readonly rollout: string;
  readonly variant: string;
  /** Its percent in the policy; null where it has not begun, or goes by the clock. */
  readonly from: number | null;
  readonly action: Action;
  /** Why, in one sentence. */
  readonly reason: string;
  /** What else the verdict says. */
  readonly details: readonly string[];
}

/** With the Envoys that say that they serve another policy. */
interface KnownFleet extends Fleet {
  readonly behind: ReadonlySet<string>;
}

/** `digest`: of the policy. What to do with each variant that has a ramp, or that a guard has rolled back; none for others. */
export function nextActions(release: Release, whole: Fleet, digest: number): NextAction[] {
  const rollout = whole.snapshot?.rollouts.get(release.rollout);
  // One that knows nothing of this rollout would take a share in one step when it learns of it.
  const knowing = new Set(rollout?.users.map(({ envoy }) => envoy));
  const behind = new Set([
    ...servingAnother(whole, digest),
    ...whole.asked.filter((envoy) => !knowing.has(envoy)),
  ]);
  const fleet = { ...whole, behind };
  const actions: NextAction[] = [];
  for (const variant of release.variants) {
    const decided = nextAction(release, variant, rollout, fleet);
    if (decided === null) continue;
    const { rollout: name } = release;
    actions.push({ rollout: name, variant: variant.name, from: variant.percent, details: [], ...decided });
  }
  return actions;
}

type Decided = Pick<NextAction, "action" | "reason"> & Partial<Pick<NextAction, "details">>;

const WAIT = { kind: "wait" } as const;
const STOPPED = { kind: "stopped" } as const;

function nextAction(
  release: Release,
  variant: ReleasedVariant,
  rollout: RolloutCounts | undefined,
  fleet: KnownFleet,
): Decided | null {
  const envoys = (rollout?.users ?? []).filter((counts) => isOfThisEpoch(counts, release));
  const { percent, ramp } = variant;
  if (release.isDisabled) {
    return ramp === null ? null : { action: STOPPED, reason: "the rollout has state: DISABLED" };
  }
  if (percent === 0) {
    if (!isAdvanced(variant)) return null;
    const reason = "stopped at 0%; to begin again, set a percent and raise epoch";
    return { action: STOPPED, reason };
  }
  const back = envoys.filter(({ variants }) => isRolledBack(variants.get(variant.name)));
  if (back.length > 0) {
    const reason = `the guard has rolled ${visible(variant.name)} back${whereOf(back, rollout)}`;
    // A clock ramp has no percent to set to 0.
    return { action: ramp?.isByClock === true ? { kind: "disable" } : ROLLBACK, reason };
  }
  if (ramp === null || ramp.isByClock) return null;
  if (percent === null) return begin(variant, rollout, fleet);
  const share = percent / 100;
  const current = envoys.filter((counts) => hasShare(counts, variant) && !fleet.behind.has(counts.envoy));
  const verdict = verdictOn(release, variant, rollout, current, fleet.snapshot);
  if (verdict?.decision === "fail") {
    return { action: ROLLBACK, reason: verdict.reasons[0] ?? "significantly worse" };
  }
  const to = nextStep(ramp, percent);
  if (to === null) return { action: { kind: "finished" }, reason: `finished at ${exactPercent(share)}` };
  if (ramp.isPaused) return { action: WAIT, reason: "paused: true" };
  const held = holding(variant, rollout, current, fleet);
  if (held !== null) return { action: WAIT, reason: held };
  const waited = secondsOnStep(current, fleet.snapshot);
  const onStep = `${duration(waited)} of ${duration(ramp.every)} on this step`;
  const [reason = "no evidence yet", ...others] = verdict?.reasons ?? [];
  if (waited < ramp.every) return { action: WAIT, reason: onStep, details: [reason] };
  // What is nearest to a decision, and how long it will take.
  if (verdict?.decision !== "pass") {
    const tooMany = tooManyUsers(variant, verdict, current);
    return { action: WAIT, reason, details: tooMany === null ? others.slice(-1) : [tooMany] };
  }
  const open = openGoal(ramp, verdict, current, fleet.snapshot);
  if (open !== null) return { action: WAIT, ...open };
  const { maxRatio } = stepLimits(share);
  const goals =
    ramp.goals.length === 0 ? "" : `, ${joined(ramp.goals.map(visible))} (${multiple(1 / maxRatio)})`;
  return {
    action: { kind: "promote", to },
    reason: `errors, 4xx and latency within the limit (${multiple(maxRatio)} the baseline's)${goals} after ${duration(waited)}`,
    details: [reason, ...others],
  };
}

/** The first goal of the ramp that is not shown to be within the limit, and what that takes; null where all are. */
function openGoal(
  { goals }: Ramp,
  verdict: VariantVerdict,
  current: readonly UserCounts[],
  snapshot: Snapshot | null,
): Pick<NextAction, "reason" | "details"> | null {
  for (const name of goals) {
    const goal = verdict.goals.get(name);
    if (goal === undefined)
      return { reason: `${visible(name)}: this goal is not counted for the rollout`, details: [] };
    if (goal.isWithin) continue;
    return { reason: goalWords(visible(name), goal), details: goalNeeds(goal, current, snapshot) };
  }
  return null;
}

/** How many more users it takes, and how long that is; or that no evidence period is long enough. */
function goalNeeds(
  { usersNeeded, variant }: GoalMeasure,
  current: readonly UserCounts[],
  snapshot: Snapshot | null,
): string[] {
  if (usersNeeded === null || usersNeeded === Infinity) return [];
  const began = current.map((each) => each.began).filter((at) => at > 0);
  const seconds = snapshot === null || began.length === 0 ? 0 : snapshot.takenAt / 1000 - Math.min(...began);
  const wait =
    seconds > 0 && variant.users > 0 ? ` (~${duration((usersNeeded * seconds) / variant.users)})` : "";
  return [
    `at the current rate about ${grouped(Number(usersNeeded.toPrecision(2)))} more of its users are needed${wait}`,
  ];
}

/** Where it gets nothing anyway, the guard tells of a policy before this one. */
function isRolledBack(side: UserSide | undefined): boolean {
  return side?.guard === "rolled back" && (side.share ?? 0) > 0;
}

const ROLLBACK = { kind: "rollback", to: 0 } as const;

function begin(variant: ReleasedVariant, rollout: RolloutCounts | undefined, fleet: KnownFleet): Decided {
  if (variant.ramp?.isPaused === true) return { action: WAIT, reason: "not begun; paused: true" };
  const current = (rollout?.users ?? []).filter(({ envoy }) => !fleet.behind.has(envoy));
  const held = holding(variant, rollout, current, fleet);
  if (held !== null) return { action: WAIT, reason: `not begun; ${held}` };
  const to = variant.ramp === null ? null : nextStep(variant.ramp, null);
  if (to === null) return { action: WAIT, reason: "the ramp has no step" };
  const after = variant.ramp?.after ?? null;
  if (after === null) return { action: { kind: "begin", to }, reason: "the first step" };
  const name = visible(after);
  const shadow = fleet.snapshot?.shadows.get(name);
  const verdict = shadow === undefined ? null : judgeShadow(shadow, DEFAULT_SHADOW_LIMITS);
  const [reason = "", ...details] = verdict?.reasons ?? ["it is not counted yet"];
  if (verdict?.decision !== "pass") {
    const word = verdict?.decision === "fail" ? "fails" : "has not passed yet";
    return { action: WAIT, reason: `not begun; shadow ${name} ${word}: ${reason}`, details };
  }
  return {
    action: { kind: "begin", to },
    reason: `the first step: shadow ${name} passes`,
    details: [reason, ...details],
  };
}

/** That a period ends before it can show the limit of this step, and what it can show; null where it is long enough. */
function tooManyUsers(
  { name, percent }: ReleasedVariant,
  verdict: VariantVerdict | null,
  current: readonly UserCounts[],
): string | null {
  const base = verdict?.errors.met ?? null;
  const control = current.find((counts) => counts.control !== null)?.control?.share ?? null;
  const sizes = current.map(({ size }) => size).filter((size) => size > 0);
  // Where each request is a user, nothing fills up.
  if (base === null || control === null || percent === null || sizes.length === 0) return null;
  const share = percent / 100;
  const pi = share / (share + control);
  const [holds, factor] = [
    pi * periodUsers(base, Math.min(...sizes)) * current.length,
    envoyFactor(current.length),
  ];
  const { maxRatio } = stepLimits(share);
  if (usersToBeWithin(base, pi, maxRatio) * factor <= holds) return null;
  const shown = shownLimit(base, pi, holds / factor);
  const instead =
    shown === Infinity ? "no limit can be shown" : `${multiple(shown)} is the smallest limit it can show`;
  return (
    `one evidence period holds ${grouped(holds)} users of ${visible(name)}, and the ${multiple(maxRatio)} limit takes ` +
    `more: ${instead}. Set the next percent by hand (serin plan has other ways)`
  );
}

/** Why nothing is promoted now, whatever the evidence says; null where nothing is in the way. */
function holding(
  variant: ReleasedVariant,
  rollout: RolloutCounts | undefined,
  current: readonly UserCounts[],
  fleet: KnownFleet,
): string | null {
  const { silent } = fleet;
  const [first] = silent;
  if (first !== undefined) {
    return `nothing is promoted while ${listed(silent.map(({ name }) => name))} ${silent.length > 1 ? "do" : "does"} not answer (${first.why})`;
  }
  const users = rollout?.users ?? [];
  if (users.length === 0) return "no Envoy serves this rollout yet";
  const stale = users.filter((counts) => !hasShare(counts, variant) || !current.includes(counts));
  const behind = [...new Set([...stale.map(({ envoy }) => envoy), ...fleet.behind])];
  if (behind.length > 0) {
    return `${listed(behind)} ${behind.length > 1 ? "do" : "does"} not serve this policy yet`;
  }
  const alarms = users.filter(({ variants }) => variants.get(variant.name)?.guard === "alarm");
  return alarms.length === 0 ? null : `the guard has given an alarm${whereOf(alarms, rollout)}`;
}

/**
 * Whether it counts in this epoch, as far as that can be known. A person begins again by raising `epoch`, and an Envoy that
 * has not loaded that yet, or loaded it a moment ago, still tells of the epoch before.
 */
function isOfThisEpoch(counts: UserCounts, { epoch }: Release): boolean {
  return (counts.epoch ?? epoch) >= epoch;
}

/** Whether this Envoy has the percent that the policy has. */
function hasShare({ variants }: UserCounts, { name, percent }: ReleasedVariant): boolean {
  const share = variants.get(name)?.share ?? 0;
  return Math.round(share * 100_000) === Math.round((percent ?? 0) * 1000);
}

/** Seconds since the shares changed on the first Envoy; 0 where that is not known. */
function secondsOnStep(current: readonly UserCounts[], snapshot: Snapshot | null): number {
  const began = current.map(({ sharesBegan }) => sharesBegan).filter((at) => at > 0);
  if (snapshot === null || began.length === 0) return 0;
  return Math.max(0, snapshot.takenAt / 1000 - Math.min(...began));
}

/** The verdict of those Envoys that serve what the policy says, with the limits of this step. */
function verdictOn(
  release: Release,
  { name, percent }: ReleasedVariant,
  rollout: RolloutCounts | undefined,
  current: readonly UserCounts[],
  snapshot: Snapshot | null,
): VariantVerdict | null {
  if (rollout === undefined || snapshot === null || current.length === 0 || percent === null) return null;
  const counts = rollout.variants.get(name) ?? NO_VARIANT;
  const gauges = new Map([...counts.gauges, [statNames.SHARE, percent * 1000]]);
  const own: RolloutCounts = {
    ...rollout,
    variants: new Map([...rollout.variants, [name, { ...counts, gauges }]]),
    shareConflicts: new Map(),
    users: current,
  };
  const verdict = judge(
    { ...snapshot, rollouts: new Map([[release.rollout, own]]) },
    stepLimits(percent / 100),
    new Map([[release.rollout, release.default]]),
  );
  const found = verdict.rollouts.get(release.rollout);
  const variant = found?.variants.get(name);
  if (variant !== undefined || requestsOf(counts) > 0) return variant ?? null;
  return null;
}

function whereOf(some: readonly UserCounts[], rollout: RolloutCounts | undefined): string {
  const all = rollout?.users.length ?? 0;
  return all > 1 ? ` on ${grouped(some.length)} of ${counted(all, "Envoy")}` : "";
}

function joined(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1) ?? ""}`;
}

/** Some names, and how many more. */
function listed(names: readonly string[]): string {
  const [first = "", second] = names.map((name) => visible(name));
  if (names.length <= 1) return first;
  return names.length === 2 ? `${first} and ${second ?? ""}` : `${first} and ${names.length - 1} more`;
}
