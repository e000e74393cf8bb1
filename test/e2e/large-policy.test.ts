// Ten thousand rollouts load, serve, and are exchanged.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { directRoute } from "../support/envoy/bootstrap.ts";
import { position, variantOf } from "../support/assignment.ts";
import { startProxy, type Proxy } from "../support/envoy/proxy.ts";
import { EVERY_ENVOY } from "../support/envoy/versions.ts";
import { headerIn, sendAll } from "../support/envoy/wire.ts";

const ROLLOUTS = 10_000;

const policy = (percent: number): object => ({
  identity: [{ cookie: "uid" }],
  rollouts: Object.fromEntries(
    Array.from({ length: ROLLOUTS }, (_, i) => [
      `rollout-${i}`,
      {
        match: [{ hosts: [`shop-${i % 1000}.example.com`], path: { value: `/service-${i}` } }],
        default: "stable",
        variants: { stable: {}, canary: { percent, cluster: `cluster-${i}` } },
      },
    ]),
  ),
});

for (const version of EVERY_ENVOY) {
  describe(`${ROLLOUTS} rollouts, Envoy ${version}`, () => {
    let proxy: Proxy;
    before(async () => {
      const routes = [directRoute("/", { cluster: "%REQ(x-serin-cluster)%" })];
      proxy = await startProxy({ version, policy: policy(50), routes, logLevel: "error" });
    });
    after(() => proxy.stop());

    const serves = async (percent: number): Promise<void> => {
      const asked = Array.from({ length: 500 }, (_, i) => (i * 7919) % ROLLOUTS);
      const heads = await sendAll(
        proxy.port,
        asked.map(
          (i) =>
            `GET /service-${i}/x HTTP/1.1\r\nhost: shop-${i % 1000}.example.com\r\ncookie: uid=u\r\n\r\n`,
        ),
        8,
      );
      const parts = [{ variant: "canary", begin: 0, end: position(percent) }];
      assert.deepEqual(
        heads.map((head) => headerIn(head, "cluster")),
        asked.map((i) => (variantOf(`rollout-${i}`, "u", parts) === "canary" ? `cluster-${i}` : null)),
      );
    };

    test("serve", () => serves(50));

    test("are exchanged for others, again and again", async () => {
      for (const percent of [10, 90, 25]) {
        assert.equal(await proxy.publish(policy(percent)), "accepted");
        await serves(percent);
      }
    });
  });
}
