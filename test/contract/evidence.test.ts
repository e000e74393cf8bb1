// Distinct users, by the gauges: against what the requests of the test say, computed on its own.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { SharedData } from "../../tools/emulator/index.ts";
import { seeded } from "../support/random.ts";
import { bitOf, groupOf as groupOfRollout } from "../support/users.ts";
import { Workers, type Sent } from "./workers.ts";

const CANARY = 10;

function policy(rollout: object = {}, rest: object = {}): object {
  const variants = { stable: {}, canary: { percent: CANARY, cluster: "v2" } };
  return {
    identity: [{ cookie: "uid" }],
    rollouts: { checkout: { default: "stable", variants, warmup: "0s", ...rollout } },
    ...rest,
  };
}

const groupOf = (user: string): string | null => groupOfRollout("checkout", user, CANARY);

const USERS = Array.from({ length: 20_000 }, (_, i) => `user-${i}`);
const canaryUser = USERS.find((user) => groupOf(user) === "canary") as string;
const controlUser = USERS.find((user) => groupOf(user) === "control") as string;
const otherUser = USERS.find((user) => groupOf(user) === null) as string;

/** Bits that were set, in the order of the requests: who is first counts. */
class Oracle {
  readonly #first = new Map<string, string>();
  readonly counts: Record<string, number> = {};

  note(user: string, ...stats: string[]): void {
    const group = groupOf(user);
    if (group === null) return;
    for (const stat of stats) {
      const bit = `${stat} ${bitOf("checkout", user)}`;
      if (this.#first.has(bit)) continue;
      this.#first.set(bit, group);
      const name = `${group}.${stat}`;
      this.counts[name] = (this.counts[name] ?? 0) + 1;
    }
  }
}

function ready(count = 1, rollout: object = {}, rest: object = {}): Workers {
  const workers = new Workers(count);
  workers.configure(policy(rollout, rest));
  workers.settle();
  return workers;
}

describe("users", () => {
  test("are counted once, whatever they request, in the order in which they come", () => {
    const workers = ready();
    const oracle = new Oracle();
    const random = seeded(14);
    const kinds: [Sent, string[]][] = [
      [{ status: 200, takes: 0 }, ["users_ok"]],
      [{ status: 302, takes: 6 }, ["users_ok", "users_3xx", "users_slow.5"]],
      [
        { status: 404, takes: 300 },
        ["users_4xx", ...["5", "25", "100", "250"].map((ms) => `users_slow.${ms}`)],
      ],
      [{ status: 503, takes: 30 }, ["users_error", "users_slow.5", "users_slow.25"]],
    ];
    for (let i = 0; i < 30_000; i++) {
      const user = USERS[Math.floor(USERS.length * random.part() ** 3)] as string;
      const [sent, stats] = kinds[random.part() < 0.98 ? 0 : 1 + Math.floor(random.part() * 3)] as [
        Sent,
        string[],
      ];
      workers.worker(0).send(user, sent);
      oracle.note(user, "users", ...stats);
      if (i % 500 === 0) workers.run(500);
    }
    workers.run(1_000);
    assert.equal(workers.gauge("evidence_period"), 1);
    assert.equal(workers.gauge("evidence_bits"), 65_536);
    assert.deepEqual(workers.users(), { ...oracle.counts });
    assert.ok((oracle.counts["canary.users_error"] ?? 0) > 5);
  });

  for (const count of [2, 4]) {
    test(`of ${count} workers are those of one`, () => {
      const workers = ready(count);
      const random = seeded(count);
      const met = new Map<string, Set<number>>();
      const both = new Map<string, Set<number>>();
      const add = (map: Map<string, Set<number>>, key: string, index: number): void =>
        void map.set(key, (map.get(key) ?? new Set()).add(index));
      for (let i = 0; i < 20_000; i++) {
        const user = USERS[Math.floor(USERS.length * random.part() ** 2)] as string;
        workers.worker(Math.floor(random.part() * count)).send(user, { status: i % 50 === 0 ? 500 : 200 });
        const group = groupOf(user);
        if (group !== null) {
          for (const stat of ["users", i % 50 === 0 ? "users_error" : "users_ok"]) {
            add(met, `${group}.${stat}`, bitOf("checkout", user));
            add(both, stat, bitOf("checkout", user));
          }
        }
        if (i % 200 === 0) workers.run(150);
      }
      workers.run(1_000);
      for (const [stat, indexes] of both) {
        const [canary, control] = ["canary", "control"].map((group) => workers.gauge(`${group}.${stat}`));
        assert.equal((canary as number) + (control as number), indexes.size, stat);
        // A bit that both groups have is counted for whoever was first.
        const shared = [...(met.get(`canary.${stat}`) ?? [])].filter((index) =>
          met.get(`control.${stat}`)?.has(index),
        ).length;
        const most = met.get(`canary.${stat}`)?.size as number;
        assert.ok((canary as number) <= most && (canary as number) >= most - shared, `${canary} of ${most}`);
      }
    });
  }

  test("a write that another worker was faster with is tried again, and counts nobody twice", () => {
    class Contested extends SharedData {
      losses = 0;
      override set(key: string, bytes: Uint8Array, cas: number): 0 | 8 {
        // Another worker writes the same value between read and write, every other time.
        if (/^serin\/checkout\/\d/.test(key) && this.losses < 500 && this.losses++ % 2 === 0) {
          const there = this.get(key);
          if (there !== null) super.set(key, there.bytes, 0);
        }
        return super.set(key, bytes, cas) as 0 | 8;
      }
    }
    const shared = new Contested();
    const workers = new Workers(1, shared);
    workers.configure(policy());
    workers.settle();
    const some = USERS.slice(0, 3_000);
    for (const user of some) workers.worker(0).send(user);
    workers.run(2_000);
    const indexes = new Set(
      some.filter((user) => groupOf(user) !== null).map((user) => bitOf("checkout", user)),
    );
    assert.equal(workers.gauge("canary.users") + workers.gauge("control.users"), indexes.size);
    assert.ok(shared.losses > 100);
  });

  test("one who forces, is anonymous, asks beforehand, or has just been given an id is no evidence", () => {
    const workers = ready(1, { force: { header: "x-v" } });
    const worker = workers.worker(0);
    worker.send(canaryUser, { headers: [["x-v", "canary"]] });
    worker.send(controlUser, { headers: [["x-v", "stable"]] });
    worker.send(null);
    worker.send(canaryUser, {
      method: "OPTIONS",
      headers: [
        ["origin", "https://other.example.com"],
        ["access-control-request-method", "PUT"],
      ],
    });
    worker.send(otherUser);
    workers.run(1_000);
    assert.deepEqual(workers.users(), {});
    worker.send(canaryUser, { method: "OPTIONS" });
    workers.run(1_000);
    assert.deepEqual(workers.users(), { "canary.users": 1, "canary.users_ok": 1 });
  });

  test("one whose cookie was issued counts when it comes back", () => {
    const workers = new Workers(1);
    workers.configure(policy({}, { identity: [{ issueCookie: { name: "uid" } }] }));
    workers.settle();
    const worker = workers.worker(0);
    for (let i = 0; i < 50; i++) worker.send(null);
    workers.run(1_000);
    assert.deepEqual(workers.users(), {});
    worker.send(canaryUser);
    workers.run(1_000);
    assert.deepEqual(workers.users(), { "canary.users": 1, "canary.users_ok": 1 });
  });

  test("under a random identity each request is one, and behind other sources it is no evidence", () => {
    const workers = new Workers(1);
    workers.configure(policy({}, { identity: [{ random: true }] }));
    workers.settle();
    for (let i = 0; i < 400; i++) workers.worker(0).send(null, { status: i % 2 === 0 ? 200 : 500 });
    workers.run(10_000);
    const sum = (stat: string): number => workers.gauge(`canary.${stat}`) + workers.gauge(`control.${stat}`);
    assert.equal(workers.gauge("evidence_bits"), 0);
    assert.equal(workers.gauge("evidence_period"), 1);
    assert.ok(sum("users") > 120 && sum("users") < 280, `${sum("users")} of 400 at a half`);
    assert.equal(sum("users_ok") + sum("users_error"), sum("users"));
    workers.configure(policy({}, { identity: [{ cookie: "uid" }, { random: true }] }));
    workers.settle();
    for (let i = 0; i < 400; i++) workers.worker(0).send(null);
    workers.worker(0).send(canaryUser);
    workers.run(1_000);
    assert.equal(workers.gauge("evidence_bits"), 65_536);
    assert.deepEqual(workers.users(), { "canary.users": 1, "canary.users_ok": 1 });
  });

  test("under signals: count there are users and nothing else, under matched all of it", () => {
    const counting = ready(1, { signals: "count" });
    counting.worker(0).send(canaryUser, { status: 500, takes: 300 });
    counting.run(1_000);
    assert.deepEqual(counting.users(), { "canary.users": 1 });
    assert.ok(!counting.metrics.all().some(({ name }) => name.endsWith("users_error")));
    const matched = ready(1, { signals: "matched", slow: ["100ms"] });
    matched.worker(0).send(controlUser, { status: 500, takes: 300 });
    matched.run(1_000);
    assert.deepEqual(matched.users(), {
      "control.users": 1,
      "control.users_error": 1,
      "control.users_slow.100": 1,
    });
  });
});

describe("what users meet", () => {
  const DC = 1 << 14;
  const DR = 1 << 28;
  const EVENTS: [string, string] = ["content-type", "text/event-stream"];
  const GRPC: [string, string] = ["content-type", "application/grpc"];
  const slow = (...thresholds: number[]): string[] => thresholds.map((ms) => `users_slow.${ms}`);
  type Ending = [name: string, sent: Sent, begins: boolean, stats: string[], counter: string];
  const endings: Ending[] = [
    ["a reset", { end: { code: null, flags: 16 } }, false, ["users_error"], "rq_reset"],
    ["an answer that was cut", { end: { flags: 16 } }, true, ["users_error"], "rq_reset"],
    [
      "a client that left before the answer",
      { takes: 300, end: { code: null, flags: DC } },
      false,
      ["users_error", ...slow(5, 25, 100, 250)],
      "rq_left",
    ],
    [
      "a client that reset its stream before the answer",
      { end: { code: null, flags: DR } },
      false,
      ["users_error"],
      "rq_left",
    ],
    ["a client that left in the answer", { takes: 30, end: { flags: DC } }, true, slow(5, 25), "rq_left"],
    [
      "an event stream that the client closed",
      { takes: 30_000, response: [EVENTS], end: { flags: DC } },
      true,
      [],
      "rq_left",
    ],
    [
      "an event stream that an EventSource closed at once",
      { takes: 30, headers: [["accept", "text/event-stream"]], end: { flags: DC } },
      true,
      [],
      "rq_left",
    ],
  ];
  for (const [name, sent, begins, stats, counter] of endings) {
    test(name, () => {
      const workers = ready();
      const stream = workers.worker(0).open(canaryUser, sent);
      if (begins) stream.onResponseHeaders([[":status", "200"], ...(sent.response ?? [])], false);
      workers.pass(sent.takes ?? 0);
      stream.done(sent.end);
      workers.run(1_000);
      const expected = ["users", ...stats].map((stat) => [`canary.${stat}`, 1]);
      assert.deepEqual(workers.users(), Object.fromEntries(expected));
      assert.equal(workers.gauge(`canary.${counter}`), 1);
    });
  }

  test("an event stream that ends, an upgrade, and a long answer that is neither", () => {
    const workers = ready();
    const worker = workers.worker(0);
    worker.send(canaryUser, { takes: 60_000, response: [EVENTS] });
    const upgrade = worker.open(canaryUser, { headers: [["upgrade", "websocket"]] });
    upgrade.onResponseHeaders([[":status", "101"]], false);
    workers.pass(60_000);
    upgrade.done({ flags: DC });
    workers.run(1_000);
    assert.deepEqual(workers.users(), { "canary.users": 1, "canary.users_ok": 1 });
    worker.send(canaryUser, { takes: 1_001 });
    workers.run(1_000);
    assert.equal(workers.gauge("canary.users_slow.1000"), 1);
    assert.equal(workers.gauge("canary.users_slow.5000"), 0);
  });

  test("gRPC: another status is an error; an HTTP error is one by its class, once", () => {
    for (const [status, grpcStatus, error, counts] of [
      [200, 0, 0, { grpc_ok: 1, grpc_error: 0 }],
      [200, 5, 1, { grpc_ok: 0, grpc_error: 1 }],
      [503, undefined, 1, { grpc_ok: 0, grpc_error: 0, rq_5xx: 1 }],
      [404, undefined, 0, { grpc_ok: 0, grpc_error: 0, rq_4xx: 1 }],
    ] as const) {
      const workers = ready();
      const end = grpcStatus === undefined ? {} : { grpcStatus };
      workers.worker(0).send(canaryUser, { headers: [GRPC], status, end });
      workers.run(1_000);
      assert.equal(workers.gauge("canary.users_error"), error, `${status}`);
      for (const [leaf, value] of Object.entries(counts)) {
        assert.equal(workers.gauge(`canary.${leaf}`), value, `${status} ${leaf}`);
      }
    }
  });

  test("slowness is no evidence for as long as the warm-up lasts, and only after the shares changed", () => {
    const workers = new Workers(1);
    workers.configure(policy({ warmup: "30s" }));
    workers.settle();
    const slowly = (): void => workers.worker(0).send(canaryUser, { takes: 50 });
    slowly();
    workers.run(1_000);
    assert.equal(workers.gauge("canary.users_slow.25"), 0);
    assert.equal(workers.gauge("canary.users_ok"), 1);
    workers.run(30_000);
    slowly();
    workers.run(1_000);
    assert.equal(workers.gauge("canary.users_slow.25"), 1);
    workers.configure(policy({ warmup: "30s", epoch: 1 }));
    workers.settle();
    assert.equal(workers.gauge("evidence_period"), 2);
    slowly();
    workers.run(1_000);
    assert.equal(workers.gauge("canary.users_slow.25"), 1, "an epoch has no warm-up");
    const variants = { stable: {}, canary: { percent: CANARY + 1, cluster: "v2" } };
    const before = workers.gauge("shares_began");
    workers.configure(policy({ warmup: "30s", epoch: 1, variants }));
    workers.settle();
    assert.ok(workers.gauge("shares_began") > before);
    slowly();
    workers.run(1_000);
    assert.equal(workers.gauge("canary.users_slow.25"), 0);
  });
});

describe("what a request costs", () => {
  test("no host call for its users, new or known; a tick brings all of a piece in at once", () => {
    const calls: string[] = [];
    class Counted extends SharedData {
      override get(key: string): ReturnType<SharedData["get"]> {
        calls.push(`get ${key}`);
        return super.get(key);
      }
      override set(key: string, bytes: Uint8Array, cas: number): ReturnType<SharedData["set"]> {
        calls.push(`set ${key} ${bytes.length}`);
        return super.set(key, bytes, cas);
      }
    }
    const workers = new Workers(1, new Counted());
    workers.configure(policy());
    workers.settle();
    calls.length = 0;
    workers.worker(0).send(canaryUser, { takes: 30 });
    assert.deepEqual(calls, []);
    workers.run(500);
    const piece = Math.floor(bitOf("checkout", canaryUser) / 128);
    assert.deepEqual(calls, [
      "get serin",
      "set serin 32",
      `get serin/checkout/${piece}`,
      `set serin/checkout/${piece} 184`,
    ]);
    calls.length = 0;
    for (let i = 0; i < 100; i++) workers.worker(0).send(canaryUser, { takes: 30 });
    assert.deepEqual(calls, []);
    workers.run(500);
    assert.deepEqual(calls, ["get serin", "set serin 32"]);
  });
});
