// A guard among the workers of one Envoy, with a clock that the tests set: when it acts, who obeys, what brings a variant
// back and what does not.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { LogLevel, Metrics, SharedData } from "../../tools/emulator/index.ts";
import { murmur3, position } from "../support/assignment.ts";
import { seeded, type Random } from "../support/random.ts";
import { Workers, type Worker } from "./workers.ts";

const SHARE = 5;

function policy(rollout: object = {}, rest: object = {}): object {
  return {
    identity: [{ cookie: "uid" }],
    rollouts: {
      checkout: {
        default: "stable",
        variants: { stable: {}, canary: { percent: SHARE, cluster: "v2" } },
        force: { header: "x-v" },
        warmup: "0s",
        guard: {},
        ...rollout,
      },
    },
    ...rest,
  };
}

const isCanary = (user: string): boolean => murmur3(`checkout/${user}`) < position(SHARE);
const CONTROL_BELOW = Math.floor(((4 * SHARE) / (100 - SHARE)) * 2 ** 32);
const isControl = (user: string): boolean =>
  !isCanary(user) && murmur3(`control/checkout/${user}`) < CONTROL_BELOW;
/** Those who are counted: a quarter of all. */
const USERS = Array.from({ length: 40_000 }, (_, i) => `user-${i}`).filter(
  (user) => isCanary(user) || isControl(user),
);
const CANARIES = USERS.filter(isCanary);
const CONTROLS = USERS.filter(isControl);
const canary = CANARIES[0] as string;
const control = CONTROLS[0] as string;

function ready(count = 2, rollout: object = {}): Workers {
  const workers = new Workers(count);
  workers.configure(policy(rollout));
  workers.settle();
  assert.equal(workers.gauge("evidence_period"), 1);
  return workers;
}

/** What the request of a user is given. */
function variantOf(worker: Worker, user: string, headers: [string, string][] = []): string {
  const stream = worker.open(user, { headers });
  const variant = stream.requestHeaders.get("x-serin-checkout") ?? "stable";
  stream.onResponseHeaders([[":status", "200"]], true).done();
  return variant;
}

interface Traffic {
  /** Of all users; a quarter of them is counted, and sent. */
  readonly requests: number;
  readonly canaryErrors: number;
  readonly errors: number;
}

const BAD: Traffic = { requests: 200, canaryErrors: 0.2, errors: 0.01 };
const GOOD: Traffic = { ...BAD, canaryErrors: 0.01 };
const STEP_MS = 50;

/**
 * Serves sticky users for so many milliseconds, or until the guard has acted.
 * @returns when the canary's errors were met, in milliseconds from the begin, and when the guard acted
 */
function serve(
  workers: Workers,
  random: Random,
  traffic: Traffic,
  milliseconds: number,
): { errors: number[]; actedAt: number | null } {
  const errors: number[] = [];
  let due = 0;
  for (let at = 0; at < milliseconds; at += STEP_MS) {
    for (due += (traffic.requests / 4) * (STEP_MS / 1_000); due >= 1; due--) {
      const user = random.pick(USERS);
      const worker = workers.worker(random.below(workers.all.length));
      const stream = worker.open(user);
      const isServed = stream.requestHeaders.get("x-serin-checkout") === "canary";
      const isError = random.part() < (isServed ? traffic.canaryErrors : traffic.errors);
      stream.onResponseHeaders([[":status", isError ? "503" : "200"]], true).done();
      if (isServed && isError) errors.push(at);
    }
    workers.run(STEP_MS);
    if (workers.gauge("canary.guard") !== 0) return { errors, actedAt: at + STEP_MS };
  }
  return { errors, actedAt: null };
}

/** Errors of so many users of the canary, and traffic of the control group beside them, in a second. */
function fail(workers: Workers, count = 30): void {
  for (const [index, user] of CANARIES.slice(0, count).entries())
    workers.worker(index).send(user, { status: 500 });
  for (const [index, user] of CONTROLS.slice(0, 60).entries()) workers.worker(index).send(user);
  workers.run(2_000);
}

function rolledBack(count = 2, rollout: object = {}): Workers {
  const workers = ready(count, rollout);
  fail(workers);
  assert.equal(workers.gauge("canary.guard"), 2);
  return workers;
}

function everywhere(workers: Workers, user = canary): string[] {
  return workers.all.map((worker) => variantOf(worker, user));
}

const medianOf = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;

describe("a canary that fails 20 % beside a stable with 1 %, 200 requests a second, 5 %", () => {
  for (const [name, healthy] of [
    ["from the start", 0],
    ["after ten healthy minutes", 600_000],
  ] as const) {
    test(`${name} is back within 5 s of its tenth error in the median, 12 s in all`, () => {
      const runs = healthy === 0 ? 20 : 5;
      const delays = Array.from({ length: runs }, (_, seed) => {
        const workers = ready(2);
        const random = seeded(seed + 1);
        assert.equal(serve(workers, random, GOOD, healthy).actedAt, null);
        const { errors, actedAt } = serve(workers, random, BAD, 60_000);
        assert.ok(actedAt !== null, `seed ${seed + 1}: not within a minute`);
        workers.run(1_000);
        assert.ok(!everywhere(workers).includes("canary"), "some worker does not obey");
        // Where it took fewer than ten errors it was faster than asked.
        return actedAt - (errors[9] ?? actedAt);
      });
      assert.ok(medianOf(delays) <= 5_000, `${delays.join(" ")} ms`);
      assert.ok(Math.max(...delays) <= 12_000, `${delays.join(" ")} ms`);
    });
  }

  test("a healthy one of an hour is left alone, by the bets too", () => {
    const workers = ready(2);
    assert.equal(serve(workers, seeded(16), GOOD, 3_600_000).actedAt, null);
  });
});

describe("rolled back", () => {
  test("its users get the default within two seconds on every worker, testers still get it", () => {
    const workers = ready(4);
    fail(workers, 30);
    assert.deepEqual(everywhere(workers), ["stable", "stable", "stable", "stable"]);
    assert.deepEqual(
      workers.all.map((worker) => variantOf(worker, canary, [["x-v", "canary"]])),
      ["canary", "canary", "canary", "canary"],
    );
    const lines = workers.lines.filter(({ text }) => text.includes('"guard"'));
    assert.equal(lines.length, 1);
    assert.equal(lines[0]?.level, LogLevel.Error);
    const line = JSON.parse(lines[0].text) as Record<string, unknown>;
    assert.ok((line["evidence"] as number) >= 1_000);
    delete line["evidence"];
    delete line["began"];
    assert.deepEqual(line, {
      rollout: "checkout",
      variant: "canary",
      guard: "rolled back",
      falseAlarm: 0.001,
      users: 30,
      usersError: 30,
      control: { users: 60, usersError: 0 },
      share: 5_000,
      controlShare: 20_000,
      period: 1,
      epoch: 0,
      message:
        "more of this variant's users meet errors: until the rollout's epoch is raised they get the default",
    });
  });

  test("the decision line says so, with the default's reason, and the explanation", () => {
    const workers = new Workers(1, new SharedData(), new Metrics(), LogLevel.Trace);
    workers.configure(policy());
    workers.settle();
    fail(workers);
    const stream = workers.worker(0).open(canary);
    const { rollouts, request } = JSON.parse(stream.decision ?? "") as Record<string, object>;
    assert.deepEqual(rollouts, {
      checkout: { variant: "stable", reason: "DEFAULT", guard: "rolled back" },
    });
    assert.deepEqual(request, { set: {}, remove: [] });
    assert.match(stream.explanation ?? "", /"guard":"rolled back".*"identity":\{"value":"user-.*"slots"/);
    stream.onResponseHeaders([[":status", "200"]], true).done();
    const forced = workers.worker(0).open(canary, { headers: [["x-v", "canary"]] });
    assert.ok(!forced.decision?.includes("guard"));
  });

  test("users and errors stand still, the control group's too, and no period begins", () => {
    const workers = rolledBack();
    const before = workers.users();
    for (const user of CONTROLS.slice(0, 1_500)) workers.worker(0).send(user, { status: 500 });
    for (const user of CANARIES.slice(0, 500)) workers.worker(1).send(user, { status: 500 });
    workers.run(60_000);
    assert.deepEqual(workers.users(), before);
    assert.equal(workers.gauge("evidence_period"), 1);
    assert.equal(workers.gauge("canary.share"), 5_000);
  });

  test("what was under way is not counted", () => {
    const workers = ready();
    const open = CANARIES.slice(100, 150).map((user) => workers.worker(0).open(user));
    fail(workers);
    const before = workers.users();
    for (const stream of open) stream.onResponseHeaders([[":status", "500"]], true).done();
    workers.run(2_000);
    assert.deepEqual(workers.users(), before);
  });

  test("stays so over 100 policy updates, whatever else they change, and other periods", () => {
    const workers = rolledBack();
    for (let i = 0; i < 100; i++) {
      const percent = i % 10 === 9 ? 6 : SHARE;
      workers.configure(
        policy({ variants: { stable: {}, canary: { percent, cluster: "v2" } } }, { metadata: { i } }),
      );
      assert.ok(!everywhere(workers).includes("canary"), `update ${i}, at once`);
      if (i % 5 === 0) workers.run(3_000);
      assert.ok(!everywhere(workers).includes("canary"), `update ${i}`);
    }
    workers.settle();
    assert.ok(workers.gauge("evidence_period") > 1);
    assert.equal(workers.gauge("canary.guard"), 2);
  });

  test("is freed by a raised epoch, and watched anew", () => {
    const workers = rolledBack();
    workers.configure(policy({ epoch: 1 }));
    assert.deepEqual(everywhere(workers), ["canary", "canary"]);
    workers.settle();
    assert.equal(workers.gauge("canary.guard"), 0);
    assert.equal(workers.gauge("evidence_period"), 2);
    workers.worker(0).send(canary);
    workers.run(1_000);
    assert.equal(workers.gauge("canary.users"), 1);
    fail(workers);
    assert.equal(workers.gauge("canary.guard"), 2);
    // Nor by the epoch of then.
    workers.configure(policy());
    assert.deepEqual(everywhere(workers), ["stable", "stable"]);
    workers.configure(policy({ epoch: 2 }));
    assert.deepEqual(everywhere(workers), ["canary", "canary"]);
  });

  test("the gauge of the epoch follows no sooner than the guard's: who reads both takes nobody back twice", () => {
    const workers = rolledBack();
    assert.equal(workers.gauge("evidence_epoch"), 0);
    workers.configure(policy({ epoch: 3 }));
    const seen: string[] = [];
    for (let i = 0; i < 80; i++) {
      seen.push(`${workers.gauge("evidence_epoch")} ${workers.gauge("canary.guard")}`);
      workers.run(50);
    }
    assert.deepEqual([seen[0], seen.at(-1), seen.includes("3 2")], ["0 2", "3 0", false]);
  });

  test("is not freed by a policy without a guard, with another action, or without the variant for a while", () => {
    const without = policy();
    delete (without as { rollouts: { checkout: { guard?: object } } }).rollouts.checkout.guard;
    for (const other of [
      without,
      policy({ guard: { action: "alarm" } }),
      policy({ variants: { stable: {}, blue: { percent: 1 } } }),
      policy({ variants: { stable: {}, canary: { percent: 0 } } }),
      policy({ state: "DISABLED" }),
      { identity: [{ cookie: "uid" }] },
    ]) {
      const workers = rolledBack();
      workers.configure(other);
      workers.settle();
      assert.ok(!everywhere(workers).includes("canary"));
      workers.configure(policy());
      assert.ok(!everywhere(workers).includes("canary"), JSON.stringify(other));
      workers.settle();
      assert.equal(workers.gauge("canary.guard"), 2, JSON.stringify(other));
    }
  });

  test("its gauge says so while its percent is 0, and no more when no policy has it", () => {
    const workers = rolledBack();
    workers.configure(policy({ variants: { stable: {}, canary: { percent: 0 } } }));
    workers.settle();
    assert.equal(workers.gauge("canary.guard"), 2);
    workers.configure(policy({ variants: { stable: {}, blue: { percent: 1 } } }));
    workers.settle();
    assert.equal(workers.gauge("canary.guard"), 0);
  });

  test("is so in the module that follows under the same vm_id, from its first request on", () => {
    const workers = rolledBack();
    const [a, b] = workers.all.splice(0, 2);
    assert.ok(a?.root && b?.root);
    workers.add();
    workers.add();
    workers.configure(policy());
    a.vm.retire(a.root);
    b.vm.retire(b.root);
    assert.deepEqual(everywhere(workers), ["stable", "stable"]);
    workers.settle();
    assert.deepEqual(everywhere(workers), ["stable", "stable"]);
    assert.equal(workers.gauge("canary.guard"), 2);
    assert.equal(workers.gauge("canary.users_error"), 30);
  });

  test("beside a variant that is not: that one goes on, with the control group", () => {
    const variants = { stable: {}, canary: { percent: SHARE, cluster: "v2" }, blue: { percent: SHARE } };
    const workers = ready(2, { variants });
    fail(workers);
    assert.equal(workers.gauge("canary.guard"), 2);
    assert.equal(workers.gauge("blue.guard"), 0);
    const before = workers.gauge("canary.users");
    for (const user of USERS) workers.worker(0).send(user);
    for (let i = 0; i < 3_000; i++) workers.worker(1).send(`other-${i}`);
    workers.run(2_000);
    assert.equal(workers.gauge("canary.users"), before);
    assert.ok(workers.gauge("control.users") > 300);
    assert.ok(workers.gauge("blue.users") > 100);
  });
});

describe("an alarm", () => {
  test("tells and takes nobody away; as a rollback it is one", () => {
    const workers = ready(2, { guard: { action: "alarm" } });
    fail(workers);
    assert.equal(workers.gauge("canary.guard"), 1);
    assert.deepEqual(everywhere(workers), ["canary", "canary"]);
    workers.run(60_000);
    const lines = workers.lines.filter(({ text }) => text.includes('"guard":"alarm"'));
    assert.equal(lines.length, 1);
    assert.equal(lines[0]?.level, LogLevel.Error);
    workers.configure(policy({ guard: { action: "alarm" } }, { metadata: { a: 1 } }));
    workers.settle();
    assert.equal(workers.gauge("canary.guard"), 1);
    workers.configure(policy());
    workers.settle();
    assert.equal(workers.gauge("canary.guard"), 2);
    assert.deepEqual(everywhere(workers), ["stable", "stable"]);
    workers.configure(policy({ guard: { action: "alarm" }, epoch: 1 }));
    workers.settle();
    assert.equal(workers.gauge("canary.guard"), 0);
  });
});

describe("who judges", () => {
  test("another goes on where the judge was: its bets are not lost", () => {
    const workers = ready(3);
    // Not yet enough: six users with errors.
    fail(workers, 5);
    assert.equal(workers.gauge("canary.guard"), 0);
    workers.all.pop();
    workers.run(5_000);
    for (const [index, user] of CANARIES.slice(5, 9).entries())
      workers.worker(index).send(user, { status: 500 });
    for (const user of CONTROLS.slice(100, 160)) workers.worker(0).send(user);
    workers.run(2_000);
    assert.equal(workers.gauge("canary.guard"), 2);
  });

  test("a worker that stood still obeys on its next tick", () => {
    const workers = ready(2);
    const [first, second] = workers.all as [Worker, Worker];
    // The one that configured last judges.
    for (const user of CANARIES.slice(0, 30)) second.send(user, { status: 500 });
    for (const user of CONTROLS.slice(0, 60)) second.send(user);
    for (let i = 0; i < 60; i++) {
      workers.pass(50);
      second.vm.runTicks();
    }
    assert.equal(variantOf(second, canary), "stable");
    assert.equal(variantOf(first, canary), "canary");
    workers.run(500);
    assert.equal(variantOf(first, canary), "stable");
  });

  test("a period that a person begins sets the bets anew", () => {
    const workers = ready(1);
    fail(workers, 5);
    workers.configure(policy({ variants: { stable: {}, canary: { percent: SHARE, cluster: "v3" } } }));
    workers.settle();
    for (const user of CANARIES.slice(5, 9)) workers.worker(0).send(user, { status: 500 });
    for (const user of CONTROLS.slice(100, 160)) workers.worker(0).send(user);
    workers.run(2_000);
    assert.equal(workers.gauge("canary.guard"), 0);
  });

  test("a clock that jumps an hour back or a day ahead acts on nobody, and the guard works on", () => {
    for (const jump of [-3_600_000, 86_400_000]) {
      const workers = ready(2);
      serve(workers, seeded(3), GOOD, 20_000);
      workers.pass(jump);
      assert.equal(serve(workers, seeded(4), GOOD, 60_000).actedAt, null, `${jump}`);
      const { actedAt } = serve(workers, seeded(5), BAD, 60_000);
      assert.ok(actedAt !== null && actedAt < 20_000, `${jump}: ${actedAt}`);
    }
  });
});

describe("without a control group or a guard", () => {
  test("nothing is watched, and rq_ended is not there", () => {
    for (const rollout of [
      { guard: undefined },
      { variants: { stable: {}, canary: { percent: 100, cluster: "v2" } } },
    ]) {
      const workers = ready(1, rollout);
      for (const user of USERS.slice(0, 300)) workers.worker(0).send(user, { status: 500 });
      workers.run(5_000);
      assert.ok(!workers.metrics.all().some(({ name }) => name.endsWith("rq_ended")));
      assert.equal(workers.gauge("canary.guard"), 0);
    }
  });
});

describe("what it costs", () => {
  test("no request asks shared data, whoever is watched or rolled back; a tick without errors asks no more than before", () => {
    const calls: string[] = [];
    class Counted extends SharedData {
      override get(key: string): ReturnType<SharedData["get"]> {
        calls.push(`get ${key}`);
        return super.get(key);
      }
      override set(key: string, bytes: Uint8Array, cas: number): ReturnType<SharedData["set"]> {
        calls.push(`set ${key}`);
        return super.set(key, bytes, cas);
      }
    }
    const workers = new Workers(1, new Counted());
    workers.configure(policy());
    workers.settle();
    for (const user of [canary, control]) workers.worker(0).send(user);
    workers.run(1_000);
    assert.equal(workers.gauge("canary.rq_ended"), 1);
    assert.equal(workers.gauge("control.rq_ended"), 1);
    calls.length = 0;
    for (let i = 0; i < 100; i++) {
      for (const user of [canary, control]) workers.worker(0).send(user);
    }
    assert.deepEqual(calls, []);
    workers.run(500);
    assert.deepEqual(calls, ["get serin", "set serin"]);
    assert.equal(workers.gauge("control.rq_ended"), 101);
    fail(workers);
    assert.equal(workers.gauge("canary.guard"), 2);
    calls.length = 0;
    for (let i = 0; i < 100; i++) workers.worker(0).send(canary);
    assert.deepEqual(calls, []);
    workers.run(500);
    assert.deepEqual(calls, ["get serin", "set serin"]);
  });
});
