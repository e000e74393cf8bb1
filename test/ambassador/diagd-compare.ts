// The order of routes in diagd-routes.ts, beside that of a real diagd: EMISSARY_SRC=folder, and EMISSARY_PYTHON=python
// with its requirements. More: SERIN_DIAGD_SETS=1000.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";

import { clusterOfMapping } from "../../tools/ambassador/mapping.ts";
import { seeded } from "../support/random.ts";
import { DiagdRoutes, type KubernetesResource, type RoutedRequest } from "./diagd-routes.ts";
import { randomHosts, randomMappings, randomRequest } from "./random-mappings.ts";

const SOURCE = process.env["EMISSARY_SRC"];
const SETS = Number(process.env["SERIN_DIAGD_SETS"] ?? 60);
const REQUESTS = 20;
const KINDS = { labels: true, redirects: true, weights: true };
const LISTENER: KubernetesResource = {
  apiVersion: "getambassador.io/v3alpha1",
  kind: "Listener",
  metadata: { name: "http", namespace: "default" },
  spec: {
    ...{ port: 8080, protocol: "HTTP", securityModel: "XFP" },
    hostBinding: { namespace: { from: "ALL" } },
  },
};

interface Matcher {
  readonly name: string;
  readonly string_match?: { readonly exact?: string; readonly safe_regex?: { readonly regex: string } };
  readonly exact_match?: string;
  readonly safe_regex_match?: { readonly regex: string };
  readonly prefix_match?: string;
  readonly suffix_match?: string;
}
/** What diagd writes of a route, as far as it says which requests it takes. */
interface EnvoyRoute {
  readonly match: {
    readonly prefix?: string;
    readonly path?: string;
    readonly safe_regex?: { readonly regex: string };
    readonly case_sensitive: boolean;
    readonly headers?: readonly Matcher[];
    readonly query_parameters?: readonly Matcher[];
    readonly runtime_fraction: { readonly default_value: { readonly numerator: number } };
  };
  readonly route?: { readonly cluster: string };
  readonly redirect?: { readonly host_redirect?: string };
}

if (SOURCE === undefined) {
  console.log("EMISSARY_SRC is not set: the order of routes is not compared with a real diagd's");
} else {
  describe(`the routes of diagd of ${SOURCE}`, () => {
    it(`come in the order of diagd-routes.ts, for ${SETS} sets of Mappings`, async () => {
      const random = seeded(1);
      const sets = Array.from({ length: SETS }, () => ({
        hosts: randomHosts(random, KINDS),
        mappings: randomMappings(random, KINDS),
      }));
      let at = 0;
      for await (const virtualHosts of diagd(
        sets.map(({ hosts, mappings }) => [LISTENER, ...hosts, ...mappings]),
      )) {
        const { hosts, mappings } = sets[at++] ?? assert.fail("too many answers");
        const where = `set ${at}: ${JSON.stringify([hosts, mappings])}`;
        const nameOf = names(mappings);
        const own = new DiagdRoutes(mappings, hosts);
        for (const [host, order] of own.order) {
          assert.deepEqual(ordered(virtualHosts[host] ?? [], nameOf), order, `${host} of ${where}`);
        }
        for (let count = 0; count < REQUESTS; count++) {
          const request = randomRequest(random);
          const { live, redirect } = own.route(request);
          const expected = redirect === null ? live : [redirect];
          const domain = domainOf(request, Object.keys(virtualHosts));
          const found = chosen(virtualHosts[domain] ?? [], request).map(nameOf);
          const said = `${JSON.stringify({ ...request, headers: [...request.headers] })} of ${where}`;
          assert.deepEqual(
            found,
            expected.map(({ metadata }) => metadata.name),
            said,
          );
        }
      }
      assert.equal(at, SETS);
    });
  });
}

/** What diagd makes of each set, in order. */
async function* diagd(sets: readonly object[][]): AsyncGenerator<Record<string, EnvoyRoute[]>> {
  const packages = ["python/ambassador/src", "python/ambassador-diag/src", "python"].map((one) =>
    join(SOURCE ?? "", one),
  );
  const python = spawn(
    process.env["EMISSARY_PYTHON"] ?? "python3",
    [join(import.meta.dirname, "diagd_routes.py")],
    {
      env: { ...process.env, PYTHONPATH: packages.filter((one) => existsSync(one)).join(delimiter) },
      stdio: ["pipe", "pipe", "inherit"],
    },
  );
  python.stdin.end(sets.map((set) => `${JSON.stringify(set)}\n`).join(""));
  for await (const line of createInterface({ input: python.stdout }))
    yield (JSON.parse(line) as { hosts: Record<string, EnvoyRoute[]> }).hosts;
}

/** Whose route it is: by its cluster, which is another for each Mapping, or by where it redirects to. */
function names(mappings: readonly KubernetesResource[]): (route: EnvoyRoute) => string {
  const known = new Map<string, string>();
  for (const { metadata, spec } of mappings) {
    const like = { version: "v3alpha1", namespace: metadata.namespace ?? "default", spec };
    const cluster = clusterOfMapping(like, { namespace: "default" });
    known.set(spec["host_redirect"] === true ? String(spec["service"]) : (cluster ?? ""), metadata.name);
  }
  return ({ route, redirect }) => known.get(route?.cluster ?? redirect?.host_redirect ?? "") ?? "";
}

function ordered(routes: readonly EnvoyRoute[], nameOf: (route: EnvoyRoute) => string): string[] {
  // Each route is there for https and for http; diagd's own serve its probes.
  const all = routes.map(nameOf).filter((name) => name !== "");
  return all.filter((_, index) => index % 2 === 0);
}

/** Those among which chance decides for a request. */
function chosen(routes: readonly EnvoyRoute[], request: RoutedRequest): EnvoyRoute[] {
  const found: EnvoyRoute[] = [];
  let before = 0;
  for (const route of routes) {
    if (!matches(route, request)) continue;
    const { numerator } = route.match.runtime_fraction.default_value;
    if (numerator > before) found.push(route);
    before = Math.max(before, numerator);
    if (before >= 100) break;
  }
  return found;
}

function matches({ match }: EnvoyRoute, { path, host, method, headers }: RoutedRequest): boolean {
  const [bare = "", search = ""] = path.split("?");
  const fold = (text: string): string => (match.case_sensitive ? text : text.toLowerCase());
  const pathFits =
    match.safe_regex !== undefined
      ? new RegExp(`^(?:${match.safe_regex.regex})$`).test(bare)
      : match.path !== undefined
        ? fold(bare) === fold(match.path)
        : fold(bare).startsWith(fold(match.prefix ?? ""));
  const query = new URLSearchParams(search);
  return (
    pathFits &&
    (match.headers ?? []).every((one) => {
      // Sent over plain HTTP.
      const all = new Map([
        ...headers,
        [":authority", host],
        [":method", method],
        ["x-forwarded-proto", "http"],
      ]);
      return holds(one, all.get(one.name.toLowerCase()));
    }) &&
    (match.query_parameters ?? []).every((one) => holds(one, query.get(one.name) ?? undefined))
  );
}

function holds(matcher: Matcher, value: string | undefined): boolean {
  if (value === undefined) return false;
  const regex = (matcher.safe_regex_match ?? matcher.string_match?.safe_regex)?.regex;
  const exact = matcher.exact_match ?? matcher.string_match?.exact;
  if (regex !== undefined) return new RegExp(`^(?:${regex})$`).test(value);
  if (matcher.prefix_match !== undefined) return value.startsWith(matcher.prefix_match);
  if (matcher.suffix_match !== undefined) return value.endsWith(matcher.suffix_match);
  return exact === undefined || value === exact;
}

function domainOf({ host }: RoutedRequest, domains: readonly string[]): string {
  const globs = domains.filter((domain) => domain.startsWith("*.") && host.endsWith(domain.slice(1)));
  return domains.includes(host) ? host : (globs.sort((a, b) => b.length - a.length)[0] ?? "*");
}
