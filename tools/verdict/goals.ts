// The goals of one variant as people read them: how many users reached each, how many times as many, and how sure that is.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import type { UserSide } from "../metrics/users.ts";
import { envoyFactor, usersToKeep } from "../statistics/needed-users.ts";
import { grouped, multiple, percent } from "../terminal/numbers.ts";
import { periodFor } from "./decide.ts";
import { alphaOfGoal, decideGoal, type GoalDecision } from "./decide-goals.ts";
import { goalReader, type Evidence } from "./evidence.ts";
import { FALSE_PASSES, type Limits } from "./limits.ts";
import { counted, partOf, type Measure, type MetUsers } from "./measure.ts";
import { ratioWords } from "./words.ts";

export interface GoalMeasure extends Measure {
  readonly leans: GoalDecision["leans"];
  readonly logFewer: number;
  /** What a user who reached it is worth on average, where the policy has a `value`: nothing is judged by it. */
  readonly value: { readonly variant: number | null; readonly baseline: number | null };
}

/** Level of a goal's interval. */
const LEVEL = 0.99;

/**
 * Of each goal of a rollout. `variants`: how many are judged, of all of which the false alarms are. `sides`: the variant and
 * the control group on each Envoy.
 */
export function goalMeasures(
  evidence: readonly Evidence[],
  goals: readonly string[],
  limits: Limits,
  variants: number,
  sides: { readonly variant: readonly UserSide[]; readonly baseline: readonly UserSide[] },
): Map<string, GoalMeasure> {
  const alpha = alphaOfGoal(goals.length, variants);
  return new Map(
    goals.map((goal, index) => {
      const decided = decideGoal(evidence, index, limits, alpha);
      const decision = decided.isSignificant && decided.leans === "fewer" ? "fail" : "pass";
      const measure = counted(evidence, goalReader(index), decided, decision, 1 / limits.maxRatio, LEVEL);
      const value = {
        variant: averageValue(sides.variant, goal),
        baseline: averageValue(sides.baseline, goal),
      };
      const usersNeeded = decided.isWithin ? null : neededOf(evidence, measure, limits);
      return [goal, { ...measure, leans: decided.leans, logFewer: decided.logFewer, value, usersNeeded }];
    }),
  );
}

/** More of the variant's users until it is shown that enough of them reach it, if as many do as of the baseline's. */
function neededOf(evidence: readonly Evidence[], { met, variant }: Measure, limits: Limits): number {
  const [first] = evidence;
  if (first === undefined || met === null || met <= 0) return Infinity;
  const period = Math.max(...evidence.map((each) => periodFor(each, limits)));
  const threshold = Math.log(period * (period + 1)) - Math.log(FALSE_PASSES);
  const all = usersToKeep(met, first.pi, limits.maxRatio, threshold) * envoyFactor(evidence.length);
  return all > variant.users ? all - variant.users : all;
}

function averageValue(sides: readonly UserSide[], goal: string): number | null {
  let [value, users] = [0, 0];
  for (const { bits } of sides) {
    const sum = bits.get(`${statNames.GOAL}.${goal}.${statNames.GOAL_VALUE}`);
    if (sum === undefined) continue;
    value += sum / 1000;
    users += bits.get(`${statNames.USERS_GOAL}.${goal}`) ?? 0;
  }
  return users > 0 ? value / users : null;
}

/** `orders: 41 of 1,020 users (4.0%) vs 5.1%: 0.79× (99% CI 0.61× to 1.02×): …` */
export function goalWords(name: string, measure: GoalMeasure): string {
  const { variant, baseline, limit, isSignificant, isWithin, leans } = measure;
  if (variant.met + baseline.met === 0) return `${name}: no user has reached it yet`;
  const figures = `${name}: ${sidesWords(variant, baseline)}${ratioWords(measure)}`;
  const value = valueWords(measure);
  if (isSignificant) return `${figures}: significantly ${leans ?? "fewer"} users reach it${value}`;
  const conclusion = isWithin
    ? "within the limit"
    : `a decrease below the ${multiple(limit ?? 0)} limit cannot be ruled out yet`;
  return `${figures}, limit ${multiple(limit ?? 0)}: ${conclusion}${value}`;
}

/** Where users reach a goal who never met the rollout there is no part to tell: as many as reached it were counted at least. */
function sidesWords(variant: MetUsers, baseline: MetUsers): string {
  const isPart = [variant, baseline].every(({ met, users }) => met < users || users === 0);
  if (!isPart) return `${grouped(variant.met)} users vs ${grouped(baseline.met)}`;
  return `${grouped(variant.met)} of ${grouped(variant.users)} users (${short(variant)}) vs ${short(baseline)}`;
}

function short(side: MetUsers): string {
  const part = partOf(side) ?? 0;
  return part > 0 && part < 0.001 ? percent(part) : percent(part, 1);
}

function valueWords({ value: { variant, baseline } }: GoalMeasure): string {
  if (variant === null && baseline === null) return "";
  const [own, other] = [variant, baseline].map((each) => (each === null ? "–" : each.toFixed(2)));
  return `; average value ${own} vs ${other}, not judged`;
}
