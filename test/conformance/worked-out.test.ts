// What is worked out when a policy is loaded (constants, sets, versions) gives what working it out for each request would
// give: the same rule with its constants and with variables in their place.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Vm } from "../../tools/emulator/index.ts";
import { filterModule } from "../support/filter.ts";

const TEXTS = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];

/** What a condition chooses, or the error's code. */
function answer(condition: unknown, context: object): string {
  const vm = Vm.load(filterModule());
  const flag = { state: "ENABLED", variants: { y: 1, n: 0 }, targeting: { if: [condition, "y", "n"] } };
  const { root, accepted } = vm.configure(JSON.stringify({ flags: { f: flag } }));
  assert.ok(accepted);
  const line = JSON.stringify({ flagKey: "f", context });
  const { variant, errorCode } = JSON.parse(vm.evaluate(root, Buffer.from(line), 0) ?? "{}") as {
    variant?: string;
    errorCode?: string;
  };
  return variant ?? errorCode ?? "";
}

const X = { var: "x" };
const C = { var: "c" };

/** A condition over x and c; `k` stands for a constant, which the second run reads from the context. */
const RULES: [what: string, rule: (k: (value: unknown) => unknown) => unknown][] = [
  ["a set", (k) => ({ in: [X, k(TEXTS)] })],
  ["a set in a branch", (k) => ({ in: [X, { if: [C, ["a"], k(TEXTS)] }] })],
  ["a set after or", (k) => ({ in: [X, { or: [C, k(TEXTS)] }] })],
  ["a set as a default", (k) => ({ in: [X, { var: ["c", k(TEXTS)] }] })],
  ["a set that is merged", (k) => ({ in: [X, { merge: [k(TEXTS), k(["a"])] }] })],
  ["a set that is merged of one", (k) => ({ in: [X, { merge: k(TEXTS) }] })],
  ["a list with computed items", (k) => ({ in: [X, [{ cat: [k("a"), k("b")] }, k("2"), ...TEXTS]] })],
  ["nested lists", (k) => ({ in: [X, { merge: [{ merge: [k(TEXTS), [k("a")]] }, [k("ab")]] }] })],
  ["a list of lists, which holds no text", (k) => ({ in: [X, { merge: [[k(TEXTS)]] }] })],
  ["a merged list that is truthy", (k) => ({ and: [{ merge: [k([1])] }, C] })],
  ["a merged list that is empty", (k) => ({ or: [{ merge: [k([])] }, C] })],
  ["a version on the right", (k) => ({ sem_ver: [X, ">=", k("2.0.0")] })],
  ["a version on the left", (k) => ({ sem_ver: [k("2.0.0"), ">", X] })],
  ["a version on the left, by its major", (k) => ({ sem_ver: [k("v2"), "^", X] })],
  ["versions on both sides", (k) => ({ sem_ver: [k("2.0.0"), "=", k("2")] })],
  ["no version on the left", (k) => ({ sem_ver: [k("two"), "=", X] })],
  ["no version on the right", (k) => ({ sem_ver: [X, "=", k("two")] })],
  ["a number for a version", (k) => ({ sem_ver: [k(2), "<=", X] })],
  ["an operator in a branch", (k) => ({ sem_ver: [X, { if: [C, "=", "!="] }, k("2.0.0")] })],
  ["a version in a branch", (k) => ({ sem_ver: [X, "=", { if: [C, "2.0.0", k("1.0.0")] }] })],
  ["a version in a branch on the left", (k) => ({ sem_ver: [{ if: [C, "2.0.0", k("1.0.0")] }, "=", X] })],
  ["a branch beside a version on the left", (k) => ({ sem_ver: [k("2.0.0"), "=", { if: [C, X, "1.0.0"] }] })],
  [
    "a version that is joined beside an operator",
    (k) => ({ sem_ver: [{ cat: [k("2.0.0"), k("="), X] }, "=", X] }),
  ],
  ["an operator that is none", (k) => ({ sem_ver: [k("1.0.0"), "==", X] })],
  ["what fails", (k) => ({ in: [X, [{ "/": [k(1), k(0)] }]] })],
];
const XS: unknown[] = ["1", "a", "ab", "2", "2.0.0", "1.0.0", "v2.1.0", 2, null, [], "two"];

for (const [what, rule] of RULES) {
  test(`${what}: as if it were worked out for each request`, () => {
    for (const x of XS) {
      for (const c of [true, false]) {
        const constants: unknown[] = [];
        const late = rule((value) => ({ var: `k.${constants.push(value) - 1}` }));
        const context = { x, ...(c ? { c: what === "a set as a default" ? ["a"] : c } : {}), k: constants };
        assert.equal(
          answer(
            rule((value) => value),
            context,
          ),
          answer(late, context),
          JSON.stringify({ x, c }),
        );
      }
    }
  });
}

// A rule that went through its constants again for each item of a list would take more steps than it may.
const LONG = Array.from({ length: 10_000 }, (_, index) => `u-${index}`);
const ONCE: [what: string, body: unknown, item: string][] = [
  ["a merged list becomes a set", { in: [{ var: "" }, { merge: [LONG, ["z"]] }] }, "z"],
  ["a list with a joined text becomes a set", { in: [{ var: "" }, [{ cat: ["z", "z"] }, ...LONG]] }, "zz"],
  [
    "a version on the right is read once",
    { sem_ver: [{ var: "" }, "<", `2.0.0-${"a".repeat(99_999)}`] },
    "1",
  ],
  ["a version on the left is read once", { sem_ver: [`2.0.0-${"a".repeat(99_999)}`, ">", { var: "" }] }, "1"],
];
for (const [what, body, item] of ONCE) {
  test(`${what}, when the policy is loaded`, () => {
    const list = Array.from({ length: 5000 }, () => (item === "1" ? "3" : "gone"));
    assert.equal(answer({ some: [{ var: "list" }, body] }, { list: [...list, item] }), "y");
  });
}
