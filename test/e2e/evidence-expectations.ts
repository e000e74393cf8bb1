// A test for promtool: what the rules have to record of users of some Envoys, by the very code of `serin report`.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import { logMean, logOfPeriod, logShifted } from "../../tools/statistics/first-setters.ts";
import type { UserCounts, UserSide } from "../../tools/metrics/users.ts";
import { alphaOfGoal, decideGoal } from "../../tools/verdict/decide-goals.ts";
import { ALPHA_PARTS, decide } from "../../tools/verdict/decide.ts";
import { evidenceOf } from "../../tools/verdict/evidence.ts";
import { DEFAULT_LIMITS, FALSE_ALARMS, FALSE_MISMATCHES } from "../../tools/verdict/limits.ts";
import { usersBehind } from "../../tools/statistics/linear-counting.ts";
import { Random, TWO_32 } from "../support/random.ts";

const SLOW = [25, 100, 1000];
const GOALS = ["orders", "sign-ups"];
const LEAVES = [
  "users_error",
  "users_4xx",
  "users_3xx",
  "users_ok",
  ...SLOW.map((ms) => `users_slow.${ms}`),
  ...GOALS.map((goal) => `users_goal.${goal}`),
];
const TERMS = { slow: SLOW, warmup: 0, goals: GOALS, guard: "none" } as const;
const SIZE = 65_536;
export const TO_A_MILLIONTH = 1e-6;

export interface Series {
  readonly series: string;
  readonly values: string;
}

export interface Expectation {
  readonly expr: string;
  readonly eval_time: string;
  readonly exp_samples: readonly { readonly labels: string; readonly value: number }[];
}

/** So many rollouts, each with one or two variants on one to three Envoys in periods of their own. */
export function expectations(rollouts: number): object {
  const random = new Random(20_261_128);
  const below = (most: number): number => Math.floor((random.next() / TWO_32) * most);
  const series: Series[] = [];
  const expected: Expectation[] = [];
  for (let index = 0; index < rollouts; index++) {
    const name = `r${index}`;
    const shares = [1 + below(20), ...(below(2) === 0 ? [] : [1 + below(20)])];
    const users = Array.from({ length: 1 + below(3) }, (_, envoy) =>
      countsOf(`envoy-${envoy}`, shares, below),
    );
    for (const counts of users) series.push(...seriesOf(name, counts));
    shares.forEach((_, variant) => {
      expected.push(...expectationsOf(name, `v${variant}`, users, shares.length));
    });
  }
  return {
    rule_files: ["serin.rules.yml"],
    evaluation_interval: "1m",
    tests: [{ interval: "1m", input_series: series, promql_expr_test: expected }],
  };
}

function countsOf(envoy: string, shares: readonly number[], below: (most: number) => number): UserCounts {
  const control = Math.min(4 * Math.max(...shares), 100 - shares.reduce((sum, share) => sum + share, 0));
  const side = (share: number): UserSide => {
    const met = share * (1 + below(40));
    return {
      share: share / 100,
      guard: null,
      fallback: null,
      bits: new Map([
        [statNames.USERS, met],
        ...LEAVES.map((leaf): [string, number] => [
          leaf,
          leaf === "users_ok" ? met - below(3) : below(met / 4),
        ]),
      ]),
    };
  };
  return {
    ...{ envoy, period: 1 + below(4), began: 1, sharesBegan: 1, epoch: 0, size: SIZE, noEvidence: 0 },
    variants: new Map(shares.map((share, index) => [`v${index}`, side(share)])),
    control: side(control),
  };
}

function seriesOf(rollout: string, { envoy, period, variants, control }: UserCounts): Series[] {
  const own = `job="envoy",instance="${envoy}",serin_rollout="${rollout}"`;
  const sides = [...variants, ...(control === null ? [] : [["control", control] as const])];
  return [
    { series: `serin_rollout_evidence_period{${own}}`, values: `${period}x9` },
    { series: `serin_rollout_evidence_bits{${own}}`, values: `${SIZE}x9` },
    ...sides.flatMap(([variant, { share, bits }]) => {
      const labels = `${own},serin_variant="${variant}"`;
      return [
        { series: `serin_rollout_share{${labels}}`, values: `${Math.round((share ?? 0) * 100_000)}x9` },
        ...[...bits].map(([leaf, value]) => {
          const [stat, of] = leaf.split(".");
          const label = stat === "users_goal" ? "serin_goal" : "serin_slow";
          const more = of === undefined ? "" : `,${label}="${of}"`;
          return { series: `serin_rollout_${stat}{${labels}${more}}`, values: `${value}x9` };
        }),
      ];
    }),
  ];
}

function expectationsOf(
  rollout: string,
  variant: string,
  users: readonly UserCounts[],
  judged: number,
): Expectation[] {
  const counts = { variants: new Map(), control: null, shareConflicts: new Map(), users };
  const evidence = evidenceOf(counts, variant, SLOW, GOALS, TERMS, 10);
  const alpha = FALSE_ALARMS / judged;
  const decided = decide(evidence, DEFAULT_LIMITS, alpha);
  const split = logMean(
    evidence.map(({ variant: own, control, pi, period }) =>
      logOfPeriod(logShifted({ variant: own.users, control: control.users }, pi), period),
    ),
  );
  const limits: readonly (readonly [measure: string, log: number, alpha: number])[] = [
    ["errors", decided.errors.logEvidence, alpha * ALPHA_PARTS.errors],
    ["4xx", decided.clientErrors.logEvidence, alpha * ALPHA_PARTS.clientErrors],
    ["ok", decided.ok.logEvidence, alpha * ALPHA_PARTS.ok],
    ["slow", decided.latency.logEvidence, alpha * ALPHA_PARTS.latency],
    ["3xx", decided.redirects.logEvidence, alpha],
    ["users", split, FALSE_MISMATCHES / judged],
  ];
  const number = evidence.reduce(
    (sum, { variant: own, all, size }) => sum + usersBehind(own.users, all.users, size),
    0,
  );
  return [
    ...limits.map(([measure, log, part]) =>
      isNear("serin:evidence:of_limit", rollout, variant, measure, Math.min(1e9, Math.exp(log) * part)),
    ),
    isNear("serin:users:count", rollout, variant, "users", number),
    ...GOALS.flatMap((goal, index) => {
      const goalAlpha = alphaOfGoal(GOALS.length, judged);
      const { logEvidence, leans } = decideGoal(evidence, index, DEFAULT_LIMITS, goalAlpha);
      // That there are more is no evidence against it: no series.
      if (leans !== "fewer") return [];
      const value = Math.min(1e9, Math.exp(logEvidence) * goalAlpha);
      return isNear("serin:evidence:of_limit", rollout, variant, "goal", value, `,serin_goal="${goal}"`);
    }),
  ];
}

function isNear(
  series: string,
  rollout: string,
  variant: string,
  measure: string,
  value: number,
  more = "",
): Expectation {
  const labels = `serin_rollout="${rollout}",serin_variant="${variant}",serin_measure="${measure}"${more}`;
  const expr = `abs(${series}{${labels}} / ${value} - 1) < bool ${TO_A_MILLIONTH}`;
  return { expr, eval_time: "5m", exp_samples: [{ labels: `{job="envoy",${labels}}`, value: 1 }] };
}
