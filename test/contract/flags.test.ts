// Flags act once a request, and only where something uses them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Vm } from "../../tools/emulator/index.ts";
import { filterModule } from "../support/filter.ts";

const flag = (targeting: object, metadata: object = {}): object => ({
  state: "ENABLED",
  variants: { on: true, "o/ff": false },
  defaultVariant: "o/ff",
  targeting,
  metadata,
});
const IF_PRO = { if: [{ "==": [{ var: "headers.x-plan" }, "pro"] }, "on"] };
const POLICY = {
  flags: {
    "Matched.Flag": flag(IF_PRO),
    counted: flag(IF_PRO, { "serin.count": true }),
    exposed: flag(IF_PRO, { "serin.expose": true }),
    idle: flag(IF_PRO),
  },
  rollouts: {
    a: { match: [{ flag: { "Matched.Flag": true } }], default: "s", variants: { s: {} } },
    b: { match: [{ flag: { "Matched.Flag": true } }], default: "s", variants: { s: {} } },
    c: {
      match: [{ path: { value: "/c" }, flag: { "Matched.Flag": true } }],
      default: "s",
      variants: { s: {} },
    },
  },
  identity: [{ cookie: "uid" }],
};

test("a flag that is matched, counted or exposed counts once a request, one that nothing uses has no counter", () => {
  const vm = Vm.load(filterModule());
  const { root, accepted } = vm.configure(JSON.stringify(POLICY));
  assert.ok(accepted);
  const send = (plan: string): void => {
    vm.request(root, {
      headers: [
        [":method", "GET"],
        [":path", "/c"],
        [":authority", "h"],
        ["x-plan", plan],
      ],
    }).respond(200);
  };
  send("pro");
  send("pro");
  send("free");
  const counts = Object.fromEntries(
    vm.metrics
      .all()
      .filter(({ name }) => name.startsWith("serin.flag."))
      .map(({ name, value }) => [name.slice("serin.flag.".length), Number(value)]),
  );
  assert.deepEqual(counts, {
    "Matched_Flag.on": 2,
    "Matched_Flag.o_ff": 1,
    "counted.on": 2,
    "counted.o_ff": 1,
    "exposed.on": 2,
    "exposed.o_ff": 1,
  });
});

test("a rule that fails counts serin.error, and its rollout does not apply", () => {
  const vm = Vm.load(filterModule());
  const rollout = { when: { "/": [1, { var: "query.n" }] }, default: "s", variants: { s: {} } };
  const { root } = vm.configure(JSON.stringify({ identity: [{ cookie: "u" }], rollouts: { r: rollout } }));
  const send = (n: string): void => {
    const headers: [string, string][] = [
      [":method", "GET"],
      [":path", `/?n=${n}`],
      [":authority", "h"],
    ];
    vm.request(root, { headers }).respond(200);
  };
  send("2");
  assert.deepEqual([vm.metrics.read("serin.rollout.r.s.rq_total"), vm.metrics.read("serin.error")], [1n, 0n]);
  send("0");
  assert.deepEqual([vm.metrics.read("serin.rollout.r.s.rq_total"), vm.metrics.read("serin.error")], [1n, 1n]);
});
