// The users who come and go, and that the demo's memory of them stays flat however long it runs.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { arrivals, PAGES, userName, type Arrival } from "../../tools/demo/crowd.ts";
import { Oracle, type Expected } from "../../tools/demo/oracle.ts";
import { Recent } from "../../tools/demo/recent.ts";
import { Tally } from "../../tools/demo/tally.ts";
import { exampleOracle, PLAN } from "./example-policy.ts";

/** At 200 visits per second. */
const MINUTE = 12_000;

/** Numbers that look random and are the same in each run (Park and Miller's generator). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

function take(visits: Iterator<Arrival, never>, count: number): Arrival[] {
  return Array.from({ length: count }, () => visits.next().value);
}

describe("the crowd", () => {
  const visits = take(arrivals(seeded(11)), 10 * MINUTE);
  const times = new Map<string, number[]>();
  for (const [at, { user }] of visits.entries()) times.set(user, [...(times.get(user) ?? []), at]);

  it("has 60 to 70 new users a second, in the tenth minute as in the second", () => {
    const firsts = [...times.values()].map(([first = 0]) => first);
    for (const minute of [1, 9]) {
      const came = firsts.filter((at) => Math.floor(at / MINUTE) === minute).length;
      assert.ok(came / 60 > 60 && came / 60 < 70, `${came} in minute ${minute}`);
    }
  });

  it("comes two to four times each, three in the mean, within seconds to minutes, and then never again", () => {
    // Who came in the last two minutes may come again.
    const gone = [...times.values()].filter(([first = 0]) => first < 8 * MINUTE);
    const counts = gone.map((of) => of.length);
    assert.deepEqual([Math.min(...counts), Math.max(...counts)], [2, 4]);
    assert.ok(Math.abs(counts.reduce((sum, count) => sum + count, 0) / counts.length - 3) < 0.05);
    const stays = gone.map((of) => (of.at(-1) ?? 0) - (of[0] ?? 0)).sort((one, other) => one - other);
    const median = stays[Math.floor(stays.length / 2)] ?? 0;
    assert.ok(median > 5 * 200 && median < 60 * 200, `half stay longer than ${median / 200} s`);
    assert.ok((stays.at(-1) ?? 0) < 2 * MINUTE, `the longest stay: ${(stays.at(-1) ?? 0) / 200} s`);
  });

  it("asks for the checkout in half of its visits, for the cart and the search in a quarter each", () => {
    for (const page of new Set(PAGES)) {
      const part = visits.filter(({ path }) => path === page).length / visits.length;
      const expected = page === "/checkout" ? 0.5 : 0.25;
      assert.ok(Math.abs(part - expected) < 0.01, `${page}: ${part}`);
    }
  });
});

/** An oracle that needs no filter: a fifth of the users get the canary. */
class Instant extends Oracle {
  constructor() {
    super(null as never, null as never);
  }

  override expect(user: string): Expected {
    const isCanary = user.endsWith("1") || user.endsWith("6");
    return {
      service: isCanary ? "checkout-v2" : "shop",
      variants: new Map([["checkout", isCanary ? "canary" : "stable"]]),
      shadows: [],
    };
  }
}

describe("memory", () => {
  it("of the last entries holds so many, and a key that is set again once", () => {
    const recent = new Recent<string, number>(3);
    for (const [key, value] of [
      ["a", 1],
      ["b", 2],
      ["a", 3],
      ["c", 4],
      ["d", 5],
    ] as const) {
      recent.set(key, value);
    }
    assert.deepEqual([recent.size, recent.get("a"), recent.get("b"), recent.get("d")], [3, undefined, 2, 5]);
  });

  it("of decisions ends with the 10,000 that came last", () => {
    const oracle = exampleOracle();
    const first = oracle.expect("u-1", "/");
    const others = (from: number, to: number): void => {
      for (let at = from; at <= to; at++) oracle.expect(userName(at), "/");
    };
    others(2, 10_000);
    assert.equal(oracle.expect("u-1", "/"), first, "still known");
    others(10_001, 10_001);
    const again = oracle.expect("u-1", "/");
    assert.notEqual(again, first, "decided anew");
    assert.deepEqual(again, first);
  });

  it("is flat while new users come, and nobody is counted twice", () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const heap = (): number => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const oracle = new Instant();
    const tally = new Tally(PLAN, oracle);
    const visits = arrivals(seeded(12));
    const users = new Set<string>();
    const come = (count: number): void => {
      for (const { user, path } of take(visits, count)) {
        const { service, variants } = oracle.expect(user);
        tally.begin(user, path);
        tally.add({ user, path, forged: false, service, told: new Map(variants), failure: null });
        users.add(user);
      }
    };
    come(5 * MINUTE);
    users.clear();
    const [before, counted] = [heap(), tally.users];
    come(20 * MINUTE);
    const told = users.size;
    users.clear();
    const grown = heap() - before;
    assert.ok(grown < 500_000, `${grown} bytes more`);
    // Who was there already is no new user.
    const fresh = tally.users - counted;
    assert.ok(fresh <= told && fresh >= told - 1000, `${fresh} new users of ${told}`);
    assert.equal(tally.usersOf("checkout"), tally.users, "both pages are the rollout's");
    assert.deepEqual([tally.differing, tally.inconstant], [0, 0], tally.firstDifference ?? "");
  });
});
