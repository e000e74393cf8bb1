// What is called significantly fewer, or more, of a goal, and what is said about it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { DEFAULT_TERMS } from "../../tools/metrics/snapshot.ts";
import { howSure } from "../../tools/verdict/how-sure.ts";
import { DEFAULT_LIMITS } from "../../tools/verdict/limits.ts";
import { judge, type RolloutVerdict } from "../../tools/verdict/verdict.ts";
import type { VariantVerdict } from "../../tools/verdict/variant.ts";
import { rolloutOf, snapshotOf, type Given, type GivenEnvoy } from "./made-up.ts";

type Goals = Readonly<Record<string, number>>;

/** 6,000 users of the canary and 24,000 of the control group, of whom so many reached each goal. */
function envoy(canary: Goals, control: Goals, more: Partial<Given> = {}): GivenEnvoy {
  return {
    variants: {
      stable: { share: 90, requests: 45_000 },
      canary: { share: 10, users: 6000, errors: 60, clientErrors: 120, goals: canary, ...more },
    },
    control: { share: 40, users: 24_000, errors: 240, clientErrors: 480, goals: control },
  };
}

function verdictOn(goals: readonly string[] | null, ...envoys: GivenEnvoy[]): RolloutVerdict {
  const snapshot = snapshotOf({ r: rolloutOf(...envoys) });
  const terms = new Map([["r", { ...DEFAULT_TERMS, goals }]]);
  const verdict = judge({ ...snapshot, terms }, DEFAULT_LIMITS).rollouts.get("r");
  assert.ok(verdict);
  return verdict;
}

function canaryOf(canary: Goals, control: Goals, more: Partial<Given> = {}): VariantVerdict {
  const verdict = verdictOn(["orders"], envoy(canary, control, more)).variants.get("canary");
  assert.ok(verdict);
  return verdict;
}

function said(verdict: VariantVerdict, goal = "orders"): string {
  return verdict.reasons.find((reason) => reason.startsWith(`${goal}:`)) ?? "";
}

describe("a goal", () => {
  test("that as many users reach says so, and lets the variant pass", () => {
    const verdict = canaryOf({ orders: 300 }, { orders: 1200 });
    assert.equal(verdict.decision, "pass");
    assert.match(
      said(verdict),
      /^orders: 300 of 6,000 users \(5\.0%\) vs 5\.0%: 1× \(99% CI 0\.\d+× to 1\.\d+×\), limit 0\.67×: within the limit$/,
    );
  });

  test("of a variant that fell back in the period does not make it fail: the control group's were counted meanwhile", () => {
    const verdict = canaryOf({ orders: 200 }, { orders: 1200 }, { fallback: { isNow: true, last: 0 } });
    assert.equal(verdict.decision, "inconclusive");
    assert.doesNotMatch(said(verdict), /significantly|within/);
  });

  test("that fewer users reach fails, whatever errors and latency are", () => {
    const verdict = canaryOf({ orders: 200 }, { orders: 1200 });
    assert.equal(verdict.decision, "fail");
    assert.match(
      verdict.reasons[0] ?? "",
      /^orders: 200 of 6,000 users \(3\.3%\) vs 5\.0%: 0\.67× \(99% CI 0\.\d+× to 0\.\d+×\): significantly fewer users reach it$/,
    );
  });

  test("that more users reach is said, and is no reason to fail or to wait", () => {
    const verdict = canaryOf({ orders: 450 }, { orders: 1200 });
    assert.equal(verdict.decision, "pass");
    assert.match(said(verdict), /: 1\.5× \(99% CI 1\.\d+× to \d\.\d+×\): significantly more users reach it$/);
  });

  test("of which little is known is open, and lets the variant pass", () => {
    const verdict = canaryOf({ orders: 4 }, { orders: 16 });
    assert.equal(verdict.decision, "pass");
    assert.match(said(verdict), /: a decrease below the 0\.67× limit cannot be ruled out yet$/);
    assert.ok((verdict.goals.get("orders")?.usersNeeded ?? 0) > 0);
  });

  test("that nobody has reached is named", () => {
    assert.equal(said(canaryOf({}, {})), "orders: no user has reached it yet");
  });

  test("whose users mostly never met the rollout is given in counts", () => {
    const verdict = canaryOf({ orders: 7000 }, { orders: 28_000 });
    assert.match(said(verdict), /^orders: 7,000 users vs 28,000: 1× \(99% CI /);
  });

  test("tells what a success is worth, which nothing is judged by", () => {
    const snapshot = envoy({ orders: 300 }, { orders: 1200 }, { values: { orders: 3000 } });
    const control = { ...snapshot.control, values: { orders: 60_000 } } as Given;
    const verdict = verdictOn(["orders"], { ...snapshot, control }).variants.get("canary");
    assert.ok(verdict);
    assert.equal(verdict.decision, "pass");
    assert.ok(
      said(verdict).endsWith(": within the limit; average value 10.00 vs 50.00, not judged"),
      said(verdict),
    );
  });

  test("shares the false alarms with others: by the policy's number of goals, and by variants", () => {
    const counts = [envoy({ orders: 225 }, { orders: 1200 })];
    const limits = [["orders"], ["orders", "signups"], null].map((goals) => {
      const sure = howSure(verdictOn(goals, ...counts), "canary").find(
        ({ measure }) => measure === "fewer orders",
      );
      return Math.round(sure?.limit ?? 0);
    });
    assert.deepEqual(limits, [100, 200, 100]);
    const alone = verdictOn(["orders"], ...counts).variants.get("canary")?.decision;
    const many = Array.from({ length: 30 }, (_, index) => `goal-${index}`);
    const among = verdictOn(["orders", ...many], ...counts).variants.get("canary")?.decision;
    assert.deepEqual([alone, among], ["fail", "pass"]);
  });

  test("needs more evidence in a later period of the process", () => {
    const counts = envoy({ orders: 225 }, { orders: 1200 });
    const decision = (period: number): string | undefined =>
      verdictOn(["orders"], { ...counts, period }).variants.get("canary")?.decision;
    assert.deepEqual([decision(1), decision(20)], ["fail", "inconclusive"]);
  });

  test("of two Envoys is judged by each, and counted of both", () => {
    const one = envoy({ orders: 200 }, { orders: 1200 });
    const verdict = verdictOn(["orders"], one, one).variants.get("canary");
    assert.ok(verdict);
    assert.equal(verdict.decision, "fail");
    assert.ok(verdict.reasons[0]?.startsWith("orders: 400 of 12,000 users"), verdict.reasons[0]);
  });

  test("that the policy does not have any more is left out", () => {
    assert.equal(verdictOn([], envoy({ orders: 200 }, { orders: 1200 })).decision, "pass");
  });
});
