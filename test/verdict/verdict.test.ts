// What is called pass, fail and inconclusive, and what is said about it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { NO_MEMORY, POLICIES_DIFFER } from "../../assembly/vocabulary/no-evidence.ts";
import { DEFAULT_TERMS, NO_VARIANT, type RolloutCounts } from "../../tools/metrics/snapshot.ts";
import { errorsOf } from "../../tools/verdict/counts.ts";
import { DEFAULT_LIMITS } from "../../tools/verdict/limits.ts";
import { guardOf, guardsWords } from "../../tools/verdict/guard.ts";
import type { Fallback } from "../../tools/metrics/users.ts";
import { judge, withoutBaseline, type RolloutVerdict } from "../../tools/verdict/verdict.ts";
import type { VariantVerdict } from "../../tools/verdict/variant.ts";
import { rolloutOf, slowOf, snapshotOf, type Given, type GivenEnvoy } from "./made-up.ts";

const STABLE: Given = { share: 90, requests: 45_000 };
/** Of 24,000 users 1% met an error and 2% a 4xx. */
const CONTROL: Given = { share: 40, users: 24_000, errors: 240, clientErrors: 480, requests: 24_000 };
const GOOD: Given = { share: 10, users: 6000, errors: 60, clientErrors: 120 };

function envoy(canary: Given, control: Given = CONTROL, more: Partial<GivenEnvoy> = {}): GivenEnvoy {
  return { variants: { stable: STABLE, canary }, control, ...more };
}

function verdictOn(rollout: RolloutCounts, limits = DEFAULT_LIMITS): RolloutVerdict {
  const found = judge(snapshotOf({ r: rollout }), limits).rollouts.get("r");
  assert.ok(found);
  return found;
}

function canaryOf(...envoys: GivenEnvoy[]): VariantVerdict {
  const canary = verdictOn(rolloutOf(...envoys)).variants.get("canary");
  assert.ok(canary);
  return canary;
}

describe("a variant", () => {
  test("like the baseline passes", () => {
    const { decision, reason, variants } = verdictOn(rolloutOf(envoy(GOOD)));
    const canary = variants.get("canary");
    assert.equal(decision, "pass", JSON.stringify(canary?.reasons));
    assert.equal(reason, "canary: within the limit");
    assert.equal(canary?.usersNeeded, null);
    assert.match(
      canary?.reasons[0] ?? "",
      /^errors 1% of users \(60 of 6,000\) vs 1% \(240 of 24,000\): 1× \(95% CI 0\.\d+× to 1\.\d+×\), limit 1\.5×: within the limit$/,
    );
  });

  test("with more users with errors fails", () => {
    const { decision, reasons } = canaryOf(envoy({ ...GOOD, errors: 180 }));
    assert.equal(decision, "fail");
    assert.match(
      reasons[0] ?? "",
      /^errors 3% of users \(180 of 6,000\) vs 1% \(240 of 24,000\): 3× \(95% CI 2\.\d+× to 4\.\d+×\), limit 1\.5×: significantly more users with errors$/,
    );
  });

  test("that answers 404 to everybody fails, whatever 4xx the baseline has", () => {
    for (const clientErrors of [0, 480, 12_000, 23_900]) {
      const canary = canaryOf(
        envoy({ share: 10, users: 6000, ok: 0, clientErrors: 6000 }, { ...CONTROL, clientErrors }),
      );
      assert.equal(canary.decision, "fail", `${clientErrors} of the control's users met 4xx`);
      assert.equal(canary.ok.decision, "fail");
      assert.ok(
        canary.reasons.some((reason) => reason.includes("significantly fewer users with a good answer")),
      );
    }
  });

  test("that answers 302 to everybody is inconclusive, by name", () => {
    const { decision, reasons } = canaryOf(
      envoy({ ...GOOD, redirects: 6000 }, { ...CONTROL, redirects: 500 }),
    );
    assert.equal(decision, "inconclusive");
    assert.match(reasons[0] ?? "", /^3xx 100% of users .*significantly different/);
  });

  test("that hangs is never a pass, and says so", () => {
    const rollout = rolloutOf(envoy({ ...GOOD, inFlight: 500 }, { ...CONTROL, inFlight: 8 }));
    const { decision, reason } = verdictOn(rollout);
    assert.equal(decision, "inconclusive");
    assert.match(reason, /^canary: in flight: 500 vs 8, 250 times as many per share: requests may hang/);
    const few = verdictOn(rolloutOf(envoy({ ...GOOD, inFlight: 19 }, { ...CONTROL, inFlight: 1 })));
    assert.equal(few.decision, "pass");
  });

  test("that is slower fails by slow users, one that is faster passes", () => {
    const slower = canaryOf(envoy({ ...GOOD, slow: slowOf(6000, 3) }));
    assert.equal(slower.decision, "fail");
    assert.match(
      slower.reasons[0] ?? "",
      /^slower than 100 ms 9% of users .* significantly more slow answers/,
    );
    assert.equal(canaryOf(envoy({ ...GOOD, slow: slowOf(6000, 0.3) })).decision, "pass");
  });

  test("with few users is inconclusive, and how many more it takes is said, with the time", () => {
    const few = envoy(
      { share: 10, users: 100, errors: 1, clientErrors: 2 },
      { share: 40, users: 400, errors: 4, clientErrors: 8 },
    );
    const { decision, reasons, usersNeeded } = canaryOf(few);
    assert.equal(decision, "inconclusive");
    assert.match(reasons[0] ?? "", /an increase above the 1\.5× limit cannot be ruled out yet$/);
    assert.match(
      reasons.at(-1) ?? "",
      /^at the current rate about \d,\d00 more canary users are needed \(~\d+(\.\d)? h\)$/,
    );
    // And so it is, to two digits.
    const times = ((usersNeeded ?? 0) + 100) / 100;
    const scaled = (share: number, users: number): Given => ({
      share,
      users: Math.round(users),
      errors: Math.round(users / 100),
      clientErrors: Math.round(users / 50),
    });
    for (const [part, expected] of [
      [1.03, "pass"],
      [0.95, "inconclusive"],
    ] as const) {
      const later = canaryOf(envoy(scaled(10, 100 * times * part), scaled(40, 400 * times * part)));
      assert.equal(later.decision, expected, JSON.stringify(later.reasons));
    }
    assert.ok(times > 20, String(times));
  });

  test("of a service without errors passes when it has hardly any itself", () => {
    const control = { share: 40, users: 4000, slow: {} };
    assert.equal(canaryOf(envoy({ share: 10, users: 1000, slow: {} }, control)).decision, "pass");
    const canary = canaryOf(envoy({ share: 10, users: 1000, errors: 3, slow: {} }, control));
    assert.equal(canary.errors.isWithin, false);
  });

  test("judged in a later period takes more evidence", () => {
    const worse = { ...GOOD, errors: 110 };
    assert.equal(canaryOf(envoy(worse)).errors.decision, "fail");
    assert.notEqual(canaryOf(envoy(worse, CONTROL, { period: 100 })).errors.decision, "fail");
  });

  test("where more than a fifth of the baseline's users are slow at each threshold names a better one", () => {
    const latency = [10, 20, 40, 80, 160].map((lower) => ({ lower, width: lower, count: 100 }));
    const slow = (users: number): Record<number, number> => ({ 5: users, 25: users * 0.8 });
    const rollout = rolloutOf({
      variants: { stable: { ...STABLE, latency }, canary: { ...GOOD, slow: slow(6000), latency } },
      control: { ...CONTROL, slow: slow(24_000), latency },
    });
    const terms = { ...DEFAULT_TERMS, slow: [5, 25] };
    const snapshot = { ...snapshotOf({ r: rollout }), terms: new Map([["r", terms]]) };
    const canary = judge(snapshot, DEFAULT_LIMITS).rollouts.get("r")?.variants.get("canary");
    assert.equal(canary?.decision, "inconclusive");
    assert.ok(
      canary?.reasons.some((reason) => reason.endsWith("slow at every threshold; slow: [320ms] would do")),
      JSON.stringify(canary?.reasons),
    );
  });

  test("that may be slower at a threshold too common to show a limit does not pass", () => {
    const often = (users: number, part: number): Record<number, number> => ({
      ...slowOf(users),
      25: users * part,
    });
    const alike = envoy({ ...GOOD, slow: often(6000, 0.5) }, { ...CONTROL, slow: often(24_000, 0.5) });
    assert.equal(canaryOf(alike).decision, "pass");
    const slower = envoy({ ...GOOD, slow: often(6000, 0.52) }, { ...CONTROL, slow: often(24_000, 0.46) });
    assert.equal(canaryOf(slower).decision, "inconclusive");
  });

  test("is not judged by slowness while it warms up", () => {
    const none = Object.fromEntries(Object.keys(slowOf(1)).map((threshold) => [threshold, 0]));
    const warming = { began: 1980, sharesBegan: 1980 };
    const canary = canaryOf(envoy({ ...GOOD, slow: none }, { ...CONTROL, slow: none }, warming));
    assert.equal(canary.latency.decision, "inconclusive");
    const ofLatency = canary.reasons.filter((reason) => /latency|slow|traffic|needed/.test(reason));
    assert.deepEqual(ofLatency, ["latency: counted once the warm-up is over"]);
    const warm = { began: 1000, sharesBegan: 1000 };
    assert.equal(canaryOf(envoy(GOOD, CONTROL, warm)).decision, "pass");
  });

  test("with the whole share has no baseline: it passes by itself alone, or is inconclusive", () => {
    const alone = (errors: number): RolloutVerdict =>
      verdictOn(
        rolloutOf({ variants: { stable: { share: 0 }, canary: { share: 100, users: 20_000, errors } } }),
      );
    assert.equal(alone(2).decision, "pass");
    const bad = alone(2000);
    assert.equal(bad.decision, "inconclusive");
    assert.match(bad.reason, /canary has the whole share, so there is no baseline/);
  });

  test("at 0% is left out, by name", () => {
    const rollout = rolloutOf({
      variants: {
        stable: STABLE,
        canary: GOOD,
        blue: { share: 0 },
        green: { share: 0, requests: 7 },
      },
      control: CONTROL,
    });
    const { decision, variants, leftOut } = verdictOn(rollout);
    assert.equal(decision, "pass");
    assert.deepEqual([...variants.keys()], ["canary"]);
    assert.equal(leftOut.get("blue"), "gets 0%");
    assert.match(leftOut.get("green") ?? "", /7 requests were forced/);
  });
});

describe("several Envoys", () => {
  test("are judged each by itself: one sees too little where both together would", () => {
    const half = envoy(
      { share: 10, users: 2500, errors: 40, clientErrors: 50 },
      { share: 40, users: 10_000, errors: 100, clientErrors: 200 },
    );
    const [one, two] = [canaryOf(half), canaryOf(half, half)];
    assert.ok(Math.abs(one.errors.logEvidence - two.errors.logEvidence) < 1e-9);
    assert.deepEqual([two.errors.variant.met, two.errors.variant.users], [80, 5000]);
  });

  test("one of which sees a broken canary is enough", () => {
    const broken = envoy({ ...GOOD, errors: 2500 });
    const others = Array.from({ length: 4 }, () => envoy(GOOD));
    assert.equal(canaryOf(broken, ...others).decision, "fail");
  });

  test("that have different shares are told", () => {
    const rollout = { ...rolloutOf(envoy(GOOD)), shareConflicts: new Map([["canary", [5000, 10_000]]]) };
    const { decision, reason } = verdictOn(rollout);
    assert.equal(decision, "inconclusive");
    assert.match(reason, /Envoys have different target shares of canary \(5% and 10%\)/);
  });
});

describe("a rollout", () => {
  test("is held against its policy's default; nothing is guessed", () => {
    const rollout = rolloutOf({
      variants: { stable: { share: 40 }, canary: { share: 60, users: 6000, errors: 1800 } },
      control: { share: 40, users: 4000, errors: 40 },
    });
    const known = judge(snapshotOf({ r: rollout }), DEFAULT_LIMITS);
    assert.equal(known.decision, "fail");
    const unknown = judge(snapshotOf({ r: rollout }, {}), DEFAULT_LIMITS);
    assert.equal(unknown.decision, "inconclusive");
    assert.deepEqual(withoutBaseline(unknown), ["r"]);
    assert.deepEqual(withoutBaseline(known), []);
    const said = judge(snapshotOf({ r: rollout }, {}), DEFAULT_LIMITS, new Map([["r", "stable"]]));
    assert.deepEqual(said.rollouts.get("r")?.baseline, { variant: "stable", by: "option", users: 4000 });
  });

  test("with one variant, without traffic, or with none but the default is left out, by name", () => {
    const single = rolloutOf({ variants: { stable: { share: 100, requests: 5 } } });
    const quiet = rolloutOf({
      variants: { stable: { share: 90 }, canary: { share: 10 } },
      control: { share: 40 },
    });
    const stopped = rolloutOf({ variants: { stable: { share: 100, requests: 9 }, canary: { share: 0 } } });
    const good = rolloutOf(envoy(GOOD));
    const { decision, rollouts } = judge(snapshotOf({ single, quiet, stopped, good }), DEFAULT_LIMITS);
    assert.equal(decision, "pass");
    assert.deepEqual(
      [...rollouts].map(([name, each]) => [name, each.decision, each.reason]),
      [
        ["single", null, "left out: it has one variant"],
        ["quiet", null, "left out: there was no traffic"],
        ["stopped", null, "left out: no variant but stable gets users (canary at 0%)"],
        ["good", "pass", "canary: within the limit"],
      ],
    );
    assert.equal(judge(snapshotOf({ single, quiet }), DEFAULT_LIMITS).decision, "inconclusive");
  });

  test("whose users are not split as asked is inconclusive, whatever they met; requests do not matter", () => {
    const off = verdictOn(rolloutOf(envoy({ ...GOOD, users: 6720, errors: 2400 })));
    assert.equal(off.decision, "inconclusive");
    assert.equal(off.ratio.decision, "mismatch");
    assert.match(
      off.reason,
      /^sample ratio mismatch: canary has a target share of 10% of users and an actual share of 10\.9%/,
    );
    const busy = verdictOn(rolloutOf(envoy({ ...GOOD, requests: 90_000 })));
    assert.equal(busy.ratio.decision, "match");
    assert.equal(busy.decision, "pass");
  });

  test("of which only users are counted, or nothing, is inconclusive and says why", () => {
    const rollout = rolloutOf(envoy(GOOD));
    const users = rollout.users.map((counts) => ({
      ...counts,
      variants: new Map([...counts.variants].map(([name, side]) => [name, onlyUsers(side)])),
      control: counts.control && onlyUsers(counts.control),
    }));
    assert.match(verdictOn({ ...rollout, users }).reason, /only users are counted \(signals: count\)/);
    assert.match(verdictOn({ ...rollout, users: [] }).reason, /no Envoy counts this rollout's users/);
    for (const [code, words] of [
      [
        NO_MEMORY,
        /^canary: no evidence: more rollouts and shadows gather evidence than a worker has memory for/,
      ],
      [POLICIES_DIFFER, /^canary: no evidence: policies that serve at the same time say different/],
    ] as const) {
      const none = rollout.users.map((counts) => ({ ...counts, period: 0, noEvidence: code }));
      assert.match(verdictOn({ ...rollout, users: none }).reason, words);
    }
  });

  test("with few users names one of the thresholds that nobody met yet, the lowest", () => {
    const slow = { 5: 6, 25: 3, 100: 0, 250: 0, 1000: 0 };
    const few = { share: 10, users: 50, slow };
    const { reasons } = canaryOf(envoy(few, { share: 40, users: 200, slow: { ...slow, 5: 24 } }));
    const named = reasons.flatMap((reason) => /^slower than (\d+) ms/.exec(reason)?.[1] ?? []);
    assert.deepEqual(named, ["5", "25", "100"]);
  });

  test("whose users meet every threshold that any meet is not said to meet none", () => {
    const slow = { 5: 6000, 25: 6000, 1000: 0 };
    const control = { ...CONTROL, slow: { 5: 24_000, 25: 23_900, 1000: 0 } };
    const { latency, reasons } = canaryOf(envoy({ ...GOOD, slow }, control));
    assert.equal(latency.decision, "pass");
    assert.match(
      reasons.find((reason) => reason.startsWith("slower")) ?? "",
      /^slower than 25 ms 100% of users .*: too many of the baseline's users meet it to show a limit, and nothing speaks/,
    );
  });

  test("with a variant that fails and one that passes fails; with one that is too early is inconclusive", () => {
    const three = (other: Given): RolloutVerdict =>
      verdictOn(
        rolloutOf({ variants: { stable: { ...STABLE, share: 80 }, canary: GOOD, other }, control: CONTROL }),
      );
    assert.equal(three({ ...GOOD, errors: 500 }).decision, "fail");
    assert.equal(
      three({ ...GOOD, share: 0.1, users: 50, errors: 1, clientErrors: 1 }).decision,
      "inconclusive",
    );
  });
});

describe("a variant that fell back", () => {
  test("in this period, or now, never passes", () => {
    const began = 1000;
    const with_ = (fallback: Fallback): RolloutVerdict =>
      verdictOn(rolloutOf({ ...envoy({ ...GOOD, fallback }), began }));
    assert.equal(with_({ isNow: false, last: 0 }).decision, "pass");
    assert.equal(with_({ isNow: false, last: began - 1 }).decision, "pass", "in the period before");
    for (const fallback of [
      { isNow: false, last: began },
      { isNow: false, last: began + 60 },
      { isNow: true, last: 0 },
    ]) {
      const verdict = with_(fallback);
      assert.equal(verdict.decision, "inconclusive");
      assert.match(verdict.reason, /^canary: its cluster did not answer, and its users got the default/);
    }
  });

  test("on one of several Envoys does not pass, and fails where it fails", () => {
    const fallback = { isNow: false, last: 2000 };
    const two = rolloutOf(envoy({ ...GOOD, fallback }));
    const both = { ...two, users: [...two.users, ...rolloutOf(envoy(GOOD)).users] };
    const verdict = verdictOn(both);
    assert.equal(verdict.decision, "inconclusive");
    assert.match(verdict.reason, /on 1 of 2 Envoys/);
    assert.equal(verdictOn(rolloutOf(envoy({ ...GOOD, errors: 500, fallback }))).decision, "fail");
  });
});

describe("a variant that fell back, of whose users fewer were counted,", () => {
  const fewer = { ...GOOD, ok: 3600 };

  test("fails by that where it did not fall back", () => {
    assert.equal(verdictOn(rolloutOf(envoy(fewer))).decision, "fail");
  });

  test("does not fail by that: the control group's were counted meanwhile", () => {
    const verdict = verdictOn(rolloutOf(envoy({ ...fewer, fallback: { isNow: false, last: 2000 } })));
    assert.equal(verdict.decision, "inconclusive");
    assert.doesNotMatch(verdict.reason, /significantly/);
  });
});

describe("a guard", () => {
  test("that has rolled a variant back makes it fail, whatever is counted, and it says nothing of the split", () => {
    const back = verdictOn(rolloutOf(envoy({ ...GOOD, guard: "rolled back" })));
    assert.equal(back.decision, "fail");
    assert.match(back.reason, /^canary: the guard has rolled canary back$/);
    // Few users of it were counted, and many of the control group since.
    const early = verdictOn(rolloutOf(envoy({ ...GOOD, users: 10, errors: 8, guard: "rolled back" })));
    assert.equal(early.decision, "fail");
    assert.notEqual(early.ratio.decision, "mismatch");
    const watched = verdictOn(rolloutOf(envoy({ ...GOOD, guard: "watching" })));
    assert.equal(watched.decision, "pass");
  });

  test("in alarm keeps a variant from passing", () => {
    const alarmed = verdictOn(rolloutOf(envoy({ ...GOOD, guard: "alarm" })));
    assert.equal(alarmed.decision, "inconclusive");
    assert.match(alarmed.reason, /the guard has given an alarm/);
  });

  test("is off, with the reason, where the variant has the whole share or there is no evidence", () => {
    const terms = { ...DEFAULT_TERMS, guard: "rollback" } as const;
    const stateOf = (...envoys: GivenEnvoy[]): string | null =>
      guardsWords(
        new Map(
          [guardOf("canary", rolloutOf(...envoys).users, terms)].flatMap((state) =>
            state === null ? [] : [["canary", state] as const],
          ),
        ),
      );
    const whole = { variants: { stable: { share: 0 }, canary: { share: 100, users: 10 } } };
    assert.equal(stateOf(envoy(GOOD)), "watching");
    assert.equal(stateOf(whole), "off: canary has the whole share, so there is no control group");
    assert.match(stateOf({ ...envoy(GOOD), period: 0 }) ?? "", /^off: no evidence: no Envoy counts/);
    assert.match(stateOf(envoy(GOOD), whole) ?? "", /^off on 1 of 2 Envoys: canary has the whole share/);
    assert.equal(stateOf(envoy({ ...GOOD, share: 0 })), null);
    // A gauge stays when a policy drops its guard.
    const { users } = rolloutOf(envoy({ ...GOOD, guard: "watching" }));
    assert.equal(guardOf("canary", users, { guard: "none" }), null);
    assert.equal(guardOf("canary", users, { guard: "unknown" })?.word, "watching");
    assert.equal(guardOf("canary", rolloutOf(envoy(GOOD)).users, { guard: "unknown" }), null);
  });

  test("that has rolled a variant back is told after the policy stopped it", () => {
    const stopped = verdictOn(rolloutOf(envoy({ ...GOOD, share: 0, guard: "rolled back" })));
    assert.equal(stopped.decision, null);
    assert.match(stopped.reason, /\(canary at 0%, rolled back by the guard\)$/);
  });

  test("of one of several Envoys is enough", () => {
    const [one, two] = [rolloutOf(envoy(GOOD)), rolloutOf(envoy({ ...GOOD, guard: "rolled back" }))];
    const both = verdictOn({ ...one, users: [...one.users, ...two.users] });
    assert.equal(both.decision, "fail");
    assert.match(both.reason, /rolled canary back on 1 of 2 Envoys/);
  });
});

function onlyUsers<Side extends { readonly bits: ReadonlyMap<string, number> }>(side: Side): Side {
  return { ...side, bits: new Map([...side.bits].filter(([leaf]) => leaf === "users")) };
}

describe("requests are described, and decide nothing", () => {
  test("quantiles are the edges of their bins: Prometheus' default buckets tell little", () => {
    const bins = (lower: number, width: number): Given["latency"] => [{ lower, width, count: 1000 }];
    const rollout = rolloutOf({
      variants: { stable: STABLE, canary: { ...GOOD, latency: bins(50, 50) } },
      control: { ...CONTROL, latency: bins(25, 25) },
    });
    const { decision, variants } = verdictOn(rollout);
    const description = variants.get("canary")?.latency.description;
    assert.equal(decision, "pass", "49.5 to 50.6 ms was a fail");
    assert.deepEqual(description?.quantiles[0], {
      level: 0.5,
      variant: { lower: 50, upper: 100 },
      baseline: { lower: 25, upper: 50 },
    });
    assert.deepEqual(description.superiority, { lower: 1, upper: 1 });
    assert.equal(description.isCoarse, true);
  });

  test("an HTTP error of a gRPC request is one error", () => {
    const count = (counters: Record<string, number>): number =>
      errorsOf({ ...NO_VARIANT, counters: new Map(Object.entries(counters)) }).successes;
    // Only gRPC: 20 of 1,000 are 503 without grpc-status.
    assert.equal(count({ rq_2xx: 980, rq_5xx: 20, grpc_ok: 980, grpc_error: 20 }), 20);
    // gRPC errors as they mostly are, with status 200.
    assert.equal(count({ rq_2xx: 1000, grpc_ok: 980, grpc_error: 20 }), 20);
    // HTTP alone, and both beside each other.
    assert.equal(count({ rq_2xx: 980, rq_5xx: 15, rq_reset: 5 }), 20);
    assert.equal(count({ rq_2xx: 980, rq_5xx: 20, grpc_ok: 490, grpc_error: 10 }), 30);
  });
});
