// `serin publish` tells what moves users between variants though no weight asks for it.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, describe, it } from "node:test";

import { fractionalsOf, movedUsers } from "../../tools/policy/fractional-totals.ts";
import { PolicyPlaces, readPolicySource } from "../../tools/policy/policy-source.ts";
import { Vm } from "../../tools/emulator/index.ts";
import { loadFilter } from "../../tools/policy/filter-module.ts";

const CLI = resolve(import.meta.dirname, "../../build/cli/cli.js");
const folder = mkdtempSync(join(tmpdir(), "serin-totals-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const BY_MAIL = { cat: [{ var: "$flagd.flagKey" }, { var: ["email", ""] }] };
type Bucket = [unknown, unknown?];

const flagOf = (targeting: unknown): object => ({
  state: "ENABLED",
  variants: { a: 1, b: 2, c: 3 },
  targeting,
});
const policy = (...buckets: unknown[]): object => ({
  flags: { "a/b": flagOf({ if: [true, { fractional: buckets }] }) },
});
const split = (...weights: number[]): Bucket[] => weights.map((weight, index) => ["abc"[index], weight]);
const POINTER = "/flags/a~1b/targeting/if/1/fractional";

/** How many of a thousand users the filter gives another variant: what no warning must be true of. */
function movedOf1000(before: object, after: object): number {
  const answers = [before, after].map((document) => {
    const vm = Vm.load(loadFilter());
    const { root } = vm.configure(JSON.stringify(document));
    return Array.from({ length: 1000 }, (_, user) => {
      const line = JSON.stringify({ flagKey: "a/b", context: { targetingKey: `u-${user}` } });
      return (JSON.parse(vm.evaluate(root, Buffer.from(line), 0) ?? "{}") as { variant: string }).variant;
    });
  });
  return answers[0]?.filter((variant, user) => variant !== answers[1]?.[user]).length ?? 0;
}

const told = (before: unknown, now: unknown): string[] =>
  movedUsers(before, now).map(({ pointer, message }) => `${pointer}: ${message}`);

describe("what moves users", () => {
  it("a changed sum of weights, and how far", () => {
    assert.deepEqual(told(policy(...split(5, 95)), policy(...split(6, 95))), [
      `${POINTER}: the sum of the weights changed from 100 to 101, which moves 0.94% of users: keep the sum and shift weights within it`,
    ]);
    assert.deepEqual(told(policy(...split(10, 10, 80)), policy(...split(20, 10, 80))), [
      `${POINTER}: the sum of the weights changed from 100 to 110, which moves 15.5% of users (8.18% would be enough): keep the sum and shift weights within it`,
    ]);
    assert.deepEqual(told({}, policy(...split(26, 75))), []);
    assert.deepEqual(told(policy(["a", { "+": [1, 2] }], ["b", 1]), policy(...split(26, 75))), []);
  });

  it("not weights that shift within their sum", () => {
    assert.deepEqual(told(policy(...split(25, 75)), policy(...split(30, 70))), []);
    assert.deepEqual(told(policy(...split(10, 10, 80)), policy(...split(20, 10, 70))), []);
  });

  it("not weights that are all multiplied: every boundary stays where it is", () => {
    for (const [before, now] of [
      [split(5, 95), split(50, 950)],
      [split(1, 2, 4), split(300, 600, 1200)],
      [split(1, 1), split(1_000_000_000, 1_000_000_000)],
      [[["a"], ["b"]] as Bucket[], split(7, 7)],
    ] as [Bucket[], Bucket[]][]) {
      assert.deepEqual(told(policy(...before), policy(...now)), []);
      for (const fractional of ["v1", "v2", "v3"]) {
        const settings = { flagd: { fractional } };
        const moved = movedOf1000({ ...policy(...before), ...settings }, { ...policy(...now), ...settings });
        assert.equal(moved, 0, fractional);
      }
    }
  });

  it("buckets in a different order, where shares need not move so many", () => {
    const turned: Bucket[] = [
      ["b", 50],
      ["a", 50],
    ];
    assert.deepEqual(told(policy(...split(50, 50)), policy(...turned)), [
      `${POINTER}: the order of the buckets changed, which moves 100% of users (0% would be enough): keep the order and shift weights within it`,
    ]);
    assert.deepEqual(told(policy(["a", 50], ["c", 50]), policy(["a", 50], ["b", 10], ["c", 40])), []);
    assert.deepEqual(told(policy(["a", 100], ["b", 0]), policy(["b", 0], ["a", 100])), []);
  });

  it("another generation, another key, something else to tell users apart by", () => {
    const now = policy(...split(5, 95));
    const told3 = told(now, { flagd: { fractional: "v3" }, ...now });
    assert.equal(told3.length, 1);
    assert.match(told3[0] ?? "", /^\/flagd\/fractional: bucketing changed from v2 to v3/);
    assert.match(told({ flagd: { fractional: "v1" }, ...now }, now).join(), /^: bucketing changed from v1/);
    assert.deepEqual(told({ flagd: { fractional: "v2" } }, { flagd: { fractional: "v3" } }), []);
    assert.deepEqual(told(now, { flagd: { fractional: "v2" }, ...now }), []);
    assert.match(
      told(now, policy(BY_MAIL, ...split(5, 95))).join(),
      /^\/flags\/a~1b\/targeting\/if\/1\/fractional: the bucketing value has changed/,
    );
    const flag = flagOf({ fractional: split(5, 95) });
    assert.match(
      told({ flags: { old: flag } }, { flags: { new: flag } }).join(),
      /^\/flags\/new\/targeting\/fractional: the flag was renamed from "old"/,
    );
    const byOther = flagOf({ fractional: [{ var: ["email", ""] }, ...split(5, 95)] });
    assert.deepEqual(told({ flags: { old: byOther } }, { flags: { new: byOther } }), []);
  });

  it("is found in shared rules, and told once where it stands", () => {
    const named = (weights: Bucket[]): object => ({
      $evaluators: { spread: { fractional: weights }, weights },
      flags: { f: flagOf({ $ref: "spread" }), g: flagOf({ $ref: "spread" }) },
    });
    const [before, now] = [named(split(5, 95)), named(split(6, 95))];
    assert.deepEqual(
      movedUsers(before, now).map(({ pointer }) => pointer),
      ["/$evaluators/spread/fractional"],
    );
    // The same rule, once in the flag and once shared; a list that is shared.
    const inline = { flags: { f: flagOf({ fractional: split(5, 95) }) } };
    assert.match(told(inline, now).join(), /^\/\$evaluators\/spread\/fractional: the sum of the weights/);
    const listed = { ...now, flags: { f: flagOf({ fractional: { $ref: "weights" } }) } };
    assert.match(told(inline, listed).join(), /^\/flags\/f\/targeting\/fractional: the sum of the weights/);
    // Named by nothing: nobody is bucketed by it.
    assert.deepEqual(told({ ...before, flags: {} }, { ...now, flags: {} }), []);
    // A rule that names itself, which the filter refuses.
    assert.deepEqual(fractionalsOf({ $evaluators: { r: { $ref: "r" } }, flags: { f: { $ref: "r" } } }), []);
  });

  it("follows the only one of a flag to another place", () => {
    const deeper = { flags: { "a/b": flagOf({ if: [{ var: "x" }, "a", { fractional: split(6, 95) }] }) } };
    assert.match(
      told(policy(...split(5, 95)), deeper).join(),
      /targeting\/if\/2\/fractional: the sum of the weights/,
    );
  });
});

describe("publish", () => {
  const file = join(folder, "filter.yaml");
  const publish = (name: string, text: string, ...more: string[]) => {
    writeFileSync(join(folder, name), text);
    const result = spawnSync("node", [CLI, "publish", name, "--to", file, ...more], {
      encoding: "utf8",
      cwd: folder,
    });
    assert.equal(result.status, 0, result.stderr);
    return result;
  };

  it("tells with line and column where the fractional stands, in JSON and in YAML", () => {
    const json = (...weights: number[]): string => JSON.stringify(policy(...split(...weights)), null, 1);
    assert.doesNotMatch(publish("p.json", json(25, 75)).stderr, /added up/);
    assert.doesNotMatch(publish("p.json", json(50, 50)).stderr, /added up/);
    assert.match(
      publish("p.json", json(50, 51)).stderr,
      /^p\.json:14:21 \/flags\/a~1b\/targeting\/if\/1\/fractional: warning: the sum of the weights changed from 100 to 101/m,
    );
    const yaml = `flags:
  a/b:
    state: ENABLED
    variants: { a: 1, b: 2, c: 3 }
    targeting:
      if:
        - true
        - fractional: [[a, 50], [b, 52]] # ü
`;
    assert.match(
      publish("p.yaml", yaml).stderr,
      /^p\.yaml:8:23 \/flags\/a~1b\/targeting\/if\/1\/fractional: warning: the sum of the weights changed from 101 to 102/m,
    );
    const { problems } = JSON.parse(publish("p.yaml", yaml.replace("52", "53"), "--json").stdout) as {
      problems: unknown;
    };
    assert.deepEqual(problems, [
      {
        file: "p.yaml",
        line: 8,
        column: 23,
        pointer: POINTER,
        code: "moves-users",
        message:
          "the sum of the weights changed from 102 to 103, which moves 0.48% of users: keep the sum and shift weights within it",
        severity: "warning",
      },
    ]);
  });
});

describe("places in JSON", () => {
  it("are those of the value, whatever the names and texts before it hold", () => {
    const text = ` {"a\\"}": "[{\\\\", "b" :[1, {"c/~":true}, -2e3 ,"x"],"\\u0064": null}`;
    const places = new PolicyPlaces(readPolicySource("policy.json", Buffer.from(text)));
    for (const [pointer, value] of [
      ["", "{"],
      ['/a"}', '"[{'],
      ["/b", "[1"],
      ["/b/1", '{"c'],
      ["/b/1/c~1~0", "true"],
      ["/b/2", "-2e3"],
      ["/b/3", '"x"'],
      ["/d", "null"],
      ["/b/9", "[1"],
    ] as const) {
      const { line, column } = places.of(pointer);
      assert.equal(line, 1);
      assert.ok(text.startsWith(value, column - 1), pointer);
    }
  });
});
