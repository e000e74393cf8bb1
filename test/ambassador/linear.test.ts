// Thousands of Mappings: what is looked at grows with their number, not with its square.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { checkMappings } from "../../tools/ambassador/check.ts";
import { groupsOf, served } from "../../tools/ambassador/groups.ts";
import { Hosts } from "../../tools/ambassador/hosts.ts";
import { installationOf } from "../../tools/ambassador/mapping.ts";
import { comesBefore } from "../../tools/ambassador/order.ts";
import { Overlap } from "../../tools/ambassador/overlap.ts";
import { readResources, type Resource } from "../../tools/ambassador/resources.ts";
import { readServicePolicy } from "../../tools/ambassador/service-policy.ts";
import { wantedMappings } from "../../tools/ambassador/wanted.ts";
import { filterModule } from "../support/filter.ts";
import { POLICY } from "./run-ambassador.ts";

/** The Mappings of a text, and how often their specs were read so far. */
function counted(text: string): { mappings: Resource[]; reads: () => number } {
  let reads = 0;
  const mappings = readResources("m.yaml", text, "default").mappings.map((mapping): Resource => ({
    ...mapping,
    spec: new Proxy(mapping.spec, {
      get(spec, key) {
        reads++;
        return spec[String(key)];
      },
    }),
  }));
  return { mappings, reads: () => reads };
}

/** How often the specs of so many Mappings are read; each host has a wide one and a narrow one. */
function readsOf(count: number): number {
  const text = Array.from({ length: count / 2 }, (_, index) =>
    ["/", "/checkout/"].map((prefix, kind) =>
      JSON.stringify({
        apiVersion: "getambassador.io/v3alpha1",
        kind: "Mapping",
        metadata: { name: `m${index}-${kind}`, namespace: "shop" },
        spec: { hostname: `shop${index}.example.com`, prefix, service: "checkout:8080" },
      }),
    ),
  )
    .flat()
    .join("\n---\n");
  const { mappings, reads } = counted(text);
  const everyHost = POLICY.replace("hosts: [shop.example.com], ", "");
  const { policy } = readServicePolicy("p.yaml", Buffer.from(everyHost), filterModule(), false);
  assert.ok(policy);
  const hosts = new Hosts([]);
  const groups = groupsOf(served(mappings, hosts), hosts);
  const overlap = new Overlap(
    groups.map(({ base }) => base),
    hosts,
  );
  const installation = installationOf([], undefined);
  const known = { policy, hosts, installation, oldSecrets: new Map<string, string>() };
  const wanted = wantedMappings({ ...known, groups, overlap, all: mappings, foreign: [] });
  assert.equal(wanted.mappings.length, count / 2);
  const problems = checkMappings({
    ...known,
    ...{ wanted: wanted.mappings, clusters: wanted.clusters, mappings, needsAll: true },
  });
  assert.equal(problems.length, count / 2);
  return reads();
}

describe("Mappings", () => {
  it("are looked at twice as often when they are twice as many", () => {
    const [few, many] = [readsOf(200), readsOf(400)];
    assert.ok(many < 2.2 * few, `${few} reads for 200, ${many} for 400`);
  });
  it("have their place in the order found once each, however many they are compared with", () => {
    const documents = Array.from({ length: 20 }, (_, index) =>
      JSON.stringify({
        ...{ apiVersion: "getambassador.io/v3alpha1", kind: "Mapping", metadata: { name: `m${index}` } },
        spec: { hostname: "*", prefix: `/${"x".repeat(index)}`, service: "x" },
      }),
    );
    const { mappings, reads } = counted(documents.join("\n---\n"));
    const [first] = mappings;
    assert.ok(first);
    for (const mapping of mappings) comesBefore(first, mapping);
    const once = reads();
    for (const one of mappings)
      assert.equal(mappings.filter((other) => comesBefore(other, one)).length, 19 - mappings.indexOf(one));
    assert.equal(reads(), once);
  });
});
