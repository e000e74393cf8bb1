// What the verdict promises, tried on made-up rollouts that are looked at again and again: a small form, seeds fixed, of
// what run-simulations.ts runs in full. Each test says what it found.

import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";

import { SERVICE, type Traffic } from "./simulation.ts";
import { PASS_TRAFFICS, study, TRAFFICS, type Outcome, type StudyOptions } from "./studies.ts";

function tell(t: TestContext, name: string, found: Outcome): Outcome {
  const { runs, fails, mismatches, passes, failAt, passAt } = found;
  t.diagnostic(
    `${name}: fail ${fails} of ${runs} (${failAt.toFixed(0)}), pass ${passes} (${passAt.toFixed(0)}), mismatch ${mismatches}`,
  );
  return found;
}

function traffic(name: string): Traffic {
  const found = [...TRAFFICS, ...PASS_TRAFFICS].find((each) => each.name === name);
  assert.ok(found, name);
  return found;
}

const INDEPENDENT = traffic("many, a request each");
const TWICE = traffic("many, a request or two each");
const ZIPF = traffic("Zipf 0.7, 20,000 users");

describe("healthy rollouts, looked at 275 times", () => {
  const RUNS = 200;

  test("of any traffic: at most 1% fail, at most 0.2% are a mismatch", (t) => {
    let [fails, mismatches, runs] = [0, 0, 0];
    TRAFFICS.forEach((each, index) => {
      const found = tell(
        t,
        each.name,
        study(500 + index, RUNS, { traffic: each, requests: 50_000, until: "all" }),
      );
      assert.ok(found.fails <= 0.03 * RUNS, `${each.name}: ${found.fails} of ${RUNS} fail`);
      fails += found.fails;
      mismatches += found.mismatches;
      runs += RUNS;
    });
    assert.ok(fails <= 0.01 * runs, `${fails} of ${runs} fail`);
    assert.ok(mismatches <= 0.002 * runs, `${mismatches} of ${runs} are a mismatch`);
  });

  test("a cold start is found where it is not left out: the simulation can tell", (t) => {
    const cold = { ...traffic("cold start (twice as slow for 200 requests)"), warmUp: 0 };
    const found = tell(t, "no warm-up", study(520, 50, { traffic: cold, requests: 20_000, until: "fail" }));
    assert.ok(found.fails >= 45);
  });

  test("they pass: 1% errors, 2% 4xx, a median of 40 ms", (t) => {
    const options = { traffic: TWICE, requests: 200_000, until: "decision" } as const;
    const found = tell(t, "healthy", study(521, 60, options));
    assert.ok(found.passes >= 54);
    assert.ok(found.passAt <= 5000);
  });
});

describe("canaries that are worse are found", () => {
  const find = (t: TestContext, name: string, seed: number, options: Partial<StudyOptions>): Outcome =>
    tell(t, name, study(seed, 100, { traffic: ZIPF, requests: 200_000, until: "fail", ...options }));

  test("5% errors against 1%: all, by a median of 250 users", (t) => {
    const found = find(t, "5%", 530, { effect: { errors: 5 } });
    assert.ok(found.fails === 100 && found.failAt <= 250);
  });

  test("2% errors against 1%: 99%, by a median of 2,500 users", (t) => {
    const found = find(t, "2%", 531, { effect: { errors: 2 }, traffic: INDEPENDENT });
    assert.ok(found.fails >= 99 && found.failAt <= 2500);
  });

  test("three times slower, 30% slower, a fiftieth ten times slower", (t) => {
    const three = find(t, "three times slower", 532, { effect: { slower: 3 } });
    assert.ok(three.fails === 100 && three.failAt <= 110);
    const third = find(t, "30% slower", 533, { effect: { slower: 1.3 } });
    assert.ok(third.fails === 100 && third.failAt <= 1000);
    const part = find(t, "a fiftieth ten times slower", 534, { effect: { slower: 10, slowPart: 0.02 } });
    assert.ok(part.fails === 100 && part.failAt <= 1200);
  });

  test("404 to everybody, whatever 4xx the baseline has: never a pass", (t) => {
    for (const clientErrors of [0, 0.02, 0.3, 0.9]) {
      const service = { ...SERVICE, clientErrors, redirects: 0.01 };
      const found = find(t, `${clientErrors * 100}% 4xx`, 535, {
        service,
        effect: { notFound: 1 },
        until: "decision",
      });
      assert.equal(found.passes, 0);
      assert.equal(found.fails, 100);
    }
  });
});

describe("canaries at the limit seldom pass: with a chance of 5%, so 12 of 100 are too many", () => {
  const pass = (t: TestContext, name: string, seed: number, options: Partial<StudyOptions>): number =>
    tell(
      t,
      name,
      study(seed, 100, { traffic: INDEPENDENT, requests: 200_000, until: "decision", ...options }),
    ).passes;

  test("1.5 times as many users with errors", (t) => {
    assert.ok(pass(t, "errors", 540, { effect: { errors: 1.5 } }) <= 12);
  });

  test("1.5 times as often slow, at a threshold that ever more users have met", (t) => {
    const service = { ...SERVICE, slow: [100, 5000] };
    assert.ok(pass(t, "slow", 541, { effect: { oftenSlow: 1.5 }, service, traffic: ZIPF }) <= 12);
  });
});
