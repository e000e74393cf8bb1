// The plain Envoy in front: hop/envoy.yaml with the ports and paths of this run, before Emissary's own configuration.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { parse } from "yaml";

import {
  ensureEnvoy,
  ENVOY_VERSION,
  freePort,
  startEnvoy,
  type RunningEnvoy,
} from "../../tools/envoy/index.ts";
import { EMISSARIES, generated, type Generated } from "./emissary-data.ts";
import { assertLabels, assertSplit } from "./served.ts";
import { Client, ConfigMapFolder, isCanary, policyFor, startShop, USERS, type Shop } from "./stage.ts";
import { EMISSARY_ENVOYS } from "./versions.ts";
import { WASM } from "../support/filter.ts";
import { ROOT } from "./with-filter.ts";

const HOP = readFileSync(join(ROOT, "envoy/emissary/hop/envoy.yaml"), "utf8");

test("hop/envoy.yaml has the labels of stats-tags.yaml, and the VM of what `serin publish` writes", () => {
  const hop = parse(HOP);
  const tags = parse(readFileSync(join(ROOT, "envoy/stats-tags.yaml"), "utf8"));
  assert.deepEqual(hop.stats_config, tags.stats_config);
  const http = hop.static_resources.listeners[0].filter_chains[0].filters[0].typed_config;
  const { configuration: _, ...own } = http.http_filters[0].config_discovery.default_config.config;
  const published = parse(readFileSync(join(ROOT, "envoy/filter.yaml"), "utf8")).resources[0].typed_config
    .config;
  own.vm_config.code.local.filename = published.vm_config.code.local.filename;
  const { configuration: __, ...rest } = published;
  assert.deepEqual(own, rest);
});

// The one way that goes with any Envoy: the hop is the newest, whatever Emissary ships.
describe(`a hop of Envoy ${ENVOY_VERSION} before Emissary`, () => {
  let shop: Shop;
  let config: Generated;
  let policy: ConfigMapFolder;
  let emissary: RunningEnvoy;
  let hop: RunningEnvoy;
  let port = 0;
  before(async () => {
    shop = await startShop();
    config = await generated(EMISSARIES.at(-1) ?? "", shop);
    policy = new ConfigMapFolder(policyFor(config, 40));
    const { ads, bootstrap } = config;
    const { static_resources, layered_runtime } = ads;
    emissary = await startEnvoy({
      binary: await ensureEnvoy(EMISSARY_ENVOYS.at(-1)),
      bootstrap: JSON.stringify({ admin: bootstrap.admin, static_resources, layered_runtime }),
      logLevel: "error",
    });
    port = await freePort();
    let text = HOP;
    for (const [from, to] of [
      ["port_value: 9901", "port_value: 0"],
      ["0.0.0.0, port_value: 8080", `127.0.0.1, port_value: ${port}`],
      ["emissary-ingress.emissary, port_value: 80 ", `127.0.0.1, port_value: ${config.web} `],
      ["/serin/policy/filter.yaml", policy.file],
      ["{ path: /serin/policy }", `{ path: ${policy.folder} }`],
      ["/serin/wasm/serin-HASH.wasm", WASM],
    ] as const) {
      assert.ok(text.includes(from), from);
      text = text.replace(from, to);
    }
    hop = await startEnvoy({ binary: await ensureEnvoy(ENVOY_VERSION), bootstrap: text, logLevel: "error" });
  });
  after(async () => {
    await hop?.stop();
    await emissary?.stop();
    await shop.stop();
    policy.remove();
  });

  test("canary users reach the canary, all others stable, whatever they send", async () => {
    await assertSplit(port, 40);
    await assertLabels(hop.admin);
  });

  test("decides about the path that Emissary routes, however it is written", async () => {
    const client = new Client(port);
    const user = USERS.find((each) => isCanary(each, 40)) ?? "";
    for (const path of ["/shop/", "/nowhere/../shop/", "/shop/x/%2e%2e/"]) {
      assert.equal((await client.get(path, { "x-user": user })).version, "canary", path);
    }
    client.close();
  });

  test("whoever gets past the hop picks the canary: what the NetworkPolicy is for", async () => {
    const client = new Client(config.web);
    assert.equal((await client.get("/shop/", { "x-serin-variant": "canary" })).version, "canary");
    client.close();
  });
});
