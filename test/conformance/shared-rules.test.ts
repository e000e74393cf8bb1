// `$evaluators`: what they stand for, what they may not, and that naming one often costs little.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Vm } from "../../tools/emulator/index.ts";
import { filterModule } from "../support/filter.ts";

const flagOf = (targeting: unknown): object => ({
  state: "ENABLED",
  variants: { y: 1, n: 0 },
  targeting,
});

function load($evaluators: object, ...targetings: unknown[]) {
  const vm = Vm.load(filterModule());
  const flags = Object.fromEntries(targetings.map((targeting, index) => [`f${index}`, flagOf(targeting)]));
  const { root, accepted, problems } = vm.configure(JSON.stringify({ $evaluators, flags }));
  assert.ok(accepted);
  const evaluate = (context: object): string => {
    const line = Buffer.from(JSON.stringify({ flagKey: "f0", context }));
    const { variant, errorCode } = JSON.parse(vm.evaluate(root, line, 0) ?? "{}") as Record<string, string>;
    return variant ?? errorCode ?? "";
  };
  // Names that the proxy has no value for are hints, and not what is tested here.
  const faults = problems.filter(({ code }) => code !== "unknown-name");
  return { vm, root, evaluate, told: faults.map(({ code, pointer }) => `${code} ${pointer}`) };
}

const REF = (name: string): object => ({ $ref: name });
const is = (rule: unknown): object => ({ if: [rule, "y", "n"] });

describe("shared rules", () => {
  it("name no other, whichever stands first: flagd's Go takes them in any order", () => {
    const one = { "==": [{ var: "x" }, "a"] };
    for (const shared of [
      { one, two: { "!": [REF("one")] } },
      { two: { "!": [REF("one")] }, one },
      { one, two: [REF("one")] },
    ]) {
      const { evaluate, told } = load(shared, is(REF("two")));
      assert.equal(evaluate({ x: "a" }), "PARSE_ERROR");
      assert.equal(told.length, 2);
      assert.match(told[0] ?? "", /^reference \/\$evaluators\/two\/.*\$ref$/);
      assert.equal(told[1], "reference /flags/f0/targeting/if/0/$ref");
    }
  });

  it("that hold one another double nothing", () => {
    const shared: Record<string, unknown> = { e0: ["x"] };
    for (let i = 1; i < 50; i++) shared[`e${i}`] = [REF(`e${i - 1}`), REF(`e${i - 1}`)];
    const { evaluate } = load(shared, is({ in: ["x", REF("e49")] }));
    assert.equal(evaluate({}), "PARSE_ERROR");
  });

  it("of data are held once, and searched as one set, however often they are named", () => {
    const users = Array.from({ length: 10_000 }, (_, index) => `user-${index}`);
    const targetings = Array.from({ length: 2000 }, () => is({ in: [{ var: "u" }, REF("users")] }));
    const { vm, evaluate } = load({ users }, ...targetings);
    assert.equal(evaluate({ u: "user-9999" }), "y");
    assert.equal(evaluate({ u: "user-x" }), "n");
    assert.ok(vm.memorySize < 16 << 20, `${vm.memorySize} bytes`);
  });

  it("of lists with rules in them are told when they make all rules together too long", () => {
    const list = [{ var: "x" }, ...Array.from({ length: 10_000 }, () => 0)];
    const { vm, evaluate, told } = load(
      { list },
      is({ merge: Array.from({ length: 500 }, () => REF("list")) }),
    );
    assert.equal(evaluate({}), "PARSE_ERROR");
    assert.deepEqual(told, ["limit /flags/f0/targeting"]);
    assert.ok(vm.memorySize < 256 << 20, `${vm.memorySize} bytes`);
  });

  it("of a flag with a long key do not fill the memory with the places of its conditions", () => {
    const vm = Vm.load(filterModule());
    const targeting = is(Array.from({ length: 2000 }, () => ({ if: [{ var: "x" }, 1] })));
    const { accepted } = vm.configure(
      JSON.stringify({ flags: { ["k".repeat(100_000)]: flagOf(targeting) } }),
    );
    assert.ok(accepted);
    assert.ok(vm.memorySize < 64 << 20, `${vm.memorySize} bytes`);
  });
});
