// Goals take no more memory with time: ever new users who reach them, answers that never come, and goals that change.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Workers } from "../contract/workers.ts";
import { flatFromNow } from "../support/flat-memory.ts";

/** Each version has other goals, of names that come again. */
function policy(version: number): object {
  const variants = { stable: {}, canary: { percent: 20 } };
  const match = [{ path: { value: "/shop" } }];
  const goal = (name: string): object => ({
    match: [{ method: "POST", path: { value: `/${name}` } }],
    value: { header: "x-total", max: 1_000 },
  });
  const names = ["orders", "sign-ups", "clicks", "returns"].filter((_, i) => version % 4 !== i);
  return {
    identity: [{ cookie: "uid" }],
    goals: Object.fromEntries(names.map((name) => [name, goal(name)])),
    rollouts: {
      checkout: { match, default: "stable", variants, warmup: "0s" },
      search: { match, default: "stable", variants, warmup: "0s" },
    },
  };
}

test("goals: flat over 200,000 orders of ever new users and over 1,000 updates", () => {
  const workers = new Workers(1);
  workers.configure(policy(3));
  workers.settle();
  const worker = workers.worker(0);
  const serve = (from: number, to: number): void => {
    for (let i = from; i < to; i++) {
      const order = { method: "POST", path: i % 3 === 0 ? "/clicks" : "/orders" };
      // Some get an answer that is cut, or none.
      if (i % 50 === 0) worker.open(`user-${i}`, order).done();
      else worker.send(`user-${i}`, { ...order, response: [["x-total", `${i % 100}.5`]] });
      if (i % 1_000 === 0) workers.run(500);
    }
  };
  serve(0, 50_000);
  assert.ok(workers.gauge("canary.users_goal.orders") > 1_000);
  assert.ok(workers.gauge("canary.goal.orders.value") > 1_000_000);
  let assertFlat = flatFromNow(worker.vm);
  const shared = workers.sharedData.size;
  serve(50_000, 200_000);
  assertFlat(150_000, "orders");
  const update = (from: number, to: number): void => {
    for (let i = from; i < to; i++) {
      workers.configure(policy(i));
      const open = worker.open(`user-${i}`, { method: "POST", path: "/orders" });
      if (i % 3 === 0) workers.run(500);
      open.done();
    }
  };
  update(0, 20);
  assertFlat = flatFromNow(worker.vm);
  update(20, 1_000);
  assertFlat(980, "updates");
  assert.ok(
    workers.sharedData.size <= shared + 100_000,
    `${workers.sharedData.size} bytes, before ${shared}`,
  );
});
