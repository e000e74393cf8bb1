// Who is copied: as many as were asked for, by identity always the same users, those of the published hash, and neither
// by a rollout's draw nor by another shadow's.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { directRoute } from "../support/envoy/bootstrap.ts";
import { fromBothEnds, murmur3, position, variantOf } from "../support/assignment.ts";
import { countsOf, settledCounts, startStage, valuesOf, type Policy, type Stage } from "./shadow-stage.ts";
import { EVERY_ENVOY } from "../support/envoy/versions.ts";
import { headerIn, request, sendAll } from "../support/envoy/wire.ts";

const USERS = 20_000;
/** Of them, so many go through calls too. */
const CALLED = 5_000;
const CANARY = 30;

const mirror = (percent: number | undefined, sample?: string): object => ({
  match: [{ path: { value: "/draws" } }],
  percent,
  sample,
  cluster: "shadow",
  dispatch: "mirror",
});
const call = (name: string, percent: number, sample?: string): object => ({
  match: [{ path: { value: "/calls" } }],
  percent,
  sample,
  cluster: "shadow",
  timeout: "10s",
  headers: { set: { "x-shadow": name } },
  budget: { perSecond: 100_000, inFlight: 1_000 },
});

const POLICY: Policy = {
  identity: [{ cookie: "uid" }],
  rollouts: { checkout: { default: "stable", variants: { stable: {}, canary: { percent: CANARY } } } },
  shadows: {
    users: mirror(10, "identity"),
    "other-users": mirror(25, "identity"),
    requests: mirror(10),
    "other-requests": mirror(0.5, "request"),
    all: mirror(100),
    nothing: mirror(undefined),
    "called-users": call("called-users", 10, "identity"),
    "called-requests": call("called-requests", 10),
  },
};
const DRAWN = ["users", "other-users", "requests", "other-requests", "all", "nothing"] as const;
type Drawn = (typeof DRAWN)[number];
const ASKED: Record<Drawn, number> = {
  users: 10,
  "other-users": 25,
  requests: 10,
  "other-requests": 0.5,
  all: 100,
  nothing: 0,
};

/** The answer shows what the filter wrote for the route: what is mirrored, and the canary. */
const ROUTES = [
  directRoute("/draws", {
    "v-canary": "%REQ(x-serin-checkout)%",
    ...Object.fromEntries(DRAWN.map((name) => [`v-${name}`, `%REQ(x-serin-shadow-${name})%`])),
  }),
  directRoute("/calls", {}),
];

const users = Array.from({ length: USERS }, (_, i) => `user-${i.toString(36)}`);

/** By policy.md alone: below `percent` of the space under the salt `shadow/<name>`. */
const isOf = (shadow: string, percent: number, user: string): boolean =>
  murmur3(`shadow/${shadow}/${user}`) < position(percent);

function closeTo(what: string, seen: number, percent: number, count: number): void {
  const share = percent / 100;
  const error = Math.sqrt((share * (1 - share)) / count);
  assert.ok(Math.abs(seen / count - share) <= 4 * error, `${what}: asked for ${share}, seen ${seen / count}`);
}

/** Chi-square of two draws over the same requests; one degree of freedom. */
function chiSquare(a: readonly boolean[], b: readonly boolean[]): number {
  const count = (of: readonly boolean[], value: boolean): number => of.filter((one) => one === value).length;
  let chi = 0;
  for (const x of [true, false]) {
    for (const y of [true, false]) {
      const expected = (count(a, x) * count(b, y)) / a.length;
      chi += (a.filter((one, i) => one === x && b[i] === y).length - expected) ** 2 / expected;
    }
  }
  return chi;
}
/** Passed by chance once in two million; draws of one number reach thousands. */
const LIMIT = 25;

for (const version of EVERY_ENVOY) {
  describe(`Envoy ${version}`, () => {
    let stage: Stage;
    const drawn = new Map<Drawn, boolean[]>();
    let again: boolean[] = [];
    let canary: boolean[] = [];

    const draw = async (of: readonly string[]): Promise<string[]> =>
      sendAll(
        stage.port,
        of.map((user) => request("/draws", [`cookie: uid=${user}`])),
      );
    before(async () => {
      stage = await startStage({ version, policy: POLICY, routes: ROUTES, concurrency: 2, record: true });
      await stage.serve(POLICY);
      const heads = await draw(users);
      for (const name of DRAWN)
        drawn.set(
          name,
          heads.map((head) => headerIn(head, `v-${name}`) === "shadow"),
        );
      canary = heads.map((head) => headerIn(head, "v-canary") === "canary");
      again = (await draw(users)).map((head) => headerIn(head, "v-users") === "shadow");
    });
    after(() => stage.stop());

    const of = (name: Drawn): boolean[] => drawn.get(name) as boolean[];

    test(`shares of ${USERS} requests are within 4 standard errors of those asked for`, async () => {
      for (const name of DRAWN) {
        const seen = of(name).filter(Boolean).length;
        closeTo(name, seen, ASKED[name], USERS);
        // Those that are drawn are counted, in both rounds.
        if (name === "users") assert.equal((await countsOf(stage.admin, name))["sent"], 2 * seen);
      }
    });

    test("by identity: the users of the published hash, the same each time", () => {
      for (const name of ["users", "other-users"] as const) {
        const wrong = users.filter((user, i) => of(name)[i] !== isOf(name, ASKED[name], user));
        assert.deepEqual(wrong.slice(0, 5), [], `${wrong.length} users of ${name}`);
      }
      assert.deepEqual(again, of("users"));
    });

    test("by request: the same user is sometimes drawn, sometimes not, each time anew", async () => {
      const heads = await draw(Array.from({ length: 3_000 }, () => "one-user"));
      const mine = heads.map((head) => headerIn(head, "v-requests") === "shadow");
      closeTo("requests of one user", mine.filter(Boolean).length, ASKED.requests, mine.length);
      const next = mine.slice(1);
      assert.ok(chiSquare(mine.slice(0, -1), next) < LIMIT, "a draw says something of the next");
    });

    test("no shadow's draw says anything of the canary's, nor of another shadow's", () => {
      assert.deepEqual(
        users.filter((user, i) => {
          const variant = variantOf("checkout", user, fromBothEnds(["canary", CANARY], ["none", 0]));
          return canary[i] !== (variant === "canary");
        }),
        [],
      );
      const draws = { canary, ...Object.fromEntries(DRAWN.slice(0, 4).map((name) => [name, of(name)])) };
      const pairs = Object.entries(draws).flatMap(([a, first], i) =>
        Object.entries(draws)
          .slice(i + 1)
          .map(([b, second]) => ({ name: `${a} and ${b}`, chi: chiSquare(first, second) })),
      );
      assert.equal(pairs.length, 10);
      assert.deepEqual(
        pairs.filter(({ chi }) => chi >= LIMIT),
        [],
      );
    });

    test("a request without an identity is not drawn by identity", async () => {
      const heads = await sendAll(
        stage.port,
        Array.from({ length: 2_000 }, (_, i) => request("/draws", i % 2 === 0 ? [] : ["cookie: uid="])),
      );
      assert.equal(heads.filter((head) => headerIn(head, "v-users") !== null).length, 0);
      closeTo(
        "requests without an identity",
        heads.filter((head) => headerIn(head, "v-requests") === "shadow").length,
        ASKED.requests,
        heads.length,
      );
    });

    test(`calls: ${CALLED} requests, the same draws`, async () => {
      const some = users.slice(0, CALLED);
      const requests = some.map((user) => request("/calls", [`cookie: uid=${user}`]));
      await sendAll(stage.port, requests);
      const expected = some.filter((user) => isOf("called-users", 10, user));
      const counts = await settledCounts(stage.admin, "called-users", expected.length);
      assert.deepEqual([counts["sent"], counts["over_budget"]], [expected.length, undefined]);
      const copied = (shadow: string): string[] =>
        stage
          .seen("shadow", "/calls")
          .filter((seen) => valuesOf(seen, "x-shadow").join() === shadow)
          .map((seen) => valuesOf(seen, "cookie").join().slice("uid=".length));
      assert.deepEqual(copied("called-users").sort(), [...expected].sort());
      const byRequest = copied("called-requests");
      closeTo("calls by request", byRequest.length, 10, CALLED);
      assert.equal((await settledCounts(stage.admin, "called-requests", 0))["sent"], byRequest.length);
      const mark = (of: readonly string[]): boolean[] => {
        const set = new Set(of);
        return some.map((user) => set.has(user));
      };
      assert.ok(chiSquare(mark(byRequest), mark(expected)) < LIMIT);
      assert.ok(chiSquare(mark(byRequest), canary.slice(0, CALLED)) < LIMIT);
      assert.ok(chiSquare(mark(expected), canary.slice(0, CALLED)) < LIMIT);
    });
  });
}
