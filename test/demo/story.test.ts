// The story: what is told while it happens, and what a bounded run finds of it; each end that is not the planned one is
// found and named.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import pc from "picocolors";

import { findDisagreements, findMiscounts } from "../../tools/demo/agreement.ts";
import type { EnvoyCounts } from "../../tools/demo/envoy-counts.ts";
import type { Rollback } from "../../tools/demo/envoy-log.ts";
import { Ledger } from "../../tools/demo/ledger.ts";
import { rolloutsOf } from "../../tools/demo/policy-plan.ts";
import { ReleaseWatch, type ReleaseMove } from "../../tools/demo/release-watch.ts";
import { isTold, judgeStory, storyLines, type Story } from "../../tools/demo/story.ts";
import { Tally } from "../../tools/demo/tally.ts";
import type { Visit } from "../../tools/demo/visitors.ts";
import type { Look } from "../../tools/release/advance.ts";
import { countsFrom } from "./envoy-counts.ts";
import { oracleOf, USERS } from "./example-policy.ts";

const PLAIN = pc.createColors(false);
const POLICY = JSON.stringify({
  identity: [{ cookie: "uid" }],
  rollouts: {
    checkout: {
      match: [{ path: { type: "PathPrefix", value: "/checkout" } }],
      default: "stable",
      variants: { stable: {}, canary: { percent: 20, cluster: "checkout-v2" } },
    },
    cart: {
      match: [{ path: { type: "PathPrefix", value: "/cart" } }],
      default: "stable",
      variants: { stable: {}, canary: { percent: 20, cluster: "cart-v2" } },
      guard: { action: "rollback" },
    },
  },
});
const PLAN = rolloutsOf(POLICY);
const ORACLE = oracleOf(POLICY);
const START = new Date(2026, 10, 28, 11, 0, 0).getTime();
const FAILS_AT = START + 25_000;
const BACK: Rollback = { rollout: "cart", variant: "canary", at: FAILS_AT + 3250 };
const MOVES: readonly ReleaseMove[] = [
  { rollout: "checkout", variant: "canary", from: 20, to: 50, reason: "", at: START + 64_000 },
  { rollout: "checkout", variant: "canary", from: 50, to: 100, reason: "", at: START + 98_400 },
];
const [CANARY_USER = ""] = USERS.filter(
  (user) => ORACLE.expect(user, "/cart").variants.get("cart") === "canary",
);

function cartVisit(user: string, changes: Partial<Visit> = {}): Visit {
  const { service, variants } = ORACLE.expect(user, "/cart");
  const told = new Map([...variants].filter(([, variant]) => variant === "canary"));
  return { user, path: "/cart", forged: false, service, told, failure: null, ...changes };
}

function shares(checkout: number, cart: number): EnvoyCounts {
  return countsFrom(
    new Map([
      ["serin.rollout.checkout.canary.share", checkout * 1000],
      ["serin.rollout.checkout.stable.share", 100_000 - checkout * 1000],
      ["serin.rollout.cart.canary.share", cart * 1000],
      ["serin.rollout.cart.stable.share", 100_000 - cart * 1000],
    ]),
  );
}

/** The story as it ends, nine requests of eight users in error; a test may change what has become of it. */
function told(changes: Partial<Story> = {}, counts = shares(100, 0), rollbacks = [BACK], requests = 9) {
  const ledger = new Ledger();
  const users = USERS.filter((user) => cartVisit(user).told.size > 0).slice(0, 8);
  for (const user of [...users, CANARY_USER]) {
    ledger.add(cartVisit(user, { planted: true }), PLAN, ORACLE.expect(user, "/cart"));
  }
  for (let more = 9; more < requests; more++) {
    ledger.add(cartVisit(CANARY_USER), PLAN, ORACLE.expect(CANARY_USER, "/cart"));
  }
  const story = {
    started: START,
    now: START + 110_000,
    failsAt: FAILS_AT,
    changedAt: START,
    moves: MOVES,
    waitsFor: null,
    ...changes,
  };
  return { story, seen: { tally: new Tally(PLAN, ORACLE), ledger, counts, rollbacks } };
}

describe("a bounded run", () => {
  it("passes when the good canary has gone to 100% and the bad one is back, and says when and who met errors", () => {
    const { story, seen } = told();
    assert.ok(isTold(seen));
    assert.deepEqual(judgeStory(story, seen), {
      passed: [
        "checkout's canary was promoted to 100% on evidence: 20% → 50% (64 s) → 100% (98 s)",
        "cart's canary was rolled back at 11:00:28, 3.3 s after it began to fail: " +
          "9 requests of 8 users met an error, none because of the rollback",
      ],
      failed: [],
    });
  });

  const wrong: [end: string, told: ReturnType<typeof told>, said: RegExp][] = [
    [
      "a good canary that stays",
      told({ moves: MOVES.slice(0, 1), waitsFor: "about 300 more users" }, shares(50, 0)),
      /^checkout's canary was not promoted to 100%: 20% → 50% \(64 s\); about 300 more users$/,
    ],
    [
      "a good canary that does not begin",
      told({ moves: [] }, shares(20, 0)),
      /^checkout's canary was not promoted to 100%: 20%$/,
    ],
    [
      "no rollback",
      told({}, shares(100, 20), []),
      /^cart's canary began to fail at 11:00:25 and was not rolled back; 9 /,
    ],
    [
      "a rollback that comes late",
      told({}, shares(100, 0), [{ ...BACK, at: FAILS_AT + 15_100 }], 151),
      /^cart's canary was rolled back 15\.1 s after it began to fail; 9 requests of 8 users met an error$/,
    ],
    [
      "a rollback of a healthy canary",
      told({}, shares(100, 0), [{ ...BACK, at: FAILS_AT - 1 }]),
      /^cart's canary was rolled back before it began to fail$/,
    ],
    [
      "a rollback that does not come to the policy",
      told({}, shares(100, 20)),
      /^cart's canary was rolled back, but the policy still gives it users$/,
    ],
  ];
  for (const [end, { story, seen }, said] of wrong) {
    it(`fails: ${end}`, () => {
      const { failed } = judgeStory(story, seen);
      assert.equal(failed.length, 1, failed.join("\n"));
      assert.match(failed[0] ?? "", said);
    });
  }

  it("passes on a machine that could not send as much in the time", () => {
    const { story, seen } = told({}, shares(100, 0), [{ ...BACK, at: FAILS_AT + 15_100 }], 150);
    assert.deepEqual(judgeStory(story, seen).failed, []);
  });

  it("goes on until the policy that Envoy serves says both", () => {
    assert.equal(isTold(told({}, shares(100, 20)).seen), false);
    assert.equal(isTold(told({}, shares(50, 0)).seen), false);
    assert.equal(isTold(told({}, shares(100, 0), []).seen), false);
  });
});

describe("the lines under the table", () => {
  const lines = ({ story, seen }: ReturnType<typeof told>, width = 80): string[] => {
    const all = storyLines(story, seen, width, PLAIN);
    for (const line of all) assert.ok(line.length <= width, `${line.length}: ${line}`);
    return all;
  };

  it("say what is about to come, what happens, and how it ended", () => {
    const before = told({ moves: [], now: FAILS_AT - 12_300 }, shares(20, 20), []);
    assert.deepEqual(lines(before), [
      " checkout canary: 20%; no evidence yet",
      " cart canary: begins to fail in 13 s; its guard watches",
    ]);
    const during = told(
      { moves: [], now: FAILS_AT + 2000, waitsFor: "8 s of 10 s on this step" },
      shares(20, 20),
      [],
    );
    assert.deepEqual(lines(during), [
      " checkout canary: 20%; 8 s of 10 s on this step",
      " cart canary: failing since 11:00:25; 9 requests of 8 users met an error",
    ]);
    assert.deepEqual(lines(told()), [
      " checkout canary: promoted to 100% on evidence: 20% → 50% (64 s) → 100% (98 s)",
      " cart canary: failed for 3.3 s, rolled back at 11:00:28; 8 users met errors",
    ]);
  });

  it("say that a person has begun anew, that it was rolled back again, and that nobody gets it", () => {
    const changedAt = BACK.at + 60_000;
    const anew = told({ changedAt }, shares(100, 20));
    assert.equal(lines(anew)[1], " cart canary: failing since 11:01:28; 9 requests of 8 users met an error");
    const again = told({ changedAt }, shares(100, 20), [BACK, { ...BACK, at: changedAt + 5000 }]);
    const said = " cart canary: rolled back again at 11:01:33; 9 requests of 8 users met an error in all";
    assert.equal(lines(again, 120)[1], said);
    const stopped = told({}, shares(0, 0), []);
    assert.deepEqual(lines(stopped), [
      " checkout canary: stopped at 0%; set a percent and raise epoch to begin again",
      " cart canary: 0%, no user gets it",
    ]);
  });

  it("leave out the steps before a person set another percent", () => {
    const [again, last] = MOVES.map((move) => ({ ...move, at: move.at + 300_000 }));
    assert.ok(again && last);
    const line = (moves: readonly ReleaseMove[], percent: number): string | undefined =>
      lines(told({ moves }, shares(percent, 0)))[0];
    assert.equal(line(MOVES, 20), " checkout canary: 20%; no evidence yet");
    assert.equal(line([...MOVES, again], 50), " checkout canary: 20% → 50% (364 s); no evidence yet");
    assert.equal(
      line([...MOVES, again, last], 100),
      " checkout canary: promoted to 100% on evidence: 20% → 50% (364 s) → 100% (398 s)",
    );
  });

  it("say it at length where there is room", () => {
    assert.equal(
      lines(told(), 120)[1],
      " cart canary: rolled back by its guard at 11:00:28, 3.3 s after it began to fail; 9 requests of 8 users met an error",
    );
  });

  it("are those of rollouts that the policy has", () => {
    const { story, seen } = told();
    const tally = new Tally(PLAN.slice(1), ORACLE);
    assert.equal(storyLines(story, { ...seen, tally }, 80, PLAIN).length, 1);
    assert.deepEqual(storyLines(story, { ...seen, tally: new Tally([], ORACLE) }, 80, PLAIN), []);
  });
});

describe("what users see of a rollback", () => {
  const canaries = USERS.filter((user) => cartVisit(user).told.size > 0);
  const back = { told: new Map<string, string>(), service: "shop" };

  /** Canary users come, half of them after the rollback. */
  function come(rolledBack: Partial<Visit>, rollbacks: readonly Rollback[], lateMs = 0): string[] {
    const tally = new Tally(PLAN, ORACLE);
    for (const user of USERS) tally.add(cartVisit(user), START);
    for (const user of canaries.slice(0, 20)) tally.add(cartVisit(user, rolledBack), BACK.at);
    if (lateMs > 0) tally.add(cartVisit(CANARY_USER), BACK.at + lateMs);
    return findDisagreements({ tally, counts: shares(20, 20), rollbacks });
  }

  it("agrees: they get the default, which is no other version of theirs", () => {
    assert.deepEqual(come(back, [BACK]), []);
  });

  it("agrees while the other worker does not know yet, and no longer", () => {
    assert.deepEqual(come(back, [BACK], 2000), []);
    assert.match(
      come(back, [BACK], 4000).join(),
      /^1 answers differ .*cart gave canary 4000 ms after its rollback$/,
    );
  });

  it("disagrees where no guard has rolled back, or another service answers", () => {
    assert.deepEqual(come(back, []), [
      "cart/canary: 20 requests got the default, but Envoy's log has no line of a rollback",
    ]);
    assert.match(
      come({ ...back, service: "search-v2" }, [BACK]).join(),
      /answered by search-v2 instead of shop/,
    );
  });

  it("disagrees where a rollout without a guard gives the default", () => {
    const tally = new Tally(PLAN, ORACLE);
    const [user = ""] = USERS.filter(
      (each) => ORACLE.expect(each, "/checkout").variants.get("checkout") === "canary",
    );
    tally.add({ ...cartVisit(user, back), path: "/checkout" });
    assert.equal(tally.differing, 1);
  });
});

describe("errors that were planted", () => {
  it("are no failures, are those that Envoy counts, and each user counts once", () => {
    const tally = new Tally(PLAN, ORACLE);
    const ledger = new Ledger();
    for (const planted of [true, true, false]) {
      const visit = cartVisit(CANARY_USER, { planted });
      tally.add(visit);
      ledger.add(visit, PLAN, ORACLE.expect(CANARY_USER, "/cart"));
    }
    assert.deepEqual(ledger.plantedOf("cart", "canary"), { requests: 2, users: 1, requestsSince: 3 });
    assert.deepEqual([tally.failed, tally.differing], [0, 0]);
    const cart = PLAN.filter(({ name }) => name === "cart");
    const miscounts = (errors: number): string[] => {
      const name = "serin.rollout.cart.canary";
      const counts = countsFrom(
        new Map([
          [`${name}.rq_total`, 3],
          [`${name}.rq_5xx`, errors],
        ]),
      );
      return findMiscounts(cart, { ledger, counts });
    };
    assert.deepEqual(miscounts(2), []);
    assert.deepEqual(miscounts(3), ["cart/canary: Envoy counted 3 errors, 2 were planted"]);
  });
});

describe("the watch on releases", () => {
  it("keeps what was written, and what is waited for", async () => {
    const ending = new AbortController();
    const action = { rollout: "checkout", variant: "canary", from: 20, details: [] as string[] };
    const wait = {
      ...action,
      action: { kind: "wait" as const },
      reason: "8 s of 10 s on this step",
      done: false,
    };
    const promote = { ...action, action: { kind: "promote" as const, to: 50 }, reason: "within the limit" };
    const looks: Look["actions"][] = [
      [wait],
      [
        {
          ...wait,
          details: ["errors 0%", "at the current rate about 300 more canary users are needed (~20 s)"],
        },
      ],
      [{ ...promote, done: false }],
      [{ ...promote, done: true }],
    ];
    const waited: (string | null)[] = [];
    const watch = new ReleaseWatch(() => {
      waited.push(watch.waitingFor("checkout", "canary"));
      const actions = looks.shift() ?? [];
      if (looks.length === 0) ending.abort();
      return Promise.resolve({
        at: new Date(START),
        actions,
        silent: [],
        notes: [],
        status: 0,
        isDone: false,
      });
    }, 1);
    await watch.watch(ending.signal);
    await sleep(0);
    assert.deepEqual(waited, [
      null,
      "8 s of 10 s on this step",
      "about 300 more canary users to go (~20 s)",
      null,
    ]);
    assert.deepEqual(watch.moves, [
      { rollout: "checkout", variant: "canary", from: 20, to: 50, reason: "within the limit", at: START },
    ]);
  });
});
