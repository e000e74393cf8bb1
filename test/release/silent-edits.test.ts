// Edits that used to change production without a word. Each is refused, or told before it is live.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { parse, stringify } from "yaml";

import { runCli, temporaryFolder } from "../support/cli.ts";

const LIVE = `identity:
  - cookie: uid
rollouts:
  checkout:
    match:
      - hosts: [shop.example.com]
    when: { "!=": [{ var: headers.x-country }, DE] }
    default: stable
    variants:
      stable: {}
      green: { percent: 20, cluster: checkout-green }
      blue: { percent: 10, cluster: checkout-blue }
  search:
    default: old
    variants:
      old: {}
      new: { percent: 10, cluster: search-new }
`;

const folder = temporaryFolder();
let files = 0;

/** Publishes an edit over the live policy, with no user allowed to move. */
async function publishEdit(edited: string, ...options: readonly string[]) {
  const to = `${folder.path}/filter-${++files}.yaml`;
  const first = await runCli(["publish", folder.write(`live-${files}.yaml`, LIVE), "--to", to]);
  assert.equal(first.status, 0, first.stderr);
  const before = readFileSync(to, "utf8");
  const file = folder.write(`edited-${files}.yaml`, edited);
  const outcome = await runCli(["publish", file, "--to", to, ...options]);
  return { ...outcome, isUntouched: readFileSync(to, "utf8") === before };
}

function edit(from: string | RegExp, to: string): string {
  const edited = LIVE.replace(from, to);
  assert.notEqual(edited, LIVE);
  return edited;
}

/** As a templating tool writes it: each object's keys in the order of the alphabet. */
function withSortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withSortedKeys);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([key, inner]) => [key, withSortedKeys(inner)]));
}

describe("an empty or cut policy file is refused", () => {
  for (const [what, text] of [
    ["empty", ""],
    ["comments alone", "# to be written\n"],
    ["cut after its identity", LIVE.slice(0, LIVE.indexOf("rollouts:"))],
    ["cut after rollouts:", LIVE.slice(0, LIVE.indexOf("  checkout:"))],
    ["cut within a rollout", LIVE.slice(0, LIVE.indexOf("    default: stable"))],
    ["cut within a line", LIVE.slice(0, LIVE.indexOf(", cluster: checkout-green"))],
  ] as const) {
    test(what, async () => {
      const { status, isUntouched, stderr } = await publishEdit(text);
      assert.deepEqual([status, isUntouched], [1, true]);
      assert.match(
        stderr,
        /not changed: the policy (is invalid|has nothing in it, and would take away 2 rollouts)/,
      );
    });
  }

  test("cut between two rollouts, it is told whose variants go", async () => {
    const cut = LIVE.slice(0, LIVE.indexOf("  search:"));
    const { stdout } = await publishEdit(cut, "--dry-run");
    assert.match(stdout, /^rollout search: 10% of users move/m);
  });
});

describe("a misspelt variable is refused with the right one", () => {
  for (const [wrong, right] of [
    ["header.x-country", /did you mean "headers\.x-country"\?/],
    ["cookie.qa", /did you mean "cookies\.qa"\?/],
    ["headers.X-Country", /names of headers are lower case in rules: write "headers\.x-country"/],
  ] as const) {
    test(wrong, async () => {
      const { status, isUntouched, stderr } = await publishEdit(edit("headers.x-country", wrong));
      assert.deepEqual([status, isUntouched], [1, true]);
      assert.match(stderr, right);
      assert.match(stderr, /\/rollouts\/checkout\/when\//);
    });
  }
});

describe("an edit that moves users is told, and refused where none may move", () => {
  const third =
    "blue: { percent: 10, cluster: checkout-blue }\n      red: { percent: 0, cluster: checkout-red }";
  for (const [what, edited, told] of [
    [
      "variants in another order",
      edit(/( +green.*\n)( +blue.*\n)/, "$2$1"),
      /^rollout checkout: 40% of users move$/m,
    ],
    [
      "keys sorted by a templating tool",
      stringify(withSortedKeys(parse(LIVE))),
      /^rollout checkout: 40% of users move$/m,
    ],
    ["a third variant, of 0 percent", edit(/blue: .*/, third), /^rollout checkout: [\d.]+% of users move$/m],
    [
      "another salt",
      edit("default: stable", "salt: autumn\n    default: stable"),
      /^rollout checkout: who moves cannot be known: everybody may move$/m,
    ],
    [
      "another identity",
      edit("cookie: uid", "header: x-user-id"),
      /^rollout search: who moves cannot be known: everybody may move$/m,
    ],
    ["another name", edit("  checkout:\n", "  checkout-2026:\n"), /^rollout checkout(?:-2026)?: /m],
  ] as const) {
    test(what, async () => {
      const { status, isUntouched, stdout, stderr } = await publishEdit(edited, "--fail-if-moved", "0");
      assert.match(stdout, told);
      assert.deepEqual([status, isUntouched], [1, true]);
      assert.match(
        stderr,
        /not changed: (everybody may move|[\d.]+% of users move), more than --fail-if-moved 0/,
      );
    });
  }
});
