// Which goals the tools ascribe to a rollout: those that the filter counts for it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { goalsFor, isRandom } from "../../tools/policy/goals.ts";
import { itemsOf, member, parseOrdered } from "../../tools/terminal/ordered-json.ts";
import { Vm } from "../../tools/emulator/index.ts";
import { filterModule } from "../support/filter.ts";

const split = { default: "stable", variants: { stable: {}, canary: { percent: 10 } } };
const match = [{ method: "POST" }];
const rollouts = {
  checkout: split,
  own: { ...split, identity: [{ header: "x-user" }] },
  random: { ...split, identity: [{ random: true }] },
  counted: { ...split, signals: "count" },
};
const goals = { orders: { match }, "sign-ups": { match, rollouts: ["checkout"] } };

function goalsOf(policy: object): Record<string, string[]> {
  const parsed = parseOrdered(JSON.stringify(policy));
  return Object.fromEntries(
    Object.keys(rollouts).map((name) => [
      name,
      goalsFor(parsed, name, member(member(parsed, "rollouts"), name) ?? assert.fail()),
    ]),
  );
}

test("none for a rollout whose users are not counted by what they meet, or do not come back", () => {
  const shared = { identity: [{ cookie: "uid" }], rollouts, goals };
  assert.deepEqual(goalsOf(shared), {
    checkout: ["orders", "sign-ups"],
    own: ["orders"],
    random: [],
    counted: [],
  });
  const policy = { ...shared, identity: [{ random: true }], goals: { orders: { match } } };
  assert.deepEqual(goalsOf(policy), { checkout: [], own: ["orders"], random: [], counted: [] });
});

test("as the filter has it", () => {
  for (const identity of [[{ cookie: "uid" }], [{ random: true }]]) {
    const policy = { identity, rollouts, goals: { orders: { match } } };
    const vm = Vm.load(filterModule());
    assert.ok(vm.configure(JSON.stringify(policy)).accepted);
    for (let tick = 0n; tick < 5n; tick++) {
      vm.clock = () => 1_800_000_000_000_000_000n + tick * 1_000_000_000n;
      vm.runTicks();
    }
    const counted = Object.keys(rollouts).filter(
      (name) => vm.metrics.read(`serin.rollout.${name}.canary.users_goal.orders`) !== null,
    );
    const told = Object.entries(goalsOf(policy)).flatMap(([name, of]) => (of.length > 0 ? [name] : []));
    assert.deepEqual(told, counted);
    assert.ok(counted.length > 0);
  }
});

test("one random source is random, beside others it is not", () => {
  const policy = parseOrdered(JSON.stringify({ identity: [{ random: true }], rollouts }));
  const [own, shared] = ["own", "checkout"].map((name) => member(member(policy, "rollouts"), name));
  assert.ok(own !== undefined && shared !== undefined && itemsOf(member(own, "identity")).length === 1);
  assert.equal(isRandom(policy, own), false);
  assert.equal(isRandom(policy, shared), true);
});
