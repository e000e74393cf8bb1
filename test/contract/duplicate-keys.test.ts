// A key twice in one object is reported, and what the second says is not read: each reader of the policy has room for what
// one of them says, and wrote behind it when both were read.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Vm } from "../../tools/emulator/index.ts";
import { filterModule } from "../support/filter.ts";

const many = (count: number, item: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => item(index)).join(",");
const RANGE = '"10.0.0.0/8"';
const VARIANTS = '"default":"a","variants":{"a":{},"b":{"percent":1}}';
const SHADOW = '"cluster":"s","percent":1';
const GOAL = '"match":[{"path":{"value":"/"}}]';

/** Of each key that has a list or an object of its own room: what is there first, long, and what is there again. */
const TWICE: readonly (readonly [
  key: string,
  long: string,
  again: string,
  around: (members: string) => string,
])[] = [
  [
    "sourceAddress",
    `[${many(64, () => RANGE)}]`,
    `[${RANGE}]`,
    (m) => `{"rollouts":{"r":{"match":[{${m}}],${VARIANTS}}}}`,
  ],
  [
    "match",
    `[${many(64, (i) => `{"path":{"value":"/${i}"}}`)}]`,
    "[]",
    (m) => `{"rollouts":{"r":{${m},${VARIANTS}}}}`,
  ],
  ["slow", `[${many(8, (i) => `"${i + 1}ms"`)}]`, '["1ms"]', (m) => `{"rollouts":{"r":{${m},${VARIANTS}}}}`],
  [
    "variants",
    `{${many(16, (i) => `"v${i}":{}`)}}`,
    '{"a":{}}',
    (m) => `{"rollouts":{"r":{"default":"v0",${m}}}}`,
  ],
  [
    "rollouts",
    `{${many(300, (i) => `"r${i}":{"match":[{"path":{"value":"/${i}"}}],${VARIANTS}}`)}}`,
    `{"r":{${VARIANTS}}}`,
    (m) => `{${m}}`,
  ],
  ["shadows", `{${many(32, (i) => `"s${i}":{${SHADOW}}`)}}`, `{"s":{${SHADOW}}}`, (m) => `{${m}}`],
  [
    "goals",
    `{${many(16, (i) => `"g${i}":{${GOAL}}`)}}`,
    `{"g":{${GOAL}}}`,
    (m) => `{${m},"rollouts":{"r":{${VARIANTS}}}}`,
  ],
  [
    "identity",
    `[${many(8, (i) => `{"cookie":"c${i}"}`)}]`,
    '[{"cookie":"c"}]',
    (m) => `{${m},"rollouts":{"r":{${VARIANTS}}}}`,
  ],
  ["methods", `["GET","HEAD","POST","PUT"]`, '["GET"]', (m) => `{"shadows":{"s":{${SHADOW},${m}}}}`],
  [
    "headers",
    `[${many(16, (i) => `"h${i}"`)}]`,
    '["h"]',
    (m) => `{"shadows":{"s":{${SHADOW},"compare":{${m}}}}}`,
  ],
  [
    "ignore",
    `[${many(64, (i) => `"/${i}"`)}]`,
    '["/a"]',
    (m) => `{"shadows":{"s":{${SHADOW},"compare":{"body":{${m}}}}}}`,
  ],
  [
    "set",
    `{${many(16, (i) => `"h${i}":"v"`)}}`,
    '{"h":"v"}',
    (m) => `{"shadows":{"s":{${SHADOW},"headers":{${m}}}}}`,
  ],
  [
    "flags",
    `{${many(200, (i) => `"f${i}":{"state":"ENABLED","variants":{"on":true},"defaultVariant":"on"}`)}}`,
    '{"f":{"state":"ENABLED","variants":{"on":true},"defaultVariant":"on"}}',
    (m) => `{${m}}`,
  ],
];

/** What is read behind: a record that is written over is taken for one with sources. */
const BEHIND = '"identity":[{"cookie":"x"},{"random":true}]';

describe("a key twice in one object", () => {
  for (const [key, long, again, around] of TWICE) {
    for (const order of ["the longer first", "the longer last", "both long"] as const) {
      test(`${key}, ${order}: refused for that, and nothing else is written`, () => {
        const vm = Vm.load(filterModule());
        const good =
          '{"identity":[{"cookie":"uid"}],"rollouts":{"r":{"default":"a","variants":{"a":{},"b":{"percent":50}}}}}';
        assert.ok(vm.configure(good).accepted);
        const values = {
          "the longer first": [long, again],
          "the longer last": [again, long],
          "both long": [long, long],
        };
        const members = values[order].map((value) => `"${key}":${value}`).join(",");
        const here = key === "identity" ? members : `${members},${BEHIND}`;
        for (const policy of [around(members), around(here), `${around(members).slice(0, -1)},${BEHIND}}`]) {
          const refused = vm.configure(policy);
          assert.equal(refused.accepted, false);
          const codes = new Set(refused.problems.map(({ code }) => code));
          assert.ok(codes.has("duplicate-key"), policy.slice(0, 200));
        }
        // Memory that was given back is taken again.
        for (let i = 0; i < 3; i++) assert.ok(vm.configure(good).accepted);
      });
    }
  }

  test("among many, the second is left out and the others keep their places", () => {
    const vm = Vm.load(filterModule());
    const members = many(40, (i) => `"r${i % 30}":{"match":[{"path":{"value":"/${i}"}}],${VARIANTS}}`);
    const { accepted, problems } = vm.configure(`{"rollouts":{${members}}}`);
    assert.equal(accepted, false);
    assert.deepEqual(
      problems.filter(({ severity }) => severity === "error").map(({ code, pointer }) => [code, pointer]),
      Array.from({ length: 10 }, (_, i) => ["duplicate-key", `/rollouts/r${i}`]),
    );
  });
});
