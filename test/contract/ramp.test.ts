// Ramps by the clock among the workers of one Envoy: the share as planned at any time, on every worker, whatever the clock
// does; and nobody leaves.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { murmur3, position } from "../support/assignment.ts";
import { seeded } from "../support/random.ts";
import { Workers, type Worker } from "./workers.ts";

const STEPS = [1, 5, 25, 50, 100];
const MINUTE = 60_000;
const EVERY = 30 * MINUTE;
/** The clock of Workers begins here, in seconds. */
const NOW = 1_795_000_000;
const USERS = Array.from({ length: 400 }, (_, i) => `user-${i}`);

function at(milliseconds: number): string {
  return new Date(NOW * 1_000 + milliseconds).toISOString();
}

/** A ramp that begins so many milliseconds after the begin of the test. */
function policy(startsIn = 0, ramp: object = {}, rollout: object = {}, rest: object = {}): object {
  return {
    identity: [{ cookie: "uid" }],
    rollouts: {
      checkout: {
        default: "stable",
        variants: {
          stable: {},
          canary: { cluster: "v2", ramp: { steps: STEPS, every: "30m", start: at(startsIn), ...ramp } },
        },
        warmup: "0s",
        ...rollout,
      },
    },
    ...rest,
  };
}

/** By the contract alone: percent after so many milliseconds from the start. */
function planned(sinceStart: number): number {
  return sinceStart < 0 ? 0 : (STEPS[Math.min(STEPS.length - 1, Math.floor(sinceStart / EVERY))] as number);
}

function canaries(worker: Worker, users: readonly string[] = USERS): Set<string> {
  return new Set(
    users.filter((user) => {
      const stream = worker.open(user);
      stream.onResponseHeaders([[":status", "200"]], true).done();
      return stream.requestHeaders.get("x-serin-checkout") === "canary";
    }),
  );
}

function expected(percent: number, users: readonly string[] = USERS): Set<string> {
  return new Set(users.filter((user) => murmur3(`checkout/${user}`) < position(percent)));
}

/** Moves the clock at once, and lets every worker tick. */
function jump(workers: Workers, milliseconds: number): void {
  workers.pass(milliseconds);
  workers.run(600);
}

describe("a ramp by the clock", () => {
  test("has the planned share on every worker at 1,000 random times, and no user leaves", () => {
    const few = USERS.slice(0, 100);
    const random = seeded(9);
    for (let run = 0; run < 20; run++) {
      const startsIn = random.below(40 * MINUTE);
      const workers = new Workers(2);
      workers.configure(policy(startsIn));
      let elapsed = 2;
      let before = new Set<string>();
      for (let look = 0; look < 50; look++) {
        const pause = random.below(8 * MINUTE);
        jump(workers, pause);
        elapsed += pause + 600;
        // A tick may be half a second old.
        const percents = new Set([planned(elapsed - startsIn), planned(elapsed - startsIn - 600)]);
        const shares = workers.all.map((worker) => canaries(worker, few));
        for (const users of shares) {
          assert.ok(
            [...percents].some((percent) => sameSet(users, expected(percent, few))),
            `run ${run}, ${elapsed - startsIn} ms after the start: ${users.size} users`,
          );
          for (const user of before) assert.ok(users.has(user), `${user} left`);
        }
        before = shares[0] as Set<string>;
        if (percents.size === 1)
          assert.equal(workers.gauge("canary.share"), planned(elapsed - startsIn) * 1_000);
      }
      assert.equal(workers.gauge("stable.share"), 100_000 - workers.gauge("canary.share"));
    }
  });

  test("is where the clock is in a process that begins in the middle of it", () => {
    const workers = new Workers(1);
    workers.configure(policy(-2.5 * EVERY));
    assert.deepEqual(canaries(workers.worker(0)), expected(25));
    assert.equal(workers.gauge("canary.share"), 25_000);
    assert.equal(workers.gauge("control.share"), 75_000);
  });

  test("begins an evidence period with each step, the first one too", () => {
    const workers = new Workers(2);
    workers.configure(policy(10_000));
    workers.settle();
    assert.equal(workers.gauge("evidence_period"), 0);
    workers.run(12_000);
    assert.equal(workers.gauge("evidence_period"), 1);
    const [canary] = expected(1);
    workers.worker(0).send(canary as string);
    workers.run(1_000);
    assert.equal(workers.gauge("canary.users"), 1);
    assert.equal(workers.gauge("control.share"), 4_000);
    jump(workers, EVERY);
    workers.settle();
    assert.equal(workers.gauge("evidence_period"), 2);
    assert.equal(workers.gauge("canary.users"), 0);
    assert.equal(workers.gauge("control.share"), 20_000);
    const began = workers.gauge("shares_began");
    assert.ok(Math.abs(began - Number(workers.now / 1_000_000_000n)) < 8, `${began}`);
  });

  test("takes no step back when the clock does, over updates and another module either; ahead it goes with the clock", () => {
    const workers = new Workers(2);
    workers.configure(policy());
    jump(workers, EVERY);
    assert.equal(workers.gauge("canary.share"), 5_000);
    jump(workers, -60 * MINUTE);
    for (const worker of workers.all) assert.deepEqual(canaries(worker), expected(5));
    workers.configure(policy(0, {}, {}, { metadata: { a: 1 } }));
    for (const worker of workers.all) assert.deepEqual(canaries(worker), expected(5));
    const old = workers.all.splice(0, 2);
    workers.add();
    workers.add();
    workers.configure(policy());
    for (const { vm, root } of old) if (root !== null) vm.retire(root);
    for (const worker of workers.all) assert.deepEqual(canaries(worker), expected(5));
    jump(workers, 24 * 60 * MINUTE);
    for (const worker of workers.all) assert.deepEqual(canaries(worker), expected(100));
    jump(workers, -24 * 60 * MINUTE);
    workers.settle();
    for (const worker of workers.all) {
      assert.deepEqual(canaries(worker), expected(100));
      assert.equal(worker.vm.trap, null);
    }
  });

  test("does not flap while the clock goes to and fro over a step", () => {
    const workers = new Workers(2);
    workers.configure(policy());
    jump(workers, EVERY - 1_000);
    assert.equal(workers.gauge("canary.share"), 1_000);
    for (let i = 0; i < 20; i++) {
      jump(workers, i % 2 === 0 ? 2_000 : -3_200);
      assert.equal(workers.gauge("canary.share"), 5_000);
    }
    workers.settle();
    assert.equal(workers.gauge("evidence_period"), 2);
  });

  test("that is paused stays where it is; a process that begins then takes no step", () => {
    const workers = new Workers(2);
    workers.configure(policy());
    jump(workers, EVERY);
    workers.configure(policy(0, { paused: true }));
    jump(workers, 2 * EVERY);
    for (const worker of workers.all) assert.deepEqual(canaries(worker), expected(5));
    workers.configure(policy());
    workers.run(600);
    for (const worker of workers.all) assert.deepEqual(canaries(worker), expected(50));
    const fresh = new Workers(1);
    fresh.configure(policy(-EVERY, { paused: true }));
    assert.deepEqual(canaries(fresh.worker(0)), expected(0));
  });

  test("is stopped by state: DISABLED", () => {
    const workers = new Workers(1);
    workers.configure(policy());
    jump(workers, EVERY);
    workers.configure(policy(0, {}, { state: "DISABLED" }));
    jump(workers, EVERY);
    assert.deepEqual(canaries(workers.worker(0)), expected(0));
  });

  test("of another start begins anew", () => {
    const workers = new Workers(1);
    workers.configure(policy());
    jump(workers, 2 * EVERY);
    assert.deepEqual(canaries(workers.worker(0)), expected(25));
    workers.configure(policy(2 * EVERY));
    assert.deepEqual(canaries(workers.worker(0)), expected(1));
  });

  test("that a guard has rolled back does not go on", () => {
    const workers = new Workers(2);
    workers.configure(policy(-EVERY, {}, { guard: {} }));
    workers.settle();
    const users = Array.from({ length: 4_000 }, (_, i) => `u-${i}`);
    for (const [index, user] of users.entries()) {
      const isCanary = murmur3(`checkout/${user}`) < position(5);
      workers.worker(index).send(user, { status: isCanary ? 500 : 200 });
    }
    workers.run(3_000);
    assert.equal(workers.gauge("canary.guard"), 2);
    jump(workers, EVERY);
    workers.settle();
    assert.equal(workers.gauge("canary.share"), 5_000);
    assert.equal(workers.gauge("evidence_period"), 1);
    workers.configure(policy(-EVERY, {}, { guard: {} }, { metadata: { a: 1 } }));
    workers.settle();
    assert.equal(workers.gauge("canary.share"), 5_000);
    assert.deepEqual(canaries(workers.worker(0)), expected(0));
  });

  test("of several variants changes no slot", () => {
    const ramp = { steps: [1, 20], every: "30m", start: at(0) };
    const variants = { stable: {}, a: { max: 20, ramp }, b: { percent: 10, max: 40 } };
    const workers = new Workers(1);
    workers.configure(policy(0, {}, { variants }));
    const variantsOf = (): Map<string, string> =>
      new Map(
        USERS.map((user) => {
          const stream = workers.worker(0).open(user);
          stream.onResponseHeaders([[":status", "200"]], true).done();
          return [user, stream.requestHeaders.get("x-serin-checkout") ?? "stable"];
        }),
      );
    const before = variantsOf();
    jump(workers, EVERY);
    const after = variantsOf();
    assert.equal(workers.gauge("a.share"), 20_000);
    for (const [user, variant] of before) {
      if (variant !== "stable") assert.equal(after.get(user), variant);
    }
    assert.ok([...after.values()].filter((variant) => variant === "a").length > 50);
  });
});

function sameSet(one: ReadonlySet<string>, two: ReadonlySet<string>): boolean {
  return one.size === two.size && [...one].every((each) => two.has(each));
}
