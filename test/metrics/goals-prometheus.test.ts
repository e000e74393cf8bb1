// Goals from Prometheus: a label in place of a part of the stat's name, each Envoy by itself.

import assert from "node:assert/strict";
import { test } from "node:test";

import { PrometheusSource } from "../../tools/metrics/prometheus-source.ts";
import { seriesOf, startFakePrometheus } from "../support/fake-prometheus.ts";

test("who reached a goal, and what they are worth, is read of each Envoy", async () => {
  const of = (envoy: string, goal: string): string =>
    `{instance="${envoy}",serin_rollout="r",serin_variant="canary",serin_goal="${goal}"}`;
  const prometheus = await startFakePrometheus(
    seriesOf(
      [
        'serin_rollout_share{instance="a",serin_rollout="r",serin_variant="canary"} 10000',
        `serin_rollout_users_goal${of("a", "orders")} 41`,
        `serin_rollout_users_goal${of("b", "orders")} 7`,
        `serin_rollout_users_goal${of("a", "sign-ups")} 3`,
        `serin_rollout_goal_value${of("a", "orders")} 2050000`,
      ].join("\n"),
    ),
  );
  try {
    const { rollouts } = await new PrometheusSource(prometheus.url, new Map()).read();
    const bits = rollouts
      .get("r")
      ?.users.filter(({ envoy }) => envoy !== "")
      .map(({ envoy, variants }) => [envoy, Object.fromEntries(variants.get("canary")?.bits ?? [])]);
    assert.deepEqual(bits, [
      ["a", { "users_goal.orders": 41, "users_goal.sign-ups": 3, "goal.orders.value": 2_050_000 }],
      ["b", { "users_goal.orders": 7 }],
    ]);
  } finally {
    await prometheus.stop();
  }
});
