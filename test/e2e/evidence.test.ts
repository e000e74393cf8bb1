// Distinct users on a real Envoy, two workers, sticky Zipf traffic over kept connections that change: every gauge is the
// number of bitmap indices of the users concerned, computed from what the client sent alone. And: when periods begin.

import assert from "node:assert/strict";
import { appendFile, copyFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { waitUntil } from "../../tools/envoy/index.ts";
import { startUpstream } from "../upstream/upstream.ts";
import { seeded } from "../support/random.ts";
import { bitOf, groupOf } from "../support/users.ts";
import { WASM } from "../support/filter.ts";
import { startProxyOver, type BareProxy } from "../support/envoy/proxy.ts";
import { EVERY_ENVOY } from "../support/envoy/versions.ts";
import {
  comesTo,
  everyWorkerCounts,
  pause,
  StickyClient,
  zipf,
  type Asked as Sent,
} from "./sticky-client.ts";

const USERS = 20_000;
const REQUESTS = 20_000;
/** A threshold that only those answers pass which are asked to. */
const SLOW = 3_000;

interface Rollout {
  readonly percent: number;
  readonly changes?: object;
}

interface Asked extends Sent {
  readonly slow?: boolean;
}

function policy(checkout: Rollout, search: number): object {
  const variants = (percent: number): object => ({ stable: {}, canary: { percent } });
  return {
    identity: [{ cookie: "uid" }],
    rollouts: {
      checkout: {
        default: "stable",
        variants: variants(checkout.percent),
        force: { header: "x-force" },
        slow: [`${SLOW}ms`],
        warmup: "0s",
        ...checkout.changes,
      },
      search: { default: "stable", variants: variants(search), slow: [] },
    },
  };
}

/** Users whose bits nobody of the other group has, under any of these shares: so each gauge is known exactly. */
function chooseUsers(count: number, percents: readonly number[]): string[] {
  const takenBy = new Map<string, string>();
  const chosen: string[] = [];
  for (let i = 0; chosen.length < count; i++) {
    const user = `user-${i}`;
    const places = percents.map(
      (percent) => [`${percent} ${bitOf("checkout", user)}`, groupOf("checkout", user, percent)] as const,
    );
    if (places.some(([at, group]) => group !== null && (takenBy.get(at) ?? group) !== group)) continue;
    for (const [at, group] of places) if (group !== null) takenBy.set(at, group);
    chosen.push(user);
  }
  return chosen;
}

/** The gauges that these requests lead to. */
function expected(all: readonly Asked[], percent: number): Record<string, number> {
  const met = new Map<string, Set<number>>();
  for (const { user, status, slow } of all) {
    const group = user === null ? null : groupOf("checkout", user, percent);
    if (user === null || group === null) continue;
    const kind = Math.floor(status / 100);
    const stats = ["users"];
    if (kind === 2 || kind === 3) stats.push("users_ok");
    if (kind === 3) stats.push("users_3xx");
    if (kind === 4) stats.push("users_4xx");
    if (kind === 5) stats.push("users_error");
    if (slow === true) stats.push(`users_slow.${SLOW}`);
    for (const stat of stats) {
      const name = `${group}.${stat}`;
      met.set(name, (met.get(name) ?? new Set()).add(bitOf("checkout", user)));
    }
  }
  const counts = [...met].map(([name, indexes]): [string, number] => [name, indexes.size]);
  return Object.fromEntries(counts.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const SLOWLY = { slow: true, asks: `&up-latency=${SLOW + 600}` };
const KINDS = [301, 404, 500, 503];

function traffic(users: readonly string[], count: number, seed: number): Asked[] {
  const random = seeded(seed);
  return Array.from({ length: count }, (_, i) => {
    const user = users[zipf(random, users.length)] as string;
    if (i % 1_000 === 500) return { user, status: 200, ...SLOWLY };
    return {
      user,
      status: random.part() < 0.95 ? 200 : (KINDS[Math.floor(random.part() * KINDS.length)] as number),
    };
  });
}

for (const version of EVERY_ENVOY) {
  describe(`users of ${REQUESTS} requests, Envoy ${version}`, () => {
    const users = chooseUsers(USERS, [10, 12]);
    const late = chooseUsers(USERS + 4_000, [10, 12]).slice(USERS);
    let proxy: BareProxy;
    let client: StickyClient;
    const sent: Asked[] = [];

    /** A gauge of a rollout. */
    const gauge = async (name: string): Promise<number> => {
      const all = await proxy.admin.stats("^wasmcustom\\.serin\\.rollout\\.");
      return all.get(`wasmcustom.serin.rollout.${name}`) ?? 0;
    };
    /** All gauges of users of checkout that are not 0. */
    const counted = async (): Promise<Record<string, number>> => {
      const prefix = "wasmcustom.serin.rollout.checkout.";
      const all = await proxy.admin.stats("^wasmcustom\\.serin\\.rollout\\.checkout\\..*\\.users");
      const own = [...all].filter(([, value]) => value !== 0);
      return Object.fromEntries(
        own
          .map(([name, value]): [string, number] => [name.slice(prefix.length), value])
          .sort(([a], [b]) => (a < b ? -1 : 1)),
      );
    };
    const period = (number: number, rollout = "checkout"): Promise<void> =>
      waitUntil(
        `period ${number} of ${rollout}`,
        20_000,
        async () => (await gauge(`${rollout}.evidence_period`)) === number,
      );
    /** As long as a tick may take to bring in what was noted, on a busy machine. */
    const settle = (): Promise<void> => pause(2_000);

    before(async () => {
      const upstream = await startUpstream({ version: "stable" });
      proxy = await startProxyOver([upstream], {
        ...{ version, policy: policy({ percent: 10 }, 20), concurrency: 2, logLevel: "error" },
        routes: [{ match: { prefix: "/" }, route: { cluster: "stable", timeout: "60s" } }],
      });
      client = new StickyClient(proxy.port);
      await period(1);
      await everyWorkerCounts(proxy);
    });
    after(async () => {
      client?.stop();
      await proxy?.stop();
    });

    test("every gauge is the number of indices of the users concerned", async () => {
      const first = traffic(users, REQUESTS, 14);
      sent.push(...first);
      await client.sendAll(first);
      await comesTo(counted, expected(sent, 10));
      assert.equal(await gauge("checkout.evidence_period"), 1);
      assert.equal(await gauge("checkout.evidence_bits"), 65_536);
      assert.equal(await gauge("checkout.control.share"), 40_000);
    });

    test("forced, anonymous and preflight requests move none", async () => {
      const before = await counted();
      const user = (group: string): string =>
        late.find((other) => groupOf("checkout", other, 10) === group) as string;
      await client.sendAll([
        { user: user("canary"), status: 200, headers: { "x-force": "canary" } },
        { user: user("control"), status: 500, headers: { "x-force": "stable" } },
        { user: user("control"), status: 404, headers: { "x-force": "canary" } },
        { user: null, status: 200 },
        {
          ...{ user: user("canary"), status: 200, method: "OPTIONS" },
          headers: { origin: "https://a.example.com", "access-control-request-method": "PUT" },
        },
      ]);
      await settle();
      assert.deepEqual(await counted(), before);
    });

    test("a change of another rollout, and of what is no evidence here, begins no period", async () => {
      const before = await counted();
      const began = await gauge("checkout.evidence_began");
      assert.equal(await proxy.publish(policy({ percent: 10 }, 25)), "accepted");
      await period(2, "search");
      const changes = { force: { header: "x-canary" }, announce: "all", warmup: "1s" };
      assert.equal(await proxy.publish(policy({ percent: 10, changes }, 25)), "accepted");
      await pause(4_000);
      assert.equal(await gauge("checkout.evidence_period"), 1);
      assert.equal(await gauge("checkout.evidence_began"), began);
      assert.deepEqual(await counted(), before);
      // And the counting goes on where it was.
      const more = traffic(late, 1_000, 15);
      sent.push(...more);
      await client.sendAll(more);
      await comesTo(counted, expected(sent, 10));
    });

    test("a change of the shares begins one, and what was given before counts in none", async () => {
      const user = users.find((other) => groupOf("checkout", other, 10) === "canary") as string;
      const open = client.send({ user, status: 500, ...SLOWLY });
      await pause(200);
      assert.equal(await proxy.publish(policy({ percent: 12 }, 25)), "accepted");
      await open;
      await period(2);
      await pause(2_000);
      assert.deepEqual(await counted(), {});
      const second = traffic(users, REQUESTS / 4, 16);
      await client.sendAll(second);
      await comesTo(counted, expected(second, 12));
      sent.splice(0, sent.length, ...second);
    });

    test("a swap of the .wasm under one vm_id keeps the period, its counts and the shares", async () => {
      const other = join(proxy.envoy.folder, "other.wasm");
      await copyFile(WASM, other);
      // A custom section: another module that does the same.
      await appendFile(other, Buffer.from([0, 2, 1, 0x61]));
      assert.equal(await proxy.publish(policy({ percent: 12 }, 25), other), "accepted");
      for (let i = 0; i < 10; i++) {
        await pause(400);
        assert.equal(await gauge("checkout.canary.share"), 12_000);
        assert.equal(await gauge("checkout.stable.share"), 88_000);
      }
      const more = traffic(late, 1_000, 17);
      sent.push(...more);
      await client.sendAll(more);
      await comesTo(counted, expected(sent, 12));
      assert.equal(await gauge("checkout.evidence_period"), 2);
    });
  });
}
