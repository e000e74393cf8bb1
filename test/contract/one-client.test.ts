// What one client can take from the others: the places and the memory of copies, the work of rules, evidence.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Vm, type Stream } from "../../tools/emulator/index.ts";
import { filterModule } from "../support/filter.ts";
import { begin, callTo, finish, ok, REQUEST, SECOND, setUp, type Setup } from "./copies.ts";

const UPLOADS = { methods: ["GET", "POST"], timeout: "5s" };

/** A request whose body has begun and does not end. */
function upload({ vm, root }: Setup, bytes: number): Stream {
  const headers: [string, string][] = [[":method", "POST"], ...REQUEST.slice(1)];
  const stream = vm.open(root, { headers, endOfStream: false }).onRequestHeaders();
  stream.onRequestBody(Buffer.alloc(bytes), false);
  return stream;
}

test("uploads that do not end hold half of the places at most, and no longer than an answer is waited for", () => {
  const setup = setUp({ ...UPLOADS, budget: { inFlight: 4 } });
  const slow = Array.from({ length: 10 }, () => upload(setup, 10));
  assert.equal(setup.read("over_budget"), 8);
  // Others' requests without a body have the other half.
  for (let i = 0; i < 40; i++) {
    const stream = begin(setup);
    ok(callTo(setup.vm, "api-v3"), "{}");
    finish(stream, 200, "{}");
  }
  assert.equal(setup.read("match"), 40);
  // Others' bodies have to wait, for five seconds.
  const waits = upload(setup, 10);
  assert.equal(setup.read("over_budget"), 9);
  setup.now += 6n * SECOND;
  const other = upload(setup, 10);
  other.onRequestBody(Buffer.from("{}"), true);
  ok(callTo(setup.vm, "api-v3"), "{}");
  finish(other, 200, "{}");
  assert.equal(setup.read("match"), 41);
  assert.equal(setup.read("over_budget"), 11, "the two that were held");
  for (const stream of [...slow, waits]) {
    stream.onRequestBody(Buffer.from("x"), true);
    finish(stream);
  }
  assert.equal(setup.vm.httpCalls.length, 0);
  assert.equal(setup.read("sent"), 41);
});

test("bodies that fill the memory for bodies are dropped when their time is over", () => {
  const budget = { inFlight: 1000, perSecond: 1000, maxBodyBytes: 1_048_576 };
  const setup = setUp({ ...UPLOADS, budget });
  // 32 MiB, and then some.
  const slow = Array.from({ length: 40 }, () => upload(setup, 1_000_000));
  assert.ok(setup.read("over_budget") >= 5);
  const dropped = setup.read("over_budget");
  const small = upload(setup, 100_000);
  setup.now += 6n * SECOND;
  const other = upload(setup, 1_000_000);
  other.onRequestBody(Buffer.from("{}"), true);
  ok(callTo(setup.vm, "api-v3"), "{}");
  finish(other, 200, "{}");
  assert.equal(setup.read("match"), 1);
  assert.ok(setup.read("over_budget") > dropped);
  for (const stream of [...slow, small]) finish(stream);
  assert.ok(setup.vm.memorySize < 80 * 2 ** 20, `${setup.vm.memorySize} bytes`);
});

/** One client with another cookie on each request, from one address, 1,000 a second; until `isDone`. */
function invent(identity: object[], most: number, isDone: (vm: Vm) => boolean): { vm: Vm; requests: number } {
  let now = 1_800_000_000n * SECOND;
  const vm = Vm.load(filterModule(), { clock: () => now });
  const rollout = { default: "stable", variants: { stable: {}, canary: { percent: 5 } } };
  const { root } = vm.configure(
    JSON.stringify({
      identity,
      rollouts: {
        shop: { ...rollout, match: [{ path: { value: "/shop" } }] },
        other: { ...rollout, match: [{ path: { value: "/other" } }] },
      },
    }),
  );
  const send = (path: string, cookie: string, sourceAddress: string): void => {
    const headers: [string, string][] = [
      [":method", "GET"],
      [":authority", "h"],
      [":path", path],
      ["cookie", `uid=${cookie}`],
    ];
    vm.request(root, { headers, sourceAddress }).respond(200);
  };
  for (let i = 0; i < 10; i++) {
    now += SECOND;
    vm.runTicks();
  }
  for (let i = 0; i < 2000; i++) send("/other", `user-${i}`, `198.51.100.${i % 250}:1`);
  let requests = 0;
  while (requests < most && !isDone(vm)) {
    send("/shop", `invented-${requests}`, "203.0.113.7:4711");
    requests++;
    if (requests % 500 !== 0) continue;
    now += SECOND / 2n;
    vm.runTicks();
  }
  return { vm, requests };
}

const period = (vm: Vm, rollout: string): bigint | null =>
  vm.metrics.read(`serin.rollout.${rollout}.evidence_period`);

test("one client with a cookie that it invents for each request fills a period of the rollouts that it meets, no other", () => {
  const { vm, requests } = invent([{ cookie: "uid" }], 600_000, (one) => period(one, "shop") === 2n);
  assert.equal(period(vm, "shop"), 2n);
  // As many users as the control group, a fifth of all, needs to be full: so many minutes at 1,000 a second.
  console.log(`a period was full after ${requests} invented users`);
  assert.ok(requests > 200_000, `${requests} requests`);
  assert.equal(period(vm, "other"), 1n);
  assert.ok((vm.metrics.read("serin.rollout.other.control.users") ?? 0n) > 200n);
  assert.ok(vm.memorySize < 20 * 2 ** 20, `${vm.memorySize} bytes`);
});

test("where the address is the identity, one client is one user, whatever cookies it invents", () => {
  const { vm } = invent([{ sourceAddress: true }], 20_000, () => false);
  const users = ["canary", "control"].map(
    (name) => vm.metrics.read(`serin.rollout.shop.${name}.users`) ?? 0n,
  );
  assert.ok((users[0] ?? 0n) + (users[1] ?? 0n) <= 1n, users.join());
  assert.equal(period(vm, "shop"), 1n);
});

test("an identity of 60 KB is hashed for as many rollouts as limits.work allows; those behind see nobody, and it is counted", () => {
  const rollouts = Object.fromEntries(
    Array.from({ length: 256 }, (_, i) => [
      `r${i}`,
      { default: "a", variants: { a: {}, b: { percent: 100 } }, announce: "all", signals: "count" },
    ]),
  );
  const run = (bytes: number, limits: object): { given: number; errors: bigint } => {
    const vm = Vm.load(filterModule());
    const policy = { identity: [{ cookie: "uid" }], limits, rollouts };
    const { root, accepted } = vm.configure(JSON.stringify(policy));
    assert.ok(accepted);
    const cookie: [string, string] = ["cookie", `uid=${"x".repeat(bytes)}`];
    const stream = vm.request(root, { headers: [...REQUEST, cookie] });
    const given = stream.requestHeaders
      .toPairs()
      .filter(([name, value]) => /^x-serin-r/.test(name) && value === "b");
    stream.respond(200);
    return { given: given.length, errors: vm.metrics.read("serin.error") ?? 0n };
  };
  assert.deepEqual(run(1000, {}), { given: 256, errors: 0n });
  // A step for 32 bytes: 200,000 of them are 106 times 60,000 bytes, and the next begins while there is one left.
  assert.deepEqual(run(60_000, {}), { given: 107, errors: 1n });
  assert.deepEqual(run(60_000, { work: 1_000_000 }), { given: 256, errors: 0n });
  assert.deepEqual(run(60_000, { work: 1_000 }), { given: 1, errors: 1n });
});
