// Before or after the auth service: whose word on the user counts, and what the auth service sees.

import assert from "node:assert/strict";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";

import { ensureEnvoy, startEnvoy } from "../../tools/envoy/index.ts";
import { EMISSARIES, generated, type AdsFile, type Generated } from "./emissary-data.ts";
import { Client, ConfigMapFolder, isCanary, policyFor, startShop, USERS, type Shop } from "./stage.ts";
import { EMISSARY_ENVOYS } from "./versions.ts";
import { withFilter } from "./with-filter.ts";

const CANARY = USERS.find((user) => isCanary(user, 40)) ?? "";
const STABLE = USERS.find((user) => !isCanary(user, 40)) ?? "";

/** As Emissary's AuthService generates it, where it stands: after CORS. */
function withAuth(ads: AdsFile, port: number): AdsFile {
  const type = "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz";
  const socket_address = { address: "127.0.0.1", port_value: port };
  const load_assignment = {
    cluster_name: "auth",
    endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address } } }] }],
  };
  const patterns = [{ prefix: "x-user" }];
  const filter = {
    name: "envoy.filters.http.ext_authz",
    typed_config: {
      "@type": type,
      transport_api_version: "V3",
      http_service: {
        server_uri: { uri: "http://auth", cluster: "auth", timeout: "5s" },
        authorization_request: { headers_to_add: [] },
        authorization_response: { allowed_upstream_headers: { patterns } },
      },
      allowed_headers: { patterns: [{ prefix: "x-" }] },
    },
  };
  const cors = '{"name":"envoy.filters.http.cors"}';
  const text = JSON.stringify(ads);
  assert.ok(text.includes(cors));
  const changed = JSON.parse(text.replaceAll(cors, `${cors},${JSON.stringify(filter)}`)) as AdsFile;
  changed.static_resources.clusters.push({ name: "auth", connect_timeout: "3s", load_assignment });
  return changed;
}

describe("an auth service that says who the user is", () => {
  let shop: Shop;
  let config: Generated;
  let policy: ConfigMapFolder;
  let auth: Server;
  let says = "";
  let seen: IncomingHttpHeaders = {};
  before(async () => {
    auth = createServer((request, response) => {
      seen = request.headers;
      response.setHeader("x-user", says).end();
    }).listen(0, "127.0.0.1");
    await new Promise((done) => auth.once("listening", done));
    shop = await startShop();
    const plain = await generated(EMISSARIES.at(-1) ?? "", shop);
    config = { ...plain, ads: withAuth(plain.ads, (auth.address() as AddressInfo).port) };
    policy = new ConfigMapFolder(policyFor(config, 40));
  });
  after(async () => {
    auth.close();
    auth.closeAllConnections();
    await shop.stop();
    policy.remove();
  });

  /** The version that a client gets who says to be one user, where the auth service says another. */
  const serve = async (
    placement: "before" | "after",
    client: string,
    authenticated: string,
  ): Promise<string> => {
    const { ads, bootstrap } = withFilter(config, { policy: policy.file, placement });
    const { admin, node, stats_config } = bootstrap;
    const { static_resources, layered_runtime } = ads;
    const envoy = await startEnvoy({
      binary: await ensureEnvoy(EMISSARY_ENVOYS.at(-1)),
      bootstrap: JSON.stringify({ admin, node, static_resources, layered_runtime, stats_config }),
      logLevel: "error",
    });
    const user = new Client(config.web);
    try {
      says = authenticated;
      const answer = await user.get("/shop/", { "x-user": client, "x-serin-variant": "canary" });
      assert.equal(answer.status, 200, answer.body);
      return answer.version;
    } finally {
      user.close();
      await envoy.stop();
    }
  };

  test("after it: its word counts, the client's does not", async () => {
    assert.equal(await serve("after", STABLE, CANARY), "canary");
    assert.equal(await serve("after", CANARY, STABLE), "stable");
  });

  test("before it: the client's word counts, and it sees the variant", async () => {
    assert.equal(await serve("before", CANARY, STABLE), "canary");
    assert.equal(seen["x-serin-variant"], "canary");
    assert.equal(await serve("before", STABLE, CANARY), "stable");
    assert.equal(seen["x-serin-variant"], undefined, "what the client sent is removed before");
  });
});
