// `serin plan` beside simulated releases: a small form, seeds fixed, of what run-simulations.ts runs in full.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { planStep, type Assumptions } from "../../tools/plan/evidence-plan.ts";
import { envoyFactor } from "../../tools/statistics/needed-users.ts";
import { goalStudy, SHOP } from "./goal-studies.ts";
import { CASES, faults, guards, releases, type Comparison } from "./plan-studies.ts";

function check({ name, planned, median, near, simulated }: Comparison, tell: (text: string) => void): void {
  tell(
    `${name}: planned ${planned.toFixed(0)} s, simulated ${median} s, ${near} of ${simulated.length} near`,
  );
  // Looks are a second apart: that much a median may be late.
  assert.ok(median <= 2 * planned + 1 && median >= planned / 2 - 1, `${name}: ${planned}, ${median}`);
}

/** One request a second, each of another user, on one Envoy. */
const TRAFFIC = {
  rps: 1,
  requestsPerUser: 1,
  errorRate: 0.01,
  worse: 5,
  envoys: 1,
  conversion: 0.1,
  fewer: 0.8,
};

describe("a plan is within a factor of two of the median of simulated releases", () => {
  const [common, often, seldom] = CASES as [(typeof CASES)[0], (typeof CASES)[0], (typeof CASES)[0]];

  test("good canaries to 100%", (t) => {
    for (const [index, each] of [common, often, seldom].entries()) {
      const found = releases(700 + 10 * index, 20, each);
      check(found, (text) => t.diagnostic(text));
      assert.ok(found.near >= 13, `${found.near} of 20 are within a factor of two`);
    }
  });

  test("faults, until report fails and until the guard acts", (t) => {
    for (const [index, each] of [common, often, seldom].entries()) {
      for (const percent of [5, 50]) {
        check(faults(740 + 10 * index + percent, 20, each, percent), (text) => t.diagnostic(text));
      }
    }
    check(guards(780, 12, often, 0), (text) => t.diagnostic(text));
  });
});

describe("evidence.md's examples", () => {
  const at = (percent: number, more: Partial<Assumptions> = {}): ReturnType<typeof planStep> =>
    planStep(
      {
        share: percent / 100,
        controlShare: Math.min(4 * percent, 100 - percent) / 100,
        variants: 1,
        limit: 2,
        goals: 1,
        guard: { falseAlarm: 0.001, ignoresBursts: false },
      },
      { ...TRAFFIC, ...more },
    );

  test("five times worse at 1 request/s: 80 minutes at 5%, 15 at 50%; not twice as bad: 8 hours or 1½", () => {
    // The first period's threshold is 2 / alpha, which takes a tenth to a quarter longer than 1 / alpha.
    for (const [percent, minutes, hours] of [
      [5, 80, 8],
      [50, 15, 1.5],
    ] as const) {
      const plan = at(percent);
      const found = (plan?.found.seconds ?? 0) / 60;
      const passes = (plan?.passes.seconds ?? 0) / 3600;
      assert.ok(found >= minutes && found <= 1.15 * minutes, `${percent}%: found in ${found} min`);
      assert.ok(passes >= hours && passes <= 1.3 * hours, `${percent}%: passes in ${passes} h`);
    }
  });

  test("the guard's table: 20% at 200/s, 20/s and 2/s; from the begin and after an hour", () => {
    for (const [rps, soon, later] of [
      [200, 4, 8],
      [20, 48, 77],
      [2, 480, 600],
    ] as const) {
      const guard = at(5, { rps, worse: 20 })?.guard;
      for (const [planned, known] of [
        [guard?.seconds ?? 0, soon],
        [guard?.later ?? 0, later],
      ] as const) {
        assert.ok(planned <= 1.5 * known && planned >= known / 1.5, `${rps}/s: ${planned} s, ${known} s`);
      }
    }
  });

  test("2, 4 and 16 Envoys need 1.7, 3.1 and 10 times the requests", () => {
    const one = at(5)?.passes.seconds ?? 0;
    for (const [envoys, times] of [
      [2, 1.7],
      [4, 3.1],
      [16, 10],
    ] as const) {
      assert.equal(Math.round(((at(5, { envoys })?.passes.seconds ?? 0) / one) * 100) / 100, times);
    }
    assert.ok(envoyFactor(8) > 3.1 && envoyFactor(8) < 10);
    assert.ok(envoyFactor(64) > 10);
  });

  test("a drop of a goal: as many users as it takes in simulated shops, and never where a period is too short", () => {
    const { reachedAt } = goalStudy(790, 100, { shop: SHOP, visits: 100_000, times: 0.8 });
    const users = at(10)?.goal?.found.users ?? 0;
    // Of the variant and four times as many of the control group.
    const planned = users * 0.1 * 0.8 + 4 * users * 0.1;
    assert.ok(planned <= 1.3 * reachedAt && planned >= reachedAt / 1.3, `${planned}, ${reachedAt}`);
    const holds = at(10)?.goal?.passes.users ?? 0;
    assert.ok(holds > 0 && holds < users);
    assert.equal(at(10, { conversion: 0.002 })?.goal?.found.seconds, Infinity);
  });

  test("without a control group there is nothing to plan", () => {
    const step = { share: 1, controlShare: 0, variants: 1, limit: 1.3, goals: 0, guard: null };
    assert.equal(planStep(step, TRAFFIC), null);
  });

  test("where most users meet errors a period is too short for the limit, and the limit that it shows is named", () => {
    const plan = at(5, { requestsPerUser: 100 });
    assert.ok(plan !== null && plan.limitShown !== null && plan.limitShown > 2, String(plan?.limitShown));
    assert.equal(at(5)?.limitShown, null);
  });
});
