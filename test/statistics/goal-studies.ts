// What is counted over many simulated shops: how often, and after how many orders, a goal is called different.

import { decideGoal, alphaOfGoal } from "../../tools/verdict/decide-goals.ts";
import { DEFAULT_LIMITS } from "../../tools/verdict/limits.ts";
import { GoalSimulation, type Shop, type ShopOptions } from "./goal-shop.ts";
import { CONTROL, GOAL, VARIANT, type Rollout } from "./rollout.ts";

export interface GoalOutcome {
  readonly runs: number;
  readonly fewer: number;
  readonly more: number;
  /** Shown to be within the limit of a step at a tenth of users (2×) before any difference was found. */
  readonly within: number;
  /** Medians until the first verdict; Infinity where most have none. Users who reached it, of variant and control: what evidence is made of. */
  readonly reachedAt: number;
  /** What the whole shop had sold by then, to everybody. */
  readonly ordersAt: number;
}

const EVERY = 200;
/** Nothing is found below: ln(2 / FALSE_GOALS). */
const LEAST = 5.2;

/** A run ends at its first verdict: whatever is called different is counted once. */
export function goalStudy(
  seed: number,
  runs: number,
  options: ShopOptions & {
    /** Each order of a user counts, as it must not. */
    readonly countsOrders?: boolean;
  },
): GoalOutcome {
  const simulation = new GoalSimulation(seed, options);
  const alpha = alphaOfGoal(1, 1);
  const [reachedAt, ordersAt]: [number[], number[]] = [[], []];
  let [fewer, more, within] = [0, 0, 0];
  for (let run = 0; run < runs; run++) {
    let last = -1;
    let isWithin = false;
    simulation.run(EVERY, (rollouts) => {
      let reached = 0;
      for (const each of rollouts) reached += each.count(VARIANT, GOAL) + each.count(CONTROL, GOAL);
      if (reached === last) return false;
      last = reached;
      const isDull =
        options.countsOrders !== true && !rollouts.some((each) => isSurprising(each, simulation.pi));
      if (isWithin && isDull) return false;
      const found = decideGoal(
        rollouts.map((each) =>
          options.countsOrders === true ? simulation.ordersAsEvidence(each) : each.evidence(1),
        ),
        0,
        { ...DEFAULT_LIMITS, maxRatio: 2, isOfStep: true },
        alpha,
      );
      if (found.isWithin && !isWithin) {
        isWithin = true;
        within++;
      }
      if (!found.isSignificant) return false;
      if (found.leans === "more") more++;
      else fewer++;
      reachedAt.push(reached);
      ordersAt.push(simulation.orders);
      return true;
    });
  }
  return {
    ...{ runs, fewer, more, within },
    reachedAt: medianOf(reachedAt, runs),
    ordersAt: medianOf(ordersAt, runs),
  };
}

/** As in rollout.ts: the evidence of a mean of likelihood ratios is at most (x - n pi)^2 / (n pi (1 - pi)). */
function isSurprising(rollout: Rollout, pi: number): boolean {
  const x = rollout.count(VARIANT, GOAL);
  const n = x + rollout.count(CONTROL, GOAL);
  return (x - n * pi) ** 2 >= LEAST * n * pi * (1 - pi);
}

function medianOf(values: number[], runs: number): number {
  values.sort((a, b) => a - b);
  return values[Math.floor(runs / 2)] ?? Infinity;
}

const CROWD = { kind: "zipf", crowd: 20_000, exponent: 0.7 } as const;

/** A tenth of visits orders. */
export const SHOP: Shop = { name: "each visit of another user", users: { kind: "fresh" }, conversion: 0.1 };

/** Shops in which the canary does nothing: each a way in which orders are no independent draws. */
export const SHOPS: readonly Shop[] = [
  SHOP,
  { name: "repeat buyers", users: CROWD, conversion: 0.05, again: 0.7 },
  { name: "heavy tails (Zipf 1.2), bots", users: { ...CROWD, exponent: 1.2 }, conversion: 0.05, again: 0.9 },
  { name: "users who differ", users: CROWD, conversion: 0.05, differ: 0.3 },
  {
    name: "nobody orders during an outage",
    users: CROWD,
    conversion: 0.05,
    differ: 0.1,
    moment: (part) => ((part > 0.2 && part < 0.35) || (part > 0.6 && part < 0.62) ? 0.02 : 1),
  },
  {
    name: "a sale (five times as many for a while)",
    users: CROWD,
    conversion: 0.03,
    differ: 0.1,
    moment: (part) => (part > 0.5 && part < 0.6 ? 5 : 1),
  },
  { name: "half of users never meet the rollout", users: CROWD, conversion: 0.05, differ: 0.1, outside: 0.5 },
  { name: "seldom (1 in 500 visits)", users: { kind: "fresh" }, conversion: 0.002 },
  { name: "three Envoys", users: CROWD, conversion: 0.05, differ: 0.1, envoys: 3 },
];
