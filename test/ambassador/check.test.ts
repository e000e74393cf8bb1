// What is wrong between a policy and the Mappings that are there, and where.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, it } from "node:test";

import { temporaryFolder } from "../support/cli.ts";
import { MAPPINGS, POLICY, report, run } from "./run-ambassador.ts";

/** A stable Mapping and the canary that a person wrote for it. */
const BOTH = `apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata: { name: checkout, namespace: shop }
spec:
  hostname: shop.example.com
  prefix: /checkout/
  service: checkout:8080
  timeout_ms: 4000
---
apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata: { name: canary, namespace: shop }
spec:
  hostname: shop.example.com
  prefix: /checkout/
  service: checkout-v2.shop:8080
  timeout_ms: 4000
  headers: { x-serin-checkout: canary.4Zq8vK1x0sTn7LbE }
`;
const HOST = (hostname: string): string => `---
apiVersion: getambassador.io/v3alpha1
kind: Host
metadata: { name: host }
spec: { hostname: "${hostname}" }
`;
const STABLE = BOTH.slice(0, BOTH.indexOf("---"));
const PLAIN = POLICY.replace(/ +headerSecret.*\n/, "");
const SHADOW = `shadows:
  v3: { match: [{ path: { value: /checkout } }], percent: 10, service: checkout-v3:8080 }
`;
const DISPATCH = `---
apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata: { name: v3, namespace: shop }
spec: { hostname: shadow.invalid, prefix: /v3/, method: SERIN, service: checkout-v3:8080, cluster_tag: serin }
`;

type Row = [
  title: string,
  policy: string,
  mappings: string,
  problems: [code: string, severity: string, place: string, message: RegExp][],
];

const ROWS: Row[] = [
  ["all is there", POLICY, BOTH, []],
  ["a Host that takes it", POLICY, BOTH + HOST("*.example.com"), []],
  [
    "a Mapping that is missing",
    POLICY,
    STABLE,
    [
      [
        "mapping-missing",
        "error",
        "3:13 /metadata/name",
        /second Mapping like this one with x-serin-checkout: canary\.\*\*\*$/,
      ],
    ],
  ],
  [
    "an option that is not repeated",
    POLICY,
    BOTH.replace(/(v2.shop:8080\n) +timeout_ms: 4000\n/, "$1"),
    [["mapping-differs", "error", "13:1 /spec", /^timeout_ms of Mapping checkout is missing/]],
  ],
  [
    "an option that is another",
    POLICY,
    BOTH.replace(/(v2.shop:8080\n +timeout_ms:) 4000/, "$1 9000"),
    [["mapping-differs", "warning", "17:3 /spec/timeout_ms", /^timeout_ms differs/]],
  ],
  [
    "another service",
    POLICY,
    BOTH.replace("checkout-v2.shop", "checkout-v3.shop"),
    [
      [
        "mapping-differs",
        "error",
        "16:3 /spec/service",
        /^goes to checkout-v3.shop:8080, but the policy names/,
      ],
    ],
  ],
  [
    "a precedence below that of the stable one",
    POLICY,
    BOTH.replace("timeout_ms: 4000", "precedence: 5"),
    [["mapping-hidden", "error", "13:1 /spec", /its precedence 0 is below that of Mapping checkout \(5\)/]],
  ],
  [
    "a variant that anybody can pick",
    POLICY,
    BOTH.replace(".4Zq8vK1x0sTn7LbE", ""),
    [
      ["mapping-missing", "error", "3:13 /metadata/name", /canary\.\*\*\*/],
      ["mapping-open", "error", "18:14 /spec/headers/x-serin-checkout", /^matches without the secret/],
    ],
  ],
  [
    "another secret",
    POLICY,
    BOTH.replace("4Zq8vK1x0sTn7LbE", "before"),
    [
      ["mapping-missing", "error", "3:13 /metadata/name", /canary\.\*\*\*/],
      ["mapping-unused", "warning", "18:14 /spec/headers/x-serin-checkout", /^has a different secret/],
    ],
  ],
  [
    "a rollout that is gone, and a variant",
    POLICY,
    BOTH +
      BOTH.slice(BOTH.indexOf("---"))
        .replace("x-serin-checkout: canary.", "x-serin-gone: canary.")
        .replace("prefix: /checkout/", "prefix: /gone/"),
    [
      [
        "mapping-unused",
        "warning",
        "28:14 /spec/headers/x-serin-gone",
        /the policy has no rollout called gone/,
      ],
    ],
  ],
  [
    "a pattern for our header",
    POLICY,
    `${BOTH}${BOTH.slice(BOTH.indexOf("---")).replace("headers:", "regex_headers:").replace("/checkout/", "/a/")}`,
    [["mapping-open", "warning", "28:20 /spec/regex_headers/x-serin-checkout", /^a pattern may match/]],
  ],
  [
    "requests split by weight",
    POLICY,
    `${BOTH}---\n${STABLE.replace("name: checkout", "name: old").replace("timeout_ms: 4000", "weight: 10")}`,
    [
      [
        "mapping-split",
        "warning",
        "27:3 /spec/weight",
        /as Mapping checkout: Emissary splits them at random/,
      ],
    ],
  ],
  [
    "users of a variant split by weight",
    POLICY,
    `${BOTH}${BOTH.slice(BOTH.indexOf("---")).replace("name: canary", "name: other")}`,
    [["mapping-split", "error", "22:13 /metadata/name", /as Mapping canary/]],
  ],
  [
    "a shadow of Emissary's own, and a second",
    POLICY,
    `${BOTH}---\n${STABLE.replace("name: checkout", "name: a")}  shadow: true\n---\n${STABLE.replace("name: checkout", "name: b")}  shadow: true\n`,
    [
      ["mapping-copies", "warning", "28:3 /spec/shadow", /only users of the default are copied/],
      ["mapping-copies", "error", "38:3 /spec/shadow", /Mapping a is already the shadow/],
    ],
  ],
  ["the cluster of a call", POLICY + SHADOW, BOTH + DISPATCH, []],
  [
    "the cluster of a call that is missing",
    POLICY + SHADOW,
    BOTH,
    [
      [
        "mapping-missing",
        "error",
        "11:72 /shadows/v3/service",
        /its cluster cluster_serin_checkout_v3_shop_8080_shop/,
      ],
    ],
  ],
  [
    "the cluster of a call by another name",
    POLICY + SHADOW,
    BOTH + DISPATCH.replace("cluster_tag: serin", "cluster_tag: other"),
    [
      [
        "mapping-differs",
        "error",
        "23:1 /spec",
        /creates the cluster cluster_other_.*, but the policy names cluster_serin/,
      ],
    ],
  ],
  [
    "a dispatch Mapping that anybody reaches",
    POLICY,
    BOTH + DISPATCH.replace("method: SERIN, ", ""),
    [["mapping-open", "error", "23:1 /spec", /^any client can reach it with "Host: shadow.invalid"/]],
  ],
  [
    "a dispatch Mapping that no Host takes",
    POLICY,
    BOTH + DISPATCH.replace("method: SERIN, ", "") + HOST("shop.example.com"),
    [],
  ],
  [
    "a host that no Host takes",
    POLICY,
    BOTH + HOST("*.example.org"),
    [["mapping-hidden", "warning", "3:13 /metadata/name", /no Host in these files matches shop.example.com/]],
  ],
  [
    "a rollout without a secret",
    PLAIN,
    BOTH.replace(".4Zq8vK1x0sTn7LbE", ""),
    [
      [
        "no-secret",
        "warning",
        "4:5 /rollouts/checkout",
        /any client can choose a variant by sending x-serin-checkout/,
      ],
    ],
  ],
];

/** What a policy says that Mappings cannot do. */
const POLICIES: Row[] = [
  [
    "filter state",
    `${POLICY.replace(/ +headerSecret.*\n/, "")}steer: filterState\n`,
    BOTH,
    [
      ["no-secret", "warning", "4:5 /rollouts/checkout", /no headerSecret/],
      ["conflict", "error", "9:8 /steer", /Mappings can only match headers/],
    ],
  ],
  [
    "a secret that Emissary would change",
    POLICY.replace("4Zq8vK1x0sTn7LbE", "a$HOME"),
    BOTH,
    [["value", "error", "4:19 /rollouts/checkout/headerSecret", /must not contain a \$/]],
  ],
  [
    "a cluster that no Mapping makes",
    POLICY.replace('service: "checkout-v2:8080"', "cluster: checkout-v2"),
    BOTH,
    [
      [
        "reference",
        "error",
        "9:38 /rollouts/checkout/variants/canary/cluster",
        /use service instead of cluster/,
      ],
    ],
  ],
  [
    "a match that no Mapping serves",
    POLICY.replace("/checkout }", "/basket }"),
    BOTH,
    [["reference", "error", "4:5 /rollouts/checkout", /no Mapping serves the requests that it matches/]],
  ],
  [
    "a service that is none",
    POLICY.replace("checkout-v2:8080", "checkout:http"),
    STABLE,
    [
      [
        "value",
        "error",
        "9:38 /rollouts/checkout/variants/canary/service",
        /must be a service, .* got "checkout:http"/,
      ],
    ],
  ],
  [
    "service and cluster",
    POLICY.replace("percent: 5,", "percent: 5, cluster: a,"),
    BOTH,
    [["conflict", "error", "9:50 /rollouts/checkout/variants/canary/service", /remove one/]],
  ],
  [
    "a service that is a number",
    POLICY.replace('"checkout-v2:8080"', "8080"),
    BOTH,
    [["type", "error", "9:38 /rollouts/checkout/variants/canary/service", /must be a service/]],
  ],
  [
    "a service behind an alias",
    POLICY.replace("rollouts:", "$evaluators: { a: { '==': [1, 1] } }\nrollouts:").replace(
      /canary: (\{.*\})/,
      "canary: &both $1\n      other: *both",
    ),
    BOTH,
    [["value", "error", "10:44 /rollouts/checkout/variants/other/service", /must be written out here/]],
  ],
  [
    "two mirrors of one request",
    `identity: [{ cookie: uid }]
shadows:
  a: { percent: 1, dispatch: mirror, service: a }
  b: { percent: 1, dispatch: mirror, service: b }
`,
    STABLE,
    [["mapping-copies", "warning", "4:6 /shadows/b", /shadow a also matches Mapping checkout/]],
  ],
  [
    "what the filter refuses, behind a service on the same line",
    POLICY.replace('"checkout-v2:8080" }', '"checkout-v2:8080", percnt: 7 }'),
    BOTH,
    [["unknown-key", "error", "9:58 /rollouts/checkout/variants/canary/percnt", /did you mean "percent"/]],
  ],
  ["YAML that is none", "rollouts: [", BOTH, [["syntax", "error", "1:12 ", /./]]],
  [
    "a policy that does nothing",
    "{}",
    BOTH,
    [["mapping-unused", "warning", "18:14 /spec/headers/x-serin-checkout", /./]],
  ],
  ["a file without a policy", "", BOTH, [["type", "error", "1:1 ", /the document is empty/]]],
  ["JSON that is none", "{ ", BOTH, [["syntax", "error", "1:3 ", /./]]],
  ["an alias of nothing", POLICY, "a: *b\n", [["syntax", "error", "1:1 ", /invalid YAML/]]],
  [
    "Mappings that are none",
    POLICY,
    "apiVersion: getambassador.io/v1\nkind: Mapping\n---\napiVersion: getambassador.io/v2\nkind: Mapping\nmetadata: { name: a }\nspec: { service: b }\n---\na: [\n",
    [
      ["value", "error", "1:1 /apiVersion", /must be getambassador.io\/v2 or/],
      ["value", "error", "7:1 /spec", /must have a prefix/],
      ["syntax", "error", "10:1 ", /invalid YAML/],
    ],
  ],
];

describe("serin ambassador --check", () => {
  const folder = temporaryFolder();
  for (const [title, policy, mappings, expected] of ROWS) {
    it(title, async () => {
      const { ok, problems } = await report(folder, policy, [mappings], { check: true });
      compare(problems, expected);
      assert.equal(ok, !expected.some(([, severity]) => severity === "error"));
    });
  }

  it("takes Mappings of the old secret during a rotation", async () => {
    const before = BOTH.slice(BOTH.indexOf("---"))
      .replace("4Zq8vK1x0sTn7LbE", "before")
      .replace("name: canary", "name: canary-old");
    const options = { check: true, oldSecret: ["checkout=before"] };
    assert.deepEqual((await report(folder, POLICY, [BOTH + before], options)).problems, []);
    const { problems } = await report(folder, POLICY, [BOTH], options);
    assert.deepEqual(
      problems.map(({ code }) => code),
      ["mapping-missing"],
    );
  });

  it("says in words what is there, or what is not, with 0 or 1", async () => {
    const good = await run(folder, POLICY, [BOTH], { check: true });
    assert.equal(good.status, 0);
    assert.match(good.stdout, /mappings-0\.yaml: ok, 1 Mapping for .*policy\.yaml\n$/);
    const bad = await run(folder, POLICY, [STABLE], { check: true });
    assert.deepEqual([bad.status, bad.stdout], [1, ""]);
    assert.match(
      bad.stderr,
      /mappings-0\.yaml:3:13 \/metadata\/name: the policy needs a second Mapping like this one/,
    );
  });
});

describe("serin ambassador writes nothing", () => {
  const folder = temporaryFolder();
  for (const [title, policy, mappings, expected] of POLICIES) {
    const refused = expected.some(([, severity]) => severity === "error");
    it(`${refused ? "for" : "with a warning alone about"} ${title}`, async () => {
      const { ok, problems } = await report(folder, policy, [mappings]);
      compare(problems, expected);
      assert.equal(ok, !refused);
    });
  }

  it("and leaves every file as it is, with 1", async () => {
    const to = `${folder.path}/to.yaml`;
    const options = { to, writePolicy: `${folder.path}/policy.envoy.yaml` };
    const { status, stdout, stderr } = await run(
      folder,
      POLICY.replace("/checkout }", "/none }"),
      [MAPPINGS],
      options,
    );
    assert.deepEqual([status, stdout], [1, ""]);
    assert.match(stderr, /nothing written\n$/);
    assert.ok(!existsSync(to) && !existsSync(options.writePolicy));
  });
});

function compare(
  problems: readonly {
    code: string;
    severity: string;
    line: number;
    column: number;
    pointer: string;
    message: string;
  }[],
  expected: Row[3],
): void {
  const seen = problems.map(({ code, severity, line, column, pointer, message }) => [
    code,
    severity,
    `${line}:${column} ${pointer}`,
    message,
  ]);
  assert.deepEqual(
    seen.map((row) => row.slice(0, 3)),
    expected.map((row) => row.slice(0, 3)),
    JSON.stringify(seen, null, 1),
  );
  expected.forEach(([, , , message], index) => assert.match(seen[index]?.[3] as string, message));
}
