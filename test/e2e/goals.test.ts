// Goals on a real Envoy, three workers: every gauge is the number of users who reached the goal, computed from what the
// client sent alone. The order is placed on another host than the rollout's.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { parse } from "yaml";

import { waitUntil } from "../../tools/envoy/index.ts";
import { startUpstream } from "../upstream/upstream.ts";
import { seeded } from "../support/random.ts";
import { bitOf, groupOf } from "../support/users.ts";
import { startProxyOver, type BareProxy } from "../support/envoy/proxy.ts";
import { EVERY_ENVOY } from "../support/envoy/versions.ts";
import { comesTo, everyWorkerCounts, pause, StickyClient, zipf, type Asked } from "./sticky-client.ts";

const TAGS_FILE = join(import.meta.dirname, "../../envoy/stats-tags.yaml");
const STATS_TAGS = (parse(readFileSync(TAGS_FILE, "utf8")) as { stats_config: { stats_tags: object[] } })
  .stats_config.stats_tags;

const USERS = 8_000;
const REQUESTS = 12_000;
const PERCENT = { checkout: 10, search: 15 };
const SHOP = { host: "shop.example.com" };
const PAY = { host: "pay.example.com" };

const ORDERS = {
  match: [{ hosts: [PAY.host], method: "POST", path: { type: "Exact", value: "/orders" } }],
  status: ["2xx", 303],
  value: { header: "x-order-total", max: 100 },
};
const CLICKS = { match: [{ path: { value: "/click" } }], rollouts: ["search"] };

function policy(orders: object = ORDERS, checkout: object = {}): object {
  const variants = (percent: number): object => ({ stable: {}, canary: { percent } });
  const rollout = { default: "stable", force: { header: "x-force" } };
  const match = [{ hosts: [SHOP.host] }];
  return {
    identity: [{ cookie: "uid" }],
    goals: { orders, clicks: CLICKS },
    rollouts: {
      checkout: { ...rollout, match, variants: variants(PERCENT.checkout), ...checkout },
      search: { ...rollout, match, variants: variants(PERCENT.search) },
    },
    // What it copies is no second order.
    shadows: { copy: { percent: 100, methods: ["POST"], cluster: "stable", match: ORDERS.match } },
  };
}

const ROLLOUTS = ["checkout", "search"] as const;

/** Users with a bit of their own in both rollouts: so each gauge is known exactly, and what each user's order is worth. */
const users: readonly string[] = (() => {
  const taken = new Set<string>();
  const chosen: string[] = [];
  for (let i = 0; chosen.length < USERS; i++) {
    const bits = ROLLOUTS.map((rollout) => `${rollout} ${bitOf(rollout, `user-${i}`)}`);
    if (bits.some((bit) => taken.has(bit))) continue;
    for (const bit of bits) taken.add(bit);
    chosen.push(`user-${i}`);
  }
  return chosen;
})();

/** What an order of a user is worth, in thousandths, and in the header. */
const worthOf = (user: string): number => 1_250 * (1 + (Number(user.slice("user-".length)) % 200));
const totalOf = (user: string): string => (worthOf(user) / 1_000).toFixed(2);

const order = (user: string, status = 200, more: Partial<Asked> = {}): Asked => ({
  ...{ user, status, method: "POST", path: "/orders" },
  ...more,
  headers: { ...PAY, "x-total": totalOf(user), ...more.headers },
});

/** The gauges of goals that these requests lead to. */
function expected(all: readonly Asked[]): Record<string, number> {
  const counts: Record<string, number> = {};
  const seen = new Set<string>();
  for (const { user, status, method = "GET", path = "/", headers = {} } of all) {
    if (user === null) continue;
    const isOrder = method === "POST" && path === "/orders" && headers["host"] === PAY.host;
    const isClick = path === "/click";
    if (isOrder ? !(status < 300 || status === 303) : !isClick || status >= 300) continue;
    for (const rollout of isOrder ? ROLLOUTS : (["search"] as const)) {
      const group = groupOf(rollout, user, PERCENT[rollout]);
      const goal = isOrder ? "orders" : "clicks";
      if (group === null || seen.has(`${rollout} ${goal} ${user}`)) continue;
      seen.add(`${rollout} ${goal} ${user}`);
      const add = (name: string, amount: number): void => void (counts[name] = (counts[name] ?? 0) + amount);
      add(`${rollout}.${group}.users_goal.${goal}`, 1);
      if (isOrder) add(`${rollout}.${group}.goal.orders.value`, Math.min(100_000, worthOf(user)));
    }
  }
  return sorted(Object.entries(counts));
}

function sorted(entries: [string, number][]): Record<string, number> {
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function traffic(count: number, seed: number): Asked[] {
  const random = seeded(seed);
  return Array.from({ length: count }, (): Asked[] => {
    const user = users[zipf(random, users.length)] as string;
    const kind = random.part();
    if (kind < 0.3) return [{ user, status: 200, headers: SHOP }];
    if (kind < 0.4) return [{ user, status: 200, path: "/click", headers: SHOP }];
    // The same path on the host of the rollout is no order, nor is another method.
    if (kind < 0.45) return [order(user, 200, { headers: SHOP })];
    if (kind < 0.5) return [order(user, 200, { method: "PUT" })];
    if (kind < 0.55) return [{ ...order(user), user: null }];
    const status = [200, 201, 303, 302, 404, 500][Math.floor(random.part() * 6)] as number;
    // Some are sent again.
    return Array.from({ length: random.part() < 0.2 ? 3 : 1 }, () => order(user, status));
  }).flat();
}

for (const version of EVERY_ENVOY) {
  describe(`goals, Envoy ${version}`, () => {
    let proxy: BareProxy;
    let client: StickyClient;
    const sent: Asked[] = [];

    const gauges = async (filter: string): Promise<[string, number][]> => {
      const prefix = "wasmcustom.serin.rollout.";
      const all = await proxy.admin.stats(`^wasmcustom\\.serin\\.rollout\\..*${filter}`);
      return [...all].map(([name, value]): [string, number] => [name.slice(prefix.length), value]);
    };
    /** All gauges of goals that are not 0. */
    const counted = async (): Promise<Record<string, number>> =>
      sorted((await gauges("goal")).filter(([, value]) => value !== 0));
    const period = (number: number): Promise<void> =>
      waitUntil(`period ${number}`, 20_000, async () =>
        (await gauges("evidence_period$")).some(
          ([name, value]) => name.startsWith("checkout.") && value === number,
        ),
      );
    /** As long as a tick may take to bring in what was noted, on a busy machine. */
    const settle = (): Promise<void> => pause(2_000);

    before(async () => {
      const upstream = await startUpstream({ version: "stable" });
      proxy = await startProxyOver([upstream], {
        ...{ version, policy: policy(), concurrency: 3, logLevel: "error", statsTags: STATS_TAGS },
        routes: [
          {
            match: { prefix: "/" },
            route: { cluster: "stable", timeout: "60s" },
            response_headers_to_add: [{ header: { key: "x-order-total", value: "%REQ(x-total)%" } }],
          },
        ],
      });
      client = new StickyClient(proxy.port);
      await period(1);
      await everyWorkerCounts(proxy);
    });
    after(async () => {
      client?.stop();
      await proxy?.stop();
    });

    test("every gauge is the number of users who reached the goal, and what their orders are worth", async () => {
      const first = traffic(REQUESTS, 19);
      sent.push(...first);
      await client.sendAll(first);
      const wanted = expected(sent);
      assert.ok((wanted["checkout.canary.users_goal.orders"] ?? 0) > 100, JSON.stringify(wanted));
      await comesTo(counted, wanted);
    });

    test("Prometheus sees them with rollout, variant and goal as labels", async () => {
      const text = await proxy.admin.prometheus();
      const series = [...text.matchAll(/^(serin_rollout_\w*goal\w*)\{([^}]*)\} (\d+)$/gm)]
        .filter(([, , , value]) => value !== "0")
        .map(([, name = "", labels = "", value]): [string, number] => {
          const of = (label: string): string => new RegExp(`\\b${label}="([^"]*)"`).exec(labels)?.[1] ?? "";
          const side = `${of("serin_rollout")}.${of("serin_variant")}`;
          const goal = of("serin_goal");
          if (name === "serin_rollout_goal_value") return [`${side}.goal.${goal}.value`, Number(value)];
          return [name === "serin_rollout_users_goal" ? `${side}.users_goal.${goal}` : name, Number(value)];
        });
      assert.deepEqual(sorted(series), expected(sent));
    });

    test("an identity that nobody gave out is a user of its own, once", async () => {
      const there = await counted();
      const taken = new Set(users.flatMap((user) => ROLLOUTS.map((one) => `${one} ${bitOf(one, user)}`)));
      const free = Array.from({ length: 5_000 }, (_, i) => `user-${9_000_000 + i}`).filter((user) =>
        ROLLOUTS.every((one) => !taken.has(`${one} ${bitOf(one, user)}`)),
      );
      const forged = free.find((user) => groupOf("checkout", user, PERCENT.checkout) === "canary") as string;
      await client.sendAll([order(forged), order(forged), order(forged)]);
      const own = expected([order(forged)]);
      assert.equal(own["checkout.canary.users_goal.orders"], 1);
      const both = { ...there };
      for (const [name, value] of Object.entries(own)) both[name] = (both[name] ?? 0) + value;
      await comesTo(counted, both);
      sent.push(order(forged));
      assert.deepEqual(await counted(), expected(sent));
    });

    test("who forces a variant, asks before another origin, is a copy or gets half an answer reaches none", async () => {
      const there = await counted();
      const active = new Set(sent.map(({ user }) => user));
      const [user = ""] = users.filter(
        (one) => !active.has(one) && ROLLOUTS.every((own) => groupOf(own, one, PERCENT[own]) === "canary"),
      );
      assert.notEqual(user, "");
      await client.sendAll([
        order(user, 200, { headers: { "x-force": "canary" } }),
        order(user, 200, { headers: { "x-force": "stable" } }),
        order(user, 200, { headers: { "x-serin-shadow": "copy" } }),
        {
          ...{ user, status: 200, method: "OPTIONS", path: "/click" },
          headers: { ...SHOP, "access-control-request-method": "POST" },
        },
        order(user, 500),
        order(user, 302),
      ]);
      for (const cut of ["length", "chunked"])
        await assert.rejects(client.send(order(user, 200, { asks: `&up-cut=${cut}&up-size=100000` })), cut);
      await settle();
      assert.deepEqual(await counted(), there);
      const own: Asked[] = [order(user), { user, status: 200, path: "/click", headers: SHOP }];
      await client.sendAll(own);
      sent.push(...own);
      await comesTo(counted, expected(sent));
    });

    test("a policy that comes midway and changes no goal goes on counting", async () => {
      const more = traffic(2_000, 20);
      sent.push(...more);
      const running = client.sendAll(more);
      await pause(300);
      assert.equal(await proxy.publish(policy(ORDERS, { announce: "all" })), "accepted");
      await running;
      await comesTo(counted, expected(sent));
    });

    test("a goal that changes midway begins a period, and what was under way counts in none", async () => {
      const user = users.find((one) => groupOf("checkout", one, PERCENT.checkout) === "canary") as string;
      const open = client.send(order(user, 200, { asks: "&up-latency=6000" }));
      await pause(200);
      assert.equal(await proxy.publish(policy({ ...ORDERS, status: ["2xx"] })), "accepted");
      await open;
      await period(2);
      await pause(2_000);
      assert.deepEqual(await counted(), {});
      const second = traffic(2_000, 21).filter(({ status }) => status !== 303);
      await client.sendAll([...second, order(user, 303)]);
      await comesTo(counted, expected(second));
    });
  });
}
