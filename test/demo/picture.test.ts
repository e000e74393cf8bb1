// What a person sees: nothing wraps, whatever the terminal, the names and the problems are.

import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";
import { stripVTControlCharacters } from "node:util";

import pc from "picocolors";

import { NO_COUNTS } from "../../tools/demo/envoy-counts.ts";
import { findExamples, liveFrame, wrap, type Examples, type View } from "../../tools/demo/frame.ts";
import { MismatchPlaces } from "../../tools/demo/envoy-log.ts";
import type { Oracle } from "../../tools/demo/oracle.ts";
import { Ledger } from "../../tools/demo/ledger.ts";
import { readOptions, type DemoOptions } from "../../tools/demo/options.ts";
import type { Story } from "../../tools/demo/story.ts";
import { tableLines } from "../../tools/demo/table.ts";
import { Tally } from "../../tools/demo/tally.ts";
import { grouped } from "../../tools/terminal/numbers.ts";
import { exampleOracle, oracleOf, PLAN, USERS } from "./example-policy.ts";

const PLAIN = pc.createColors(false);
const oracle = exampleOracle();
const LONG = "a-name-that-is-as-long-as-a-dns-label-may-be-0123456789-0123456";

const STORY: Story = { started: 0, now: 10_000, failsAt: 25_000, changedAt: 0, moves: [], waitsFor: null };

function view(changes: Partial<View> = {}): View {
  return {
    tally: new Tally(PLAN, oracle),
    counts: NO_COUNTS,
    before: NO_COUNTS,
    shadows: [],
    places: new MismatchPlaces(),
    envoyVersion: "1.40.0",
    port: 18080,
    adminPort: 19901,
    policyPath: "build/demo-18080/policy.yaml",
    edited: false,
    sinceMs: 12_345,
    notice: null,
    examples: findExamples({ plan: PLAN, oracle }),
    ledger: new Ledger(),
    rollbacks: [],
    story: STORY,
    ...changes,
  };
}

describe("the picture", () => {
  it("shows who was asked for what, where to look, and what to try", () => {
    const text = liveFrame(view(), 80, 23, PLAIN);
    for (const part of [
      "http://localhost:18080",
      "admin http://localhost:19901",
      "build/demo-18080/policy.yaml",
    ]) {
      assert.ok(text.includes(part), part);
    }
    assert.match(text, /^ user +curl -b uid=u-\d+ localhost:18080\/checkout$/m);
    assert.match(text, /^ tester +curl .* -H 'x-canary: canary' localhost:18080\/checkout$/m);
    assert.match(text, /^ forger +curl .* -H 'x-serin-checkout: canary' localhost:18080\/checkout$/m);
    assert.doesNotMatch(text, /…/, "nothing has to be cut at 80 columns");
  });

  it("fits any terminal, with long names and many problems", () => {
    const variants = [LONG, `${LONG.slice(1)}x`];
    const plan = [{ name: LONG, default: LONG, variants, isGuarded: false, defaultCluster: null }, ...PLAN];
    const tally = new Tally(plan, oracle, new Tally(plan, exampleOracle(1)));
    const shadows = [{ name: LONG, percent: 0.125, drawsRequests: true, isMirror: false }];
    const places = new MismatchPlaces();
    places.add({ shadow: LONG, place: `/${LONG}/${LONG}` });
    const lines = Array.from(
      { length: 20 },
      (_, at) => `policy.yaml:${at}:1 /${LONG}/${LONG}: ${"word ".repeat(40)}`,
    );
    for (const width of [40, 74, 80, 120, 200]) {
      for (const height of [5, 12, 23, 60]) {
        for (const colors of [PLAIN, pc.createColors(true)]) {
          const picture = liveFrame(
            view({ tally, shadows, places, edited: true, notice: { kind: "refused", lines } }),
            width,
            height,
            colors,
          ).split("\n");
          assert.ok(picture.length <= height, `${picture.length} lines in ${height}`);
          for (const line of picture) {
            assert.ok(
              stripVTControlCharacters(line).length <= width,
              `${width}: ${stripVTControlCharacters(line)}`,
            );
          }
        }
      }
    }
  });

  it("gives up what can be missed, line by line, before a shadow", () => {
    const shadows = [{ name: "checkout-v3", percent: 10, drawsRequests: true, isMirror: false }];
    const [high, low] = [26, 20].map((height) => liveFrame(view({ shadows }), 80, height, PLAIN)) as [
      string,
      string,
    ];
    assert.match(high, /^ checkout-v3 +10% /m);
    assert.match(high, /Ctrl-C to stop/);
    assert.match(low, /^ checkout-v3 +10% /m);
    assert.match(high, /localhost:18080\/checkout\n\n share of users: /, "a blank line where there is room");
    assert.match(low, /^ tester +curl .*\n share of users: .* Ctrl-C to stop\.$/m);
    assert.doesNotMatch(low, /^ forger/m);
  });

  it("a refused edit stands in it even on a low terminal", () => {
    const notice = { kind: "refused" as const, lines: ["policy.yaml:3:5 /rollouts: must be an object"] };
    const text = liveFrame(view({ notice, edited: true }), 80, 23, PLAIN);
    assert.match(
      text,
      /^ refused; the last good policy keeps serving\n {2}policy\.yaml:3:5 \/rollouts: must be an object$/m,
    );
  });

  it("a file without a policy is told calmly", () => {
    const notice = { kind: "absent" as const, lines: ["build/demo-18080/policy.yaml is missing"] };
    const text = liveFrame(view({ notice }), 80, 23, PLAIN);
    assert.match(text, /^ build\/demo-18080\/policy\.yaml is missing; the last good policy keeps serving$/m);
    assert.doesNotMatch(text, /refused/);
  });

  it("names nobody as a user of the canary when there is none", () => {
    const rows = (examples: Examples): string[] =>
      [...liveFrame(view({ examples }), 80, 40, PLAIN).matchAll(/^ (\w+) +curl /gm)].map(
        ([, row = ""]) => row,
      );
    assert.deepEqual(rows(findExamples({ plan: PLAN, oracle })), ["user", "canary", "tester", "forger"]);
    const nobody = findExamples({ plan: PLAN, oracle: exampleOracle(0) });
    assert.deepEqual(rows(nobody), ["user", "tester", "forger"]);
    const none = findExamples({ plan: [], oracle: oracleOf("{}") });
    assert.deepEqual(rows(none), ["user", "forger"]);
    const tally = new Tally([], oracleOf("{}"));
    assert.match(liveFrame(view({ tally }), 80, 40, PLAIN), /─\n the policy has no rollouts\n/);
  });

  it("a line names whom an edit moved, as far as they have come", () => {
    const seenBy = (tally: Tally, oracle: Oracle, users: readonly string[]): Tally => {
      for (const user of users) {
        const { service, variants } = oracle.expect(user, "/checkout");
        tally.add({ user, path: "/checkout", forged: false, service, told: variants, failure: null });
      }
      return tally;
    };
    const [few, more] = [exampleOracle(5), exampleOracle(20)];
    const before = seenBy(new Tally(PLAN, few), few, USERS.slice(0, 500));
    const tally = seenBy(new Tally(PLAN, more, before), more, USERS.slice(0, 400));
    const moved = USERS.slice(0, 400).filter((user) => variantOf(few, user) !== variantOf(more, user));
    assert.ok(moved.length > 20, `${moved.length} moved`);
    seenBy(tally, more, USERS.slice(500));
    assert.equal(tally.differing, 0, tally.firstDifference ?? "");
    assert.deepEqual(
      tally.moves(),
      [{ rollout: "checkout", from: "stable", to: "canary", users: moved.length }],
      "who first came after the edit was moved by nothing",
    );
    assert.match(
      liveFrame(view({ tally, edited: true }), 80, 23, PLAIN),
      /^ users moved by the change: checkout \d+ stable → canary$/m,
    );
  });

  it("has colours only when asked", () => {
    const lines = tableLines(view(), 80, PLAIN).join("\n");
    assert.equal(stripVTControlCharacters(lines), lines);
    assert.notEqual(tableLines(view(), 80, pc.createColors(true)).join("\n"), lines);
  });

  it("writes numbers and lines so that people can read them", () => {
    assert.deepEqual([0, 999, 1000, 1234567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    assert.deepEqual(wrap("one two three four", 9, 3), ["one two", "  three", "  four"]);
    assert.deepEqual(wrap("one two three four five six", 9, 2), ["one two", "  three …"]);
  });
});

function variantOf(oracle: Oracle, user: string): string | undefined {
  return oracle.expect(user, "/checkout").variants.get("checkout");
}

describe("options", () => {
  const read = (env: NodeJS.ProcessEnv, terminal = true): DemoOptions => readOptions(env, terminal);

  it("are live on 8080 and 9901, and once without a terminal or with ONCE", () => {
    const root = resolve(import.meta.dirname, "../..");
    assert.deepEqual(read({}), {
      ...{ port: 8080, adminPort: 9901, once: false, envoy: null, retry: "make demo NAME=…" },
      ...{ envoys: join(root, ".envoy"), folder: join(root, "build/demo-8080") },
    });
    const given = read({ ONCE: "0", PORT: "9000", ADMIN_PORT: "9001", ENVOY: "/e" });
    assert.deepEqual([given.port, given.adminPort, given.once, given.envoy], [9000, 9001, false, "/e"]);
    assert.equal(readOptions({ ONCE: "1" }, true).once, true);
    assert.equal(readOptions({}, false).once, true);
  });

  it("of the installed command keep everything in one folder of the person's", () => {
    const { envoys, folder, retry } = read({ SERIN_DEMO_COMMAND: "serin demo" });
    assert.deepEqual(
      [envoys, folder, retry],
      [resolve("serin-demo/.envoy"), resolve("serin-demo/8080"), "NAME=… serin demo"],
    );
  });

  it("refuse what is no port, and one port for two", () => {
    for (const port of ["0", "65536", "-1", "8080x", "1e3"])
      assert.throws(() => read({ PORT: port }), /must be a port/);
    assert.throws(() => read({ PORT: "9901" }), /both 9901/);
  });
});
