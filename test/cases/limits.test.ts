// The limits of a policy: what is exactly as large is served, one more is refused with a problem of its own. Too large to
// be files.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Vm, type LoggedProblem } from "../../tools/emulator/index.ts";
import { filterModule } from "../support/filter.ts";

function many<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function byName(count: number, value: unknown): object {
  return Object.fromEntries(many(count, (index) => [`n${index}`, value]));
}

const ROLLOUT = { identity: [], default: "a", variants: { a: {} } };

function rollout(changes: object): object {
  return { rollouts: { checkout: { ...ROLLOUT, ...changes } } };
}

function nested(levels: number): object {
  return many(levels, () => null).reduce<object>((inner) => ({ a: inner }), {});
}

/** Of a size, the limit, what is refused one above it: where, and in which words. */
const LIMITS: [
  what: string,
  limit: number,
  policy: (size: number) => object,
  pointer: string,
  message: RegExp,
][] = [
  [
    "levels",
    64,
    (size) => ({ metadata: nested(size - 2) }),
    `/metadata${"/a".repeat(63)}`,
    /deeper than 64 levels/,
  ],
  [
    "rollouts",
    16384,
    (size) => ({ rollouts: byName(size, { ...ROLLOUT, match: [{ path: { value: "/a" } }] }) }),
    "/rollouts",
    /more than 16384 rollouts/,
  ],
  [
    "rollouts without match",
    256,
    (size) => ({ rollouts: byName(size, ROLLOUT) }),
    "/rollouts/n256",
    /more than 256 rollouts that apply to every path and host: give this one a match/,
  ],
  [
    "rollouts whose match holds for every request",
    256,
    (size) => ({
      rollouts: byName(size, { ...ROLLOUT, match: [{ method: "GET" }, { path: { value: "/" } }] }),
    }),
    "/rollouts/n256",
    /more than 256 rollouts that apply to every path and host/,
  ],
  [
    "goals",
    32,
    (size) => ({ ...rollout({}), goals: byName(size, { match: [{}], rollouts: ["checkout"] }) }),
    "/goals",
    /more than 32 goals/,
  ],
  [
    "pairs of a goal and a rollout",
    256,
    (size) => ({
      identity: [{ cookie: "uid" }],
      rollouts: byName(size - 128, { default: "a", variants: { a: {} } }),
      goals: { all: { match: [{}] }, some: { match: [{}], rollouts: many(128, (index) => `n${index}`) } },
    }),
    "/goals/some",
    /more than 256 pairs of a goal and a rollout/,
  ],
  [
    "variants",
    16,
    (size) => rollout({ default: "n0", variants: byName(size, {}) }),
    "/rollouts/checkout/variants",
    /more than 16 variants/,
  ],
  [
    "match entries",
    256,
    (size) => rollout({ match: many(size, () => ({})) }),
    "/rollouts/checkout/match",
    /more than 256 match entries/,
  ],
  [
    "sources",
    16,
    (size) => ({ identity: many(size, () => ({ cookie: "a" })) }),
    "/identity",
    /more than 16 sources/,
  ],
  [
    "flags",
    10000,
    (size) => ({ flags: byName(size, { state: "ENABLED", variants: { on: true }, defaultVariant: "on" }) }),
    "/flags",
    /more than 10000 flags/,
  ],
  [
    "shadows",
    256,
    (size) => ({ shadows: byName(size, { cluster: "a" }) }),
    "/shadows",
    /more than 256 shadows/,
  ],
  [
    "pointers to ignore",
    64,
    (size) => ({
      shadows: {
        copy: { cluster: "a", compare: { body: { json: true, ignore: many(size, (index) => `/${index}`) } } },
      },
    }),
    "/shadows/copy/compare/body/ignore",
    /more than 64 pointers/,
  ],
  [
    "members of an object of the context",
    1024,
    (size) => ({ flagd: { context: { a: [byName(size, 1)] } } }),
    "/flagd/context/a/0",
    /more than 1024 members/,
  ],
  [
    "bytes of a host",
    253,
    (size) => rollout({ match: [{ hosts: [`${"a.".repeat(100)}${"a".repeat(size - 200)}`] }] }),
    "/rollouts/checkout/match/0/hosts/0",
    /must be a host/,
  ],
  [
    "regular expressions",
    256,
    (size) =>
      rollout({
        match: [
          {
            headers: many(size, (index) => ({
              name: "x-a",
              type: "RegularExpression",
              value: `a{${index}}`,
            })),
          },
        ],
      }),
    "/rollouts/checkout/match/0/headers/256/value",
    /more than 256 regular expressions/,
  ],
  [
    "bytes of a regular expression",
    1024,
    (size) => rollout({ match: [{ path: { type: "RegularExpression", value: "a".repeat(size) } }] }),
    "/rollouts/checkout/match/0/path/value",
    /more than 1024 bytes in a regular expression/,
  ],
  [
    "states of a regular expression",
    4096,
    (size) =>
      rollout({
        match: [
          {
            path: {
              type: "RegularExpression",
              value: `a{1000}b{1000}c{1000}d{1000}${"e".repeat(size - 4001)}`,
            },
          },
        ],
      }),
    "/rollouts/checkout/match/0/path/value",
    /more than 4096 states in a regular expression/,
  ],
  [
    "address ranges of an entry",
    256,
    (size) =>
      rollout({
        match: [
          {
            sourceAddress: many(size, (index) => `10.0.${index}.0/24`).map((range) =>
              range.replace("256", "1"),
            ),
          },
        ],
      }),
    "/rollouts/checkout/match/0/sourceAddress",
    /more than 256 address ranges/,
  ],
  [
    "bytes of a path",
    2048,
    (size) => rollout({ match: [{ path: { value: `/${"a".repeat(size - 1)}` } }] }),
    "/rollouts/checkout/match/0/path/value",
    /more than 2048 bytes/,
  ],
  [
    "characters of a header secret",
    128,
    (size) => rollout({ headerSecret: "a".repeat(size) }),
    "/rollouts/checkout/headerSecret",
    /1 to 128 visible/,
  ],
  [
    "bytes of a salt",
    1024,
    (size) => rollout({ salt: "a".repeat(size) }),
    "/rollouts/checkout/salt",
    /1 to 1024 bytes/,
  ],
  [
    "bytes of a cluster's name",
    1024,
    (size) => rollout({ variants: { a: { cluster: "a".repeat(size) } } }),
    "/rollouts/checkout/variants/a/cluster",
    /1 to 1024 visible/,
  ],
];

function configure(policy: string): { accepted: boolean; errors: LoggedProblem[] } {
  const { accepted, problems } = Vm.load(filterModule()).configure(policy);
  return { accepted, errors: problems.filter(({ severity }) => severity === "error") };
}

for (const [what, limit, policy, pointer, message] of LIMITS) {
  test(`${limit} ${what}, and no more`, () => {
    assert.deepEqual(configure(JSON.stringify(policy(limit))), { accepted: true, errors: [] });
    const { accepted, errors } = configure(JSON.stringify(policy(limit + 1)));
    assert.equal(accepted, false);
    assert.deepEqual(
      errors.map((problem) => problem.pointer),
      [pointer],
    );
    assert.match(errors[0]?.message ?? "", message);
  });
}

test("4 MiB of text, and no more", () => {
  const padded = (bytes: number): string => "{}".padEnd(bytes, " ");
  assert.deepEqual(configure(padded(4 << 20)), { accepted: true, errors: [] });
  const { accepted, errors } = configure(padded((4 << 20) + 1));
  assert.equal(accepted, false);
  assert.deepEqual(
    errors.map(({ code, pointer }) => [code, pointer]),
    [["limit", ""]],
  );
});
