// docs/capacity.md says how many stats a policy makes: this counts them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";

import { Vm } from "../../tools/emulator/index.ts";
import { filterModule } from "../support/filter.ts";

const PAGE = readFileSync(join(resolve(import.meta.dirname, "../.."), "docs/capacity.md"), "utf8");
const SECOND = 1_000_000_000n;
const USERS = 300;

/** The rows of the page, by what it says of a policy, with what that policy has. */
const ROWS: Readonly<Record<string, { readonly rollout?: object; readonly policy?: object }>> = {
  "`signals: full` (default)": {},
  "`signals: matched`": { rollout: { signals: "matched" } },
  "`signals: count`": { rollout: { signals: "count" } },
  "`slow: [1s]` in place of the six default thresholds": { rollout: { slow: ["1s"] } },
  "a `guard`": { rollout: { guard: {} } },
  "a goal of that rollout": { policy: { goals: { orders: { match: [{ path: { value: "/" } }] } } } },
};

/** The stats after some seconds with traffic on every variant. */
function statsOf(policy: object): string[] {
  const vm = Vm.load(filterModule());
  const { root, problems } = vm.configure(JSON.stringify({ identity: [{ cookie: "uid" }], ...policy }));
  assert.ok(root !== null, JSON.stringify(problems));
  for (let user = 0; user < USERS; user++) {
    const headers: [string, string][] = [
      [":method", "GET"],
      [":authority", "shop"],
      [":path", "/"],
      ["cookie", `uid=u${user}`],
    ];
    const stream = vm.open(root, { headers });
    stream.onRequestHeaders();
    stream.respond(200);
  }
  const begun = vm.clock();
  for (let second = 1n; second < 10n; second++) {
    vm.clock = () => begun + second * SECOND;
    vm.runTicks();
  }
  return vm.metrics.all().map(({ name }) => name);
}

function rolloutOf(variants: number, rest: object = {}): object {
  const named = Array.from(
    { length: variants },
    (_, i) => [`v${i}`, i === 0 ? {} : { percent: 10 }] as const,
  );
  return { default: "v0", variants: Object.fromEntries(named), ...rest };
}

const ofRollouts = (names: readonly string[]): number =>
  names.filter((name) => name.startsWith("serin.rollout.")).length;

for (const [what, { rollout, policy }] of Object.entries(ROWS)) {
  test(`the number of stats: ${what}`, () => {
    const count = (variants: number): number =>
      ofRollouts(statsOf({ rollouts: { r: rolloutOf(variants, rollout) }, ...policy }));
    const [two, three, four] = [count(2), count(3), count(4)] as const;
    assert.equal(four - three, three - two, "each further variant has as many");
    const row = PAGE.split("\n").find((line) => line.startsWith(`| ${what} `));
    assert.ok(row !== undefined, `docs/capacity.md has no row for ${what}`);
    const [, , said, further] = row.split("|").map((cell) => cell.trim());
    assert.deepEqual([said, further], [String(two), String(three - two)]);
  });
}

test("the number of stats: a shadow, and those of every policy", () => {
  const without = statsOf({ rollouts: { r: rolloutOf(2) } });
  const shadows = { s: { percent: 10, cluster: "c" } };
  const withShadow = statsOf({ rollouts: { r: rolloutOf(2) }, shadows });
  const ofShadow = withShadow.filter((name) => name.startsWith("serin.shadow.")).length;
  assert.ok(PAGE.includes(`A shadow has ${ofShadow}`), `a shadow has ${ofShadow}`);
  const others = without.length - ofRollouts(without);
  assert.ok(PAGE.includes(`an Envoy has ${others} more`), `an Envoy has ${others} more`);
});
