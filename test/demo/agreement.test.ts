// The verdict: a planted fault of each kind is found and named, and what agrees passes.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { findDisagreements as ofPolicy, findMiscounts } from "../../tools/demo/agreement.ts";
import { countsOf, type EnvoyCounts } from "../../tools/demo/envoy-counts.ts";
import type { Rollback } from "../../tools/demo/envoy-log.ts";
import { Ledger } from "../../tools/demo/ledger.ts";
import { isFarFrom } from "../../tools/demo/shares.ts";
import { Tally } from "../../tools/demo/tally.ts";
import type { Visit } from "../../tools/demo/visitors.ts";
import { countsFrom } from "./envoy-counts.ts";
import { exampleOracle, PLAN, USERS } from "./example-policy.ts";

/** What the client counted: under one policy, and since the start. */
interface Seen {
  readonly tally: Tally;
  readonly ledger: Ledger;
  readonly rollbacks: readonly Rollback[];
}

/** Each user comes to the checkout once; a test may change what they see. */
function visitAll(
  change: (visit: Visit) => Visit = (visit) => visit,
  { plan = PLAN, rollbacks = [] as readonly Rollback[], began = 0 } = {},
): Seen {
  const oracle = exampleOracle();
  const tally = new Tally(plan, oracle);
  const ledger = new Ledger();
  for (const user of USERS) {
    const { service, variants } = oracle.expect(user, "/checkout");
    const told = new Map([...variants].filter(([, variant]) => variant !== "stable"));
    const visit = change({ user, path: "/checkout", forged: false, service, told, failure: null });
    tally.add(visit, began);
    ledger.add(visit, plan, oracle.expect(user, "/checkout"));
  }
  return { tally, ledger, rollbacks };
}

/** All that is found once the run is over. */
function findDisagreements(seen: Seen, counts: EnvoyCounts): string[] {
  return [...ofPolicy({ ...seen, counts }), ...findMiscounts(seen.tally.plan, { ...seen, counts })];
}

/** What Envoy would have counted of it. */
function countsFor({ ledger }: Seen, changes: Readonly<Record<string, number>> = {}): EnvoyCounts {
  const values = new Map<string, number>();
  for (const [variant, share] of [
    ["stable", 80_000],
    ["canary", 20_000],
  ] as const) {
    const name = `serin.rollout.checkout.${variant}`;
    values.set(`${name}.share`, share);
    values.set(`${name}.rq_total`, ledger.requestsOf("checkout", variant));
  }
  for (const [name, value] of Object.entries(changes)) values.set(name, (values.get(name) ?? 0) + value);
  return countsFrom(values);
}

describe("what was seen and what was asked", () => {
  it("agree when Envoy did what the policy says", () => {
    const seen = visitAll();
    assert.deepEqual(findDisagreements(seen, countsFor(seen)), []);
    assert.equal(seen.tally.users, 1000);
  });

  const planted: [fault: string, changes: Record<string, number>, said: RegExp][] = [
    [
      "a request too many",
      { "serin.rollout.checkout.canary.rq_total": 1 },
      /^checkout\/canary: Envoy counted \d+ requests, the client \d+$/,
    ],
    [
      "an error",
      { "serin.rollout.checkout.stable.rq_5xx": 1 },
      /^checkout\/stable: Envoy counted 1 errors, 0 were planted$/,
    ],
    [
      "a cut answer",
      { "serin.rollout.checkout.stable.rq_reset": 2 },
      /^checkout\/stable: Envoy counted 2 errors, 0 were planted$/,
    ],
    [
      "a request without an end",
      { "serin.rollout.checkout.canary.rq_active": 1 },
      /^checkout\/canary: 1 requests are still in flight$/,
    ],
    ["an error survived", { "serin.error": 3 }, /recovered from 3 errors/],
    [
      "shares that are no whole",
      { "serin.rollout.checkout.canary.share": 1000 },
      /^checkout: the target shares add up to 101%$/,
    ],
  ];
  for (const [fault, changes, said] of planted) {
    it(`disagree: ${fault}`, () => {
      const seen = visitAll();
      const found = findDisagreements(seen, countsFor(seen, changes));
      assert.equal(found.length, 1, found.join("\n"));
      assert.match(found[0] ?? "", said);
    });
  }

  it("disagree when the share is not the one asked for", () => {
    const seen = visitAll();
    const changes = {
      "serin.rollout.checkout.canary.share": 10_000,
      "serin.rollout.checkout.stable.share": -10_000,
    };
    const found = findDisagreements(seen, countsFor(seen, changes));
    assert.equal(found.length, 2);
    assert.match(
      found[0] ?? "",
      /^checkout\/stable: actual share .* of 1000 users, target share 70%: more than 4 standard errors apart$/,
    );
  });

  it("disagree when the wrong service answered, a user was told wrong, a request failed, nobody came", () => {
    const wrongService = visitAll((visit) => ({ ...visit, service: "shop" }));
    assert.match(
      findDisagreements(wrongService, countsFor(wrongService)).join(),
      /answered by shop instead of checkout-v2/,
    );
    const wrongVariant = visitAll((visit) =>
      visit.user === "u-7" ? { ...visit, told: flipped(visit) } : visit,
    );
    assert.match(
      findDisagreements(wrongVariant, countsFor(wrongVariant)).join(),
      /^1 answers .* user u-7 at \/checkout/,
    );
    const failed = visitAll((visit) => (visit.user === "u-7" ? { ...visit, failure: "status 503" } : visit));
    assert.deepEqual(findDisagreements(failed, countsFor(failed)), [
      "1 requests failed, the first: user u-7 at /checkout: status 503",
    ]);
    const nobody = { tally: new Tally(PLAN, exampleOracle()), ledger: new Ledger(), rollbacks: [] };
    assert.match(findDisagreements(nobody, countsFor(nobody)).join(), /checkout: no requests/);
  });

  it("disagree when a user changes versions", () => {
    const seen = visitAll();
    const told = new Map([["checkout", "canary"]]);
    for (const user of USERS) {
      seen.tally.add({ user, path: "/checkout", forged: true, service: "checkout-v2", told, failure: null });
    }
    assert.match(findDisagreements(seen, countsFor(seen)).join("\n"), /\d+ times a user's version changed/);
    assert.match(seen.tally.firstDifference ?? "", /\(forged\)/);
  });
});

function flipped({ told }: Visit): Map<string, string> {
  return new Map(told.has("checkout") ? [] : [["checkout", "canary"]]);
}

describe("the numbers", () => {
  it("a share is far when it is more than 4 standard errors away", () => {
    assert.equal(isFarFrom(0.55, 0.5, 1000), false);
    assert.equal(isFarFrom(0.57, 0.5, 1000), true);
    assert.equal(isFarFrom(0.001, 0, 1000), true, "nobody was asked for");
    assert.equal(isFarFrom(0, 0, 1000), false);
  });

  it("quantiles come from Envoy's bins, within one by interpolation", () => {
    const p50and99 = (...bins: [number, number, number][]): unknown[] => {
      const { p50, p99 } = countsOf(countsFrom(new Map(), { "serin.rollout.a.b.rq_time": bins }), "a", "b");
      return [p50, p99];
    };
    assert.deepEqual(p50and99([4, 0.1, 50], [11, 1, 48], [120, 10, 2]), [5, 125]);
    assert.deepEqual(p50and99(), [null, null]);
  });

  it("counters and bins are those since a moment, gauges those of now", () => {
    const at = (total: number, share: number, count: number): EnvoyCounts =>
      countsFrom(
        new Map([
          ["serin.rollout.a.b.rq_total", total],
          ["serin.rollout.a.b.share", share],
        ]),
        { "serin.rollout.a.b.rq_time": [[7, 0.1, count]] },
      );
    const { requests, share, p50 } = countsOf(at(30, 20_000, 5), "a", "b", at(10, 5000, 5));
    assert.deepEqual({ requests, share, p50 }, { requests: 20, share: 20_000, p50: null });
  });
});
