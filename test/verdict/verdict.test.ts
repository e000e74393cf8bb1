// What is called pass, fail and inconclusive, and what is said about it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import type { RolloutCounts, Snapshot, VariantCounts } from "../../tools/metrics/snapshot.ts";
import { emptySnapshot } from "../../tools/metrics/snapshot.ts";
import { DEFAULT_LIMITS } from "../../tools/verdict/limits.ts";
import { judge, type RolloutVerdict } from "../../tools/verdict/verdict.ts";

interface Given {
  readonly share?: number;
  readonly ok?: number;
  readonly errors?: number;
  readonly resets?: number;
  readonly grpcErrors?: number;
  /** In flight: given the variant, not ended. */
  readonly open?: number;
  /** Milliseconds of all that ended; none is counted without. */
  readonly time?: number;
}

function counts({ share, ok = 0, errors = 0, resets = 0, grpcErrors, open = 0, time }: Given): VariantCounts {
  const ended = ok + errors + resets;
  const counters = new Map([
    ["rq_total", ended + open],
    ["rq_2xx", ok],
    ["rq_5xx", errors],
    ["rq_reset", resets],
  ]);
  if (grpcErrors !== undefined) counters.set("grpc_error", grpcErrors);
  const parts = [0.4, 0.4, 0.15, 0.05];
  const latency = parts.map((part, i) => ({ lower: (time ?? 0) + i * 4, width: 4, count: ended * part }));
  return {
    counters,
    gauges: new Map(share === undefined ? [] : [["share", share * 1000]]),
    latency: time === undefined ? [] : latency,
  };
}

function rollout(variants: Record<string, Given>, control?: Given): RolloutCounts {
  return {
    variants: new Map(Object.entries(variants).map(([name, given]) => [name, counts(given)])),
    control: control === undefined ? null : counts(control),
    shareConflicts: new Map(),
  };
}

function snapshot(rollouts: Record<string, RolloutCounts>, seconds: number | null = null): Snapshot {
  return { ...emptySnapshot(0), seconds, rollouts: new Map(Object.entries(rollouts)) };
}

function verdictOn(
  variants: Record<string, Given>,
  limits = DEFAULT_LIMITS,
  control?: Given,
): RolloutVerdict {
  const found = judge(snapshot({ r: rollout(variants, control) }), limits).rollouts.get("r");
  assert.ok(found);
  return found;
}

const STABLE: Given = { share: 90, ok: 89_910, errors: 90, time: 100 };

describe("a variant", () => {
  test("like the default passes", () => {
    const { decision, reason, variants } = verdictOn({
      stable: STABLE,
      canary: { share: 10, ok: 9990, errors: 10, time: 100 },
    });
    assert.equal(decision, "pass", JSON.stringify([...variants]));
    assert.equal(reason, "canary: within what is tolerated");
    assert.equal(variants.get("canary")?.requestsNeeded, null);
  });

  test("with more errors fails, whatever kind they are of", () => {
    for (const more of [
      { ok: 9700, errors: 300 },
      { ok: 9700, resets: 300 },
      { ok: 10_000, grpcErrors: 300 },
    ]) {
      const { decision, reason } = verdictOn({ stable: STABLE, canary: { share: 10, time: 100, ...more } });
      assert.equal(decision, "fail");
      assert.match(
        reason,
        /^canary: errors: 3 % \(300 of 10,000\) against 0.1 % \(90 of 90,000\) of stable: \+2.9 points/,
      );
    }
  });

  test("that is slower fails by quantiles, one that is faster passes", () => {
    const slow = verdictOn({ stable: STABLE, canary: { share: 10, ok: 9990, errors: 10, time: 300 } });
    assert.equal(slow.decision, "fail");
    assert.match(
      slow.reason,
      /^canary: latency: p50 30\d ms against 10\d ms \(surely 2.\d+ times or more\).*beyond doubt/,
    );
    const fast = verdictOn({ stable: STABLE, canary: { share: 10, ok: 9990, errors: 10, time: 10 } });
    assert.equal(fast.decision, "pass");
  });

  test("slower by less than a millisecond is not slower", () => {
    const stable = { ...STABLE, time: 0 };
    const { variants } = verdictOn({ stable, canary: { share: 10, ok: 10_000, time: 0.5 } });
    assert.equal(variants.get("canary")?.latency.decision, "pass");
  });

  test("with little traffic is inconclusive, and how much more it takes is told, with the time", () => {
    const few = {
      r: rollout({ stable: { share: 90, ok: 900, time: 100 }, canary: { share: 10, ok: 100, time: 100 } }),
    };
    const { rollouts, decision } = judge(snapshot(few, 100), DEFAULT_LIMITS);
    assert.equal(decision, "inconclusive");
    const canary = rollouts.get("r")?.variants.get("canary");
    assert.match(
      canary?.reasons.at(-1) ?? "",
      /takes about \d,\d00 more requests of canary \(\d+ min at the present rate\)/,
    );
    const needed = canary?.requestsNeeded ?? 0;
    assert.ok(needed > 1000 && needed < 5000, String(needed));
    // And so it is.
    const factor = (needed + 100) / 100;
    const enough = verdictOn({
      stable: { share: 90, ok: 900 * factor, time: 100 },
      canary: { share: 10, ok: 100 * factor, time: 100 },
    });
    assert.equal(enough.decision, "pass");
  });

  test("without latencies, or with traffic alone, stays inconclusive and says what is missing", () => {
    const stable = { ...STABLE, time: undefined };
    const untimed = verdictOn({ stable, canary: { share: 10, ok: 9990, errors: 10 } });
    assert.equal(untimed.decision, "inconclusive");
    assert.match(untimed.reason, /latency: none was counted/);
    const uncounted = verdictOn({ stable: { share: 90, open: 9000 }, canary: { share: 10, open: 1000 } });
    assert.match(uncounted.reason, /no request has ended whose end was counted/);
  });

  test("that no share is asked for is left out", () => {
    const { decision, variants, leftOut } = verdictOn({
      stable: STABLE,
      canary: { share: 10, ok: 9990, errors: 10, time: 100 },
      blue: { share: 0 },
      green: { share: 0, errors: 7 },
    });
    assert.equal(decision, "pass");
    assert.deepEqual([...variants.keys()], ["canary"]);
    assert.equal(leftOut.get("blue"), "gets 0 %");
    assert.match(leftOut.get("green") ?? "", /7 requests were forced/);
  });
});

describe("a rollout", () => {
  test("without traffic is inconclusive", () => {
    const { decision, reason } = verdictOn({ stable: { share: 90 }, canary: { share: 10 } });
    assert.deepEqual([decision, reason], ["inconclusive", "there was no traffic"]);
  });

  test("with a variant that fails and one that passes fails; with one that is too early is inconclusive", () => {
    const good = { share: 10, ok: 9990, errors: 10, time: 100 };
    const bad = { share: 10, ok: 9000, errors: 1000, time: 100 };
    const stable = { share: 80, ok: 79_920, errors: 80, time: 100 };
    assert.equal(verdictOn({ stable, good, bad }).decision, "fail");
    const early = { share: 1, ok: 950, errors: 1, time: 100 };
    assert.equal(
      verdictOn({ stable: { share: 89, ok: 88_920, errors: 80, time: 100 }, good, early }).decision,
      "inconclusive",
    );
  });

  test("that did not get its shares is stopped, whatever the errors are, unless that is ignored", () => {
    const variants = { stable: STABLE, canary: { share: 10, ok: 10_000, errors: 2000, time: 100 } };
    const { decision, reason, ratio, variants: judged } = verdictOn(variants);
    assert.equal(decision, "inconclusive");
    assert.equal(ratio.decision, "mismatch");
    assert.match(
      reason,
      /^sample ratio mismatch: canary was to get 10 % .* got 11.8 %.*--since.*--requests-per-user/,
    );
    assert.equal(judged.get("canary")?.decision, "inconclusive");
    assert.equal(verdictOn(variants, { ...DEFAULT_LIMITS, ignoreRatio: true }).decision, "fail");
    assert.equal(verdictOn(variants, { ...DEFAULT_LIMITS, requestsPerUser: 100 }).ratio.decision, "match");
  });

  test("whose Envoys ask for different shares is stopped", () => {
    const own = { ...rollout({ stable: STABLE, canary: { share: 10, ok: 10_000, time: 100 } }) };
    const conflicting = { ...own, shareConflicts: new Map([["canary", [5000, 10_000]]]) };
    const { decision, rollouts } = judge(snapshot({ r: conflicting }), DEFAULT_LIMITS);
    assert.equal(decision, "inconclusive");
    assert.match(
      rollouts.get("r")?.reason ?? "",
      /not all Envoys ask for the same share of canary \(5 % and 10 %\)/,
    );
  });

  test("is held against its control group where there is one, the shares against the default", () => {
    const stable = { share: 90, open: 90_000 };
    const canary = { share: 10, ok: 9990, errors: 10, time: 100 };
    const { decision, baseline, ratio } = verdictOn({ stable, canary }, DEFAULT_LIMITS, {
      ok: 9990,
      errors: 10,
      time: 100,
    });
    assert.equal(decision === "fail", false);
    assert.deepEqual(
      [baseline?.side.name, baseline?.variant, ratio.decision],
      ["control", "stable", "match"],
    );
  });

  test("has the default that was said, that the policy says, or the largest share", () => {
    const variants = { one: { share: 40, ok: 4000, time: 9 }, two: { share: 60, ok: 6000, time: 9 } };
    const counted = snapshot({ r: rollout(variants) });
    const by = (at: Snapshot, said = new Map<string, string>()): (string | undefined)[] => {
      const baseline = judge(at, DEFAULT_LIMITS, said).rollouts.get("r")?.baseline;
      return [baseline?.variant, baseline?.by];
    };
    assert.deepEqual(by(counted), ["two", "largest share"]);
    const known = { ...counted, defaults: new Map([["r", "one"]]) };
    assert.deepEqual(by(known), ["one", "policy"]);
    assert.deepEqual(by(known, new Map([["r", "two"]])), ["two", "option"]);
  });
});

test("no rollout at all is inconclusive; of several the worst decides", () => {
  assert.equal(judge(snapshot({}), DEFAULT_LIMITS).decision, "inconclusive");
  const good = rollout({ stable: STABLE, canary: { share: 10, ok: 9990, errors: 10, time: 100 } });
  const bad = rollout({ stable: STABLE, canary: { share: 10, ok: 9000, errors: 1000, time: 100 } });
  const empty = rollout({ stable: { share: 90 }, canary: { share: 10 } });
  assert.equal(judge(snapshot({ good, empty }), DEFAULT_LIMITS).decision, "inconclusive");
  assert.equal(judge(snapshot({ good, empty, bad }), DEFAULT_LIMITS).decision, "fail");
});
