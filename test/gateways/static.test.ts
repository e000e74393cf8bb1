// What Emissary generated, passed through the hook, on a real Envoy: accepted, and each user gets the right version.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { ensureEnvoy, startEnvoy, type LogLevel, type RunningEnvoy } from "../../tools/envoy/index.ts";
import { EMISSARIES, generated, type Generated } from "./emissary-data.ts";
import { assertLabels, assertShadows, assertSplit } from "./served.ts";
import { BAD, Client, ConfigMapFolder, policyFor, startShop, type Shop } from "./stage.ts";
import { EMISSARY_ENVOYS } from "./versions.ts";
import { withFilter, type HookSettings } from "./with-filter.ts";

/** The parts of both files that make a complete configuration without an ADS server. */
function staticForm({ ads, bootstrap }: Generated): string {
  const { static_resources, layered_runtime } = ads;
  const { admin, node, stats_config } = bootstrap;
  return JSON.stringify({ admin, node, static_resources, layered_runtime, stats_config });
}

for (const emissary of EMISSARIES) {
  for (const version of EMISSARY_ENVOYS) {
    describe(`Emissary ${emissary} on Envoy ${version}`, () => {
      let shop: Shop;
      let config: Generated;
      let policy: ConfigMapFolder;
      let envoy: RunningEnvoy | null = null;
      before(async () => {
        shop = await startShop();
        config = await generated(emissary, shop);
        policy = new ConfigMapFolder(policyFor(config, 40));
      });
      after(async () => {
        await envoy?.stop();
        await shop.stop();
        policy.remove();
      });

      const restart = async (
        settings: Partial<HookSettings> | null,
        logLevel: LogLevel = "info",
      ): Promise<RunningEnvoy> => {
        await envoy?.stop();
        const changed = settings === null ? config : withFilter(config, { policy: policy.file, ...settings });
        const binary = await ensureEnvoy(version);
        return (envoy = await startEnvoy({ binary, bootstrap: staticForm(changed), logLevel }));
      };

      test("without the filter any client picks the canary by its header: what the alert is for", async () => {
        await restart(null);
        const client = new Client(config.web);
        assert.equal((await client.get("/shop/", { "x-serin-variant": "canary" })).version, "canary");
        assert.equal((await client.get("/shop/")).version, "stable");
        client.close();
      });

      test("canary users reach the canary, all others stable, whatever they send", async () => {
        const { admin } = await restart({});
        await assertSplit(config.web, 40);
        await assertShadows(config.web, admin, shop, false);
        await assertLabels(admin);
      });

      test("the ready listener is as it was", async () => {
        const client = new Client(config.ready);
        assert.equal((await client.get("/ready")).status, 200);
        client.close();
      });

      test("before ext_authz, and with the filter on the mirror's cluster", async () => {
        const { admin } = await restart({ placement: "before", upstream: true });
        await assertSplit(config.web, 40);
        await assertShadows(config.web, admin, shop, true);
      });

      test("a bad policy at a cold start: the default serves, and the reason is told", async () => {
        policy.put(BAD);
        const started = await restart({}, "error");
        await assertSplit(config.web, 0);
        assert.match(started.log(), /\[error\]\[wasm\].*canary\/percent/);
      });
    });
  }
}
