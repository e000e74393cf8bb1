// Mappings, Hosts, policies and requests made up with a seed: few words, so that they meet often.

import type { Random } from "../support/random.ts";
import type { KubernetesResource, RoutedRequest } from "./diagd-routes.ts";

const GLOBS = [
  "*",
  "*",
  "shop.example.com",
  "shop.example.com",
  "api.example.com",
  "*.example.com",
  "shop.*",
];
const PREFIXES = ["/", "/shop", "/shop/", "/shop/cart", "/shop/cart/", "/sho", "/api/", "/shop-old/"];
const PATTERNS = ["/shop/[a-z]+", "/(shop|api)/.*", "/[a-z/]*"];
const HEADERS: [name: string, value: string][] = [
  ["x-tester", "1"],
  ["x-tenant", "a"],
  ["x-tenant", "b"],
  ["x-a-rather-long-name-of-a-header-that-weighs-more-than-one-of-serins", "yes"],
];
const QUERY: [name: string, value: string][] = [
  ["beta", "1"],
  ["lang", "de"],
];
const METHODS = ["GET", "POST"];
const PATHS = [
  ...["/", "/shop", "/shop/", "/shop/x", "/shop/cart", "/shop/cart/", "/shop/cart/9", "/shopping", "/sho"],
  ...["/api/", "/api/v1", "/shop-old/x", "/other", "/SHOP/x", "/Shop/cart/9"],
];

/** How a made-up set may look. */
export interface Kinds {
  /** Hosts that choose Mappings by label, and Mappings that have labels alone. */
  readonly labels: boolean;
  readonly redirects: boolean;
  readonly weights: boolean;
}

export function randomHosts(random: Random, { labels }: Kinds): KubernetesResource[] {
  const names = new Set(["*", random.pick(GLOBS), random.pick(GLOBS)].filter((glob) => !glob.endsWith(".*")));
  return [...names].map((hostname, index) => {
    const selector = labels && random.below(3) === 0;
    const label = { "app.kubernetes.io/part-of": random.pick(["shop", "api"]) };
    return {
      apiVersion: "getambassador.io/v3alpha1",
      kind: "Host",
      metadata: { name: `host-${index}`, namespace: "default" },
      spec: {
        ...{ hostname, requestPolicy: { insecure: { action: "Route" } } },
        ...(selector ? { mappingSelector: { matchLabels: label } } : {}),
      },
    };
  });
}

export function randomMappings(random: Random, kinds: Kinds): KubernetesResource[] {
  return Array.from({ length: 2 + random.below(6) }, (_, index) => randomMapping(random, index, kinds));
}

function randomMapping(random: Random, index: number, kinds: Kinds): KubernetesResource {
  const oneIn = (count: number): boolean => random.below(count) === 0;
  const isPattern = oneIn(12);
  const spec: Record<string, unknown> = {
    prefix: isPattern ? random.pick(PATTERNS) : random.pick(PREFIXES),
    service: `m${index}.shop:80`,
    timeout_ms: 4000 + index,
  };
  if (isPattern) spec["prefix_regex"] = true;
  else if (oneIn(10)) spec["prefix_exact"] = true;
  const labels: Record<string, string> = oneIn(2)
    ? { "app.kubernetes.io/part-of": random.pick(["shop", "api"]) }
    : {};
  if (!(kinds.labels && oneIn(4))) spec["hostname"] = random.pick(GLOBS);
  if (oneIn(5)) spec["method"] = random.pick(METHODS);
  if (oneIn(4)) spec["headers"] = Object.fromEntries([random.pick(HEADERS)]);
  if (oneIn(10)) spec["regex_headers"] = { "x-tenant": "[a-z]" };
  if (oneIn(8)) spec["query_parameters"] = Object.fromEntries([random.pick(QUERY)]);
  if (oneIn(15)) spec["precedence"] = random.below(3) - 1;
  if (oneIn(12)) spec["case_sensitive"] = false;
  if (kinds.weights && oneIn(10)) spec["weight"] = 10 * random.below(6);
  if (kinds.redirects && oneIn(12)) spec["host_redirect"] = true;
  return {
    apiVersion: "getambassador.io/v3alpha1",
    kind: "Mapping",
    metadata: { name: `m${index}`, namespace: oneIn(6) ? "other" : "shop", labels },
    spec,
  };
}

export function randomRequest(random: Random): RoutedRequest {
  const headers = new Map<string, string>();
  for (const [name, value] of HEADERS) if (random.below(3) === 0) headers.set(name, value);
  const query = QUERY.filter(() => random.below(3) === 0).map(([name, value]) => `${name}=${value}`);
  return {
    host: random.pick(["shop.example.com", "api.example.com", "other.example.com", "shop.test"]),
    method: random.pick(METHODS),
    path: random.pick(PATHS) + (query.length === 0 ? "" : `?${query.join("&")}`),
    headers,
  };
}

/** A policy with one to three rollouts, all of whose users with an identity have a canary. */
export function randomPolicy(random: Random): object {
  const rollouts: Record<string, object> = {};
  for (const name of ["a", "checkout-of-the-shop", "c"].slice(0, 1 + random.below(3))) {
    rollouts[name] = {
      ...(random.below(2) === 0 ? { headerSecret: "s3cret" } : {}),
      ...(random.below(8) === 0
        ? {}
        : { match: Array.from({ length: 1 + random.below(2) }, () => randomMatch(random)) }),
      default: "stable",
      variants: { stable: {}, canary: { percent: 100, service: `canary-${name}.shop:80` } },
    };
  }
  return { identity: [{ header: "x-user" }], rollouts };
}

function randomMatch(random: Random): object {
  const oneIn = (count: number): boolean => random.below(count) === 0;
  const match: Record<string, unknown> = {
    path: {
      type: oneIn(4) ? "Exact" : "PathPrefix",
      value: random.pick(["/", "/shop", "/shop", "/shop/cart", "/shop/x", "/api"]),
    },
  };
  if (oneIn(3)) match["hosts"] = [random.pick(["shop.example.com", "api.example.com", "*.example.com"])];
  if (oneIn(5)) match["method"] = random.pick(METHODS);
  if (oneIn(6)) {
    const [name, value] = random.pick(HEADERS);
    match["headers"] = [oneIn(2) ? { name, type: "Present" } : { name, value }];
  }
  if (oneIn(8)) {
    const [name, value] = random.pick(QUERY);
    match["queryParams"] = [{ name, value }];
  }
  return match;
}
