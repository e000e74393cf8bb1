// Which Mappings a match concerns.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Hosts } from "../../tools/ambassador/hosts.ts";
import { globsMeet } from "../../tools/ambassador/globs.ts";
import { Overlap } from "../../tools/ambassador/overlap.ts";
import { readResources } from "../../tools/ambassador/resources.ts";
import type { MatchEntry } from "../../tools/ambassador/service-policy.ts";

const ANY: MatchEntry = { hosts: [], path: null, isPrefix: true, method: null, headers: [], queryParams: [] };

/** The names of those Mappings (name: spec) that are concerned. */
function namesFor(entry: Partial<MatchEntry>, specs: Record<string, object>): string[] {
  const text = Object.entries(specs)
    .map(([name, spec]) =>
      JSON.stringify({
        apiVersion: "getambassador.io/v3alpha1",
        kind: "Mapping",
        metadata: { name },
        spec: { hostname: "*", service: "a", ...spec },
      }),
    )
    .join("\n---\n");
  const { mappings } = readResources("m.yaml", text, "default");
  const overlap = new Overlap(mappings, new Hosts([]));
  return overlap.concerned([{ ...ANY, ...entry }]).mappings.map(({ name }) => name);
}

describe("paths", () => {
  const specs = {
    all: { prefix: "/" },
    slash: { prefix: "/checkout/" },
    cart: { prefix: "/checkout/cart" },
    other: { prefix: "/checkouts" },
    pattern: { prefix: "/[a-z]+", prefix_regex: true },
  };
  const rows: [Partial<MatchEntry>, Record<string, object>, string[]][] = [
    [{}, specs, ["all", "slash", "cart", "other", "pattern"]],
    [{ path: "/" }, specs, ["all", "slash", "cart", "other", "pattern"]],
    [{ path: "/checkout" }, specs, ["slash", "cart", "pattern"]],
    [{ path: "/checkout/" }, specs, ["slash", "cart", "pattern"]],
    [{ path: "/checkout/cart/items" }, specs, ["cart", "pattern"]],
    [{ path: "/checkout/c" }, specs, ["slash", "pattern"]],
    [{ path: "/basket" }, specs, ["all", "pattern"]],
    [{ path: "/checkout", isPrefix: false }, specs, ["all", "pattern"]],
    [{ path: "/checkout/pay", isPrefix: false }, specs, ["slash", "pattern"]],
    [{ path: "/a", isPrefix: false }, { exact: { prefix: "/a", prefix_exact: true } }, ["exact"]],
    [{ path: "/a/b", isPrefix: false }, { exact: { prefix: "/a", prefix_exact: true } }, []],
    [{ path: "/a" }, { exact: { prefix: "/a/b", prefix_exact: true } }, ["exact"]],
    [{ path: "/Shop" }, { folded: { prefix: "/shop/", case_sensitive: false } }, ["folded"]],
    [{ path: "/Shop" }, { exact: { prefix: "/shop/" } }, []],
  ];
  for (const [entry, given, names] of rows) {
    it(`${JSON.stringify(entry)} concerns ${names.join(", ") || "none"}`, () => {
      assert.deepEqual(namesFor(entry, given), names);
    });
  }

  it("of each host the longest, of equal ones all", () => {
    const given = {
      wide: { prefix: "/" },
      shop: { prefix: "/", hostname: "shop.example.com" },
      long: { prefix: "/check", hostname: "shop.example.com" },
      tenant: { prefix: "/check", hostname: "shop.example.com", headers: { "x-tenant": "a" } },
    };
    assert.deepEqual(namesFor({ path: "/checkout" }, given), ["wide", "long", "tenant"]);
  });
});

describe("hosts and methods", () => {
  it("meet where some request fits both", () => {
    const rows: [string, string, boolean][] = [
      ["shop.example.com", "shop.example.com", true],
      ["shop.example.com", "shop.example.com:8080", true],
      ["shop.example.com", "*", true],
      ["shop.example.com", "*.example.com", true],
      ["shop.example.com", "shop.*", true],
      ["shop.example.com", "*.example.org", false],
      ["*.example.com", "*.com", true],
      ["*.example.com", "*.example.org", false],
      ["*.example.com", "shop.*", true],
      ["shop.*", "sh*", true],
      ["shop.*", "basket.*", false],
    ];
    for (const [first, second, meet] of rows) {
      assert.equal(globsMeet(first, second), meet, `${first} ${second}`);
      assert.equal(globsMeet(second, first), meet, `${second} ${first}`);
    }
  });

  it("a pattern of hosts or methods may meet anything", () => {
    const hosts = { a: { prefix: "/", hostname: undefined, host: "a|b", host_regex: true } };
    assert.deepEqual(namesFor({ hosts: ["c"] }, hosts), ["a"]);
    const methods = {
      get: { prefix: "/", method: "GET" },
      some: { prefix: "/", method: "GET|PUT", method_regex: true },
      any: { prefix: "/" },
    };
    assert.deepEqual(namesFor({ method: "POST" }, methods), ["some", "any"]);
  });
});
