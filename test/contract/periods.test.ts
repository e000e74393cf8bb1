// When evidence periods begin, and that nothing of one leaks into the next.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import * as reasons from "../../assembly/vocabulary/no-evidence.ts";
import { SharedData } from "../../tools/emulator/index.ts";
import { murmur3, position } from "../support/assignment.ts";
import { bitOf } from "../support/users.ts";
import { finish, Workers } from "./workers.ts";

const USERS = Array.from({ length: 160_000 }, (_, i) => `user-${i}`);

function policy(rollout: object = {}, rest: object = {}): object {
  const variants = { stable: {}, canary: { percent: 10, cluster: "v2" } };
  return {
    identity: [{ cookie: "uid" }],
    rollouts: {
      checkout: { default: "stable", variants, warmup: "0s", ...rollout },
      search: { default: "a", variants: { a: {}, b: { percent: 50 } } },
    },
    ...rest,
  };
}

function ready(count = 1, first: object = policy()): Workers {
  const workers = new Workers(count);
  workers.configure(first);
  workers.settle();
  assert.equal(workers.gauge("evidence_period"), 1);
  return workers;
}

const isCanary = (user: string): boolean => murmur3(`checkout/${user}`) < position(10);
const canaries = USERS.filter(isCanary);
const canary = canaries[0] as string;

describe("a period begins", () => {
  const variants = (percent: number, cluster = "v2"): object => ({
    variants: { stable: {}, canary: { percent, cluster } },
  });
  const changes: [name: string, rollout: object, rest?: object][] = [
    ["with the shares", variants(11)],
    [
      "with a variant",
      { variants: { stable: {}, canary: { percent: 10, cluster: "v2" }, blue: { percent: 1 } } },
    ],
    ["with a cluster", variants(10, "v3")],
    ["with the salt", { salt: "spring" }],
    ["with its identity", { identity: [{ header: "x-user" }, { cookie: "uid" }] }],
    ["with the policy's identity", {}, { identity: [{ cookie: "uid" }, { header: "x-user" }] }],
    ["with its match", { match: [{ path: { value: "/" } }] }],
    ["with when", { when: { "!=": [{ var: "headers.x-a" }, "b"] } }],
    ["with the epoch", { epoch: 1 }],
    ["with the thresholds", { slow: ["250ms"] }],
    ["with what is counted at all", { signals: "count" }],
  ];
  for (const [name, rollout, rest] of changes) {
    test(name, () => {
      const workers = ready(2);
      workers.worker(0).send(canary);
      workers.run(1_000);
      assert.equal(workers.gauge("canary.users"), 1);
      workers.configure(policy(rollout, rest));
      workers.settle();
      assert.equal(workers.gauge("evidence_period"), 2);
      assert.deepEqual(workers.users(), {});
      const searches = rest === undefined ? 1 : 2;
      assert.equal(workers.gauge("evidence_period", "search"), searches);
    });
  }

  const others: [name: string, other: object | string][] = [
    ["force", policy({ force: { header: "x-v" } })],
    ["announce", policy({ announce: "all" })],
    ["the warm-up", policy({ warmup: "5s" })],
    ["matched signals", policy({ signals: "matched" })],
    ["metadata", policy({}, { metadata: { a: 1 } })],
    [
      "a flag",
      policy({}, { flags: { a: { state: "ENABLED", variants: { on: true }, defaultVariant: "on" } } }),
    ],
    ["spelling", JSON.parse(JSON.stringify(policy(variants(10.0)))) as object],
  ];
  for (const [name, other] of others) {
    test(`not with ${name}`, () => {
      const workers = ready(2);
      workers.worker(0).send(canary);
      workers.run(1_000);
      const before = workers.users();
      workers.configure(other as object);
      workers.settle();
      assert.equal(workers.gauge("evidence_period"), 1);
      assert.deepEqual(workers.users(), before);
      workers.worker(1).send(canaries[1] as string);
      workers.run(1_000);
      assert.equal(workers.gauge("canary.users"), 2);
    });
  }

  test("when the bitmap of users is seven eighths full, and not before", () => {
    const workers = ready(1, policy({ variants: { stable: {}, canary: { percent: 50 } } }));
    const sum = (): number => workers.gauge("canary.users") + workers.gauge("control.users");
    let most = 0;
    for (const [i, user] of USERS.entries()) {
      workers.worker(0).send(user);
      if (i % 1_000 !== 0) continue;
      workers.run(500);
      if (workers.gauge("evidence_period") > 1) break;
      most = Math.max(most, sum());
    }
    workers.settle();
    assert.equal(workers.gauge("evidence_period"), 2);
    assert.ok(most > 0.8 * 65_536 && most < 0.9 * 65_536, `${most} bits`);
  });

  test("when more than a third of the users have met an error, from 200 on, whoever they are", () => {
    for (const broken of [true, false]) {
      const workers = ready();
      let errors = 0;
      // Half of the canary's users, or as many of the others: the period ends by the number alone.
      for (const [i, user] of USERS.slice(0, 3_000).entries()) {
        const isBroken = isCanary(user) === broken && i % 2 === 0;
        if (isBroken) errors++;
        workers.worker(0).send(user, { status: isBroken ? 500 : 200 });
        if (i % 100 === 0) workers.run(500);
        if (workers.gauge("evidence_period") > 1) break;
      }
      workers.settle();
      // 150 broken canary users are too few; 1,350 others, of whom two fifths are counted, are not.
      assert.equal(workers.gauge("evidence_period"), broken ? 1 : 2, `${errors} errors`);
    }
  });
});

describe("nothing leaks", () => {
  test("an answer counts for the period in which its request was given, or for none", () => {
    const workers = ready(1, policy({ slow: [] }));
    const worker = workers.worker(0);
    const kept = worker.open(canary);
    const stale = worker.open(canaries[1] as string);
    workers.run(1_000);
    assert.deepEqual(workers.users(), { "canary.users": 2 });
    finish(kept);
    workers.run(1_000);
    assert.deepEqual(workers.users(), { "canary.users": 2, "canary.users_ok": 1 });
    workers.configure(policy({ slow: [], epoch: 1 }));
    workers.settle();
    finish(stale, { status: 500 });
    workers.run(1_000);
    assert.deepEqual(workers.users(), {});
  });

  test("what a worker notes while a period closes counts for none, whoever ticks first", () => {
    for (const slowest of [0, 1, 2]) {
      const workers = ready(3);
      workers.configure(policy({ epoch: 1 }));
      // One worker does not tick for as long as a change takes; it serves all the while.
      for (let i = 0; i < 60; i++) {
        workers.pass(50);
        for (const [index, worker] of workers.all.entries()) {
          worker.send(canaries[i * 3 + index] as string);
          if (index !== slowest) worker.vm.runTicks();
        }
      }
      workers.settle();
      const before = workers.gauge("canary.users");
      assert.equal(workers.gauge("evidence_period"), 2);
      // Each of the other two has taken part since it learned of the period; the third only since it ticked again.
      assert.ok(before <= 2 * 60, `${before}`);
      for (const user of canaries.slice(0, 300)) workers.worker(slowest).send(user);
      workers.run(1_000);
      assert.equal(
        workers.gauge("canary.users"),
        new Set(canaries.slice(0, 300).map((user) => bitOf("checkout", user))).size,
      );
    }
  });

  test("a policy that comes back within a tick finds its period, and what was between is in none", () => {
    const workers = ready(2);
    workers.worker(0).send(canary);
    workers.run(1_000);
    workers.configure(policy({ epoch: 1 }));
    workers.worker(0).send(canaries[1] as string);
    workers.configure(policy());
    workers.settle();
    assert.equal(workers.gauge("evidence_period"), 1);
    assert.deepEqual(workers.users(), { "canary.users": 1, "canary.users_ok": 1 });
  });
});

describe("who judges", () => {
  test("another VM when the judge is gone", () => {
    const workers = ready(2);
    // The one that configured last holds the lease.
    const gone = workers.all.pop();
    assert.ok(gone);
    workers.configure(policy({ epoch: 1 }));
    workers.run(8_000);
    assert.equal(workers.gauge("evidence_period"), 2);
    workers.worker(0).send(canary);
    workers.run(1_000);
    assert.equal(workers.gauge("canary.users"), 1);
  });

  test("nobody for a policy that was only tried: configure begins nothing", () => {
    const workers = ready(2);
    const tried = workers.add();
    tried.configure(policy({ epoch: 1 }));
    workers.all.pop();
    workers.settle();
    assert.equal(workers.gauge("evidence_period"), 1);
  });

  test("a later module that takes the lease while this one begins a period: its record is left as it is", () => {
    const workers = new Workers(1);
    workers.configure(policy());
    const later = Buffer.alloc(64, 7);
    later.writeUInt32LE(2);
    workers.meanwhile = (_, call) => {
      if (call === "proxy_record_metric") workers.sharedData.set("serin", later, 0);
    };
    workers.settle();
    workers.inTurn();
    workers.settle();
    assert.equal(workers.gauge("evidence_period"), 1);
    assert.deepEqual(Buffer.from(workers.sharedData.get("serin")?.bytes ?? []), later);
  });

  test("a VM of another vm_id begins a period of its own, and the old one counts no more", () => {
    const workers = ready(1);
    const old = workers.worker(0);
    old.send(canary);
    workers.run(1_000);
    const others = new Workers(1, new SharedData(), workers.metrics);
    others.now = workers.now;
    others.configure(policy());
    others.settle();
    assert.equal(others.gauge("evidence_period"), 2);
    assert.deepEqual(others.users(), {});
    old.send(canaries[1] as string);
    workers.run(2_000);
    assert.deepEqual(others.users(), {});
    others.worker(0).send(canaries[2] as string);
    others.run(1_000);
    assert.equal(others.gauge("canary.users"), 1);
  });

  test("two plugins that say different things of one rollout: no evidence, with the reason; the same: one period", () => {
    const workers = ready(1);
    const { vm } = workers.worker(0);
    const second = vm.configure(JSON.stringify(policy({ epoch: 1 })), "serin", "other");
    workers.settle();
    assert.equal(workers.gauge("evidence_period"), 0);
    assert.match(workers.lines.at(-1)?.text ?? "", /"rollout":"checkout","evidence":"none"/);
    assert.equal(workers.gauge("evidence_none"), reasons.POLICIES_DIFFER);
    assert.equal(workers.gauge("evidence_none", "search"), 0);
    assert.equal(workers.gauge("evidence_period", "search"), 1);
    vm.retire(second.root);
    workers.settle();
    assert.equal(workers.gauge("evidence_period"), 2);
    assert.equal(workers.gauge("evidence_none"), 0);
    vm.configure(JSON.stringify(policy()), "serin", "other");
    workers.settle();
    assert.equal(workers.gauge("evidence_period"), 2);
  });
});

describe("gauges belong to whoever serves now", () => {
  test("a VM that goes after a swap leaves its successor's shares; what no later policy has becomes 0", () => {
    const workers = new Workers(2);
    workers.configure(policy({ variants: { stable: {}, canary: { percent: 10 }, blue: { percent: 5 } } }));
    workers.settle();
    const [a, b] = workers.all.splice(0, 2);
    assert.ok(a?.root && b?.root);
    workers.add();
    workers.add();
    workers.configure(policy());
    a.vm.retire(a.root);
    b.vm.retire(b.root);
    const shares = (): number[] => ["stable", "canary", "blue"].map((name) => workers.gauge(`${name}.share`));
    assert.deepEqual(shares(), [90_000, 10_000, 0]);
    workers.settle();
    assert.deepEqual(shares(), [90_000, 10_000, 0]);
    assert.equal(workers.gauge("evidence_period"), 2);
  });

  test("with the same policy the period goes on in the new VM, and what the old one noted is in it", () => {
    const workers = ready(1);
    const old = workers.worker(0);
    workers.add();
    workers.worker(1).configure(policy());
    old.send(canary);
    workers.all.shift();
    assert.ok(old.root);
    old.vm.retire(old.root);
    assert.equal(workers.gauge("canary.users"), 1);
    workers.settle();
    workers.worker(0).send(canaries[1] as string);
    workers.worker(0).send(canary);
    workers.run(1_000);
    assert.equal(workers.gauge("evidence_period"), 1);
    assert.equal(workers.gauge("canary.users"), 2);
  });

  test("a rollout that no policy has any more has no period and no users", () => {
    const workers = ready(2);
    workers.worker(0).send(canary);
    workers.run(1_000);
    workers.configure({ identity: [{ cookie: "uid" }] });
    workers.settle();
    assert.equal(workers.gauge("evidence_period"), 0);
    assert.deepEqual(workers.users(), {});
    workers.configure(policy());
    workers.settle();
    assert.equal(workers.gauge("evidence_period"), 2);
  });
});

describe("memory", () => {
  const many = (count: number): object => ({
    identity: [{ cookie: "uid" }],
    rollouts: Object.fromEntries(
      Array.from({ length: count }, (_, n) => [
        n === 0 ? "checkout" : `r${n}`,
        { match: [{ hosts: [`h${n}`] }], default: "a", variants: { a: {}, b: { percent: 5 } } },
      ]),
    ),
  });

  test("is at most 8 MiB for users: with more rollouts smaller bitmaps, and none where there is no room", () => {
    for (const [count, bits] of [
      [80, 65_536],
      [200, 16_384],
      [1_000, 4_096],
    ] as const) {
      const workers = new Workers(1);
      workers.configure(many(count));
      const before = workers.worker(0).vm.memorySize;
      workers.run(30_000);
      assert.equal(workers.gauge("evidence_period"), 1);
      assert.equal(workers.gauge("evidence_bits"), bits);
      const grown = workers.worker(0).vm.memorySize - before;
      assert.ok(
        grown <= (8 << 20) + (2 << 20),
        `${grown} bytes of ${count} rollouts, records and names included`,
      );
    }
    const workers = new Workers(1);
    workers.configure(many(1_600));
    workers.run(60_000);
    const with1 = Array.from({ length: 1_600 }, (_, n) => (n === 0 ? "checkout" : `r${n}`)).filter(
      (name) => workers.gauge("evidence_period", name) === 1,
    );
    assert.ok(with1.length > 1_300 && with1.length < 1_600, `${with1.length}`);
    assert.equal(workers.lines.filter(({ text }) => text.includes("no memory")).length, 1_600 - with1.length);
    const short = (): number[] =>
      Array.from({ length: 1_600 }, (_, n) =>
        workers.gauge("evidence_none", n === 0 ? "checkout" : `r${n}`),
      ).filter((reason) => reason === reasons.NO_MEMORY);
    assert.equal(short().length, 1_600 - with1.length);
    // Another VM judges, of a policy that leaves room: no reason stays.
    workers.add();
    workers.configure(many(10));
    workers.run(30_000);
    assert.equal(short().length, 0);
  });
});
