// The names of clusters are Emissary's own: each row is what diagd 4.1.0 generated for that Mapping.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";

import { clusterName, type Installation } from "../../tools/ambassador/cluster-name.ts";
import { clusterOfMapping, installationOf } from "../../tools/ambassador/mapping.ts";
import { readResources } from "../../tools/ambassador/resources.ts";

const DATA = resolve(import.meta.dirname, "../../../shared/emissary-data");

const PLAIN = new Set(["consul-dc1"]);
const INSTALLATION: Installation = { namespace: "default", foreignResolvers: PLAIN };

/** Namespace, service, what else the Mapping says, name. */
const ROWS: [namespace: string, service: string, more: Record<string, unknown>, name: string][] = [
  ["shop", "checkout", {}, "cluster_checkout_shop_shop"],
  ["shop", "checkout:8080", {}, "cluster_checkout_shop_8080_shop"],
  ["default", "checkout:8080", {}, "cluster_checkout_8080_default"],
  ["shop", "checkout-v2.shop:8080", {}, "cluster_checkout_v2_shop_8080_shop"],
  ["shop", "Checkout-V2.Shop:08080", {}, "cluster_checkout_v2_shop_8080_shop"],
  ["shop", "checkout-v2.shop.svc.cluster.local", {}, "cluster_checkout_v2_shop_svc_cluster_local_shop"],
  ["shop", "http://checkout:8080", {}, "cluster_http___checkout_shop_8080_shop"],
  ["shop", "https://checkout", {}, "cluster_https___checkout_shop_otls_shop"],
  ["shop", "HTTPS://Checkout.shop", {}, "cluster_https___checkout_shop_otls_shop"],
  [
    "shop",
    "https://checkout",
    { host_rewrite: "checkout.example.com" },
    "cluster_https___checkout_shop_otls_hr_ch-EE8D3DA7D796EE30-0",
  ],
  ["shop", "checkout", { host_rewrite: "checkout.example.com" }, "cluster_checkout_shop_shop"],
  ["shop", "//checkout:8080", {}, "cluster_checkout_shop_8080_shop"],
  ["shop", "localhost:8080", {}, "cluster_localhost_8080_shop"],
  ["shop", "127.0.0.1:22101", {}, "cluster_127_0_0_1_22101_shop"],
  ["shop", "[::1]:8080", {}, "cluster____1__8080_shop"],
  ["shop", "user@checkout:8080/path?x=1", {}, "cluster_checkout_shop_8080_shop"],
  ["shop", "check_out:8080", {}, "cluster_check_out_shop_8080_shop"],
  ["shop", "check%6Fut:8080", {}, "cluster_checkout_shop_8080_shop"],
  ["shop", "bücher:8080", {}, "cluster_b_C3_BCcher_shop_8080_shop"],
  ["shop", "checkout:", {}, "cluster_checkout_shop_shop"],
  ["shop", "checkout", { tls: "upstream" }, "cluster_checkout_shop_otls_upstream_shop"],
  ["shop", "http://checkout", { tls: "upstream" }, "cluster_http___checkout_shop_otls_shop"],
  ["shop", "https://checkout", { tls: "upstream" }, "cluster_https___checkout_shop_otls_shop"],
  ["shop", "checkout", { cluster_tag: "blue" }, "cluster_blue_checkout_shop_shop"],
  ["shop", "checkout", { cluster_tag: "blue-green" }, "cluster_blue_green_checkout_shop_shop"],
  ["shop", "checkout", { circuit_breakers: [{ max_connections: 5 }] }, "cluster_checkout_shop_shop_cbnc5"],
  [
    "shop",
    "checkout",
    {
      circuit_breakers: [
        { priority: "HIGH", max_connections: 5, max_pending_requests: 6, max_requests: 7, max_retries: 8 },
        { max_retries: 1 },
      ],
    },
    "cluster_checkout_shop_shop_cbhc5p6r7t8_cbnt1",
  ],
  [
    "shop",
    "checkout",
    { resolver: "endpoint", load_balancer: { policy: "ring_hash", header: "x-user" } },
    "cluster_checkout_shop_shop_er_ring_hash_hdr_x_user",
  ],
  [
    "shop",
    "checkout",
    { resolver: "endpoint", load_balancer: { policy: "maglev", cookie: { name: "uid" } } },
    "cluster_checkout_shop_shop_er_maglev_cookie_uid",
  ],
  [
    "shop",
    "checkout",
    { resolver: "endpoint", load_balancer: { policy: "ring_hash", source_ip: true } },
    "cluster_checkout_shop_shop_er_ring_hash_srcip",
  ],
  [
    "shop",
    "checkout",
    { resolver: "endpoint", load_balancer: { policy: "round_robin" } },
    "cluster_checkout_shop_shop_er_round_robin",
  ],
  ["shop", "checkout", { resolver: "consul-dc1" }, "cluster_checkout_shop"],
  ["shop", "checkout:8080", { resolver: "consul-dc1" }, "cluster_checkout_8080_shop"],
  [
    "shop",
    "a-service-with-a-rather-long-name.in-a-namespace-of-its-own:8080",
    {},
    "cluster_a_service_with_a_rather_long_nam-F5EB6BED881E3E74-0",
  ],
  [
    "a-namespace-with-a-name-that-is-long",
    "checkout-service-canary:8080",
    {},
    "cluster_checkout_service_canary_a_namesp-55D712725D718D2D-0",
  ],
  [
    "a-namespace-with-a-name-that-is-long",
    "checkout-service-canary:8080",
    { cluster_tag: "serin" },
    "cluster_serin_checkout_service_canary_a_-178E233E678B7A33-0",
  ],
  [
    "shop",
    "checkout-of-sixty-letters-in-all-exactly-as-it-fits:1",
    {},
    "cluster_checkout_of_sixty_letters_in_all-218C0D54CBE7203C-0",
  ],
  ["shop", "checkout", { stats_name: "other" }, "cluster_checkout_shop_shop"],
  ["shop", "checkout", { shadow: true }, "cluster_shadow_checkout_shop_shop"],
  [
    "shop",
    "checkout",
    { shadow: true, circuit_breakers: [{ max_connections: 5 }] },
    "cluster_shadow_checkout_shop_shop_cbnc5",
  ],
];

function mappingOf(namespace: string, service: string, more: Record<string, unknown>): string {
  const spec = { hostname: "*", prefix: "/p/", service, ...more };
  const metadata = { name: "m", namespace };
  return JSON.stringify({ apiVersion: "getambassador.io/v3alpha1", kind: "Mapping", metadata, spec });
}

function nameOf(text: string, installation: Installation): string | null {
  const { mappings } = readResources("m.json", text, "default");
  return clusterOfMapping(mappings[0] ?? assert.fail("no Mapping"), installation);
}

describe("names of clusters", () => {
  for (const [namespace, service, more, name] of ROWS) {
    it(`${service} in ${namespace} ${JSON.stringify(more)} is ${name}`, () => {
      assert.equal(nameOf(mappingOf(namespace, service, more), INSTALLATION), name);
    });
  }

  it("takes the defaults of the Module from the resources", () => {
    const config = {
      use_ambassador_namespace_for_service_resolution: true,
      resolver: "endpoint",
      circuit_breakers: [{ max_connections: 7 }],
      load_balancer: { policy: "least_request" },
    };
    const metadata = { name: "ambassador", namespace: "emissary" };
    const module = JSON.stringify({
      apiVersion: "getambassador.io/v3alpha1",
      kind: "Module",
      metadata,
      spec: { config },
    });
    const installation = installationOf(readResources("module.json", module, "default").others, undefined);
    assert.equal(installation.namespace, "emissary");
    const more: [Record<string, unknown>, string][] = [
      [{}, "cluster_checkout_shop_cbnc7_er_least_request"],
      [{ circuit_breakers: [{ max_retries: 2 }] }, "cluster_checkout_shop_cbnt2_er_least_request"],
      [{ resolver: "kubernetes-service" }, "cluster_checkout_shop_cbnc7_er_least_request"],
    ];
    for (const [spec, name] of more)
      assert.equal(nameOf(mappingOf("shop", "checkout", spec), installation), name);
  });

  it("of version 2 says tls: true as https", () => {
    const v2 = mappingOf("shop", "checkout:443", { tls: true }).replace("v3alpha1", "v2");
    assert.equal(nameOf(v2, INSTALLATION), "cluster_https___checkout_shop_443_otls_shop");
  });

  it("has none for a service that is none", () => {
    for (const service of ["", ":8080", "checkout:70000", "checkout:http", "check%ut", "[::1"])
      assert.equal(clusterName({ service, namespace: "shop" }, INSTALLATION), null, service);
  });
});

describe("what diagd generated", () => {
  if (!existsSync(DATA)) {
    console.log("../shared/emissary-data is not there: clustermaps of diagd are not compared");
    return;
  }
  const read = (name: string) => readFileSync(join(DATA, name), "utf8");
  const resources = readResources("resources.yaml", read("resources.yaml"), "default");
  const installation = installationOf(resources.others, undefined);

  for (const version of ["3.10", "4.1"]) {
    it(`the clustermap of ${version} has the names of all Mappings, and no other`, () => {
      const clusters = Object.keys(JSON.parse(read(`${version}.clustermap.json`)) as object);
      const own = clusters.filter((name) => !name.includes("8877"));
      const names = resources.mappings.map((mapping) => clusterOfMapping(mapping, installation));
      assert.deepEqual([...new Set(names)].sort(), own.sort());
    });
  }
});
