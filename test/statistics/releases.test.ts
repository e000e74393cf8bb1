// Whole releases by `serin advance` and the guard: a small form, seeds fixed, of what run-simulations.ts runs in full
// (--only releases): there 300 of each.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { releaseStudy } from "./release-studies.ts";
import { PASS_TRAFFICS } from "./studies.ts";

const alike = PASS_TRAFFICS[0] as (typeof PASS_TRAFFICS)[number];
const RUNS = 30;

describe("releases at 200 requests a second, at least a minute a step", () => {
  test("a good canary reaches 100% without a hand", (t) => {
    const found = releaseStudy(960, RUNS, { traffic: alike, rate: 200, times: 1 });
    t.diagnostic(JSON.stringify(found));
    // 99% of 300: of 30, one is within chance.
    assert.ok(found.finished >= RUNS - 1, JSON.stringify(found));
    assert.equal(found.stuck, 0);
  });

  // Bounds are 1.5 times the medians that were planned for; a median of 30 is known to about a quarter.
  for (const [times, excess] of [
    [1.5, 55],
    [2, 29],
    [3, 19],
    [5, 14],
  ] as const) {
    test(`a canary with ${times} times the errors is taken back, after at most 1.5 times ${excess} excess errors in the median`, (t) => {
      const found = releaseStudy(960 + times * 2, RUNS, { traffic: alike, rate: 200, times });
      t.diagnostic(JSON.stringify(found));
      assert.equal(found.rolledBack, RUNS);
      assert.ok(found.excess <= 1.5 * excess, `${found.excess}`);
    });
  }
});
