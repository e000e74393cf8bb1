// A release step by step: when each step begins, what it takes, and what to do where that is too long.

import { stepLimits } from "../release/step-limits.ts";
import { DEFAULT_LIMITS } from "../verdict/limits.ts";
import { falseAlarms, planStep, type Assumptions, type StepPlan } from "./evidence-plan.ts";
import type { RolloutSteps, VariantSteps } from "./policy-steps.ts";

export interface PlannedStep {
  /** Of all users, in percent. */
  readonly percent: number;
  /** How many times as many users may meet an error. */
  readonly limit: number;
  /** Seconds after the release began at which the step is taken; Infinity where it never is. */
  readonly from: number;
  /** Seconds that it lasts; null for the last one. */
  readonly lasts: number | null;
  /** When, by the clock: milliseconds since 1970. */
  readonly at: number | null;
  /** Null where the variant has all users: there is nobody to compare with. */
  readonly evidence: StepPlan | null;
}

export interface PlannedVariant {
  readonly variant: VariantSteps;
  readonly steps: readonly PlannedStep[];
  /** Seconds until the last step is taken; and by evidence alone, as if steps had no least time. */
  readonly reachedAfter: number;
  readonly byEvidence: number;
  readonly advice: readonly Advice[];
}

/** Something that takes too long, and what changes it. */
export interface Advice {
  readonly percent: number;
  readonly kind:
    "too-many-users" | "clock-is-faster" | "slow-to-pass" | "slow-to-find" | "slow-goal" | "goal-holds";
  /** Seconds that it takes. */
  readonly seconds: number;
  /** Limits and shares with which it takes less: what each comes to, in seconds. */
  readonly limitShown: number | null;
  readonly largerShares: readonly (readonly [percent: number, seconds: number])[];
  readonly largerLimits: readonly (readonly [limit: number, seconds: number])[];
}

export interface PlannedRollout {
  readonly rollout: RolloutSteps;
  readonly variants: readonly PlannedVariant[];
  /** Of the guards of all Envoys: in the release, and in a year at its last step. Null without a guard. */
  readonly falseAlarms: { readonly release: number; readonly year: number } | null;
}

/** So long is a step waited for without advice: a working day. */
const LONG = 8 * 3600;
/** And a fault. */
const LONG_TO_FIND = 3600;
const DAY = 86_400;

export function planRollout(rollout: RolloutSteps, given: Assumptions): PlannedRollout {
  const assumptions = rollout.isRandom ? { ...given, requestsPerUser: 1 } : given;
  const variants = rollout.variants.map((variant) => planVariant(rollout, variant, assumptions));
  return { rollout, variants, falseAlarms: alarmsOf(rollout, variants, assumptions) };
}

function planVariant(rollout: RolloutSteps, variant: VariantSteps, given: Assumptions): PlannedVariant {
  const advice: Advice[] = [];
  const steps: PlannedStep[] = [];
  let [from, byEvidence] = [0, 0];
  variant.steps.forEach((percent, index) => {
    const limit = variant.by === null ? DEFAULT_LIMITS.maxRatio : stepLimits(percent / 100).maxRatio;
    const evidence = evidenceAt(rollout, variant, percent, index, limit, given);
    const errorsPass =
      evidence === null ? 0 : evidence.limitShown === null ? evidence.passes.seconds : Infinity;
    const goalPasses = variant.goals.length === 0 ? 0 : (evidence?.goal?.passes.seconds ?? 0);
    const passes = Math.max(errorsPass, goalPasses);
    const isLast = index === variant.steps.length - 1;
    const lasts = variant.by === "clock" ? variant.every : Math.max(variant.every, passes);
    steps.push({
      ...{ percent, limit, from, evidence },
      lasts: isLast ? null : lasts,
      at: variant.start === null ? null : variant.start + index * variant.every * 1000,
    });
    if (evidence !== null) {
      advice.push(
        ...adviceOn(rollout, variant, { percent, index, limit, evidence, passes: errorsPass, isLast }, given),
      );
      advice.push(...goalAdvice(variant, percent, evidence, isLast));
    }
    if (isLast) return;
    from += lasts;
    byEvidence += passes;
  });
  return { variant, steps, reachedAfter: from, byEvidence, advice };
}

/** The other variants are where they are, or on the same step. */
function evidenceAt(
  rollout: RolloutSteps,
  variant: VariantSteps,
  percent: number,
  index: number,
  limit: number,
  given: Assumptions,
): StepPlan | null {
  const others = rollout.variants
    .filter((other) => other !== variant)
    .map(({ steps }) => steps[Math.min(index, steps.length - 1)] ?? 0);
  const rest = Math.max(0, 100 - percent - others.reduce((sum, each) => sum + each, 0)) / 100;
  const share = percent / 100;
  // Four times the largest share: docs/policy.md.
  const controlShare = Math.min((4 * Math.max(percent, ...others)) / 100, rest);
  const planned = planStep(
    {
      ...{ share, controlShare, limit },
      ...{ variants: rollout.variants.length, goals: rollout.goals.length, guard: rollout.guard },
    },
    given,
  );
  if (planned === null || !rollout.isRandom) return planned;
  return { ...planned, periodHolds: Infinity, limitShown: null };
}

interface Judged {
  readonly percent: number;
  readonly index: number;
  readonly limit: number;
  readonly evidence: StepPlan;
  /** Seconds; Infinity where one period cannot hold the users. */
  readonly passes: number;
  readonly isLast: boolean;
}

const SHARES = [5, 10, 25, 50];
const LIMITS = [2, 3, 5];

function adviceOn(
  rollout: RolloutSteps,
  variant: VariantSteps,
  { percent, index, limit, evidence, passes, isLast }: Judged,
  given: Assumptions,
): Advice[] {
  const at = (share: number, ratio: number): StepPlan | null =>
    evidenceAt(rollout, variant, share, index, ratio, given);
  const shares = (read: (plan: StepPlan) => number): Advice["largerShares"] =>
    SHARES.filter((share) => share > percent).flatMap((share): [number, number][] => {
      const plan = at(share, variant.by === null ? limit : stepLimits(share / 100).maxRatio);
      return plan === null || !Number.isFinite(read(plan)) ? [] : [[share, read(plan)]];
    });
  const limits = LIMITS.filter((ratio) => ratio > limit).flatMap((ratio): [number, number][] => {
    const plan = at(percent, ratio);
    return plan === null || plan.limitShown !== null ? [] : [[ratio, plan.passes.seconds]];
  });
  const found: Advice[] = [];
  const add = (kind: Advice["kind"], seconds: number, more: Partial<Advice> = {}): void => {
    found.push({ percent, kind, seconds, limitShown: null, largerShares: [], largerLimits: limits, ...more });
  };
  const passShares = shares((plan) => (plan.limitShown === null ? plan.passes.seconds : Infinity));
  if (evidence.limitShown !== null)
    add("too-many-users", passes, { limitShown: evidence.limitShown, largerShares: passShares });
  else if (variant.by === "clock" && !isLast && passes > variant.every) {
    add("clock-is-faster", passes, { largerShares: passShares });
  } else if (passes > Math.max(LONG, 2 * variant.every))
    add("slow-to-pass", passes, { largerShares: passShares });
  const toFind = Math.min(evidence.found.seconds, evidence.guard?.seconds ?? Infinity);
  if (toFind > LONG_TO_FIND) {
    add("slow-to-find", toFind, {
      largerShares: shares((plan) => Math.min(plan.found.seconds, plan.guard?.seconds ?? Infinity)),
      largerLimits: [],
    });
  }
  return found;
}

/** A drop that is seldom seen, and a goal of the ramp that keeps it on a step. */
function goalAdvice(variant: VariantSteps, percent: number, { goal }: StepPlan, isLast: boolean): Advice[] {
  if (goal === null) return [];
  const common = { percent, limitShown: null, largerShares: [], largerLimits: [] };
  const { found, passes } = goal;
  const holds = variant.goals.length > 0 && !isLast && passes.seconds > Math.max(LONG, 2 * variant.every);
  return [
    ...(found.seconds > LONG ? [{ ...common, kind: "slow-goal" as const, seconds: found.seconds }] : []),
    ...(holds ? [{ ...common, kind: "goal-holds" as const, seconds: passes.seconds }] : []),
  ];
}

/** Periods: one a step, and one each time a bitmap is full. */
function alarmsOf(
  rollout: RolloutSteps,
  variants: readonly PlannedVariant[],
  given: Assumptions,
): PlannedRollout["falseAlarms"] {
  if (rollout.guard === null) return null;
  const { falseAlarm } = rollout.guard;
  const { envoys } = given;
  const finite = (value: number): number => (Number.isFinite(value) ? value : 0);
  const longest = Math.max(...variants.map(({ reachedAfter }) => reachedAfter));
  const steps = Math.max(...variants.map((each) => each.steps.length));
  const periodsASecond = ({ percent, evidence }: PlannedStep): number =>
    evidence === null ? 0 : ((given.rps / given.requestsPerUser) * (percent / 100)) / evidence.periodHolds;
  const full = Math.max(
    ...variants.map((each) =>
      each.steps.reduce((sum, step) => sum + finite(step.lasts ?? 0) * periodsASecond(step), 0),
    ),
  );
  const last = variants.map((each) => each.steps.at(-1)).filter((step) => step !== undefined);
  const fullAYear = Math.max(0, ...last.map(periodsASecond)) * 365 * DAY;
  const watched = last.some(({ evidence }) => evidence !== null);
  const one = variants.length;
  return {
    release: falseAlarms(falseAlarm, { periods: steps + full, days: finite(longest) / DAY }, one, envoys),
    year: watched ? falseAlarms(falseAlarm, { periods: fullAYear, days: 365 }, one, envoys) : 0,
  };
}
