// The Mappings that a policy needs are written, and nothing that is there is touched.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { parse, parseAllDocuments } from "yaml";

import { runCli, temporaryFolder } from "../support/cli.ts";
import { MAPPINGS, POLICY, report, run } from "./run-ambassador.ts";

const CANARY = `---
# canary of checkout; otherwise like checkout
apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata:
  name: checkout-serin-checkout-canary
  namespace: shop
  labels:
    team: b
    app.kubernetes.io/managed-by: serin
spec:
  hostname: shop.example.com
  prefix: /checkout/
  service: checkout-v2.shop:8080
  timeout_ms: 4000
  headers:
    x-serin-checkout: canary.4Zq8vK1x0sTn7LbE
  add_request_headers:
    x-serin-checkout:
      append: false
      value: canary
`;

const PLAIN = POLICY.replace(/ +headerSecret.*\n/, "");
const call = (more = "") => `shadows:
  checkout-v3: { match: [{ path: { value: /checkout } }], percent: 10, service: checkout-v3:8080${more} }
`;
const mirror = (name = "search-v2", path = "/search") => `
  ${name}: { match: [{ path: { value: ${path} } }], percent: 10, dispatch: mirror, service: "${name}:8080" }
`;

/** The Mappings of a stream; `items` of a List. */
interface Parsed {
  metadata: { name: string };
  spec: Record<string, unknown>;
  items: unknown;
}

function documentsOf(text: string): [Parsed, Parsed, ...Parsed[]] {
  return parseAllDocuments(text).map((document) => document.toJS() as Parsed) as [Parsed, Parsed];
}

describe("serin ambassador", () => {
  const folder = temporaryFolder();

  it("writes a variant's Mapping with its header and the options of the stable one", async () => {
    const { status, stdout, stderr } = await run(folder, POLICY, [MAPPINGS]);
    assert.deepEqual([status, stdout, stderr], [0, CANARY, ""]);
  });

  it("keeps a Mapping's own headers, and those that it or the Module adds", async () => {
    const own = "headers: { x-tenant: a }\n  add_request_headers: { x-a: b }";
    const { mappings } = await report(folder, POLICY, [MAPPINGS.replace("weight: 100", own)]);
    assert.deepEqual(mappings?.[0]?.spec["headers"], {
      "x-tenant": "a",
      "x-serin-checkout": "canary.4Zq8vK1x0sTn7LbE",
    });
    const overwrites = { "x-serin-checkout": { append: false, value: "canary" } };
    assert.deepEqual(mappings?.[0]?.spec["add_request_headers"], { "x-a": { value: "b" }, ...overwrites });
    const module = `apiVersion: getambassador.io/v3alpha1
kind: Module
metadata: { name: ambassador }
spec: { config: { defaults: { httpmapping: { add_request_headers: { x-m: value } } } } }
`;
    const { mappings: second } = await report(folder, POLICY, [MAPPINGS, module]);
    assert.deepEqual(second?.[0]?.spec["add_request_headers"], { "x-m": { value: "value" }, ...overwrites });
  });

  it("leaves a header to a Mapping that takes it away", async () => {
    const removes = "remove_request_headers: [X-Serin-Checkout]";
    const { mappings } = await report(folder, POLICY, [MAPPINGS.replace("weight: 100", removes)]);
    assert.equal(mappings?.[0]?.spec["add_request_headers"], undefined);
  });

  it("writes texts that YAML 1.1 would read as something else in quotes", async () => {
    const policy = PLAIN.replaceAll("checkout", "search")
      .replace("canary:", '"on":')
      .replace("/search", "/search");
    const { stdout } = await run(folder, policy, [
      MAPPINGS.replace("hostname: shop.example.com", 'hostname: "*"'),
    ]);
    assert.match(stdout, /^ {4}x-serin-search: "on"$/m);
    assert.match(stdout, /^apiVersion: getambassador.io\/v2$/m);
  });

  it("writes the same again when it finds its own Mappings, wherever they are", async () => {
    const policy = POLICY + call();
    const { stdout: first } = await run(folder, policy, [MAPPINGS]);
    const { stdout: second, stderr } = await run(folder, policy, [MAPPINGS, first]);
    assert.equal(second, first);
    assert.equal(stderr, "");
    const { stdout: whole } = await run(folder, policy, [MAPPINGS], { whole: true });
    const { stdout: again } = await run(folder, policy, [whole], { whole: true });
    assert.equal(again, whole);
    assert.equal((await run(folder, policy, [whole])).stdout, first);
    assert.equal((await run(folder, policy, [whole], { check: true })).status, 0);
  });

  it("writes all in the input's order with its text as it is, each behind the one that it comes from", async () => {
    const { stdout } = await run(folder, POLICY, [MAPPINGS], { whole: true });
    const [first, ...rest] = MAPPINGS.split(/^(?=---)/m);
    assert.equal(stdout, `${first ?? ""}${CANARY}${rest.join("")}`);
  });

  it("takes its own Mappings out of a List, and the empty documents that are left", async () => {
    const { mappings: items } = await report(folder, POLICY, [MAPPINGS]);
    const stable = parseAllDocuments(MAPPINGS)[0]?.toJS() as object;
    const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: [stable, ...(items ?? [])] });
    const { stdout, status } = await run(folder, POLICY, [list], { whole: true });
    assert.equal(status, 0);
    const documents = documentsOf(stdout);
    assert.equal(documents.length, 2);
    assert.deepEqual(documents[0].items, [stable]);
    assert.equal(documents[1].metadata.name, "checkout-serin-checkout-canary");
    assert.equal((await run(folder, POLICY, [stdout], { whole: true })).stdout, stdout);
  });

  it("leaves out what a person has written for the same requests", async () => {
    const byHand = CANARY.replace("managed-by: serin", "managed-by: us").replace(
      "-serin-checkout-canary",
      "-canary",
    );
    const { status, stdout } = await run(folder, POLICY, [MAPPINGS, byHand]);
    assert.deepEqual([status, stdout], [0, ""]);
  });

  it("says which of its Mappings are no longer needed, and leaves them out", async () => {
    const old = CANARY.replaceAll("canary", "gone");
    const { stdout, stderr } = await run(folder, POLICY, [MAPPINGS, old]);
    assert.equal(stdout, CANARY);
    assert.equal(
      stderr,
      "checkout-serin-checkout-gone: no longer needed: kubectl delete mapping -n shop checkout-serin-checkout-gone\n",
    );
  });

  it("writes Mappings for the old secret as well, or for none", async () => {
    const { mappings } = await report(folder, POLICY, [MAPPINGS], { oldSecret: ["checkout=before"] });
    const seen = mappings?.map(({ metadata, spec }) => [
      metadata.name,
      spec["headers"],
      spec["add_request_headers"],
    ]);
    const added = { "x-serin-checkout": { append: false, value: "canary" } };
    assert.deepEqual(seen, [
      ["checkout-serin-checkout-canary", { "x-serin-checkout": "canary.4Zq8vK1x0sTn7LbE" }, added],
      ["checkout-serin-checkout-canary-old", { "x-serin-checkout": "canary.before" }, added],
    ]);
    const { mappings: none } = await report(folder, POLICY, [MAPPINGS], { oldSecret: ["checkout="] });
    assert.deepEqual(none?.[1]?.spec["headers"], { "x-serin-checkout": "canary" });
  });

  it("writes every combination of two rollouts: the first of the policy leads", async () => {
    const policy = `${PLAIN}  basket:
    match: [{ path: { value: / } }]
    default: off
    variants: { off: {}, on: { percent: 5, service: basket }, dark: { percent: 1 } }
`;
    const { mappings, problems } = await report(folder, policy, [MAPPINGS]);
    assert.deepEqual(
      mappings?.map(({ metadata, spec }) => [metadata.name, spec["service"], spec["headers"]]),
      [
        ["checkout-serin-basket-on", "basket.shop", { "x-serin-basket": "on" }],
        ["checkout-serin-checkout-canary", "checkout-v2.shop:8080", { "x-serin-checkout": "canary" }],
        [
          "checkout-serin-checkout-canary-basket-on",
          "checkout-v2.shop:8080",
          { "x-serin-checkout": "canary", "x-serin-basket": "on" },
        ],
        ["search-serin-basket-on", "basket.shop", { "x-serin-basket": "on" }],
      ],
    );
    assert.deepEqual(
      problems.map(({ code, severity }) => [code, severity]),
      [
        ["no-secret", "warning"],
        ["no-secret", "warning"],
        ["several-services", "warning"],
      ],
    );
  });

  it("writes the pair of a mirror, for the users of a variant too", async () => {
    const { mappings, clusters } = await report(folder, `${PLAIN}shadows:${mirror("v3", "/checkout")}`, [
      MAPPINGS,
    ]);
    const cluster = "cluster_shadow_v3_shop_8080_shop";
    assert.deepEqual(
      mappings?.map(({ metadata, spec }) => [
        metadata.name,
        spec["service"],
        spec["shadow"],
        spec["headers"],
      ]),
      [
        ["checkout-serin-mirror-v3", "checkout:8080", undefined, { "x-serin-shadow-v3": cluster }],
        ["checkout-serin-mirror-v3-copy", "v3.shop:8080", true, { "x-serin-shadow-v3": cluster }],
        [
          "checkout-serin-checkout-canary",
          "checkout-v2.shop:8080",
          undefined,
          { "x-serin-checkout": "canary" },
        ],
        [
          "checkout-serin-checkout-canary-mirror-v3",
          "checkout-v2.shop:8080",
          undefined,
          { "x-serin-checkout": "canary", "x-serin-shadow-v3": cluster },
        ],
        [
          "checkout-serin-checkout-canary-mirror-v3-copy",
          "v3.shop:8080",
          true,
          { "x-serin-checkout": "canary", "x-serin-shadow-v3": cluster },
        ],
      ],
    );
    assert.deepEqual(
      clusters?.find(({ pointer }) => pointer.startsWith("/shadows")),
      {
        pointer: "/shadows/v3/service",
        service: "v3.shop:8080",
        cluster,
      },
    );
  });

  it("names the cluster of a call, closed to clients, and keeps what a person added to that Mapping", async () => {
    const policy = `identity: [{ cookie: uid }]\n${call(", noise: { service: checkout }")}`;
    const { stdout } = await run(folder, policy, [MAPPINGS]);
    const [first, second] = documentsOf(stdout);
    assert.deepEqual(first.spec, {
      hostname: "shadow.invalid",
      prefix: "/checkout-v3/",
      method: "SERIN",
      service: "checkout-v3.shop:8080",
      cluster_tag: "serin",
    });
    assert.equal(second.metadata.name, "serin-checkout-v3-noise");
    const changed = stdout.replace(
      "cluster_tag: serin",
      "cluster_tag: serin\n  circuit_breakers: [{ max_requests: 9 }]",
    );
    const { mappings, clusters } = await report(folder, policy, [MAPPINGS, changed]);
    assert.deepEqual(mappings?.[0]?.spec["circuit_breakers"], [{ max_requests: 9 }]);
    assert.deepEqual(
      clusters?.map(({ cluster }) => cluster),
      ["cluster_serin_checkout_v3_shop_8080_shop_cbnr9", "cluster_serin_checkout_shop_shop"],
    );
  });

  it("writes the policy with clusters and everything else as it is", async () => {
    const policy = POLICY + call();
    const to = `${folder.path}/policy.envoy.yaml`;
    const { status, stderr } = await run(folder, policy, [MAPPINGS], { writePolicy: to });
    assert.equal(status, 0);
    assert.equal(stderr, `${to}: written, for serin publish\n`);
    const expected = policy
      .replace('service: "checkout-v2:8080"', 'cluster: "cluster_checkout_v2_shop_8080_shop"')
      .replace("service: checkout-v3:8080", 'cluster: "cluster_serin_checkout_v3_shop_8080_shop"');
    assert.equal(readFileSync(to, "utf8"), expected);
    const again = await run(folder, policy, [MAPPINGS], { writePolicy: to });
    assert.equal(again.stderr, `${to}: up to date, for serin publish\n`);
    const json = `${folder.path}/policy.envoy.json`;
    await run(folder, policy, [MAPPINGS], { writePolicy: json });
    assert.deepEqual(JSON.parse(readFileSync(json, "utf8")), parse(expected));
  });

  it("takes JSON, and keeps its text", async () => {
    const policy = `{ "identity": [{"cookie": "uid"}],\t"rollouts": {
\t"checkout": {"default": "a", "variants": {"a": {}, "b": {"service" : "b.shop", "percent": 1}}}}}`;
    const to = `${folder.path}/json.envoy.json`;
    const { status } = await run(folder, policy, [MAPPINGS], { writePolicy: to });
    assert.equal(status, 0);
    assert.equal(
      readFileSync(to, "utf8"),
      policy.replace('"service" : "b.shop"', '"cluster" : "cluster_b_shop_shop"'),
    );
  });

  it("reads standard input, and writes a file", async () => {
    const to = `${folder.path}/canary.yaml`;
    const { stdout, stderr } = await run(folder, POLICY, ["-"], { stdin: MAPPINGS, to });
    assert.equal(stdout, "");
    assert.match(stderr, /canary\.yaml: written, 1 Mapping for /);
    assert.equal(readFileSync(to, "utf8"), CANARY);
    const again = await run(folder, POLICY, [], { stdin: MAPPINGS, to });
    assert.match(again.stderr, /canary\.yaml: up to date, 1 Mapping for /);
  });
});

describe("the command line of serin ambassador", () => {
  const folder = temporaryFolder();

  it("has help with examples, and 2 for bad usage", async () => {
    const policy = folder.write("policy.yaml", POLICY);
    const mappings = folder.write("mappings.yaml", MAPPINGS);
    const { status, stdout } = await runCli(["ambassador", "--help"]);
    assert.equal(status, 0);
    assert.match(stdout, /Examples:\n {2}\$ serin ambassador/);
    const bad = [
      [mappings],
      ["--policy", policy, `${folder.path}/none.yaml`],
      ["--policy", "-", "-"],
      ["--policy", policy, "--old-secret", "checkout", mappings],
      ["--policy", policy, "--old-secret", "basket=a", mappings],
      ["--policy", policy, "--old-secret", "checkout=a$b", mappings],
      ["--policy", policy, "--old-secret", "checkout=4Zq8vK1x0sTn7LbE", mappings],
    ];
    for (const parameters of bad) {
      const outcome = await runCli(["ambassador", ...parameters]);
      assert.equal(outcome.status, 2, parameters.join(" "));
      assert.doesNotMatch(outcome.stderr, /4Zq8vK1x0sTn7LbE|a\$b/);
    }
    const good = await runCli(["ambassador", "--policy", policy, mappings, "--old-secret", "checkout=a"]);
    assert.equal(good.status, 0, good.stderr);
  });
});
