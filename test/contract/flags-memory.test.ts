// Memory with flags and rules is flat, over requests and over updates.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Vm } from "../../tools/emulator/index.ts";
import { filterModule } from "../support/filter.ts";
import { flatFromNow } from "../support/flat-memory.ts";

const TEXTS = Array.from({ length: 12 }, (_, i) => `text-${i}`);

/** Rules that make lists and texts while they run. */
function policy(version: number): string {
  const targeting = {
    if: [
      { in: [{ cat: ["text-", { var: "query.n" }] }, TEXTS] },
      "on",
      { some: [{ map: [[1, 2, version], { "*": [{ var: "" }, 2] }] }, { ">": [{ var: "" }, 3] }] },
      {
        fractional: [
          { cat: [{ var: "$flagd.flagKey" }, { var: ["cookies.uid", "none"] }] },
          ["on", 50],
          ["off", 50],
        ],
      },
      "off",
    ],
  };
  const variants = { on: "ü", off: "off" };
  const metadata = { "serin.expose": true };
  return JSON.stringify({
    identity: [{ cookie: "uid" }],
    flags: { f: { state: "ENABLED", variants, defaultVariant: "off", targeting, metadata } },
    rollouts: {
      r: {
        match: [{ flag: { f: "on" } }],
        when: { "!": [{ missing: ["headers.x", { cat: ["query", ".n"] }] }] },
        default: "s",
        variants: { s: {} },
      },
    },
  });
}

test("100,000 requests and 500 updates take no more memory than the first hundred", () => {
  const vm = Vm.load(filterModule());
  let root = vm.configure(policy(0)).root;
  const send = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const headers: [string, string][] = [
        [":method", "GET"],
        [":path", `/?n=${i % 30}`],
        [":authority", "h"],
        ["cookie", `uid=${i}`],
        ["x", "1"],
      ];
      vm.request(root, { headers }).respond(200);
    }
  };
  const update = (version: number): void => {
    const { root: next, accepted } = vm.configure(policy(version));
    assert.ok(accepted);
    vm.retire(root);
    root = next;
  };
  send(100);
  update(1);
  const assertFlat = flatFromNow(vm);
  send(100_000);
  for (let version = 0; version < 500; version++) {
    update(version);
    send(10);
  }
  assertFlat(105_000, "requests and 500 updates");
  assert.equal(vm.metrics.read("serin.error"), 0n);
  assert.ok(Number(vm.metrics.read("serin.flag.f.on")) > 0);
});
