// What the verdict promises of goals, tried on made-up shops: a small form, seeds fixed, of what run-simulations.ts runs
// in full (--only goals). Each test says what it found.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { goalStudy, SHOP, SHOPS } from "./goal-studies.ts";

test("canaries that change nothing: at most 1% are called different, of any shop", (t) => {
  const RUNS = 120;
  let [wrong, runs] = [0, 0];
  SHOPS.forEach((shop, index) => {
    const { fewer, more } = goalStudy(600 + index, RUNS, { shop, visits: 30_000 });
    t.diagnostic(`${shop.name}: fewer ${fewer}, more ${more} of ${RUNS}`);
    assert.ok(fewer + more <= 0.04 * RUNS, `${shop.name}: ${fewer} fewer, ${more} more of ${RUNS}`);
    wrong += fewer + more;
    runs += RUNS;
  });
  assert.ok(wrong <= 0.01 * runs, `${wrong} of ${runs}`);
});

test("they would be called different if each order counted, and not each user: the simulation can tell", (t) => {
  const shop = { ...SHOPS[2], name: "orders" } as (typeof SHOPS)[number];
  const { fewer, more, runs } = goalStudy(610, 60, { shop, visits: 30_000, countsOrders: true });
  t.diagnostic(`fewer ${fewer}, more ${more} of ${runs}`);
  assert.ok(fewer + more >= 0.2 * runs);
});

describe("a tenth of visits orders, a tenth of users get the canary", () => {
  test("0.8 times as many: found within 4,000 orders of the whole shop in the median, and never called more", (t) => {
    const found = goalStudy(620, 100, { shop: SHOP, visits: 100_000, times: 0.8 });
    t.diagnostic(JSON.stringify(found));
    assert.ok(found.fewer >= 95 && found.ordersAt <= 4000);
    assert.equal(found.more, 0);
  });

  test("none at all: found within 500 orders; 1.25 times as many: said, within 5,000", (t) => {
    const none = goalStudy(621, 60, { shop: SHOP, visits: 50_000, times: 0 });
    t.diagnostic(JSON.stringify(none));
    assert.ok(none.fewer === 60 && none.ordersAt <= 500);
    const more = goalStudy(622, 60, { shop: SHOP, visits: 100_000, times: 1.25 });
    t.diagnostic(JSON.stringify(more));
    assert.ok(more.more >= 57 && more.fewer === 0 && more.ordersAt <= 5000);
  });

  test("half as many is not shown to be within the limit of 2× (5% may be), and users who never met the rollout only dilute", (t) => {
    const half = goalStudy(623, 100, { shop: SHOP, visits: 50_000, times: 0.5 });
    t.diagnostic(JSON.stringify(half));
    assert.ok(half.within <= 12 && half.fewer === 100);
    const outside = goalStudy(624, 60, { shop: { ...SHOP, outside: 0.5 }, visits: 100_000, times: 0.5 });
    t.diagnostic(JSON.stringify(outside));
    assert.ok(outside.fewer === 60 && outside.more === 0 && outside.ordersAt > half.ordersAt);
  });
});
