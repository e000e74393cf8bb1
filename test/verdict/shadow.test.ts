import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { NO_SHADOW, type ShadowCounts } from "../../tools/metrics/snapshot.ts";
import type { ShadowUsers } from "../../tools/metrics/users.ts";
import { logShareAbove, logShareBelow, shareBounds } from "../../tools/statistics/share-of-trials.ts";
import { DEFAULT_SHADOW_LIMITS } from "../../tools/verdict/limits.ts";
import { judgeShadow } from "../../tools/verdict/shadow.ts";

const LIMITS = DEFAULT_SHADOW_LIMITS;

function copies(counters: Readonly<Record<string, number>>, more: Partial<ShadowCounts> = {}): ShadowCounts {
  const sent = Object.entries(counters)
    .filter(([leaf]) => !leaf.startsWith("noise_"))
    .reduce((sum, [, count]) => sum + count, 0);
  return { ...NO_SHADOW, counters: new Map(Object.entries({ sent, ...counters })), ...more };
}

function users(bits: Readonly<Record<string, number>>, more: Partial<ShadowUsers> = {}): ShadowUsers {
  return {
    ...{ envoy: "envoy 1", period: 1, began: 1000, size: 65_536, noEvidence: 0 },
    bits: new Map(Object.entries(bits)),
    ...more,
  };
}

const decided = (shadow: ShadowCounts): string | null => judgeShadow(shadow, LIMITS).decision;

describe("a shadow that is judged by copies", () => {
  test("passes once 3,400 copies match, and not at 3,200", () => {
    assert.equal(decided(copies({ match: 3200 })), "inconclusive");
    assert.equal(decided(copies({ match: 3400 })), "pass");
  });

  test("fails with 1% of mismatches of whatever kind, and says so with its levels", () => {
    for (const leaf of ["mismatch_status", "mismatch_headers", "mismatch_body"]) {
      assert.equal(decided(copies({ match: 990, [leaf]: 10 })), "fail", leaf);
    }
    const { reasons } = judgeShadow(copies({ match: 990, mismatch_status: 4, mismatch_body: 6 }), LIMITS);
    assert.match(
      reasons[0] ?? "",
      /^mismatches 1% of copies \(10 of 1,000: 4 status, 0 headers, 6 body\), true share at least 0\.\d+% \(99% confidence\) and at most [\d.]+% \(95% confidence\), limit 0\.1%: significantly above the limit$/,
    );
  });

  test("says how many more copies it takes, and with so many more it is decided", () => {
    for (const [match, mismatch, end] of [
      [1000, 0, "pass"],
      [10_000, 5, "pass"],
      [2000, 6, "fail"],
    ] as const) {
      const { decision, needed, reasons } = judgeShadow(copies({ match, mismatch_body: mismatch }), LIMITS);
      assert.equal(decision, "inconclusive");
      assert.match(
        reasons[1] ?? "",
        /^at the current share, about [\d,]+ more copies are needed until it is /,
      );
      const times = 1 + ((needed ?? 0) + 2) / (match + mismatch);
      const later = (by: number): string | null =>
        decided(copies({ match: match * by, mismatch_body: mismatch * by }));
      assert.equal(later(times), end);
      assert.equal(later(1 + (times - 1) * 0.98), "inconclusive");
    }
  });

  test("is never a pass when it does not answer, by timeout or reset, and that is no mismatch", () => {
    for (const leaf of ["timeout", "reset"]) {
      const silent = judgeShadow(copies({ [leaf]: 1_000_000 }), LIMITS);
      assert.equal(silent.decision, "inconclusive");
      assert.ok(
        silent.reasons.some((reason) =>
          /^not answered 100% of copies .*significantly above the limit$/.test(reason),
        ),
      );
      const tenth = judgeShadow(copies({ match: 90_000, [leaf]: 10_000 }), LIMITS);
      assert.equal(tenth.decision, "inconclusive");
      assert.match(tenth.reasons[0] ?? "", /^not answered 10% of copies/);
      assert.equal(tenth.needed, null);
      assert.equal(decided(copies({ match: 90_000, [leaf]: 900 })), "pass");
    }
  });

  test("is no pass where most of its answers cannot be compared", () => {
    const { decision, reasons } = judgeShadow(copies({ match: 10_000, incomparable: 30_000 }), LIMITS);
    assert.equal(decision, "inconclusive");
    assert.match(reasons[0] ?? "", /^incomparable 75% of copies \(30,000 of 40,000\), limit 50%/);
    assert.equal(decided(copies({ match: 10_000, incomparable: 4000 })), "pass");
  });

  test("copies in flight are neither compared nor unanswered", () => {
    assert.equal(decided(copies({ match: 4000, sent: 9000 })), "pass");
  });

  test("is left out, by name, without copies and where nothing is compared", () => {
    for (const shadow of [NO_SHADOW, copies({ sent: 0, match: 0 }), copies({ sent: 5000 })]) {
      const { decision, reasons } = judgeShadow(shadow, LIMITS);
      assert.equal(decision, null);
      assert.match(reasons[0] ?? "", /^left out: no copy was/);
    }
  });

  test("its places come most frequent first", () => {
    const places = new Map([
      ["/b", 3],
      ["/a", 3],
      ["other", 0],
      ["/items/*/price", 40],
    ]);
    const found = judgeShadow(copies({ match: 10, mismatch_body: 46 }, { places }), LIMITS).places;
    assert.deepEqual(
      found.map(({ pointer, count }) => `${pointer} ${count}`),
      ["/items/*/price 40", "/a 3", "/b 3"],
    );
  });
});

describe("a shadow with a noise instance", () => {
  const noisy = (counters: Readonly<Record<string, number>>): ShadowCounts =>
    copies({ noise_only: 0, noise_whole: 0, noise_missing: 0, ...counters });

  test("whose mismatches are as many as the second instance's own is no fail", () => {
    assert.equal(decided(noisy({ match: 9800, mismatch_body: 100 })), "fail");
    assert.equal(decided(noisy({ match: 9800, mismatch_body: 100, noise_only: 100 })), "inconclusive");
    assert.equal(decided(noisy({ match: 9800, mismatch_body: 200, noise_only: 20 })), "fail");
  });

  test("which differs alone in most copies, as the shadow does, each at a place of its own, is no fail", () => {
    const counts = { match: 1000, mismatch_body: 9000 };
    assert.equal(decided(noisy({ ...counts, noise_only: 9000 })), "inconclusive");
    assert.equal(decided(noisy({ ...counts, noise_only: 8000 })), "fail");
  });

  test("counts noise at known places as compared, and noise that hides all else as incomparable", () => {
    const { copies: known, decision } = judgeShadow(noisy({ match: 0, noise: 6000 }), LIMITS);
    assert.deepEqual([known.compared, decision], [6000, "pass"]);
    const hidden = judgeShadow(noisy({ match: 10, noise: 6000, noise_whole: 6000 }), LIMITS);
    assert.deepEqual(
      [hidden.copies.compared, hidden.copies.incomparable, hidden.decision],
      [10, 6000, "inconclusive"],
    );
  });

  test("mismatches that it could not be asked about speak against a pass, and not for a fail", () => {
    assert.equal(decided(noisy({ match: 9000, mismatch_body: 500, noise_missing: 500 })), "inconclusive");
    assert.equal(decided(noisy({ match: 9000, mismatch_body: 500, noise_missing: 400 })), "fail");
  });
});

describe("a shadow that is judged by users", () => {
  const shadow = (...counts: readonly ShadowUsers[]): ShadowCounts =>
    copies({ match: 100_000, mismatch_body: 500 }, { users: counts });

  test("is not failed by one user's many mismatches, and passes", () => {
    const verdict = judgeShadow(shadow(users({ users: 8000, users_mismatch: 1 })), LIMITS);
    assert.deepEqual([verdict.by, verdict.decision, verdict.mismatch.count], ["users", "pass", 1]);
    assert.ok(verdict.mismatch.of > 8000, "users are more than bits");
    assert.match(
      verdict.reasons[0] ?? "",
      /^mismatches for 0\.0\d+% of users \(1 of 8,\d{3}; 100,500 copies compared: /,
    );
  });

  test("fails when 1% of users have mismatches", () => {
    assert.equal(decided(shadow(users({ users: 1000, users_mismatch: 12 }))), "fail");
  });

  test("needs more in a later evidence period", () => {
    assert.equal(decided(shadow(users({ users: 4300, users_mismatch: 0 }))), "pass");
    assert.equal(decided(shadow(users({ users: 4300, users_mismatch: 0 }, { period: 5 }))), "inconclusive");
  });

  test("of several Envoys: their evidence is averaged, their counts are added", () => {
    const each = (envoy: string): ShadowUsers => users({ users: 2500, users_mismatch: 0 }, { envoy });
    const two = judgeShadow(shadow(each("a"), each("b")), LIMITS);
    assert.deepEqual([two.decision, two.period?.envoys], ["inconclusive", 2]);
    assert.ok(two.mismatch.of > 5000);
    assert.ok((two.needed ?? 0) > 3000 && (two.needed ?? Infinity) < 5000, String(two.needed));
  });

  test("is inconclusive, with the reason, where no Envoy has an evidence period", () => {
    const { decision, reasons } = judgeShadow(shadow(users({}, { period: 0, noEvidence: 1 })), LIMITS);
    assert.equal(decision, "inconclusive");
    assert.match(reasons[0] ?? "", /^no evidence: more rollouts/);
  });
});

describe("the tests of a share", () => {
  test("have an expectation of at most 1 where the share is the limit, exactly, for every true distribution", () => {
    for (const limit of [0.001, 0.05, 0.4]) {
      const n = 6;
      for (const offset of [0, 0.1, 0.3]) {
        const bad = limit + offset;
        if (bad + offset > 1) continue;
        const isNoisy = offset > 0 || limit === 0.05;
        let [below, above] = [0, 0];
        for (let i = 0; i <= n; i++) {
          for (let j = 0; i + j <= n; j++) {
            const ways = factorial(n) / (factorial(i) * factorial(j) * factorial(n - i - j));
            const chance = ways * bad ** i * offset ** j * (1 - bad - offset) ** (n - i - j);
            if (chance === 0) continue;
            const trials = { count: n, bad: i, offset: isNoisy ? j : null };
            below += chance * Math.exp(logShareBelow(trials, limit));
            above += chance * Math.exp(logShareAbove(trials, limit));
          }
        }
        assert.ok(Math.abs(below - 1) < 1e-9, `below ${limit} ${offset}: ${below}`);
        assert.ok(above <= 1 + 1e-9, `above ${limit} ${offset}: ${above}`);
      }
    }
  });

  test("and bounds agree: what is significantly above has its lower bound above the limit", () => {
    for (const [count, bad, offset] of [
      [5000, 1, null],
      [5000, 30, null],
      [40_000, 30, null],
      [50_000, 0, 0],
      [3000, 200, 40],
    ] as const) {
      const trials = { count, bad, offset };
      const { lower, upper } = shareBounds(trials, 0.01, 0.05);
      assert.equal(
        lower >= 0.001,
        logShareAbove(trials, 0.001) >= Math.log(100),
        `lower ${lower} of ${bad}/${count}`,
      );
      assert.equal(
        upper <= 0.001,
        logShareBelow(trials, 0.001) >= Math.log(20),
        `upper ${upper} of ${bad}/${count}`,
      );
    }
  });
});

function factorial(n: number): number {
  return n < 2 ? 1 : n * factorial(n - 1);
}
