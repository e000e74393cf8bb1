// What the dashboard shows of goals: users who reached them, beside the control group, with the interval.

import assert from "node:assert/strict";
import { test } from "node:test";

import { rolloutState } from "../../tools/dashboard/figures.ts";
import { DEFAULT_TERMS } from "../../tools/metrics/snapshot.ts";
import { rolloutOf, snapshotOf } from "../verdict/made-up.ts";

test("goals of a canary that sells less are on the page, and so is why it fails", () => {
  const envoy = {
    variants: {
      stable: { share: 90, requests: 45_000 },
      canary: { share: 10, users: 6000, errors: 60, goals: { orders: 240, "sign-ups": 600 } },
    },
    control: { share: 40, users: 24_000, errors: 240, goals: { orders: 1800, "sign-ups": 2400 } },
  };
  const terms = new Map([["r", { ...DEFAULT_TERMS, goals: ["orders", "sign-ups"] }]]);
  const snapshot = { ...snapshotOf({ r: rolloutOf(envoy) }), terms };
  const state = rolloutState("r", { from: "counters", snapshot });
  const [stable, canary] = ["stable", "canary"].map((name) =>
    state?.variants.find((variant) => variant.name === name),
  );
  const figures = (variant: typeof stable): unknown =>
    variant?.users?.goals.map(({ name, count, part, ratio }) => [
      name,
      count,
      part,
      ratio === null ? null : Number(ratio.value?.toFixed(3)),
    ]);
  assert.deepEqual(figures(canary), [
    ["orders", 240, 0.04, 0.533],
    ["sign-ups", 600, 0.1, 1],
  ]);
  assert.deepEqual(figures(stable), [
    ["orders", 1800, 0.075, null],
    ["sign-ups", 2400, 0.1, null],
  ]);
  const interval = canary?.users?.goals[0]?.ratio;
  assert.ok(interval && interval.lower > 0 && interval.lower < 0.533);
  assert.ok(interval.upper !== null && interval.upper > 0.534 && interval.upper < 1);
  assert.equal(state?.decision, "fail");
  assert.match(canary?.reasons.join("\n") ?? "", /^orders: 240 of 6,000 users \(4\.0%\)/m);
});
