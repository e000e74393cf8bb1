// A hundred thousand users through a real Envoy: the shares are those asked for, each single user has the variant that
// the published hash gives, and two rollouts know nothing of each other.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { directRoute } from "../support/envoy/bootstrap.ts";
import { fromBothEnds, inSlots, murmur3, variantOf } from "../support/assignment.ts";
import { RolloutStats, settledStats, startProxy, type Proxy } from "../support/envoy/proxy.ts";
import { EVERY_ENVOY } from "../support/envoy/versions.ts";
import { headerIn, sendAll, request } from "../support/envoy/wire.ts";

const USERS = 100_000;

const POLICY = {
  identity: [{ cookie: "uid" }],
  rollouts: {
    checkout: {
      default: "stable",
      variants: { stable: {}, canary: { percent: 5 }, blue: { percent: 12.5 } },
    },
    ranking: {
      default: "current",
      variants: {
        current: {},
        popular: { percent: 10, max: 20 },
        fresh: { percent: 30, max: 30 },
        learned: { percent: 0.5, max: 50 },
      },
    },
  },
};
const PARTS = {
  checkout: fromBothEnds(["canary", 5], ["blue", 12.5]),
  ranking: inSlots(["popular", 10, 20], ["fresh", 30, 30], ["learned", 0.5, 50]),
};
const DEFAULTS = { checkout: "stable", ranking: "current" };
const ASKED = {
  checkout: { stable: 0.825, canary: 0.05, blue: 0.125 },
  ranking: { current: 0.595, popular: 0.1, fresh: 0.3, learned: 0.005 },
};
type Rollout = keyof typeof PARTS;
const ROLLOUTS: readonly Rollout[] = ["checkout", "ranking"];

test("the test's own MurmurHash3 gives the published values", () => {
  assert.equal(murmur3(""), 0);
  assert.equal(murmur3("", 1), 0x514e28b7);
  assert.equal(murmur3("test"), 0xba6bd213);
  assert.equal(murmur3("Hello, world!"), 0xc0363e43);
  assert.equal(murmur3("The quick brown fox jumps over the lazy dog"), 0x2e4ff723);
});

for (const version of EVERY_ENVOY) {
  describe(`${USERS} users, Envoy ${version}`, () => {
    let proxy: Proxy;
    const users = Array.from({ length: USERS }, (_, i) => `user-${i.toString(36)}`);
    const given: Record<Rollout, string[]> = { checkout: [], ranking: [] };

    before(async () => {
      const routes = [
        directRoute("/", { "v-checkout": "%REQ(x-serin-checkout)%", "v-ranking": "%REQ(x-serin-ranking)%" }),
      ];
      proxy = await startProxy({ version, policy: POLICY, routes, concurrency: 2 });
      const answers = await sendAll(
        proxy.port,
        users.map((user) => request("/", [`cookie: uid=${user}`])),
      );
      for (const rollout of ROLLOUTS) {
        given[rollout] = answers.map((head) => headerIn(head, `v-${rollout}`) ?? DEFAULTS[rollout]);
      }
    });
    after(() => proxy.stop());

    test("each has the variant that the published hash gives", () => {
      for (const rollout of ROLLOUTS) {
        const wrong = users.filter(
          (user, i) => given[rollout][i] !== (variantOf(rollout, user, PARTS[rollout]) ?? DEFAULTS[rollout]),
        );
        assert.deepEqual(wrong.slice(0, 5), [], `${wrong.length} users have another ${rollout}`);
      }
    });

    test("the shares are within 4 standard errors of those asked for", () => {
      for (const rollout of ROLLOUTS) {
        for (const [variant, share] of Object.entries(ASKED[rollout])) {
          const seen = given[rollout].filter((name) => name === variant).length / USERS;
          const error = Math.sqrt((share * (1 - share)) / USERS);
          assert.ok(
            Math.abs(seen - share) <= 4 * error,
            `${rollout}.${variant}: asked for ${share}, seen ${seen}`,
          );
        }
      }
    });

    test("the two rollouts are independent (chi-square over all pairs of variants)", () => {
      const count = (of: Rollout, variant: string): number =>
        given[of].filter((name) => name === variant).length;
      let chi = 0;
      for (const a of Object.keys(ASKED.checkout)) {
        for (const b of Object.keys(ASKED.ranking)) {
          const expected = (count("checkout", a) * count("ranking", b)) / USERS;
          const seen = given.checkout.filter((name, i) => name === a && given.ranking[i] === b).length;
          chi += (seen - expected) ** 2 / expected;
        }
      }
      // (3 - 1) * (4 - 1) degrees of freedom: 22.46 is passed by chance once in a thousand. The users are fixed.
      assert.ok(chi < 22.46, `chi-square is ${chi}`);
    });

    test("Envoy's stats say the same as the answers, and the shares asked for", async () => {
      const stats = await settledStats(proxy.admin, "ranking");
      for (const rollout of ROLLOUTS) {
        for (const [variant, share] of Object.entries(ASKED[rollout])) {
          const seen = given[rollout].filter((name) => name === variant).length;
          assert.equal(stats.sum(rollout, "rq_total", variant), seen, `${rollout}.${variant}`);
          assert.equal(stats.sum(rollout, "rq_2xx", variant), seen, `${rollout}.${variant}`);
          assert.equal(stats.sum(rollout, "share", variant), Math.round(share * 100_000));
        }
      }
      assert.equal((await RolloutStats.read(proxy.admin)).sum("checkout", "rq_active"), 0);
    });
  });
}
