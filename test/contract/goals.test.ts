// Goals, by their gauges: against what the requests of the test say, computed on its own.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { murmur3, position } from "../support/assignment.ts";
import { seeded } from "../support/random.ts";
import { bitOf, groupOf as groupOfRollout } from "../support/users.ts";
import { callsOf, headers, serving } from "./serving.ts";
import { finish, Workers, type Sent } from "./workers.ts";

const CANARY = 10;
const ORDER: Sent = { method: "POST", path: "/orders" };

const VARIANTS = { stable: {}, canary: { percent: CANARY, cluster: "v2" } };
const CHECKOUT = { match: [{ path: { value: "/checkout" } }], default: "stable", variants: VARIANTS };
const ORDERS = { match: [{ method: "POST", path: { type: "Exact", value: "/orders" } }] };

function policy(goals: object, rollout: object = {}, rest: object = {}): object {
  return {
    identity: [{ cookie: "uid" }],
    goals,
    rollouts: { checkout: { ...CHECKOUT, warmup: "0s", ...rollout } },
    ...rest,
  };
}

const groupOf = (user: string, rollout = "checkout"): string | null => groupOfRollout(rollout, user, CANARY);

const USERS = Array.from({ length: 20_000 }, (_, i) => `user-${i}`);
const canaryUsers = USERS.filter((user) => groupOf(user) === "canary");
const [canaryUser = "", secondCanaryUser = ""] = canaryUsers;
const controlUser = USERS.find((user) => groupOf(user) === "control") as string;
const otherUser = USERS.find((user) => groupOf(user) === null) as string;

function ready(served: object, count = 1): Workers {
  const workers = new Workers(count);
  workers.configure(served);
  workers.settle();
  return workers;
}

/** What a whole request counts for goals, and what it is worth, by the gauges that move. */
function counted(workers: Workers, user: string | null, ...requests: Sent[]): Record<string, number> {
  for (const sent of requests) workers.worker(0).send(user, sent);
  workers.run(1_000);
  return goalsOf(workers);
}

function goalsOf(workers: Workers, rollout?: string): Record<string, number> {
  const prefix = `serin.rollout.${rollout ?? "checkout"}.`;
  return Object.fromEntries(
    workers.metrics
      .all()
      .filter(({ name, value }) => name.startsWith(prefix) && /goal/.test(name) && value !== 0n)
      .map(({ name, value }) => [name.slice(prefix.length), Number(value)]),
  );
}

describe("a goal", () => {
  for (const count of [1, 3]) {
    test(`counts the users that the bucket gives a variant, of ${count} workers, wherever they order`, () => {
      const workers = ready(policy({ orders: { ...ORDERS, status: ["2xx", 303] } }), count);
      const random = seeded(19 + count);
      const reached = new Map<string, string>();
      const ordered = new Set<string>();
      for (let i = 0; i < 20_000; i++) {
        const user = USERS[Math.floor(USERS.length * random.part() ** 2)] as string;
        const status = [200, 303, 302, 404, 500][Math.floor(random.part() * 5)] as number;
        const path = random.part() < 0.7 ? "/orders" : "/checkout/orders";
        const method = random.part() < 0.9 ? "POST" : "GET";
        workers.worker(Math.floor(random.part() * count)).send(user, { method, path, status });
        if (method === "POST" && path === "/orders" && (status === 200 || status === 303)) {
          ordered.add(user);
          const group = groupOf(user);
          const bit = String(bitOf("checkout", user));
          if (group !== null && !reached.has(bit)) reached.set(bit, group);
        }
        // After each request, so that who is first of several workers is known.
        if (count > 1 ? i % 20 === 0 : i % 500 === 0) workers.run(500);
      }
      workers.run(1_000);
      const bits = [...reached.values()];
      const expected = {
        "canary.users_goal.orders": bits.filter((group) => group === "canary").length,
        "control.users_goal.orders": bits.filter((group) => group === "control").length,
      };
      assert.ok(expected["canary.users_goal.orders"] > 300, JSON.stringify(expected));
      const got = goalsOf(workers);
      if (count === 1) return assert.deepEqual(got, expected);
      // A bit that both groups have is whose worker brought it in first.
      assert.equal(
        (got["canary.users_goal.orders"] ?? 0) + (got["control.users_goal.orders"] ?? 0),
        bits.length,
      );
      assert.ok(Math.abs((got["canary.users_goal.orders"] ?? 0) - expected["canary.users_goal.orders"]) < 5);
    });
  }

  test("is reached once a user and period, by any of its requests", () => {
    const workers = ready(policy({ orders: ORDERS }));
    const once = { "canary.users_goal.orders": 1 };
    assert.deepEqual(counted(workers, canaryUser, ORDER, ORDER), once);
    assert.deepEqual(counted(workers, canaryUser, ORDER), once);
    workers.configure(policy({ orders: ORDERS }, { epoch: 1 }));
    workers.settle();
    assert.deepEqual(goalsOf(workers), {});
    assert.deepEqual(counted(workers, canaryUser, ORDER), once);
  });

  test("counts for its rollouts, each by its own bucket, and for none without users", () => {
    const variants = { old: {}, new: { percent: CANARY } };
    const goals = {
      orders: ORDERS,
      clicks: { match: [{ path: { value: "/click" } }], rollouts: ["search"] },
    };
    const rest = {
      rollouts: {
        checkout: CHECKOUT,
        search: { match: [{ hosts: ["search.example.com"] }], default: "old", variants },
        counted: { signals: "count", default: "old", variants },
        drawn: { identity: [{ random: true }], default: "old", variants },
        paused: { state: "DISABLED", default: "old", variants },
      },
    };
    const workers = ready(policy(goals, {}, rest));
    const user = canaryUsers.find((one) => groupOf(one, "search") === "control") as string;
    counted(workers, user, ORDER, { path: "/click" });
    assert.deepEqual(goalsOf(workers), { "canary.users_goal.orders": 1 });
    assert.deepEqual(goalsOf(workers, "search"), {
      "control.users_goal.orders": 1,
      "control.users_goal.clicks": 1,
    });
    for (const none of ["counted", "drawn", "paused"]) assert.deepEqual(goalsOf(workers, none), {}, none);
  });

  for (const [what, user, sent] of [
    ["a request without identity", null, {}],
    ["a user of the default outside of the control group", otherUser, {}],
    ["another answer", canaryUser, { status: 302 }],
    ["another method", canaryUser, { method: "PUT" }],
    ["another path", canaryUser, { path: "/orders/1" }],
    ["a request that forces a variant by header", canaryUser, { headers: [["x-canary", "canary"]] }],
    ["a request that forces the default", canaryUser, { headers: [["x-canary", "stable"]] }],
    [
      "a request that forces a variant by cookie",
      null,
      { headers: [["cookie", `uid=${canaryUser}; qa=canary`]] },
    ],
    ["a request that forces a variant of another rollout", canaryUser, { headers: [["x-other", "new"]] }],
    ["a copy of a shadow", canaryUser, { headers: [["x-serin-shadow", "next"]] }],
    [
      "gRPC with another status",
      canaryUser,
      { headers: [["content-type", "application/grpc"]], end: { grpcStatus: 13 } },
    ],
  ] as [string, string | null, Sent][]) {
    test(`is not reached by ${what}`, () => {
      const other = { default: "old", variants: { old: {}, new: {} }, force: { header: "x-other" } };
      const checkout = { ...CHECKOUT, force: { header: "x-canary", cookie: "qa" } };
      const workers = ready(
        policy({ orders: { ...ORDERS, rollouts: ["checkout"] } }, {}, { rollouts: { checkout, other } }),
      );
      assert.deepEqual(counted(workers, user, { ...ORDER, ...sent }), {});
      // The same user, as the goal has it.
      assert.deepEqual(counted(workers, canaryUser, ORDER), { "canary.users_goal.orders": 1 });
    });
  }

  test("is reached by who names no variant, or may not force one", () => {
    const checkout = {
      ...CHECKOUT,
      force: { header: "x-canary", when: { "==": [{ var: "headers.x-qa" }, "yes"] } },
    };
    const workers = ready(policy({ orders: ORDERS }, {}, { rollouts: { checkout } }));
    const force = (value: string, ...more: [string, string][]): Sent => ({
      ...ORDER,
      headers: [["x-canary", value], ...more],
    });
    assert.deepEqual(counted(workers, canaryUser, force("blue")), { "canary.users_goal.orders": 1 });
    assert.deepEqual(counted(workers, secondCanaryUser, force("canary")), { "canary.users_goal.orders": 2 });
    assert.deepEqual(counted(workers, controlUser, force("canary", ["x-qa", "yes"])), {
      "canary.users_goal.orders": 2,
    });
  });

  test("is not reached by a CORS preflight", () => {
    const workers = ready(policy({ orders: { match: [{ path: { value: "/orders" } }] } }));
    const preflight: Sent = {
      method: "OPTIONS",
      path: "/orders",
      headers: [["access-control-request-method", "POST"]],
    };
    assert.deepEqual(counted(workers, canaryUser, preflight), {});
    assert.deepEqual(counted(workers, canaryUser, { ...preflight, headers: [] }), {
      "canary.users_goal.orders": 1,
    });
  });

  test("is not reached by an answer that was cut, or never came", () => {
    const workers = ready(policy({ orders: ORDERS }));
    const open = (): ReturnType<(typeof workers.all)[0]["open"]> => workers.worker(0).open(canaryUser, ORDER);
    open()
      .onResponseHeaders([[":status", "200"]], false)
      .done();
    open()
      .onResponseHeaders([[":status", "200"]], false)
      .done({ flags: 1 << 14 });
    open().done();
    workers.run(1_000);
    assert.deepEqual(goalsOf(workers), {});
    open()
      .onResponseHeaders([[":status", "200"]], false)
      .onResponseBody(Buffer.from("x"), true)
      .done();
    workers.run(1_000);
    assert.deepEqual(goalsOf(workers), { "canary.users_goal.orders": 1 });
  });

  test("is not reached with an id that was issued with this very request", () => {
    const identity = [{ cookie: "uid" }, { issueCookie: { name: "id" } }];
    const workers = ready(policy({ orders: ORDERS }, { match: [{}] }, { identity }));
    for (let i = 0; i < 200; i++) workers.worker(0).send(null, ORDER);
    workers.run(1_000);
    assert.deepEqual(goalsOf(workers), {});
  });

  test("looks for the client's address where the identity is that", () => {
    const workers = ready(
      policy({ orders: ORDERS }, {}, { identity: [{ cookie: "uid" }, { sourceAddress: true }] }),
    );
    assert.deepEqual(counted(workers, canaryUser, ORDER), { "canary.users_goal.orders": 1 });
  });

  test("counts for the period in which its request was given, or for none", () => {
    const workers = ready(policy({ orders: ORDERS }));
    const stream = workers.worker(0).open(canaryUser, ORDER);
    workers.configure(policy({ orders: ORDERS }, { epoch: 1 }));
    workers.settle();
    finish(stream);
    workers.run(1_000);
    assert.equal(workers.gauge("evidence_period"), 2);
    assert.deepEqual(goalsOf(workers), {});
  });

  test("begins a new period when it changes, not when another rollout's does", () => {
    const rest = (goals: object): object =>
      policy(
        goals,
        {},
        { rollouts: { checkout: CHECKOUT, search: { default: "stable", variants: VARIANTS } } },
      );
    const orders = { ...ORDERS, rollouts: ["checkout"] };
    const workers = ready(rest({ orders }));
    const periodsAfter = (goals: object): number[] => {
      workers.configure(rest(goals));
      workers.settle();
      return ["checkout", "search"].map((rollout) => workers.gauge("evidence_period", rollout));
    };
    assert.deepEqual(periodsAfter({ orders: { ...orders, rollouts: ["checkout", "search"] } }), [1, 2]);
    assert.deepEqual(periodsAfter({ orders: { ...orders, status: [200] } }), [2, 3]);
    assert.deepEqual(periodsAfter({ orders: { ...orders, match: [{ method: "PUT" }] } }), [3, 3]);
    assert.deepEqual(periodsAfter({ sales: orders }), [4, 3]);
    assert.deepEqual(periodsAfter({ sales: orders, clicks: { match: [{}], rollouts: ["search"] } }), [4, 4]);
    assert.deepEqual(periodsAfter({}), [5, 5]);
  });

  test("keeps apart 32 goals of a rollout with all its thresholds, and what they are worth", () => {
    const goals = Object.fromEntries(
      Array.from({ length: 32 }, (_, i) => [
        `g${i}`,
        { match: [{ path: { type: "Exact", value: `/g${i}` } }], value: { header: "x-total", max: 1_000 } },
      ]),
    );
    const workers = ready(policy(goals));
    for (let i = 0; i < 32; i++) {
      for (let n = 0; n <= i; n++)
        workers
          .worker(0)
          .send(canaryUsers[n] as string, { path: `/g${i}`, response: [["x-total", String(n + 0.25)]] });
    }
    workers.run(1_000);
    const got = goalsOf(workers);
    for (let i = 0; i < 32; i++) {
      assert.equal(got[`canary.users_goal.g${i}`], i + 1);
      assert.equal(got[`canary.goal.g${i}.value`], 1_000 * ((i * (i + 1)) / 2 + 0.25 * (i + 1)), `g${i}`);
    }
    assert.deepEqual(
      Object.keys(workers.users()).filter((name) => !name.includes("goal")),
      [],
    );
  });

  test("is worth what the response header says, at most the most, when the user is counted", () => {
    const worth = (text: string | null): number => {
      const workers = ready(
        policy({ orders: { ...ORDERS, value: { header: "X-Order-Total", max: 10_000 } } }),
      );
      const response: [string, string][] = text === null ? [] : [["x-order-total", text]];
      return (
        counted(
          workers,
          canaryUser,
          { ...ORDER, response },
          { ...ORDER, response: [["x-order-total", "77"]] },
        )["canary.goal.orders.value"] ?? 0
      );
    };
    for (const [text, thousandths] of [
      ["41", 41_000],
      ["12.5", 12_500],
      [" 12.3456 ", 12_345],
      ["007.10", 7_100],
      ["10000", 10_000_000],
      ["10000.001", 10_000_000],
      ["9".repeat(5_000), 10_000_000],
      [`0.${"9".repeat(5_000)}`, 999],
      ["0", 0],
      ["", 0],
      ["-1", 0],
      ["1e3", 0],
      ["12,50", 0],
      ["€12", 0],
      ["NaN", 0],
      [".5", 0],
      ["5.", 0],
      ["1.2.3", 0],
      [null, 0],
    ] as [string | null, number][])
      assert.equal(worth(text), thousandths, text ?? "no header");
  });
});

describe("the variant of a goal", () => {
  const anywhere = { match: [{}] };

  test("is the one that the ramp by the clock gives at that time", () => {
    const canary = { ramp: { steps: [CANARY, 100], every: "1h", start: "2026-11-18T09:00:00Z" } };
    const workers = new Workers(1);
    workers.now = BigInt(Date.parse("2026-11-18T08:59:50Z")) * 1_000_000n;
    workers.configure(policy({ orders: ORDERS }, { variants: { stable: {}, canary } }));
    workers.settle();
    // It has no share yet.
    assert.deepEqual(counted(workers, canaryUser, ORDER), {});
    workers.run(10_000);
    assert.deepEqual(counted(workers, canaryUser, ORDER), { "canary.users_goal.orders": 1 });
    assert.deepEqual(counted(workers, controlUser, ORDER), {
      "canary.users_goal.orders": 1,
      "control.users_goal.orders": 1,
    });
    workers.pass(3_600_000);
    workers.settle();
    assert.deepEqual(counted(workers, controlUser, ORDER), { "canary.users_goal.orders": 1 });
  });

  test("counts no more once a guard has rolled it back, like its users; the others' do", () => {
    const variants = { stable: {}, canary: { percent: 10, max: 50 }, blue: { percent: 10, max: 50 } };
    const workers = ready(policy({ orders: ORDERS }, { ...anywhere, variants, guard: { falseAlarm: 0.1 } }));
    const inSlot = (begin: number): string[] =>
      USERS.filter((user) => {
        const point = murmur3(`checkout/${user}`);
        return point >= position(begin) && point < position(begin + 10);
      });
    const [canaries, blues] = [inSlot(0), inSlot(50)];
    counted(workers, canaries[0] as string, ORDER);
    for (let second = 0; second < 20; second++) {
      for (let i = 0; i < 40; i++) {
        const n = second * 40 + i;
        workers.worker(0).send(canaries[n] as string, { status: 500 });
        workers.worker(0).send(blues[n] as string);
        for (let other = 0; other < 8; other++) {
          const user = USERS[8 * n + other] as string;
          workers.worker(0).send(user, { status: canaries.includes(user) ? 500 : 200 });
        }
      }
      workers.run(1_000);
    }
    assert.equal(workers.gauge("canary.guard"), 2);
    const users = workers.gauge("canary.users");
    assert.deepEqual(counted(workers, canaries[1] as string, ORDER), { "canary.users_goal.orders": 1 });
    assert.deepEqual(counted(workers, blues[1] as string, ORDER), {
      "canary.users_goal.orders": 1,
      "blue.users_goal.orders": 1,
    });
    assert.equal(workers.gauge("canary.users"), users);
  });

  test("counts nothing while its users get the default for its cluster does not answer, like its users", () => {
    const canary = { percent: CANARY, cluster: "v2", fallback: { after: 1, for: "5s" } };
    const workers = ready(policy({ orders: ORDERS }, { ...anywhere, variants: { stable: {}, canary } }));
    workers.worker(0).send(canaryUser, { status: 503, end: { flags: 1 << 1 } });
    assert.equal(workers.gauge("canary.fallback"), 2);
    assert.deepEqual(counted(workers, secondCanaryUser, ORDER), {});
    assert.equal(workers.gauge("canary.users"), 1);
    assert.deepEqual(counted(workers, controlUser, ORDER), { "control.users_goal.orders": 1 });
    workers.run(5_000);
    workers.worker(0).send(canaryUser);
    assert.equal(workers.gauge("canary.fallback"), 0);
    assert.deepEqual(counted(workers, secondCanaryUser, ORDER), {
      "canary.users_goal.orders": 1,
      "control.users_goal.orders": 1,
    });
    assert.equal(workers.gauge("canary.users"), 2);
  });
});

describe("what a goal costs in host calls", () => {
  const goals = {
    orders: { ...ORDERS, rollouts: ["checkout"], value: { header: "x-order-total", max: 10 } },
  };
  const rollout = { match: [{ path: { value: "/checkout" } }] };

  test("none for a request that concerns no goal", () => {
    for (const request of [headers(["cookie", "uid=42"]), headers()])
      assert.deepEqual(callsOf(serving({ goals }, rollout), request), callsOf(serving({}, rollout), request));
  });

  test("the status and the value of an answer for a user who is new to it, nothing for one who is known", () => {
    const workers = ready(policy(goals, rollout));
    const asked = (user: string, sent: Sent): string[] => {
      const paths: string[] = [];
      const stream = workers.worker(0).open(user, sent);
      const property = stream.property.bind(stream);
      stream.property = (path) => {
        paths.push(path.replaceAll("\0", "."));
        return property(path);
      };
      finish(stream, sent);
      return paths;
    };
    const both = ["response.code", "response.headers.x-order-total"];
    assert.deepEqual(asked(canaryUser, ORDER), both);
    assert.deepEqual(asked(canaryUser, ORDER), []);
    assert.deepEqual(asked(secondCanaryUser, { ...ORDER, status: 500 }), ["response.code"]);
    assert.deepEqual(asked(secondCanaryUser, ORDER), both);
    assert.deepEqual(asked(otherUser, ORDER), []);
    workers.run(1_000);
    assert.deepEqual(asked(secondCanaryUser, ORDER), []);
    // Where the request is counted too, its status is read once.
    const everywhere = ready(policy({ orders: { ...ORDERS, rollouts: ["checkout"] } }, { match: [{}] }));
    const stream = everywhere.worker(0).open(canaryUser, ORDER);
    let reads = 0;
    const property = stream.property.bind(stream);
    stream.property = (path) => {
      if (path === "response\0code") reads++;
      return property(path);
    };
    finish(stream);
    assert.equal(reads, 1);
  });
});
