// What once went wrong in silence between a policy and a cluster's Mappings, and what people should be told.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { runCli, temporaryFolder } from "../support/cli.ts";
import { report, run, type Given, type Report } from "./run-ambassador.ts";

const folder = temporaryFolder();

const POLICY = `identity: [{ cookie: uid }]
rollouts:
  checkout:
    match: [{ path: { value: /checkout } }]
    default: stable
    variants: { stable: {}, canary: { percent: 5, service: "canary.shop:8080" } }
`;
const SHADOW = `shadows:
  nightly: { match: [{ path: { value: /checkout } }], percent: 10, service: "nightly:8080" }
`;
const ONLY_SHADOW = `identity: [{ cookie: uid }]\n${SHADOW}`;
const MIRROR = ONLY_SHADOW.replace("percent: 10", "dispatch: mirror, percent: 10");

interface Extra {
  readonly kind?: string;
  readonly namespace?: string;
  readonly labels?: Record<string, string>;
  readonly version?: string;
}

function resource(
  name: string,
  spec: object,
  { kind = "Mapping", namespace = "shop", labels, version }: Extra = {},
) {
  const metadata = { name, namespace, ...(labels === undefined ? {} : { labels }) };
  return JSON.stringify({ apiVersion: `getambassador.io/${version ?? "v3alpha1"}`, kind, metadata, spec });
}

const mapping = (name: string, spec: object = {}, extra: Extra = {}): string =>
  resource(name, { hostname: "*", prefix: "/checkout", service: "checkout:8080", ...spec }, extra);

/** What the command says to these resources. */
async function said(policy: string, resources: readonly string[], given: Given = {}): Promise<Report> {
  return report(folder, policy, [resources.join("\n---\n")], given);
}

/** Code and message of each problem that is about Mappings. */
function told({ problems }: Report): string[] {
  return problems
    .filter(({ code }) => code !== "no-secret")
    .map(({ code, severity, message }) => `${severity} ${code}: ${message}`);
}

function specsOf({ mappings = [] }: Report): [name: string, spec: Record<string, unknown>][] {
  return mappings.map(({ metadata, spec }) => [metadata.name, spec]);
}

describe("labels", () => {
  const labels = {
    "app.kubernetes.io/part-of": "shop",
    "app.kubernetes.io/managed-by": "Helm",
    "helm.sh/chart": "c",
  };
  const host = (label: string, value: string): string =>
    resource("h", { hostname: "*", mappingSelector: { matchLabels: { [label]: value } } }, { kind: "Host" });
  const noHost = { hostname: undefined };

  it("by which a Host selects Mappings are those of the variant too", async () => {
    const all = [mapping("m", noHost, { labels }), host("app.kubernetes.io/part-of", "shop")];
    const { mappings } = await said(POLICY, all);
    assert.deepEqual((mappings?.[0] as { metadata: object } | undefined)?.metadata, {
      ...{ name: "m-serin-checkout-canary", namespace: "shop" },
      labels: { "app.kubernetes.io/part-of": "shop", "app.kubernetes.io/managed-by": "serin" },
    });
    const byChart = await said(POLICY, [mapping("m", noHost, { labels }), host("helm.sh/chart", "c")]);
    assert.deepEqual(told(byChart), []);
    assert.match(JSON.stringify(byChart.mappings), /"helm.sh\/chart":"c"/);
  });

  it("that the command needs itself cannot be: that is an error", async () => {
    const all = [mapping("m", noHost, { labels }), host("app.kubernetes.io/managed-by", "Helm")];
    assert.deepEqual(told(await said(POLICY, all)), [
      "error mapping-hidden: Host h selects Mapping m by app.kubernetes.io/managed-by, and would not select m-serin-checkout-canary: let it select by another label",
    ]);
  });

  it("that a Mapping by hand lacks are told by --check", async () => {
    const byHand = { ...noHost, service: "canary:8080", headers: { "x-serin-checkout": "canary" } };
    const all = [
      mapping("m", noHost, { labels }),
      mapping("canary", byHand),
      host("app.kubernetes.io/part-of", "shop"),
    ];
    const { ok, problems } = await said(POLICY, all, { check: true });
    assert.equal(ok, false);
    assert.match(JSON.stringify(problems), /x-serin-checkout: canary; Host h does not select Mapping canary/);
    // A Host may look at both, its hostname and labels.
    const hosted = [
      mapping("m", {}, { labels }),
      mapping("canary", { ...byHand, hostname: "*" }),
      all[2] ?? "",
    ];
    assert.deepEqual(told(await said(POLICY, hosted, { check: true })), [
      "error mapping-hidden: Host h does not select it, and selects Mapping m: give it the same labels",
    ]);
  });

  it("alone may tell Mappings apart: each has its variant", async () => {
    const two = ["eu", "us"].map((region) => mapping(region, noHost, { labels: { region } }));
    const hosts = ["eu", "us"].map((region) =>
      resource(
        region,
        { hostname: `${region}.example.com`, mappingSelector: { matchLabels: { region } } },
        { kind: "Host" },
      ),
    );
    for (const all of [two, [...two, ...hosts]]) {
      const found = await said(POLICY, all);
      assert.deepEqual(
        specsOf(found).map(([name]) => name),
        ["eu-serin-checkout-canary", "us-serin-checkout-canary"],
      );
      assert.deepEqual(told(found), []);
    }
  });
});

describe("ambassador_id", () => {
  const module = (id: string, config: object): string =>
    resource("ambassador", { ambassador_id: id, config }, { kind: "Module", namespace: `of-${id}` });
  const all = [
    module("blue", { circuit_breakers: [{ max_connections: 9 }] }),
    module("green", {}),
    mapping("m", { ambassador_id: "green" }),
    mapping("b", { ambassador_id: ["blue"] }),
    mapping("serin-nightly", { ambassador_id: "blue", prefix: "/other" }),
  ];

  it("chooses whose resources count", async () => {
    const green = await said(ONLY_SHADOW, all, { ambassadorId: "green" });
    assert.deepEqual(told(green), []);
    assert.deepEqual(
      green.clusters?.map(({ cluster }) => cluster),
      ["cluster_serin_nightly_shop_8080_shop"],
    );
    assert.deepEqual(
      specsOf(green).map(([name, { ambassador_id }]) => [name, ambassador_id]),
      [["serin-nightly-2", "green"]],
    );
    const blue = await said(POLICY, all, { ambassadorId: "blue" });
    assert.deepEqual(
      specsOf(blue).map(([name]) => name),
      ["b-serin-checkout-canary"],
    );
    assert.deepEqual(
      blue.clusters?.map(({ cluster }) => cluster),
      ["cluster_canary_shop_8080_shop_cbnc9"],
    );
  });

  it("is asked for when files have resources of others", async () => {
    const found = await said(POLICY, [...all, mapping("mine")]);
    assert.deepEqual(told(found), [
      "warning other-ambassador: 5 resources of other Ambassadors are left out (ambassador_id blue, green): --ambassador-id names the one that serves the policy",
    ]);
    assert.deepEqual(
      specsOf(found).map(([name]) => name),
      ["mine-serin-checkout-canary"],
    );
  });
});

describe("the Mapping of a call", () => {
  it("talks to its service as production's Mapping does", async () => {
    const options = {
      grpc: true,
      tls: "upstream",
      resolver: "endpoint",
      load_balancer: { policy: "round_robin" },
    };
    const context = resource("upstream", {}, { kind: "TLSContext" });
    const found = await said(ONLY_SHADOW, [mapping("m", options), context]);
    assert.deepEqual(told(found), []);
    const [, spec] = specsOf(found)[0] ?? assert.fail("nothing");
    assert.deepEqual({ ...spec, ...options }, spec);
    assert.equal(found.clusters?.[0]?.cluster, "cluster_serin_nightly_shop_8080_otls_ups-63D6F2170889DDC0-0");
    const plain = ONLY_SHADOW.replace('"nightly:8080"', "http://nightly");
    assert.equal(specsOf(await said(plain, [mapping("m", options), context]))[0]?.[1]["tls"], undefined);
  });

  it("takes no name that a person has given", async () => {
    const own = mapping("serin-nightly", { prefix: "/nightly/", service: "mine" });
    const found = await said(ONLY_SHADOW, [mapping("m"), own]);
    assert.deepEqual(
      specsOf(found).map(([name]) => name),
      ["serin-nightly-2"],
    );
    const { stdout } = await run(folder, ONLY_SHADOW, [[mapping("m"), own].join("\n---\n")]);
    const again = await run(folder, ONLY_SHADOW, [[mapping("m"), own].join("\n---\n") + "\n", stdout]);
    assert.equal(again.stdout, stdout);
  });
});

describe("a service without a dot", () => {
  it("has the same cluster wherever Ambassador is, in namespace default too", async () => {
    const policy = POLICY.replace("canary.shop:8080", "canary:8080");
    const base = mapping("m", {}, { namespace: "default" });
    const unknown = await said(policy, [base]);
    assert.equal(specsOf(unknown)[0]?.[1]["service"], "canary.default:8080");
    const cluster = "cluster_canary_default_8080_default";
    assert.equal(unknown.clusters?.[0]?.cluster, cluster);
    const known = await said(policy, [base], { ambassadorNamespace: "default" });
    assert.equal(specsOf(known)[0]?.[1]["service"], "canary:8080");
    assert.equal(known.clusters?.[0]?.cluster, "cluster_canary_8080_default");
    const emissary = await said(policy, [base], { ambassadorNamespace: "emissary" });
    assert.equal(emissary.clusters?.[0]?.cluster, cluster);
  });
});

describe("one prefix in two namespaces", () => {
  it("is one group: one variant, and a service is the same in either", async () => {
    const two = [mapping("m"), mapping("m", { weight: 10 }, { namespace: "other" })];
    const found = await said(POLICY, two);
    assert.deepEqual(
      specsOf(found).map(([name]) => name),
      ["m-serin-checkout-canary"],
    );
    const byHand = { service: "canary.shop:8080", headers: { "x-serin-checkout": "canary" } };
    const ofOther = await said(POLICY, [mapping("m"), mapping("c", byHand, { namespace: "other" })], {
      check: true,
    });
    assert.deepEqual(told(ofOther), []);
    const elsewhere = { ...byHand, service: "canary:8080" };
    const wrong = await said(POLICY, [mapping("m"), mapping("c", elsewhere, { namespace: "other" })], {
      check: true,
    });
    assert.deepEqual(told(wrong), [
      "error mapping-differs: goes to canary.other:8080, but the policy names canary.shop:8080",
    ]);
  });
});

type Telling = [title: string, policy: string, resources: string[], expected: RegExp[]];

const TELLING: Telling[] = [
  [
    "a TLSContext that is not there",
    ONLY_SHADOW,
    [mapping("m", { tls: "upstream" })],
    [/^warning cluster-unsure: TLSContext upstream is not among these files/],
  ],
  [
    "a resolver that is not there",
    POLICY,
    [mapping("m", { resolver: "mine" })],
    [/^warning cluster-unsure: resolver mine is not among these files/],
  ],
  [
    "a Consul resolver and a dot",
    POLICY,
    [mapping("m", { resolver: "consul", service: "checkout" })],
    [
      /^error mapping-hidden: Emissary drops the Mapping: a Consul resolver takes no service with a dot, got canary.shop:8080/,
    ],
  ],
  [
    "a mirror whose Mappings have other breakers",
    MIRROR,
    [mapping("m"), mapping("n", { prefix: "/checkout/n", circuit_breakers: [{ max_connections: 5 }] })],
    [
      /^warning mapping-copies: its copies go to cluster cluster_shadow_nightly_shop_8080_shop_cbnc5, the policy names cluster_shadow_nightly_shop_8080_shop:/,
    ],
  ],
  [
    "a mirror whose Mappings have another load balancer",
    MIRROR,
    [
      mapping("m"),
      mapping("n", { prefix: "/checkout/n", load_balancer: { policy: "ring_hash", header: "x-user" } }),
    ],
    [
      /^warning mapping-copies: its copies go to cluster cluster_shadow_nightly_shop_8080_shop_\S+, the policy names cluster_shadow_nightly_shop_8080_shop:/,
    ],
  ],
  [
    "a mirror whose Mappings are in two namespaces",
    MIRROR.replace("nightly:8080", "nightly.shop:8080"),
    [mapping("m"), mapping("n", { prefix: "/checkout/n" }, { namespace: "other" })],
    [/^warning mapping-copies: its copies go to cluster cluster_shadow_nightly_shop_8080_other, /],
  ],
  [
    "a Mapping that folds the case",
    POLICY,
    [mapping("m", { case_sensitive: false })],
    [/^warning mapping-partial: takes \/CHECKOUT too, where the policy's \/checkout does not match/],
  ],
  [
    "https in production alone",
    POLICY + SHADOW,
    [mapping("m", { service: "https://checkout" })],
    [
      /^warning plain-http: goes out as plain HTTP, while Mapping m uses https: .* https:\/\/canary.shop:8080$/,
      /^warning plain-http: goes out as plain HTTP, while Mapping m uses https: .* https:\/\/nightly.shop:8080$/,
    ],
  ],
  [
    "https in both",
    POLICY.replace("canary.shop:8080", "https://canary.shop"),
    [mapping("m", { service: "https://checkout" })],
    [],
  ],
  [
    "a secret in a rate limit's descriptor",
    withSecret(POLICY),
    [
      mapping("m", {
        labels: {
          ambassador: [{ who: [{ request_headers: { key: "v", header_name: "x-serin-checkout" } }] }],
        },
      }),
    ],
    [/^warning secret-shown: x-serin-checkout is sent to the rate limit service with its secret/],
  ],
];

function withSecret(policy: string): string {
  return policy.replace("  checkout:\n", "  checkout:\n    headerSecret: 4Zq8vK1x0sTn7LbE\n");
}

describe("people are told of", () => {
  for (const [title, policy, resources, expected] of TELLING) {
    it(title, async () => {
      const found = told(await said(policy, resources));
      assert.equal(found.length, expected.length, found.join("\n"));
      expected.forEach((pattern, index) => assert.match(found[index] ?? "", pattern));
    });
  }
});

describe("headers that the Module adds", () => {
  it("come in the form that the API server takes", async () => {
    const config = {
      defaults: {
        httpmapping: { add_request_headers: { "x-m": "value", "x-n": { value: "b", append: false } } },
      },
    };
    const module = resource("ambassador", { config }, { kind: "Module" });
    const [, spec] =
      specsOf(await said(withSecret(POLICY), [mapping("m"), module]))[0] ?? assert.fail("nothing");
    assert.deepEqual(spec["add_request_headers"], {
      "x-m": { value: "value" },
      "x-n": { value: "b", append: false },
      "x-serin-checkout": { append: false, value: "canary" },
    });
    const v2 = resource("m", { prefix: "/checkout", service: "a.b" }, { version: "v2" });
    const [, old] = specsOf(await said(withSecret(POLICY), [v2, module]))[0] ?? assert.fail("nothing");
    assert.equal((old["add_request_headers"] as Record<string, unknown>)["x-m"], "value");
  });
});

describe("a policy with services", () => {
  it("that is given to validate or publish says what to do with it", async () => {
    const policy = folder.write("services.yaml", POLICY + SHADOW);
    for (const command of [
      ["validate", policy],
      ["publish", policy, "--to", `${folder.path}/filter.yaml`],
    ]) {
      const { status, stderr } = await runCli(command);
      assert.equal(status, 1);
      assert.match(
        stderr,
        /canary\/service: .*; for Ambassador, serin ambassador --write-policy writes this policy with/,
      );
      assert.match(stderr, /nightly\/service: .*serin ambassador --write-policy/);
    }
  });
});

describe("the kubectl line of the docs", () => {
  for (const page of ["docs/ambassador.md", "docs/ambassador-start.md"]) {
    it(`(${page}) names every kind that is read`, async () => {
      const { stdout } = await runCli(["ambassador", "--help"]);
      const [, kinds = ""] = /kubectl get (\S+) -A/.exec(stdout) ?? [];
      assert.match(kinds, /^mappings,hosts,modules,tlscontexts,.*resolvers/);
      assert.ok(readFileSync(page, "utf8").includes(`kubectl get ${kinds} -A`), kinds);
    });
  }
});
