// What every way of loading the filter into Emissary has to show, over a shop and an Envoy that runs.

import assert from "node:assert/strict";

import { waitUntil, type Admin } from "../../tools/envoy/index.ts";
import { Client, isCanary, USERS, type Shop } from "./stage.ts";

/** The share of the canary in the policy that serves now decides each user's version, and nothing else does. */
export async function assertSplit(port: number, percent: number): Promise<void> {
  const client = new Client(port);
  try {
    for (const user of USERS) {
      const wanted = isCanary(user, percent) ? "canary" : "stable";
      const answer = await client.get("/shop/cart", { "x-user": user });
      assert.deepEqual([answer.status, answer.version], [200, wanted], user);
      // A client's own header is worth nothing.
      const forged = await client.get("/shop/cart", { "x-user": user, "X-Serin-Variant": "canary" });
      assert.deepEqual([forged.status, forged.version], [200, wanted], `${user} with a forged header`);
      assert.deepEqual(
        forged.serinHeaders,
        wanted === "canary" ? [["x-serin-variant", "canary"]] : [],
        `${user}: what arrived`,
      );
      // A path that exists for the canary's users alone.
      const beta = await client.get("/beta/", { "x-user": user, "x-serin-variant": "canary" });
      assert.equal(beta.status, wanted === "canary" ? 200 : 404, `${user} at /beta/`);
    }
  } finally {
    client.close();
  }
}

/** Copies by a call of the filter and by Envoy's mirror arrive, and each that is compared gets a verdict. */
export async function assertShadows(
  port: number,
  admin: Admin,
  shop: Shop,
  compared: boolean,
): Promise<void> {
  const client = new Client(port);
  try {
    const before = shop.shadow.count;
    const stat = async (name: string): Promise<number> =>
      [...(await admin.stats(`serin\\.shadow\\.${name}$`)).values()].reduce((sum, value) => sum + value, 0);
    const [called, copied] = [await stat("called.match"), await stat("copy.match")];
    for (let i = 0; i < 5; i++) {
      const body = { "x-user": "u1", "x-up-body": `answer ${i}` };
      assert.equal((await client.get("/shop/called", body)).status, 200);
      assert.equal((await client.get("/mirror/copied", body)).status, 200);
    }
    await waitUntil("ten copies", 10_000, () => shop.shadow.count === before + 10);
    await waitUntil("verdicts of calls", 10_000, async () => (await stat("called.match")) === called + 5);
    if (compared) {
      await waitUntil("verdicts of mirrors", 10_000, async () => (await stat("copy.match")) === copied + 5);
    }
  } finally {
    client.close();
  }
}

/** Prometheus has the labels of stats-tags.yaml. */
export async function assertLabels(admin: Admin): Promise<void> {
  const text = await admin.prometheus("serin");
  for (const label of ['serin_rollout="variant"', 'serin_variant="canary"']) {
    assert.match(text, new RegExp(`^serin_rollout_rq_total\\{[^}]*${label}`, "m"));
  }
}
