// What a swap of the .wasm keeps: the stats of a rollout that no policy has at that moment go on when it comes back, and its
// users are counted again, in a period of their own.

import assert from "node:assert/strict";
import { appendFile, copyFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { waitUntil } from "../../tools/envoy/index.ts";
import { WASM } from "../support/filter.ts";
import { startProxyOver, type BareProxy } from "../support/envoy/proxy.ts";
import { EVERY_ENVOY } from "../support/envoy/versions.ts";
import { bitOf, groupOf } from "../support/users.ts";
import { startUpstream } from "../upstream/upstream.ts";
import { pause, StickyClient } from "./sticky-client.ts";

const PREFIX = "wasmcustom.serin.rollout.search.";
/** A tick is half a second; a busy machine takes its time. */
const SETTLED_MS = 2_000;

/** `n`: no two are the same bytes, at which Envoy would not even look. */
function policy(n: number, hasSearch: boolean): object {
  const rollout = { default: "stable", variants: { stable: {}, canary: { percent: 40 } }, warmup: "0s" };
  const rollouts = { checkout: rollout, ...(hasSearch ? { search: rollout } : {}) };
  return { $schema: `./${n}.json`, identity: [{ cookie: "uid" }], rollouts };
}

const usersFrom = (first: number, count: number): { user: string; status: number }[] =>
  Array.from({ length: count }, (_, i) => ({ user: `user-${first + i}`, status: 200 }));

for (const version of EVERY_ENVOY) {
  describe(`a rollout that is away while the .wasm is swapped, Envoy ${version}`, () => {
    let proxy: BareProxy;
    let client: StickyClient;
    let other: string;
    const stats = async (): Promise<Map<string, number>> =>
      proxy.admin.stats("^wasmcustom\\.serin\\.rollout\\.search\\.");
    const stat = async (name: string): Promise<number | undefined> => (await stats()).get(`${PREFIX}${name}`);
    const canaries = (all: readonly { user: string }[]): { user: string }[] =>
      all.filter(({ user }) => groupOf("search", user, 40) === "canary");
    const period = (number: number): Promise<void> =>
      waitUntil(`period ${number}`, 20_000, async () => (await stat("evidence_period")) === number);

    before(async () => {
      const upstream = await startUpstream({ version: "stable" });
      proxy = await startProxyOver([upstream], {
        ...{ version, policy: policy(0, true), concurrency: 2, logLevel: "error" },
        routes: [{ match: { prefix: "/" }, route: { cluster: "stable", timeout: "60s" } }],
      });
      client = new StickyClient(proxy.port);
      // A custom section: another module that does the same.
      other = join(proxy.envoy.folder, "other.wasm");
      await copyFile(WASM, other);
      await appendFile(other, Buffer.from([0, 2, 1, 0x61]));
      await period(1);
      await pause(SETTLED_MS);
    });
    after(async () => {
      client?.stop();
      await proxy?.stop();
    });

    const first = usersFrom(0, 300);

    test("keeps its counters, without a share", async () => {
      await client.sendAll(first);
      await pause(SETTLED_MS);
      assert.equal(await stat("canary.rq_total"), canaries(first).length);
      assert.equal(await proxy.publish(policy(1, false), other), "accepted");
      // Connections of the old module's streams end with it.
      client.reconnect();
      await client.sendAll(usersFrom(1_000, 50));
      await pause(SETTLED_MS);
      assert.equal(await stat("canary.rq_total"), canaries(first).length);
      assert.equal(await stat("canary.rq_2xx"), canaries(first).length);
      assert.equal(await stat("canary.share"), 0);
    });

    test("is counted on when it is back, and its users in a new period", async () => {
      assert.equal(await proxy.publish(policy(2, true), other), "accepted");
      await waitUntil("a period", 20_000, async () => ((await stat("evidence_period")) ?? 0) > 0);
      await pause(SETTLED_MS);
      const again = usersFrom(0, 400);
      await client.sendAll(again);
      await pause(SETTLED_MS);
      assert.equal(await stat("canary.rq_total"), canaries([...first, ...again]).length);
      const users = new Set(canaries(again).map(({ user }) => bitOf("search", user)));
      // One of them may share the bit of a user of the control group.
      assert.ok(Math.abs(((await stat("canary.users")) ?? 0) - users.size) <= 1);
    });
  });
}
