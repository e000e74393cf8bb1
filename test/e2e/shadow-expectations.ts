// A test for promtool: what the rules have to record of some shadows, by the very code of `serin report`.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import { NO_SHADOW } from "../../tools/metrics/snapshot.ts";
import { DEFAULT_SHADOW_LIMITS, FALSE_SHADOW_FAILS } from "../../tools/verdict/limits.ts";
import { judgeShadow } from "../../tools/verdict/shadow.ts";
import { Random, TWO_32 } from "../support/random.ts";
import { TO_A_MILLIONTH, type Expectation, type Series } from "./evidence-expectations.ts";

const SIZE = 65_536;
const MOST = 1e9;

/** So many shadows, by copies and by users in turn, each with one to three Envoys; every other pair with a second instance. */
export function shadowExpectations(shadows: number): object {
  const random = new Random(20_261_129);
  const below = (most: number): number => Math.floor((random.next() / TWO_32) * most);
  const series: Series[] = [];
  const expected: Expectation[] = [];
  for (let index = 0; index < shadows; index++) {
    const name = `s${index}`;
    const isByUsers = index % 2 === 1;
    const isNoisy = index % 4 >= 2;
    const counters = new Map<string, number>();
    const users = [];
    for (let envoy = 0; envoy <= below(3); envoy++) {
      const own = `job="envoy",instance="envoy-${envoy}",serin_shadow="${name}"`;
      const add = (leaf: string, value: number): void =>
        void series.push({ series: `serin_shadow_${leaf}{${own}}`, values: `${value}x9` });
      const copies = copiesOf(isNoisy, below);
      for (const [leaf, value] of copies) {
        add(leaf, value);
        counters.set(leaf, (counters.get(leaf) ?? 0) + value);
      }
      if (!isByUsers) continue;
      // An Envoy without evidence says nothing, and is no Envoy to average over.
      const period = below(4);
      const bits = new Map([
        [statNames.USERS, 3000 + below(20_000)],
        [statNames.USERS_MISMATCH, below(40)],
        ...(isNoisy ? [[statNames.USERS_NOISE_ONLY, below(20)] as const] : []),
      ]);
      for (const [leaf, value] of bits) add(leaf, value);
      add(statNames.EVIDENCE_PERIOD, period);
      add(statNames.EVIDENCE_BITS, SIZE);
      users.push({ envoy: `envoy-${envoy}`, period, began: 1, size: SIZE, noEvidence: 0, bits });
    }
    const { mismatch } = judgeShadow({ ...NO_SHADOW, counters, users }, DEFAULT_SHADOW_LIMITS);
    const isJudged = !isByUsers || users.some(({ period }) => period > 0);
    const value = Math.min(MOST, Math.exp(mismatch.logBeyond) * FALSE_SHADOW_FAILS);
    const labels = `job="envoy",serin_shadow="${name}"`;
    expected.push({
      expr: isJudged
        ? `abs(serin:shadow_evidence:of_limit{${labels}} / ${value} - 1) < bool ${TO_A_MILLIONTH}`
        : `serin:shadow_evidence:of_limit{${labels}}`,
      eval_time: "5m",
      exp_samples: isJudged ? [{ labels: `{${labels}}`, value: 1 }] : [],
    });
  }
  return {
    rule_files: ["serin.rules.yml"],
    evaluation_interval: "1m",
    tests: [{ interval: "1m", input_series: series, promql_expr_test: expected }],
  };
}

function copiesOf(isNoisy: boolean, below: (most: number) => number): Map<string, number> {
  const ofBodies = 8 + below(20);
  return new Map([
    [statNames.SENT, 30_000],
    [statNames.MATCH, 2000 + below(20_000)],
    [statNames.MISMATCH_STATUS, below(6)],
    [statNames.MISMATCH_HEADERS, below(6)],
    [statNames.MISMATCH_BODY, ofBodies],
    ...(isNoisy
      ? ([
          [statNames.NOISE, 100 + below(1000)],
          [statNames.NOISE_WHOLE, below(100)],
          [statNames.NOISE_MISSING, below(4)],
          [statNames.NOISE_ONLY, below(10)],
        ] as const)
      : []),
  ]);
}
