// Who gets what: each assignment is what policy.md says, nobody leaves a variant while percents rise, shares are what was
// asked for, rollouts do not know of one another.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import fc from "fast-check";

import { LogLevel, Vm, type Root } from "../../tools/emulator/index.ts";
import { explore } from "./explore.ts";
import { layOut, murmur3, variantOf, type Part, type Share } from "../support/assignment.ts";
import { filterModule } from "../support/filter.ts";

const USERS = 100_000;

interface Explained {
  rollouts: Record<string, { slots: { variant: string; begin: number; end: number }[]; hash: number }>;
}

/** Rollouts by name as a policy that knows users by the cookie uid. */
function policyOf(rollouts: Record<string, readonly Share[]>, salts: Record<string, string> = {}): string {
  const entries = Object.entries(rollouts).map(([name, shares]) => {
    const variants = shares.map(({ variant, percent, max }): [string, object] => [
      variant,
      { percent: percent / 1000, ...(max === undefined ? {} : { max: max / 1000 }) },
    ]);
    const salt = salts[name] === undefined ? {} : { salt: salts[name] };
    return [name, { ...salt, default: "stable", variants: { stable: {}, ...Object.fromEntries(variants) } }];
  });
  return JSON.stringify({ identity: [{ cookie: "uid" }], rollouts: Object.fromEntries(entries) });
}

function accept(vm: Vm, policy: string): Root {
  const { root, accepted, problems } = vm.configure(policy);
  assert.ok(accepted, JSON.stringify(problems));
  return root;
}

/** What a user is given: the variant of each rollout, null for the default. */
function decide(vm: Vm, root: Root, user: string): (rollout: string) => string | null {
  const stream = vm.request(root, { headers: [...PSEUDO, ["cookie", `uid=${user}`]] });
  stream.respond(200);
  return (rollout) => stream.requestHeaders.get(`x-serin-${rollout}`);
}
const PSEUDO: [string, string][] = [
  [":method", "GET"],
  [":path", "/"],
  [":authority", "a"],
  [":scheme", "https"],
];

/** The slots that the filter says it uses. */
function slotsOf(vm: Vm, root: Root): Part[] {
  const stream = vm.request(root, { headers: [...PSEUDO, ["cookie", "uid=1"]] });
  stream.respond(200);
  const explained = JSON.parse(stream.explanation ?? "null") as Explained;
  const slots = explained.rollouts["checkout"]?.slots;
  assert.ok(slots, "no slots in the explanation");
  return slots;
}

const isEmpty = ({ begin, end }: Part): boolean => begin === end;

function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `v${index}`);
}

/** Shares that fit together, with or without ceilings. */
const shares: fc.Arbitrary<Share[]> = fc
  .tuple(fc.integer({ min: 1, max: 15 }), fc.boolean(), fc.infiniteStream(fc.nat(100_000)))
  .map(([count, ceilings, drawn]) => {
    let left = 100_000;
    const next = (most: number): number => (drawn.next().value as number) % (most + 1);
    return names(count).map((variant): Share => {
      if (!ceilings && count > 2) return { variant, percent: next(Math.floor(100_000 / count)) };
      const width = next(left);
      if (ceilings || count === 2) left -= width;
      return ceilings ? { variant, percent: next(width), max: width } : { variant, percent: width };
    });
  });

describe("who gets which variant", () => {
  test("the hash that the filter is compared with is MurmurHash3 (published vectors)", () => {
    const vectors: [string, number][] = [
      ["", 0],
      ["test", 0xba6bd213],
      ["hello", 0x248bfa47],
      ["Hello, world!", 0xc0363e43],
      ["The quick brown fox jumps over the lazy dog", 0x2e4ff723],
    ];
    for (const [text, hash] of vectors) assert.equal(murmur3(Buffer.from(text)), hash, text);
  });

  test("is what policy.md says, for any shares, salt and user", () => {
    const vm = Vm.load(filterModule(), { logLevel: LogLevel.Trace });
    const user = fc.oneof(
      fc.stringMatching(/^[!#-+\--:<-[\]-~]{1,64}$/),
      fc.string({ unit: "grapheme", minLength: 1 }),
    );
    const plain = user.filter((text) => !/[\s;\0]/.test(text) && text.trim() === text);
    const salt = fc.option(fc.string({ minLength: 1, maxLength: 20 }), { nil: undefined });
    explore("assignments", fc.tuple(shares, plain, salt), ([asked, identity, salted]) => {
      const salts: Record<string, string> = salted === undefined ? {} : { checkout: salted };
      const root = accept(vm, policyOf({ checkout: asked }, salts));
      const slots = layOut(asked);
      assert.deepEqual(
        slotsOf(vm, root).filter((one) => !isEmpty(one)),
        slots.filter((one) => !isEmpty(one)),
      );
      assert.equal(decide(vm, root, identity)("checkout"), variantOf(salted ?? "checkout", identity, slots));
      vm.retire(root);
    });
  });
});

describe("nobody leaves a variant while percents rise", () => {
  // A user is a point of the space, so it is enough that each variant's part of the space only grows: that holds for
  // all 2^32 of them, not for a sample.
  function assertGrown(before: readonly Part[], after: readonly Part[]): void {
    for (const old of before.filter((one) => !isEmpty(one))) {
      const now = after.find(({ variant }) => variant === old.variant);
      assert.ok(now && now.begin <= old.begin && now.end >= old.end, `${old.variant} shrinks`);
    }
  }

  function assertApart(slots: readonly Part[]): void {
    const filled = slots.filter((one) => !isEmpty(one)).sort((a, b) => (a.begin < b.begin ? -1 : 1));
    filled.forEach((one, index) => {
      const next = filled[index + 1];
      assert.ok(one.begin < one.end && (!next || one.end <= next.begin), `${one.variant} overlaps`);
    });
  }

  for (const [count, ceilings] of [
    [1, false],
    [2, false],
    [4, false],
    [8, false],
    [4, true],
  ] as const) {
    test(`${count} variants${ceilings ? " with ceilings" : ""}, at each of their thresholds`, () => {
      const vm = Vm.load(filterModule(), { logLevel: LogLevel.Trace });
      const most = Math.floor(100_000 / count);
      let before: Part[] = [];
      for (let percent = 0; percent <= most; percent++) {
        const asked = names(count).map((variant) => ({
          variant,
          percent,
          ...(ceilings ? { max: most } : {}),
        }));
        const root = accept(vm, policyOf({ checkout: asked }));
        const slots = slotsOf(vm, root);
        assertGrown(before, slots);
        assertApart(slots);
        before = slots;
        vm.retire(root);
      }
    });
  }

  test("any shares, raised in any order", () => {
    const vm = Vm.load(filterModule(), { logLevel: LogLevel.Trace });
    const raised = fc.tuple(
      shares,
      fc.array(fc.tuple(fc.nat(14), fc.double({ min: 0, max: 1, noNaN: true })), {
        minLength: 1,
        maxLength: 10,
      }),
    );
    explore("rising shares", raised, ([targets, order]) => {
      const asked = targets.map((share) => ({ ...share, percent: 0 }));
      let before: Part[] = [];
      const users = ["1", "42", "user@example.com"];
      let given = users.map((): string | null => null);
      for (const [index, part] of order) {
        const at = index % asked.length;
        const [share, target] = [asked[at] as Share, targets[at] as Share];
        share.percent = Math.max(share.percent, Math.round(target.percent * part));
        const root = accept(vm, policyOf({ checkout: asked }));
        const slots = slotsOf(vm, root);
        assertGrown(before, slots);
        assertApart(slots);
        before = slots;
        const now = users.map((user) => decide(vm, root, user)("checkout"));
        now.forEach((variant, which) =>
          assert.ok(given[which] === null || given[which] === variant, "a user left"),
        );
        given = now;
        vm.retire(root);
      }
    });
  });
});

describe(`${USERS} users`, () => {
  const rollouts: Record<string, Share[]> = {
    checkout: [{ variant: "canary", percent: 5000 }],
    search: [
      { variant: "a", percent: 33_300 },
      { variant: "b", percent: 12_345 },
    ],
    cart: [
      { variant: "x", percent: 1000, max: 20_000 },
      { variant: "y", percent: 20_000, max: 30_000 },
      { variant: "z", percent: 50_000, max: 50_000 },
    ],
  };
  const vm = Vm.load(filterModule());
  const root = accept(vm, policyOf(rollouts));
  const given = Array.from({ length: USERS }, (_, index) => {
    const of = decide(vm, root, `user-${index}`);
    return Object.fromEntries(Object.keys(rollouts).map((name) => [name, of(name) ?? "stable"]));
  });

  test("each is given what an independent computation says", () => {
    for (const [name, asked] of Object.entries(rollouts)) {
      const slots = layOut(asked);
      given.forEach((one, index) =>
        assert.equal(one[name], variantOf(name, `user-${index}`, slots) ?? "stable"),
      );
    }
  });

  test("each variant's share is within 4 standard errors of what was asked for", () => {
    for (const [name, asked] of Object.entries(rollouts)) {
      for (const { variant, percent } of asked) {
        const share = percent / 100_000;
        const seen = given.filter((one) => one[name] === variant).length / USERS;
        const error = Math.sqrt((share * (1 - share)) / USERS);
        assert.ok(Math.abs(seen - share) <= 4 * error, `${name}.${variant}: asked ${share}, seen ${seen}`);
      }
    }
  });

  test("two rollouts are independent (chi-square)", () => {
    const pairs = [
      ["checkout", "search"],
      ["checkout", "cart"],
      ["search", "cart"],
    ] as const;
    for (const [first, second] of pairs) {
      const { statistic, freedom } = chiSquare(
        given.map((one) => [one[first] as string, one[second] as string]),
      );
      // Mean `freedom`, variance twice that: 5 standard deviations above is past 1 in 10,000 for these few degrees.
      const bound = freedom + 5 * Math.sqrt(2 * freedom) + 5;
      assert.ok(
        statistic < bound,
        `${first} and ${second}: ${statistic.toFixed(1)}, at most ${bound.toFixed(1)}`,
      );
    }
  });

  test("two rollouts with one salt are not: the check above would see it", () => {
    const salts = { a: "same", b: "same" };
    const asked: Share[] = [{ variant: "canary", percent: 30_000 }];
    const salted = accept(vm, policyOf({ a: asked, b: asked }, salts));
    const seen = Array.from({ length: 1000 }, (_, index): [string, string] => {
      const of = decide(vm, salted, `user-${index}`);
      return [of("a") ?? "stable", of("b") ?? "stable"];
    });
    assert.ok(chiSquare(seen).statistic > 900);
  });
});

/** Pearson's statistic of independence of two traits, with its degrees of freedom. */
function chiSquare(pairs: readonly (readonly [string, string])[]): { statistic: number; freedom: number } {
  const counts = new Map<string, number>();
  const firsts = new Map<string, number>();
  const seconds = new Map<string, number>();
  const add = (map: Map<string, number>, key: string): void => void map.set(key, (map.get(key) ?? 0) + 1);
  for (const [first, second] of pairs) {
    add(counts, `${first}/${second}`);
    add(firsts, first);
    add(seconds, second);
  }
  let statistic = 0;
  for (const [first, inFirst] of firsts) {
    for (const [second, inSecond] of seconds) {
      const expected = (inFirst * inSecond) / pairs.length;
      statistic += ((counts.get(`${first}/${second}`) ?? 0) - expected) ** 2 / expected;
    }
  }
  return { statistic, freedom: (firsts.size - 1) * (seconds.size - 1) };
}
