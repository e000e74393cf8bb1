// Users that are counted: bits of ever new ones, and periods that begin again and again.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Workers } from "../contract/workers.ts";
import { flatFromNow } from "../support/flat-memory.ts";

/** Another `epoch` begins another period. */
function policy(epoch: number): object {
  const variants = { stable: {}, canary: { percent: 10, cluster: "v2" } };
  return {
    identity: [{ cookie: "uid" }],
    rollouts: {
      checkout: { default: "stable", variants, warmup: "0s", epoch },
      search: { default: "a", variants: { a: {}, b: { percent: 50 } } },
    },
  };
}

test("users: flat over 300,000 requests of ever new users and over 1,000 updates", () => {
  const workers = new Workers(1);
  workers.configure(policy(1));
  workers.settle();
  const serve = (from: number, to: number): void => {
    for (let i = from; i < to; i++) {
      workers.worker(0).send(`new-${i}`);
      if (i % 1_000 === 0) workers.run(500);
    }
  };
  serve(0, 60_000);
  let assertFlat = flatFromNow(workers.worker(0).vm);
  const shared = workers.sharedData.size;
  serve(60_000, 300_000);
  assertFlat(240_000, "requests");
  for (let i = 0; i < 20; i++) {
    workers.configure(policy(i));
    workers.run(500);
  }
  assertFlat = flatFromNow(workers.worker(0).vm);
  for (let i = 20; i < 1_000; i++) {
    workers.configure(policy(i));
    if (i % 3 === 0) workers.run(500);
  }
  assertFlat(980, "updates");
  assert.ok(
    workers.sharedData.size <= shared + 100_000,
    `${workers.sharedData.size} bytes, before ${shared}`,
  );
});
