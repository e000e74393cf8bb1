// A flag file of a thousand flags with fifty operators each is served.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Vm } from "../../tools/emulator/index.ts";
import { filterModule } from "../support/filter.ts";

test("1,000 flags of 50 operators each load, and each answers", () => {
  const flags: Record<string, object> = {};
  for (let i = 0; i < 1000; i++) {
    const conditions = Array.from({ length: 24 }, (_, j) => ({
      "==": [{ var: `headers.x-${j}` }, `${i}-${j}`],
    }));
    flags[`flag-${i}`] = {
      state: "ENABLED",
      variants: { on: true, off: false },
      defaultVariant: "off",
      // if, or, 24 comparisons, 24 variables
      targeting: { if: [{ or: conditions }, "on"] },
    };
  }
  const vm = Vm.load(filterModule());
  const { root, accepted, problems } = vm.configure(JSON.stringify({ flags }));
  assert.deepEqual([accepted, problems], [true, []]);
  for (let i = 0; i < 1000; i += 37) {
    const ask = (value: string): unknown => {
      const line = { flagKey: `flag-${i}`, context: { headers: { "x-23": value } } };
      const answer = vm.evaluate(root, Buffer.from(JSON.stringify(line)), 0);
      return (JSON.parse(answer ?? "null") as { value: unknown }).value;
    };
    assert.deepEqual([ask(`${i}-23`), ask("other")], [true, false]);
  }
});

test("a rule of more operators than the limit is told, and its flag answers ERROR", () => {
  const rule = (count: number): object => ({
    if: [
      {
        or: Array.from({ length: count - 2 }, () => ({ "!": [{ var: "headers.a" }] })).slice(
          0,
          (count - 2) / 2,
        ),
      },
      "on",
    ],
  });
  const flag = (targeting: object): object => ({
    state: "ENABLED",
    variants: { on: true },
    defaultVariant: "on",
    targeting,
  });
  const vm = Vm.load(filterModule());
  const judge = (count: number): string[] =>
    vm.configure(JSON.stringify({ flags: { f: flag(rule(count)) } })).problems.map(({ code }) => code);
  assert.deepEqual(judge(4096), []);
  assert.deepEqual(judge(4098), ["limit"]);
});
