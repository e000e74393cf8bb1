// What does not grow: memory over a million requests and a thousand updates.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as statNames from "../../assembly/vocabulary/stats.ts";
import { Vm, type Root, type Stream, type StreamRequest } from "../../tools/emulator/index.ts";
import { filterModule } from "../support/filter.ts";

/** A policy of so many rollouts, each with a host and a path of its own. */
function policyOf(count: number, percent = 50): string {
  const rollouts = Array.from({ length: count }, (_, index): [string, object] => [
    `rollout-${index}`,
    {
      match: [
        { hosts: [`shop-${index}.example.com`], path: { type: "PathPrefix", value: `/checkout-${index}` } },
      ],
      default: "stable",
      variants: { stable: {}, canary: { percent, cluster: "checkout-v2" } },
      force: { header: "x-canary" },
    },
  ]);
  const identity = [{ cookie: "uid" }, { issueCookie: { name: "serin-id", maxAge: "30d" } }];
  return JSON.stringify({ identity, rollouts: Object.fromEntries(rollouts) });
}

function accept(vm: Vm, policy: string): Root {
  const { root, accepted, problems } = vm.configure(policy);
  assert.ok(accepted, JSON.stringify(problems));
  return root;
}

function requestOf(rollout: number, user: number): StreamRequest {
  const cookie: [string, string][] = user % 10 === 0 ? [] : [["cookie", `theme=dark; uid=user-${user}`]];
  return {
    headers: [
      [":method", "GET"],
      [":path", `/checkout-${rollout}/cart?a=1`],
      [":authority", `shop-${rollout}.example.com`],
      [":scheme", "https"],
      ["user-agent", "test"],
      ...cookie,
    ],
  };
}

test("1,000,000 requests: memory is what it was after ten", () => {
  const vm = Vm.load(filterModule());
  const root = accept(vm, policyOf(100));
  // Ten at once, since each stream under way takes its record.
  const underWay: Stream[] = [];
  let early = 0;
  for (let user = 0; user < 1_000_000; user++) {
    underWay.push(vm.request(root, requestOf(user % 100, user)));
    if (underWay.length === 10)
      for (const stream of underWay.splice(0)) stream.respond(200 + (user % 4) * 100);
    if (user === 1000) early = vm.memorySize;
  }
  assert.equal(vm.memorySize, early);
  assert.equal(vm.liveStreams, 0);
  assert.equal(vm.metrics.read(`${statNames.ROLLOUT}rollout-1.canary.${statNames.RQ_ACTIVE}`), 0n);
});

test("1,000 updates with requests across them: memory is what it was after ten", () => {
  const vm = Vm.load(filterModule());
  let root = accept(vm, policyOf(300));
  let early = 0;
  let definitions = 0;
  let before: Stream[] = [];
  for (let update = 0; update < 1000; update++) {
    const now = [0, 1, 2].map((user) => vm.request(root, requestOf(user, update)));
    const next = accept(vm, policyOf(300, update % 101));
    vm.retire(root);
    root = next;
    // Refused in between: nothing of it may stay either.
    const { root: refused, accepted } = vm.configure('{ "rollouts": { "a": 1, "b": { "x": [[[]]] } } }');
    assert.ok(!accepted);
    vm.retire(refused);
    for (const stream of before) stream.respond(200);
    before = now;
    if (update === 10) [early, definitions] = [vm.memorySize, vm.metricDefinitions];
  }
  for (const stream of before) stream.respond(200);
  assert.equal(vm.memorySize, early);
  assert.equal(vm.liveStreams, 0);
  assert.equal(vm.metricDefinitions, definitions, "metrics are defined anew with each policy");
});
