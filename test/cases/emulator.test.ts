// Every case on the emulator, and the cases' own expectations against the tests' own computation.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { drawFaults, splitFaults } from "./split-faults.ts";
import { readAllCases } from "./case-file.ts";
import { runOnEmulator } from "./emulator-host.ts";
import { judge } from "./judge.ts";

const cases = readAllCases();

test("there are cases", () => {
  assert.ok(cases.length > 50, `${cases.length} cases`);
});

describe("each expected SPLIT and each drawn shadow is what murmur3 and policy.md give", () => {
  for (const one of cases.filter(({ problems }) =>
    problems.every(({ severity }) => severity === "warning"),
  )) {
    test(one.name, () => assert.deepEqual([...splitFaults(one), ...drawFaults(one)], []));
  }
});

describe("cases on the emulator", () => {
  for (const one of cases.filter(({ only }) => only !== "envoy")) {
    test(`${one.name}: ${one.title}`, () => assert.deepEqual(judge(one, runOnEmulator(one)), []));
  }
});
