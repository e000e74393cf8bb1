// What other gateways load: their YAML by the published schemas, and the policies in it by the filter itself.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";

import { parse, parseAllDocuments } from "yaml";

import { checkPolicy } from "../../tools/policy/check-policy.ts";
import { loadFilter } from "../../tools/policy/filter-module.ts";
import { readPolicySource } from "../../tools/policy/policy-source.ts";
import { faultsOf, publishedDefinitions, type PUBLISHED } from "./kubernetes-schemas.ts";
import { ROOT } from "./with-filter.ts";

const read = (file: string): string => readFileSync(join(ROOT, "envoy", file), "utf8");

interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
}

const resourcesOf = (file: string): Resource[] =>
  parseAllDocuments(read(file)).map((document) => document.toJS() as Resource);

const CHECKED: readonly (readonly [string, keyof typeof PUBLISHED, string])[] = [
  ["emissary/alerts.yaml", "prometheus", "PrometheusRule"],
  ["emissary/hop/kubernetes.yaml", "emissary", "Listener"],
  ["istio/wasm-plugin.yaml", "istio", "WasmPlugin"],
  ["istio/virtual-service.yaml", "istio", "VirtualService"],
  ["envoy-gateway/http-route.yaml", "gatewayApi", "HTTPRoute"],
];

describe("by the published schemas", () => {
  for (const [file, from, kind] of CHECKED) {
    test(`${file}: ${kind}`, () => {
      const resource = resourcesOf(file).find((one) => one.kind === kind);
      assert.ok(resource !== undefined);
      const definitions = publishedDefinitions(from);
      assert.deepEqual(faultsOf(resource, definitions), []);
      // The check itself sees a misspelt field.
      const misspelt = { ...resource, spec: { ...(resource as { spec?: object }).spec, sepc: 1 } };
      assert.notEqual(faultsOf(misspelt, definitions).length, 0);
    });
  }
});

/** Where each gateway has the policy. Both hand it to the filter as JSON, with its members in an order of their own. */
const POLICIES: readonly (readonly [string, string, (resource: never) => object])[] = [
  [
    "istio/wasm-plugin.yaml",
    "istio/policy.yaml",
    ({ spec }: { spec: { pluginConfig: object } }) => spec.pluginConfig,
  ],
  [
    "envoy-gateway/extension-policy.yaml",
    "envoy-gateway/policy.yaml",
    ({ spec }: { spec: { wasm: { config: object }[] } }) => spec.wasm[0]?.config ?? {},
  ],
];

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, member]) => [key, sorted(member)]));
}

describe("policies", () => {
  for (const [file, policy, policyIn] of POLICIES) {
    test(`${file} carries ${policy}, which the filter takes`, () => {
      const [resource] = resourcesOf(file);
      const carried = policyIn(resource as never);
      assert.deepEqual(carried, parse(read(policy)));
      for (const text of [read(policy), JSON.stringify(sorted(carried))]) {
        const { problems } = checkPolicy(readPolicySource("policy.yaml", Buffer.from(text)), loadFilter());
        assert.deepEqual(problems, []);
      }
    });
  }

  test("emissary/policy.yaml is one that the filter takes", () => {
    const source = readPolicySource("policy.yaml", Buffer.from(read("emissary/policy.yaml")));
    assert.deepEqual(checkPolicy(source, loadFilter()).problems, []);
  });
});

test("what alerts.yaml watches are names that a running Envoy has (ads.test.ts), or of docs/stats.md", () => {
  const text = read("emissary/alerts.yaml");
  for (const name of [
    "envoy_extension_config_discovery_http_filter_serin_config_reload",
    "envoy_extension_config_discovery_http_filter_serin_update_rejected",
    "envoy_extension_config_discovery_http_filter_serin_version",
    "serin_policy_loaded",
    "serin_error",
  ]) {
    assert.ok(text.includes(name), name);
  }
});
