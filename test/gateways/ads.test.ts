// The same through a real ambex: the filter in Emissary's own way to Envoy, policies that change, and bad ones.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { ensureEnvoy, startEnvoy, waitUntil, type RunningEnvoy } from "../../tools/envoy/index.ts";
import { startAmbex, type Ambex } from "./ambex.ts";
import { EMISSARIES, generated, type AdsFile, type Generated } from "./emissary-data.ts";
import { assertLabels, assertShadows, assertSplit } from "./served.ts";
import { BAD, Client, ConfigMapFolder, isCanary, policyFor, startShop, USERS, type Shop } from "./stage.ts";
import { EMISSARY_ENVOYS } from "./versions.ts";
import { withFilter } from "./with-filter.ts";

/** What envoy/emissary/alerts.yaml watches. */
const SIGN_OF_LIFE = "envoy_extension_config_discovery_http_filter_serin_config_reload";
const REJECTED = "extension_config_discovery.http_filter.serin.update_rejected";

/** Each Emissary with the Envoy that is nearest to its own. */
const PAIRS = EMISSARIES.map(
  (emissary, i) => [emissary, EMISSARY_ENVOYS[i] ?? EMISSARY_ENVOYS[0] ?? ""] as const,
);

for (const [emissary, version] of PAIRS) {
  describe(`ambex, Emissary ${emissary}, Envoy ${version}`, () => {
    let shop: Shop;
    let ambex: Ambex;
    let plain: Generated;
    let config: Generated;
    let policy: ConfigMapFolder;
    let envoy: RunningEnvoy;
    before(async () => {
      shop = await startShop();
      ambex = await startAmbex();
      plain = await generated(emissary, shop, ambex.port);
      policy = new ConfigMapFolder(policyFor(plain, 40));
      config = withFilter(plain, { policy: policy.file, upstream: true });
      // An Emissary without any Listener yet: the filter comes to an Envoy whose workers run. With PKU in the
      // processor and without the VM in the bootstrap this kills Envoy 1.36 and 1.37.
      envoy = await startEnvoy({
        binary: await ensureEnvoy(version),
        bootstrap: JSON.stringify(config.bootstrap),
        logLevel: "error",
      });
      ambex.serve(config.ads);
      await waitUntil("the listener", 20_000, async () => (await envoy.admin.listeners()).size >= 2);
    });
    after(async () => {
      await envoy?.stop();
      await ambex?.stop();
      await shop.stop();
      policy?.remove();
    });

    // As Emissary starts it: at `-l error`.
    const start = async (): Promise<RunningEnvoy> => {
      const binary = await ensureEnvoy(version);
      const started = await startEnvoy({
        binary,
        bootstrap: JSON.stringify(config.bootstrap),
        logLevel: "error",
      });
      await waitUntil("the listener", 20_000, async () => (await started.admin.listeners()).size >= 2);
      return started;
    };
    const rejected = async (): Promise<number> => (await envoy.admin.stats(REJECTED)).get(REJECTED) ?? 0;
    const waitForShare = async (percent: number): Promise<void> => {
      const share = Math.round(percent * 1000);
      await waitUntil(`a share of ${percent} %`, 20_000, async () =>
        [...(await envoy.admin.stats("serin\\.rollout\\.variant\\.canary\\.share"))].some(
          ([, v]) => v === share,
        ),
      );
    };

    test("canary users reach the canary, all others stable; copies are compared; stats have labels", async () => {
      await assertSplit(config.web, 40);
      await assertShadows(config.web, envoy.admin, shop, true);
      await assertLabels(envoy.admin);
    });

    test("policies change without a dropped connection", async () => {
      const client = new Client(config.web);
      let [requests, isRunning] = [0, true];
      const load = (async () => {
        while (isRunning) {
          const answer = await client.get("/shop/", { "x-user": USERS[requests % USERS.length] ?? "" });
          assert.equal(answer.status, 200);
          // One connection from the first request to the last: nothing drained, nothing was closed.
          assert.equal(answer.isReused, requests > 0, `request ${requests}`);
          requests++;
        }
      })();
      try {
        for (const percent of [0, 100, 25, 75, 10, 60, 0, 40]) {
          policy.put(policyFor(config, percent));
          await waitForShare(percent);
          const seen = requests;
          await waitUntil("requests", 20_000, () => requests >= seen + 10);
        }
      } finally {
        isRunning = false;
        await load;
        client.close();
      }
      await assertSplit(config.web, 40);
    });

    test("a bad policy: the last good one serves, update_rejected rises, the reason is in the log", async () => {
      const [before, logged] = [await rejected(), envoy.logSize()];
      policy.put(BAD);
      await waitUntil("the rejection", 20_000, async () => (await rejected()) === before + 1);
      await assertSplit(config.web, 40);
      assert.match(envoy.log(logged), /\[error\]\[wasm\].*"pointer":"[^"]*canary\/percent"/);
    });

    test("while it is bad, Mappings change all the same; a good one takes over", async () => {
      const moved = JSON.parse(
        JSON.stringify(config.ads).replaceAll('"prefix":"/mirror/"', '"prefix":"/moved/"'),
      ) as AdsFile;
      ambex.serve(moved);
      const client = new Client(config.web);
      await waitUntil("the Mapping", 20_000, async () => (await client.get("/moved/")).status === 200);
      client.close();
      await assertSplit(config.web, 40);
      policy.put(policyFor(config, 55));
      await waitForShare(55);
      await assertSplit(config.web, 55);
    });

    test("a bad policy at a cold start: the default serves, a good one takes over", async () => {
      await envoy.stop();
      policy.put(BAD);
      envoy = await start();
      await assertSplit(config.web, 0);
      assert.match(envoy.log(), /\[error\]\[wasm\].*"pointer":"[^"]*canary\/percent"/);
      assert.ok((await rejected()) >= 1);
      policy.put(policyFor(config, 40));
      await waitForShare(40);
      await assertSplit(config.web, 40);
    });

    test("without the hook Emissary serves on, and the alert's stats are gone", async () => {
      const alive = async (): Promise<boolean> =>
        (await envoy.admin.prometheus()).includes(`\n${SIGN_OF_LIFE}{`);
      assert.ok(await alive());
      await envoy.stop();
      // The bootstrap's VM alone gives no sign of life.
      ambex.serve(plain.ads);
      envoy = await start();
      const client = new Client(config.web);
      const user = USERS.find((one) => isCanary(one, 40)) ?? "";
      assert.equal((await client.get("/shop/", { "x-user": user })).version, "stable");
      client.close();
      assert.ok(!(await alive()));
    });
  });
}
