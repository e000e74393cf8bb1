// The tables of `serin stats` on a terminal of 80 columns: evidence, classes, shadows.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import {
  DEFAULT_TERMS,
  emptySnapshot,
  type Snapshot,
  type VariantCounts,
} from "../../tools/metrics/snapshot.ts";
import type { UserSide } from "../../tools/metrics/users.ts";
import { figuresOf, shadowFigures } from "../../tools/report/stats-figures.ts";
import { statsTable } from "../../tools/report/stats-table.ts";
import { colorsOf } from "../../tools/terminal/terminal.ts";
import { Writable } from "node:stream";

const LONG = "checkout-with-new-payment-x";
const SECOND = "checkout-with-old-payment-y";

interface Given {
  readonly share: number;
  readonly counters: Readonly<Record<string, number>>;
  readonly bits?: Readonly<Record<string, number>>;
  readonly guard?: UserSide["guard"];
}

function snapshotOf(rollouts: Readonly<Record<string, Readonly<Record<string, Given>>>>): Snapshot {
  const counts = ({ share, counters }: Given): VariantCounts => ({
    counters: new Map(Object.entries(counters)),
    gauges: new Map([["share", share * 1000]]),
    latency: [{ lower: 20, width: 1, count: counters["rq_total"] ?? 0 }],
  });
  const side = ({ share, bits = {}, guard = null }: Given): UserSide => ({
    share: share / 100,
    guard,
    fallback: null,
    bits: new Map(Object.entries(bits)),
  });
  return {
    ...emptySnapshot(Date.now()),
    rollouts: new Map(
      Object.entries(rollouts).map(([name, { control, ...variants }]) => [
        name,
        {
          variants: new Map(Object.entries(variants).map(([key, given]) => [key, counts(given)])),
          control: control === undefined ? null : counts(control),
          shareConflicts: new Map(),
          users: [
            {
              ...{
                envoy: "",
                period: 1,
                began: Date.now() / 1000 - 240,
                sharesBegan: 0,
                epoch: null,
                size: 0,
                noEvidence: 0,
              },
              variants: new Map(
                Object.entries(variants)
                  .filter(([, { bits }]) => bits !== undefined)
                  .map(([key, given]) => [key, side(given)]),
              ),
              control: control === undefined ? null : side(control),
            },
          ],
        },
      ]),
    ),
    defaults: new Map(
      Object.entries(rollouts).map(([name, variants]) => [name, Object.keys(variants)[0] ?? ""]),
    ),
    shadows: new Map([
      [
        LONG,
        {
          counters: new Map(
            Object.entries({ sent: 1_234_567, match: 900_000, mismatch_body: 9000, timeout: 12 }),
          ),
          places: new Map(),
          users: [],
          latency: [],
          productionLatency: [],
        },
      ],
    ]),
  };
}

/** A canary that answers one class to everybody. */
function answering(leaf: string, users: Readonly<Record<string, number>>): Snapshot {
  return snapshotOf({
    [LONG]: {
      [SECOND]: { share: 90, counters: { rq_total: 1_234_567, rq_2xx: 1_234_560, rq_5xx: 7 } },
      [LONG]: {
        share: 10,
        counters: { rq_total: 123_456, [leaf]: 123_456 },
        bits: { users: 9876, users_error: 0, users_ok: 0, users_4xx: 0, users_3xx: 0, ...users },
      },
      control: {
        share: 40,
        counters: {},
        bits: {
          users: 39_504,
          users_error: 3,
          users_ok: 39_504,
          users_4xx: 0,
          users_3xx: 0,
          "users_slow.250": 0,
        },
      },
    },
  });
}

const plain = colorsOf(new Writable());
function shown(snapshot: Snapshot, width: number): string {
  return statsTable(figuresOf(snapshot, snapshot), shadowFigures(snapshot.shadows), width, plain);
}

describe("serin stats", () => {
  test("fits 80 columns, with names of 27 characters, and less still", () => {
    const snapshot = answering("rq_4xx", { users_4xx: 9876 });
    for (const width of [80, 100, 140]) {
      const text = shown(snapshot, width);
      for (const line of text.split("\n")) assert.ok(line.length <= width, `${line.length}: ${line}`);
    }
  });

  test("goals have a table of their own, and fit too", () => {
    const goal = "orders-of-the-new-checkout-page";
    const snapshot = snapshotOf({
      [LONG]: {
        [SECOND]: { share: 90, counters: { rq_total: 90_000 } },
        [LONG]: {
          share: 10,
          counters: { rq_total: 10_000 },
          bits: { users: 10_000, users_error: 0, users_ok: 10_000, [`users_goal.${goal}`]: 390 },
        },
        control: {
          share: 40,
          counters: {},
          bits: { users: 40_000, users_error: 0, users_ok: 40_000, [`users_goal.${goal}`]: 2040 },
        },
      },
    });
    const text = shown(snapshot, 80);
    for (const line of text.split("\n")) assert.ok(line.length <= 80, `${line.length}: ${line}`);
    assert.match(
      text,
      /^ {2}goals +goal +users +of users +vs baseline +99% CI\n {2}check\S+ +order\S+ +390 +3\.9% +0\.76× +0\.\d+× to 0\.\d+×\n {2}control +order\S+ +2,040 +5\.1% +– +–$/m,
    );
    assert.match(text, /: fail, evidence period 1/);
  });

  test("a canary that answers 404 to everybody fails, and its classes say why", () => {
    const text = shown(answering("rq_4xx", { users_4xx: 9876 }), 80);
    assert.match(text, /^checkout-with-new-payment-x: fail, evidence period 1, for 4 min$/m);
    // Names are cut in their middle: these two differ at their end.
    const rows = text.split("\n").filter((line) => /^ {2}check\S*…\S*[xy] /.test(line));
    // Of users: errors, 4xx, 3xx; then how sure. Of requests: 2xx, 3xx, 4xx, 5xx.
    assert.match(rows[0] ?? "", /9,876 +10% +\S+ +0% +100% +0% +(4xx|fewer 2xx) >1e6 \(800\)$/);
    assert.match(rows[2] ?? "", / 0% +0% +100% +0% +0% /);
  });

  test("one that answers 302 to everybody is inconclusive, and is seen", () => {
    const text = shown(answering("rq_3xx", { users_3xx: 9876, users_ok: 9876 }), 80);
    assert.match(text, /^checkout-with-new-payment-x: inconclusive,/m);
    assert.match(text, /9,876 +10% +\S+ +0% +0% +100% +3xx >1e6 \(100\)$/m);
  });

  test("what the guard does stands below the verdict: rolled back, off and why, or watching", () => {
    const guarded = (share: number, guard: UserSide["guard"]): string => {
      const bits = { users: 100, users_error: 9 };
      const counters = { rq_total: 100, rq_2xx: 100 };
      const snapshot = snapshotOf({
        checkout: {
          stable: { share: 100 - share, counters },
          canary: { share, counters, bits, guard },
          ...(share === 100 ? {} : { control: { share: 20, counters: {}, bits } }),
        },
      });
      const terms = new Map([["checkout", { ...DEFAULT_TERMS, guard: "rollback" as const }]]);
      return shown({ ...snapshot, terms }, 80);
    };
    assert.match(guarded(5, "rolled back"), /^checkout: fail, .*\n {2}guard: canary rolled back$/m);
    assert.match(guarded(5, "alarm"), /^ {2}guard: canary alarm$/m);
    assert.match(guarded(5, "watching"), /^ {2}guard: watching$/m);
    assert.match(
      guarded(100, null),
      /^ {2}guard: off: canary has the whole share, so there is no control group$/m,
    );
  });

  test("shadows are there, and the control group beside the users", () => {
    const text = shown(answering("rq_2xx", { users_ok: 9876 }), 80);
    assert.match(
      text,
      /^shadows\n {2}\S+: fail by copies(: mism\S.*)?\n {2}copies +sent +match +status +body +noise +timeout +reset/m,
    );
    assert.match(text, /1,234,567 +99\.0% +0% +0\.99% +0% +12 +0/);
    assert.match(text, /^ {2}control +39,504 +40%/m);
  });

  test("a rollout that has left the policy is gone", () => {
    const snapshot = snapshotOf({
      old: {
        stable: { share: 0, counters: { rq_total: 100, rq_2xx: 100 } },
        canary: { share: 0, counters: { rq_total: 100, rq_2xx: 100 }, bits: { users: 0 } },
      },
      here: { stable: { share: 100, counters: { rq_total: 100, rq_2xx: 100 } } },
    });
    assert.deepEqual([...figuresOf(snapshot, null).keys()], ["here"]);
  });
});
