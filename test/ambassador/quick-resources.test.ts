// Mappings read without a document are what the `yaml` library makes of them, or left to it.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { parseDocument } from "yaml";

import { quickDocument } from "../../tools/ambassador/quick-resources.ts";
import { KUBERNETES_YAML, readResources } from "../../tools/ambassador/resources.ts";
import { seeded } from "../support/random.ts";
import { randomHosts, randomMappings } from "./random-mappings.ts";

const MAPPING = `---
# production
apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata: { name: checkout, namespace: shop, labels: { app.kubernetes.io/part-of: shop } }
spec:
  hostname: "*.example.com"
  prefix: /checkout/
  service: https://checkout.shop:8443
  timeout_ms: 4000
  headers:
    x-tester: "1"
  add_request_headers: { x-a: { value: b, append: true } }
  retry_policy: { retry_on: 5xx, num_retries: 3 }
  weight: 12.5
`;
/** Each puts something in the place of a value that YAML 1.1, or nobody, reads as the quick reader would. */
const DOUBTFUL = [
  ...["on", "Off", "y", "NO", "0755", "1_000", "0x1F", "1e3", "22:30", "2026-01-31", "~", "", "-0", ".5"],
  ...[
    "&a 1",
    "*a",
    "!!str 1",
    "|\n    x",
    "{ a: 1, a: 2 }",
    "{ __proto__: 1 }",
    '{ "__proto__": 1 }',
    "{ 1e9: x }",
  ],
];

function byLibrary(text: string): unknown {
  const document = parseDocument(text, KUBERNETES_YAML);
  assert.deepEqual(document.errors, []);
  return document.toJS();
}

describe("resources read quickly", () => {
  it("are what the library reads", () => {
    assert.deepEqual(quickDocument(MAPPING), byLibrary(MAPPING));
    const random = seeded(5);
    const kinds = { labels: true, redirects: true, weights: true };
    for (let round = 0; round < 50; round++) {
      for (const one of [...randomHosts(random, kinds), ...randomMappings(random, kinds)]) {
        const json = JSON.stringify(one);
        const indented = JSON.stringify(one, null, 4);
        assert.deepEqual(quickDocument(json), one);
        assert.deepEqual(quickDocument(indented), byLibrary(indented));
      }
    }
  });

  for (const value of DOUBTFUL) {
    it(`leave ${JSON.stringify(value)} to the library`, () => {
      assert.equal(quickDocument(MAPPING.replace("4000", value)), undefined);
    });
  }

  it("have the same places, and a name that comes twice is still a fault", () => {
    const [mapping] = readResources("m.yaml", MAPPING, "default").mappings;
    assert.deepEqual(mapping?.placeOf(["spec", "timeout_ms"]), { line: 10, column: 3 });
    const twice = readResources("m.yaml", `${MAPPING}  weight: 5\n`, "default");
    assert.match(twice.problems[0]?.message ?? "", /unique/);
  });
});
