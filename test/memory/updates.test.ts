// A thousand updates, with streams that outlive them: memory, metric ids and policies stay.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Vm, type Root, type Stream, type StreamRequest } from "../../tools/emulator/index.ts";
import { addUp } from "../contract/add-up.ts";
import { RecordingHost } from "../contract/recording-host.ts";
import { CANARY, policy } from "../contract/serving.ts";
import { filterModule } from "../support/filter.ts";
import { flatFromNow } from "../support/flat-memory.ts";

test("a thousand updates with streams that outlive them: pages, metric ids and policies stay", () => {
  const host = new RecordingHost();
  host.isRecording = false;
  let root = 1;
  let id = 1_000_000;
  let assertFlat = flatFromNow(host);
  let ids = 0;
  const alive: { id: number; cluster: string }[] = [];
  const update = (version: number): void => {
    const next = root + 1;
    const variants = { stable: {}, canary: { percent: 40, cluster: `v${version}` } };
    assert.ok(host.configure(next, policy({ metadata: { text: "x".repeat(version % 997) } }, { variants })));
    host.done(root);
    root = next;
  };
  for (let version = 0; version < 1000; version++) {
    update(version);
    // Refused updates in between leave nothing behind either.
    if (version % 10 === 0) {
      assert.equal(host.configure(500_000 + version, { rolouts: {}, identity: "none" }), false);
      host.done(500_000 + version);
    }
    // A stream that has been created keeps the policy it began with, also when its headers come much later.
    id++;
    host.call("proxy_on_context_create", id, root);
    alive.push({ id, cluster: `v${version}` });
    if (alive.length > 50) {
      const oldest = alive.shift();
      assert.ok(oldest);
      host.request(oldest.id, CANARY);
      assert.equal(host.context(oldest.id).request?.get("x-serin-cluster"), oldest.cluster);
      host.respond(oldest.id, 200);
      host.done(oldest.id);
    }
    if (version === 100) {
      assertFlat = flatFromNow(host);
      ids = host.metricIds.count;
    }
  }
  assertFlat(900, "updates");
  assert.equal(host.metricIds.count, ids);
  for (const stream of alive) {
    host.request(stream.id, CANARY);
    assert.equal(host.context(stream.id).request?.get("x-serin-cluster"), stream.cluster);
    host.respond(stream.id, 200);
    host.done(stream.id);
  }
  assert.equal(host.stat("serin.rollout.checkout.canary.rq_2xx"), 1000);
  assert.equal(host.stat("serin.policy.loaded"), 1000);
  assert.equal(host.stat("serin.policy.rejected"), 100);
  addUp(host);
});

test("large policies come and go in the room of two", () => {
  const large = (salt: string): object => ({
    identity: [{ cookie: "uid" }],
    rollouts: Object.fromEntries(
      Array.from({ length: 2000 }, (_, n) => [
        `r${n}`,
        {
          match: [{ hosts: [`h${n}.example.com`], path: { value: `/p${n}` } }],
          salt,
          default: "stable",
          variants: { stable: {}, canary: { percent: 5 } },
        },
      ]),
    ),
  });
  const host = new RecordingHost();
  host.isRecording = false;
  let assertFlat = flatFromNow(host);
  for (let version = 0; version < 30; version++) {
    assert.ok(host.configure(version + 1, large(`salt-${version % 9}`)));
    if (version > 0) host.done(version);
    if (version === 5) assertFlat = flatFromNow(host);
  }
  assertFlat(25, "updates");
  assert.ok(host.memorySize < 400 * 65_536, `${host.memorySize} bytes`);
});

/** A policy of so many rollouts, each with a host and a path of its own. */
function policyOf(count: number, percent: number): string {
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

test("1,000 updates of 300 rollouts, with requests across them: memory is what it was after ten", () => {
  const vm = Vm.load(filterModule());
  let root = accept(vm, policyOf(300, 50));
  let assertFlat = flatFromNow(vm);
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
    if (update === 10) [assertFlat, definitions] = [flatFromNow(vm), vm.metricDefinitions];
  }
  for (const stream of before) stream.respond(200);
  assertFlat(990, "updates");
  assert.equal(vm.liveStreams, 0);
  assert.equal(vm.metricDefinitions, definitions, "metrics are defined anew with each policy");
});
