// `serin diff`: shares beside a brute-force count over users, and what is said of each kind of change.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { loadFilter } from "../../tools/policy/filter-module.ts";
import { diffPolicies, mostMoved, type PolicyDiff } from "../../tools/release/diff.ts";
import { parseOrdered } from "../../tools/terminal/ordered-json.ts";
import { layOut, murmur3, type Share } from "../support/assignment.ts";
import { seeded, type Random } from "../support/random.ts";
import { runCli, temporaryFolder } from "../support/cli.ts";

// In full: SERIN_DIFF_PAIRS=500 SERIN_DIFF_USERS=1000000 SERIN_DIFF_SEED=… npx tsx --test test/release/diff.test.ts
const PAIRS = Number(process.env["SERIN_DIFF_PAIRS"] ?? 60);
const USERS = Number(process.env["SERIN_DIFF_USERS"] ?? 100_000);
const SEED = Number(process.env["SERIN_DIFF_SEED"] ?? 17);

const module = loadFilter();

interface Rollout {
  readonly shares: readonly Share[];
  readonly isOff: boolean;
}

function diffOf(before: object, after: object): PolicyDiff {
  return diffPolicies(parseOrdered(JSON.stringify(before)), parseOrdered(JSON.stringify(after)), { module });
}

function policyOf({ shares, isOff }: Rollout): object {
  const variants = shares.map(({ variant, percent, max }): [string, object] => [
    variant,
    { percent: percent / 1000, ...(max === undefined ? {} : { max: max / 1000 }) },
  ]);
  const state = isOff ? { state: "DISABLED" } : {};
  return {
    identity: [{ cookie: "uid" }],
    rollouts: {
      checkout: { ...state, default: "stable", variants: { stable: {}, ...Object.fromEntries(variants) } },
    },
  };
}

const NAMES = ["canary", "blue", "green", "next", "v5", "v6"];

/** Shares that a policy may have: thousandths of a percent. */
function makeRollout(random: Random): Rollout {
  const count = 1 + random.below(random.below(3) === 0 ? 6 : 2);
  const names = [...NAMES].sort(() => random.below(3) - 1).slice(0, count);
  const hasCeilings = random.below(2) === 0;
  const room = Math.floor(100_000 / count);
  const shares = names.map((variant): Share => {
    const max = 1 + random.below(room);
    const percent = random.below((hasCeilings ? max : count > 2 ? room : 50_000) + 1);
    return { variant, percent, ...(hasCeilings ? { max } : {}) };
  });
  return { shares, isOff: random.below(12) === 0 };
}

/** The variant of each user, as an index into `names`; 0 for the default. */
function assign({ shares, isOff }: Rollout, hashes: Uint32Array, names: readonly string[]): Uint8Array {
  const slots = (isOff ? [] : layOut(shares)).map(({ variant, begin, end }) => ({
    index: names.indexOf(variant),
    begin,
    end,
  }));
  return Uint8Array.from(hashes, (hash) => {
    for (const { index, begin, end } of slots) if (begin <= hash && hash < end) return index;
    return 0;
  });
}

describe("shares of those who move", () => {
  test(`of ${PAIRS} pairs of policies are those of ${USERS} users`, () => {
    const random = seeded(SEED);
    const hashes = Uint32Array.from({ length: USERS }, (_, i) =>
      murmur3(Buffer.from(`checkout/user-${SEED}-${i}`)),
    );
    const names = ["stable", ...NAMES];
    let checked = 0;
    for (let pair = 0; pair < PAIRS; pair++) {
      const [before, after] = [makeRollout(random), makeRollout(random)];
      const diff = diffOf(policyOf(before), policyOf(after)).rollouts.get("checkout");
      assert.ok(diff);
      const [was, is] = [assign(before, hashes, names), assign(after, hashes, names)];
      const counted = new Float64Array(names.length * names.length);
      for (let i = 0; i < USERS; i++) {
        const at = (was[i] as number) * names.length + (is[i] as number);
        counted[at] = (counted[at] as number) + 1;
      }
      const told = new Map(diff.changes.map(({ from, to, share }) => [`${from} ${to}`, share]));
      let moved = 0;
      for (const [i, from] of names.entries()) {
        for (const [j, to] of names.entries()) {
          if (i === j) continue;
          const share = told.get(`${from} ${to}`) ?? 0;
          const seen = (counted[i * names.length + j] as number) / USERS;
          moved += seen;
          // Five standard errors, and one user for shares that are almost none.
          const bound = 5 * Math.sqrt((share * (1 - share)) / USERS) + 2 / USERS;
          const where = `pair ${pair}, ${from} to ${to}: ${JSON.stringify([before, after])}`;
          assert.ok(Math.abs(seen - share) <= bound, `${where}: told ${share}, counted ${seen}`);
          checked++;
        }
      }
      const total = diff.moved ?? NaN;
      assert.ok(Math.abs(total - moved) <= 5 * Math.sqrt((total * (1 - total)) / USERS) + 2 / USERS);
    }
    assert.equal(checked, PAIRS * names.length * (names.length - 1));
  });

  test("are exact: the widths of the slots themselves", () => {
    const changes = (before: object, after: object): [string | null, string | null, number][] =>
      (diffOf(rollout(before), rollout(after)).rollouts.get("r")?.changes ?? []).map(
        ({ from, to, share }) => [from, to, share],
      );
    assert.deepEqual(changes({ c: 1 }, { c: 5 }), [["s", "c", 0.04]]);
    assert.deepEqual(changes({ c: 0.001 }, { c: 0.002 }), [["s", "c", 0.00001]]);
    assert.deepEqual(changes({ c: 5 }, { c: 0 }), [["c", "s", 0.05]]);
    assert.deepEqual(changes({ a: 10, b: 20 }, { b: 20, a: 10 }), [
      ["a", "b", 0.1],
      ["b", "a", 0.1],
      ["s", "b", 0.1],
      ["b", "s", 0.1],
    ]);
    // A third variant lays everybody out anew.
    assert.deepEqual(changes({ a: 10, b: 10 }, { a: 10, b: 10, c: 0 }), [
      ["s", "b", 0.1],
      ["b", "s", 0.1],
    ]);
  });
});

/** A policy with the rollout `r`: percents by variant, `s` the default. */
function rollout(percents: object, changes: object = {}, policy: object = {}): object {
  const variants = Object.entries(percents).map(([name, percent]) => [name, { percent }]);
  return {
    identity: [{ cookie: "uid" }],
    rollouts: { r: { default: "s", variants: { s: {}, ...Object.fromEntries(variants) }, ...changes } },
    ...policy,
  };
}

describe("two steps of a ramp", () => {
  test("differ by the users who join, whatever else the rollout has", () => {
    const steps = [0.5, 1, 5, 25, 40];
    const others: object[] = [
      {},
      { blue: { percent: 30 } },
      { blue: { percent: 10 }, green: { percent: 33 } },
      { blue: { percent: 10, max: 50 } },
    ];
    for (const rest of others) {
      const hasMax = JSON.stringify(rest).includes("max");
      const last = Object.keys(rest).length > 1 ? steps.slice(0, 4) : steps;
      const at = (percent: object): object => ({
        identity: [{ cookie: "uid" }],
        rollouts: {
          r: {
            default: "s",
            variants: {
              ...{
                s: {},
                c: { ...percent, ramp: { steps: last, every: "30m" }, ...(hasMax ? { max: 50 } : {}) },
              },
              ...rest,
            },
          },
        },
      });
      let before = 0;
      for (const percent of last) {
        const diff = diffOf(at(before === 0 ? {} : { percent: before }), at({ percent }));
        const joined = Number(((percent - before) / 100).toFixed(6));
        assert.deepEqual(diff.rollouts.get("r")?.changes, [{ from: "s", to: "c", share: joined }]);
        before = percent;
      }
      const stopped = diffOf(at({ percent: before }), at({ percent: 0 })).rollouts.get("r");
      assert.deepEqual(stopped?.changes, [{ from: "c", to: "s", share: before / 100 }]);
    }
  });
});

describe("what cannot be known", () => {
  const base = rollout({ c: 10 });
  const unknown: [what: string, after: object, why: RegExp][] = [
    ["another salt", rollout({ c: 10 }, { salt: "new" }), /the salt has changed \("r" before, "new" now\)/],
    [
      "another identity",
      rollout({ c: 10 }, {}, { identity: [{ header: "x-user" }] }),
      /the identity has changed/,
    ],
    [
      "an identity of the rollout's own",
      rollout({ c: 10 }, { identity: [{ cookie: "other" }] }),
      /the identity has changed/,
    ],
    [
      "a source in front",
      rollout({ c: 10 }, {}, { identity: [{ header: "x-user" }, { cookie: "uid" }] }),
      /the identity has changed/,
    ],
  ];
  for (const [what, after, why] of unknown) {
    test(`${what}: everybody may move, and comes before all`, () => {
      const diff = diffOf(base, after);
      const part = diff.rollouts.get("r");
      assert.equal(part?.moved, null);
      assert.match(part?.unknown ?? "", why);
      assert.equal(diff.moved, null);
      assert.equal(mostMoved(diff), null);
    });
  }

  test("is known all the same where one side gives everybody the same", () => {
    const diff = diffOf(rollout({ c: 0 }), rollout({ c: 5 }, { salt: "new" }));
    assert.deepEqual(diff.rollouts.get("r")?.changes, [{ from: "s", to: "c", share: 0.05 }]);
    assert.equal(diff.moved, 0.05);
  });

  test("how a cookie is issued moves nobody", () => {
    const issued = (maxAge: string): object =>
      rollout({ c: 10 }, {}, { identity: [{ issueCookie: { name: "id", maxAge } }] });
    assert.equal(diffOf(issued("1d"), issued("30d")).moved, 0);
  });
});

describe("rollouts", () => {
  test("a new one, one that goes, one that is renamed with its salt", () => {
    const base = rollout({ c: 10 });
    const added = diffOf({ identity: [{ cookie: "uid" }] }, base).rollouts.get("r");
    assert.deepEqual(added?.changes, [{ from: null, to: "c", share: 0.1 }]);
    assert.deepEqual(added?.notes, ["new"]);
    const removed = diffOf(base, { identity: [{ cookie: "uid" }] }).rollouts.get("r");
    assert.deepEqual(removed?.changes, [{ from: "c", to: null, share: 0.1 }]);
    const named = { default: "s", variants: { s: {}, c: { percent: 12 } }, salt: "r" };
    const diff = diffOf(base, { identity: [{ cookie: "uid" }], rollouts: { better: named } });
    assert.deepEqual([...diff.rollouts.keys()], ["better"]);
    assert.equal(diff.rollouts.get("better")?.renamedFrom, "r");
    assert.equal(diff.moved, 0.02);
  });

  test("the default that is told counts, the silent one does not", () => {
    const told = diffOf({}, rollout({ c: 10 }, { announce: "all" })).rollouts.get("r");
    assert.deepEqual(told?.changes, [
      { from: null, to: "s", share: 0.9 },
      { from: null, to: "c", share: 0.1 },
    ]);
  });

  test("another match or when: shares of those whom it concerns", () => {
    const scoped = (value: string): object =>
      rollout({ c: 10 }, { match: [{ path: { type: "PathPrefix", value } }] });
    const part = diffOf(scoped("/a"), scoped("/b")).rollouts.get("r");
    assert.equal(part?.scope, "changed");
    assert.deepEqual(part.changes, []);
    assert.deepEqual(part.entering, [{ from: null, to: "c", share: 0.1 }]);
    assert.deepEqual(part.leaving, [{ from: "c", to: null, share: 0.1 }]);
    assert.equal(part.moved, 0.1);
    const when = (rule: object, policy: object = {}): object => rollout({ c: 10 }, { when: rule }, policy);
    const rule = { "==": [{ var: "headers.x" }, "1"] };
    const shared = { $evaluators: { one: rule } };
    assert.equal(diffOf(when(rule), when({ $ref: "one" }, shared)).rollouts.get("r")?.scope, undefined);
    const other = { $evaluators: { one: { "==": [{ var: "headers.x" }, "2"] } } };
    assert.equal(
      diffOf(when({ $ref: "one" }, shared), when({ $ref: "one" }, other)).rollouts.get("r")?.scope,
      "changed",
    );
  });

  test("disabled gives everybody the default; without any identity too", () => {
    const base = rollout({ c: 10 });
    assert.deepEqual(diffOf(base, rollout({ c: 10 }, { state: "DISABLED" })).rollouts.get("r")?.changes, [
      { from: "c", to: "s", share: 0.1 },
    ]);
    assert.deepEqual(diffOf(base, rollout({ c: 10 }, {}, { identity: [] })).rollouts.get("r")?.moved, 0.1);
  });

  test("variants named with digits stand in the order of the text", () => {
    const text = (variants: string): string =>
      `{"identity":[{"cookie":"u"}],"rollouts":{"r":{"default":"s","variants":{"s":{},${variants}}}}}`;
    const diff = diffPolicies(
      parseOrdered(text('"10":{"percent":10},"2":{"percent":20}')),
      parseOrdered(text('"2":{"percent":20},"10":{"percent":10}')),
      { module },
    );
    assert.equal(diff.moved, 0.4);
  });
});

describe("flags", () => {
  const flag = (targeting: unknown, more: object = {}): object => ({
    flags: {
      f: { state: "ENABLED", variants: { on: true, off: false }, defaultVariant: "off", targeting, ...more },
    },
  });
  const fractional = (on: number, off: number): object => ({
    fractional: [
      ["on", on],
      ["off", off],
    ],
  });
  const partOf = (before: object, after: object) => diffOf(before, after).flags.get("f");

  test("by the segments of their fractional", () => {
    const part = partOf(flag(fractional(5, 95)), flag(fractional(10, 90)));
    assert.deepEqual(part?.changes, [{ from: "off", to: "on", share: 0.05 }]);
    assert.equal(diffOf(flag(fractional(5, 95)), flag(fractional(10, 90))).moved, 0);
    assert.equal(mostMoved(diffOf(flag(fractional(5, 95)), flag(fractional(10, 90)))), 0.05);
  });

  test("inside of the same rules, of those whom they lead there", () => {
    const rule = (inner: object): object => ({ if: [{ "==": [{ var: "headers.a" }, "1"] }, "on", inner] });
    const part = partOf(flag(rule(fractional(5, 95))), flag(rule(fractional(25, 75))));
    assert.deepEqual([part?.moved, part?.scope], [0.2, "some"]);
    const other = partOf(flag(rule(fractional(5, 95))), flag({ if: [true, "on", fractional(5, 95)] }));
    assert.deepEqual([other?.moved, other?.unknown], [null, "its targeting has changed"]);
    const gone = partOf(flag(rule(fractional(5, 95))), {});
    assert.deepEqual(
      [gone?.moved, gone?.unknown],
      [null, "which variant a user had depends on its targeting"],
    );
  });

  test("for everybody: another default, disabled, gone; a new one moves nobody", () => {
    assert.equal(partOf(flag({}), flag({}, { defaultVariant: "on" }))?.moved, 1);
    assert.equal(partOf(flag({}), flag({}, { state: "DISABLED" }))?.moved, 1);
    assert.equal(partOf(flag({}), {})?.moved, 1);
    assert.equal(partOf({}, flag({}))?.moved, 0);
    assert.equal(partOf(flag(fractional(5, 95)), flag({}))?.moved, 0.05);
  });

  test("another bucketing value, generation or value of a variant cannot be known", () => {
    const by = { fractional: [{ var: "email" }, ["on", 5], ["off", 95]] };
    assert.equal(partOf(flag(fractional(5, 95)), flag(by))?.moved, null);
    assert.equal(partOf(flag(by), { ...flag(by), flagd: { fractional: "v1" } })?.moved, null);
    const values = flag(by, { variants: { on: "yes", off: "no" } });
    assert.match(partOf(flag(by), values)?.unknown ?? "", /values/);
  });
});

test("shadows by their share", () => {
  const shadow = (percent: number, cluster = "q"): object => ({ shadows: { s: { percent, cluster } } });
  const part = (before: object, after: object) => diffOf(before, after).shadows.get("s");
  assert.deepEqual(part(shadow(10), shadow(25))?.changes, [{ from: null, to: "q", share: 0.15 }]);
  assert.deepEqual(part(shadow(10), shadow(10, "r"))?.changes, [{ from: "q", to: "r", share: 0.1 }]);
  assert.deepEqual(part(shadow(10), {})?.changes, [{ from: "q", to: null, share: 0.1 }]);
});

describe("serin diff", () => {
  const folder = temporaryFolder();
  const file = (name: string, policy: object): string => folder.write(name, JSON.stringify(policy));
  const [five, ten] = [file("five.json", rollout({ c: 5 })), file("ten.json", rollout({ c: 10 }))];
  const salted = file("salted.json", rollout({ c: 5 }, { salt: "x" }));

  test("says who moves, for people, for scripts, for a pull request", async () => {
    const words = await runCli(["diff", five, ten]);
    assert.deepEqual([words.status, words.stderr], [0, ""]);
    assert.equal(words.stdout, "rollout r: 5% of users move\n  s -> c  5%\nAt most 5% of users move.\n");
    const json = await runCli(["diff", five, ten, "--json"]);
    assert.deepEqual(JSON.parse(json.stdout), {
      moved: 0.05,
      rollouts: { r: { moved: 0.05, changes: [{ from: "s", to: "c", share: 0.05 }] } },
      flags: {},
      shadows: {},
    });
    const markdown = await runCli(["diff", five, ten, "--markdown"]);
    assert.match(markdown.stdout, /^\| rollout `r` \| 5% \| s -&gt; c {2}5% \|$/m);
    const same = await runCli(["diff", five, five]);
    assert.match(same.stdout, /^1 unchanged\nNo user moves: nothing has changed for users\.$/m);
  });

  test("exits with 1 when more users move than allowed, or when it cannot be known", async () => {
    const allowed = await runCli(["diff", five, ten, "--fail-if-moved", "5"]);
    assert.deepEqual([allowed.status, allowed.stderr], [0, ""]);
    const refused = await runCli(["diff", five, ten, "--fail-if-moved", "4.9"]);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /5% of users move, more than --fail-if-moved 4\.9 allows/);
    const unknown = await runCli(["diff", five, salted, "--fail-if-moved", "99"]);
    assert.equal(unknown.status, 1);
    assert.match(unknown.stderr, /everybody may move/);
    const invalid = await runCli(["diff", five, file("bad.json", { rollouts: 1 })]);
    assert.equal(invalid.status, 1);
    assert.match(invalid.stderr, /bad\.json:1:\d+ \/rollouts: /);
  });

  test("puts recorded requests through both, JSON lines and Envoy's access log", async () => {
    const line = (uid: string): string =>
      JSON.stringify({ url: "https://shop.example.com/a", headers: { cookie: `uid=${uid}` } });
    const users = Array.from({ length: 400 }, (_, i) => line(`u${i}`));
    const log =
      '[2026-11-28T07:00:00.123Z] "GET /c?x=1 HTTP/1.1" 200 - 0 5 3 2 "203.0.113.7" "curl "8"" "a-b" "shop.example.com" "127.0.0.1:80"';
    const requests = folder.write("requests", [...users, log, "rubbish", ""].join("\n"));
    const { stdout, status } = await runCli(["diff", five, ten, "--json", "--requests", requests]);
    assert.equal(status, 0);
    const found = JSON.parse(stdout).requests;
    assert.deepEqual([found.read, found.unreadable, found.anonymous], [401, 1, 1]);
    const [change] = found.rollouts.r;
    const expected = Array.from({ length: 400 }, (_, i) => murmur3(Buffer.from(`r/u${i}`)) / 2 ** 32).filter(
      (at) => at >= 0.05 && at < 0.1,
    ).length;
    assert.deepEqual([change.from, change.to, change.count], ["s", "c", expected]);
    assert.equal(change.examples.length, 3);
    assert.match(String(change.examples[0].request), /^GET https:\/\/shop/);
  });

  test("names and values of a policy cannot write into the pull request", async () => {
    const named = (key: string): object => ({
      flags: { [key]: { state: "ENABLED", variants: { a: 1, b: 2 }, defaultVariant: "a" } },
    });
    const evil = "x`|<img src=y>@team";
    const before = file("evil-1.json", named(evil));
    const after = file("evil-2.json", {
      flags: { [evil]: { state: "ENABLED", variants: { a: 1, b: 2 }, defaultVariant: "b" } },
    });
    const { stdout } = await runCli(["diff", before, after, "--markdown"]);
    assert.doesNotMatch(stdout, /<img|@team/);
    assert.match(stdout, /\| flag `x[^`|]*` \| 100% \|/);
  });
});
