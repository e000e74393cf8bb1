// Made-up Mappings and policies, and where requests go: a small part of what run-routes.ts does in full.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { temporaryFolder } from "../support/cli.ts";
import "./diagd-compare.ts";
import { DiagdRoutes, type KubernetesResource } from "./diagd-routes.ts";
import { report } from "./run-ambassador.ts";
import { simulateRoutes } from "./simulate-routes.ts";

const folder = temporaryFolder();

describe("made-up Mappings", () => {
  it("leave users of the default where they are, and take all others to their variant or warn", async () => {
    const { wrong, ...counts } = await simulateRoutes(folder, { seed: 23, sets: 150, each: 10 });
    assert.deepEqual(wrong, [], JSON.stringify(counts));
    assert.ok(counts.reached > 100, JSON.stringify(counts));
  });
});

/** Those Mappings (name: spec) of namespace shop. */
function mappings(specs: Record<string, object>): KubernetesResource[] {
  return Object.entries(specs).map(([name, spec]) => ({
    ...{ apiVersion: "getambassador.io/v3alpha1", kind: "Mapping" },
    ...{ metadata: { name, namespace: "shop" }, spec: { hostname: "*", service: `${name}.shop`, ...spec } },
  }));
}

const HOST: KubernetesResource = {
  ...{ apiVersion: "getambassador.io/v3alpha1", kind: "Host" },
  ...{ metadata: { name: "all" }, spec: { hostname: "*" } },
};
const POLICY = JSON.stringify({
  identity: [{ header: "x-user" }],
  rollouts: {
    shop: {
      match: [{ path: { value: "/shop" } }],
      default: "stable",
      variants: { stable: {}, canary: { percent: 5, service: "canary.shop" } },
    },
  },
});

/** Services of the canary's users at a path with headers, of what the command writes beside these; and its problems. */
async function canaryOf(
  specs: Record<string, object>,
  requests: [path: string, headers?: Record<string, string>, method?: string][],
): Promise<{ services: string[]; options: unknown[]; codes: string[]; messages: string[] }> {
  const all = [HOST, ...mappings(specs)];
  const text = all.map((one) => JSON.stringify(one)).join("\n---\n");
  const { mappings: written = [], problems } = await report(folder, POLICY, [text]);
  const routes = new DiagdRoutes([...all.slice(1), ...(written as unknown as KubernetesResource[])], [HOST]);
  const told = problems.filter(({ code }) => !["no-secret", "several-services"].includes(code));
  const outcomes = requests.map(([path, headers = {}, method = "GET"]) => {
    const withHeader = new Map(Object.entries({ ...headers, "x-serin-shop": "canary" }));
    return routes.route({ host: "a.example", method, path, headers: withHeader });
  });
  return {
    services: outcomes.map(({ live, redirect }) =>
      redirect === null ? live.map(({ spec }) => String(spec["service"])).join(" or ") : "redirected",
    ),
    options: outcomes.map(({ live }) => live[0]?.spec["timeout_ms"]),
    codes: told.map(({ code }) => code),
    messages: told.map(({ message }) => message),
  };
}

describe("a Mapping with more conditions", () => {
  const narrow: [string, object, Record<string, string>?][] = [
    ["headers", { headers: { "x-tester": "1" } }, { "x-tester": "1" }],
    ["regex_headers", { regex_headers: { "x-tester": "[0-9]" } }, { "x-tester": "1" }],
    ["method", { method: "POST" }],
    ["query_parameters", { query_parameters: { beta: "1" } }],
  ];
  for (const [key, condition, headers = {}] of narrow) {
    it(`(${key}) takes no canary from the wider one`, async () => {
      const { services, codes } = await canaryOf(
        { wide: { prefix: "/" }, narrow: { prefix: "/shop/", ...condition } },
        [["/shop/a"], ["/shop"], ["/shop/a?beta=1", headers, key === "method" ? "POST" : "GET"]],
      );
      assert.deepEqual(services, ["canary.shop", "canary.shop", "canary.shop"]);
      assert.deepEqual(codes, []);
    });
  }

  it("is followed by a wider one that has a precedence", async () => {
    const specs = { wide: { prefix: "/", precedence: 1 }, narrow: { prefix: "/shop/" } };
    assert.deepEqual((await canaryOf(specs, [["/shop/a"]])).services, ["canary.shop"]);
  });

  it("leaves out what is served by one of the same conditions, and says what stays there", async () => {
    const specs = { wide: { prefix: "/" }, slash: { prefix: "/shop/" } };
    const { services, codes, messages } = await canaryOf(specs, [["/shop/a"], ["/shop"]]);
    assert.deepEqual(services, ["canary.shop", "wide.shop"]);
    assert.deepEqual(codes, ["mapping-partial"]);
    assert.match(messages[0] ?? "", /^requests for exactly \/shop stay with Mapping wide:/);
    const exact = { ...specs, exact: { prefix: "/shop", prefix_exact: true } };
    const whole = await canaryOf(exact, [["/shop/a"], ["/shop"]]);
    assert.deepEqual([whole.services, whole.codes], [["canary.shop", "canary.shop"], []]);
  });
});

describe("a redirect", () => {
  it("that comes before a Mapping comes before its variants too", async () => {
    const specs = {
      shop: { prefix: "/shop/" },
      moved: { prefix: "/shop/", headers: { "x-old": "1" }, host_redirect: true },
    };
    const { services } = await canaryOf(specs, [["/shop/a"], ["/shop/a", { "x-old": "1" }]]);
    assert.deepEqual(services, ["canary.shop", "redirected"]);
  });
});

describe("Mappings of one group to Emissary", () => {
  it("that must agree, and do not, are named", async () => {
    const specs = { exact: { prefix: "/shop/", prefix_exact: true }, prefix: { prefix: "/shop/" } };
    const { codes, messages } = await canaryOf(specs, []);
    assert.deepEqual(codes, ["mapping-hidden"]);
    assert.match(messages[0] ?? "", /one group of it and Mapping exact, which must agree in prefix_exact/);
  });
  it("are taken as they are served: read like the first, or not at all", async () => {
    // The first of the narrower host's two reads `/sh` as a whole path, and so for the second, if that says nothing; else
    // Emissary refuses the second. In either case what is below is the wide one's.
    const narrow = { prefix: "/sh", hostname: "a.example" };
    const wide = { prefix: "/sh", hostname: "a.*", timeout_ms: 3 };
    for (const more of [{}, { prefix_exact: false }]) {
      const second = { ...narrow, ...more, timeout_ms: 2 };
      const specs = { "a-exact": { ...narrow, prefix_exact: true }, "b-prefix": second, "c-wide": wide };
      assert.deepEqual((await canaryOf(specs, [["/shop/cart"]])).options, [3], JSON.stringify(more));
    }
    // Of two that share requests one says for both that case does not count.
    const folded = { one: { prefix: "/shop/" }, other: { prefix: "/shop/", case_sensitive: false } };
    assert.deepEqual((await canaryOf(folded, [["/SHOP/cart"]])).services, ["canary.shop"]);
  });
});
