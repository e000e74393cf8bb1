// What a Mapping says, in either version of its resource: which requests it takes, and where they go.

import * as headerNames from "../../assembly/vocabulary/headers.ts";
import {
  clusterName,
  qualifiedService,
  type CircuitBreaker,
  type ClusterOptions,
  type Installation,
  type LoadBalancer,
} from "./cluster-name.ts";
import { isFields, isText, type Fields, type Resource } from "./resources.ts";

/** Who wrote a Mapping: only those with this label are ever replaced or called obsolete. */
export const OWNER_LABEL = "app.kubernetes.io/managed-by";
export const OWNER = "serin";

/** A host that no client asks for (RFC 2606), and a method that none uses: the Mapping gives a cluster its name. */
export const DISPATCH_HOST = "shadow.invalid";
export const DISPATCH_METHOD = "SERIN";
export const DISPATCH_TAG = "serin";

const METHODS = /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|CONNECT)?$/i;

/** What a Mapping has of its own, or what one would have. */
export type MappingLike = Pick<Resource, "version" | "namespace" | "spec">;

export function isOurs(mapping: Resource): boolean {
  return mapping.labels[OWNER_LABEL] === OWNER;
}

/** The glob of hosts that it takes; null when that is a regular expression. */
export function hostOf({ version, spec }: MappingLike): string | null {
  if (version === "v3alpha1" && isText(spec["hostname"])) return spec["hostname"].toLowerCase();
  if (spec["host_regex"] === true) return null;
  const host = spec["host"] ?? (isFields(spec["headers"]) ? spec["headers"][":authority"] : undefined);
  return isText(host) ? host.toLowerCase() : "*";
}

/** Its exact headers by name in lower case. */
export function headersOf({ spec }: MappingLike): Map<string, unknown> {
  const headers = isFields(spec["headers"]) ? Object.entries(spec["headers"]) : [];
  return new Map(headers.map(([name, value]) => [name.toLowerCase(), value]));
}

/** Names of `x-serin-` headers that it looks at by a regular expression. */
export function serinPatterns({ spec }: MappingLike): string[] {
  const names = isFields(spec["regex_headers"]) ? Object.keys(spec["regex_headers"]) : [];
  return names.filter((name) => name.toLowerCase().startsWith(headerNames.PREFIX));
}

/** The `x-serin-` headers that it looks at. */
export function serinHeaders(mapping: MappingLike): [name: string, value: unknown][] {
  return [...headersOf(mapping)].filter(([name]) => name.startsWith(headerNames.PREFIX));
}

/** Whether it only gives a cluster its name: no client has a reason to ask for its host. */
export function isDispatch(mapping: MappingLike): boolean {
  return hostOf(mapping)?.endsWith(".invalid") === true;
}

/** Whether clients can ask for it by method. */
export function isReachable({ spec }: MappingLike): boolean {
  return spec["method_regex"] === true || METHODS.test(isText(spec["method"]) ? spec["method"] : "");
}

/** Whether it takes requests of production: no variant's, no copy. */
export function isStable(mapping: Resource): boolean {
  return (
    !isOurs(mapping) &&
    !isDispatch(mapping) &&
    mapping.spec["shadow"] !== true &&
    serinHeaders(mapping).length === 0 &&
    serinPatterns(mapping).length === 0
  );
}

/** Whether it sends clients elsewhere, in place of requests to a service. */
export function isRedirect({ spec }: MappingLike): boolean {
  return spec["host_redirect"] === true;
}

/** A header or a query parameter that a Mapping asks for. */
export interface Condition {
  readonly name: string;
  /** Null: any value. */
  readonly value: string | null;
  readonly isPattern: boolean;
}

/** The headers that it asks for, without the host, in Emissary's order. */
export function headerConditions({ spec }: MappingLike): Condition[] {
  return [...conditionsIn(spec["headers"], false), ...conditionsIn(spec["regex_headers"], true)].filter(
    ({ name }) => name.toLowerCase() !== ":authority",
  );
}

/** The query parameters that it asks for. */
export function queryConditions({ spec }: MappingLike): Condition[] {
  return [
    ...conditionsIn(spec["query_parameters"], false),
    ...conditionsIn(spec["regex_query_parameters"], true),
  ];
}

/** Maps come out of Kubernetes sorted. */
function conditionsIn(value: unknown, isPattern: boolean): Condition[] {
  return Object.entries(isFields(value) ? value : {})
    .sort(byName)
    .map(([name, wanted]) => ({ name, value: wanted === true ? null : String(wanted), isPattern }));
}

/** Whether it names no host at all: then only Hosts that select its labels have it. */
export function isOfAnyHost(mapping: MappingLike): boolean {
  return hostTextOf(mapping) === null;
}

/** The glob or the pattern of hosts as it is written; null for none. */
export function hostTextOf({ version, spec }: MappingLike): string | null {
  const ofHeaders = isFields(spec["headers"]) ? spec["headers"][":authority"] : undefined;
  const named = (version === "v3alpha1" ? spec["hostname"] : undefined) ?? spec["host"] ?? ofHeaders;
  if (isText(named) && named !== "") return named;
  // The conversion of version 2 says so.
  return version === "v2" ? "*" : null;
}

const matchKeys = new WeakMap<MappingLike, string>();

/** Two Mappings with one key ask for the same requests, whatever their precedence. */
export function matchKey(mapping: MappingLike): string {
  const known = matchKeys.get(mapping) ?? composeMatchKey(mapping);
  matchKeys.set(mapping, known);
  return known;
}

function composeMatchKey(mapping: MappingLike): string {
  const { spec } = mapping;
  const plain = ({ name, value, isPattern }: Condition): unknown[] => [name.toLowerCase(), value, isPattern];
  const flags = ["prefix_regex", "prefix_exact", "host_regex", "method_regex"].map(
    (key) => spec[key] === true,
  );
  const headers = headerConditions(mapping).map(plain);
  headers.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
  return JSON.stringify([
    hostTextOf(mapping)?.toLowerCase() ?? null,
    spec["prefix"],
    isText(spec["method"]) ? spec["method"] : null,
    headers,
    queryConditions(mapping).map(plain),
    flags,
  ]);
}

/** The higher is asked first. */
export function precedenceOf({ spec }: MappingLike): number {
  return Number(spec["precedence"] ?? 0);
}

function byName([first]: [string, unknown], [second]: [string, unknown]): number {
  return first < second ? -1 : first > second ? 1 : 0;
}

/** The name of the cluster that Emissary makes for a Mapping; null when its service is none. */
export function clusterOfMapping(mapping: MappingLike, installation: Installation): string | null {
  return clusterName(clusterOptionsOf(mapping), installation);
}

function clusterOptionsOf({ version, namespace, spec }: MappingLike): ClusterOptions {
  const text = (key: string): string | undefined =>
    isText(spec[key]) && spec[key] !== "" ? spec[key] : undefined;
  let service = String(spec["service"]);
  // Version 2 knows `tls: true`, which its conversion writes as a scheme.
  if (version === "v2" && spec["tls"] === true) service = `https://${service.replace(/^https?:\/\//i, "")}`;
  const options: Mutable<ClusterOptions> = { service, namespace, isShadow: spec["shadow"] === true };
  const put = <Key extends keyof ClusterOptions>(key: Key, value: ClusterOptions[Key] | undefined): void => {
    if (value !== undefined) options[key] = value;
  };
  put("clusterTag", text("cluster_tag"));
  put("tls", text("tls"));
  put("hostRewrite", text("host_rewrite"));
  put("resolver", text("resolver"));
  put("circuitBreakers", breakersOf(spec["circuit_breakers"]));
  put("loadBalancer", balancerOf(spec["load_balancer"]));
  return options;
}

/** Where its requests go, as Emissary reads it; null when its service is none. */
export function serviceOfMapping(
  { version, namespace, spec }: MappingLike,
  installation: Installation,
): string | null {
  return qualifiedService(
    clusterOptionsOf({
      version,
      namespace,
      spec: {
        service: spec["service"],
        resolver: spec["resolver"],
        tls: version === "v2" ? spec["tls"] : undefined,
      },
    }),
    installation,
  );
}

/** All names that it may have: two where Ambassador's own namespace is unknown and may be that of the Mapping. */
export function clustersOfMapping(mapping: MappingLike, installation: Installation): string[] {
  const names = [
    clusterOfMapping(mapping, installation),
    ...(installation.namespace === null
      ? [clusterOfMapping(mapping, { ...installation, namespace: mapping.namespace })]
      : []),
  ];
  return [...new Set(names)].filter((name) => name !== null);
}

/**
 * A service as a Mapping has to name it. Where Ambassador's own namespace is unknown, with the namespace of the Mapping,
 * which is what it means anyway: only so the name of its cluster is the same in either case.
 */
export function withNamespace(service: string, mapping: MappingLike, installation: Installation): string {
  if (installation.namespace !== null) return service;
  const apart = clustersOfMapping({ ...mapping, spec: { ...mapping.spec, service } }, installation);
  if (apart.length < 2) return service;
  return service.replace(
    /^((?:(?:[a-z][a-z0-9+.-]*:)?\/\/)?(?:[^@/?#]*@)?)([^:/?#]+)/i,
    `$1$2.${mapping.namespace}`,
  );
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

function breakersOf(value: unknown): CircuitBreaker[] | undefined {
  return Array.isArray(value) ? value.filter(isFields) : undefined;
}

function balancerOf(value: unknown): LoadBalancer | undefined {
  return isFields(value) ? value : undefined;
}

/** Emissary has them without being asked (irserviceresolver.py, load_all). */
export const CONSUL_RESOLVERS = ["consul", "consul-endpoint"];
export const KUBERNETES_RESOLVERS = ["kubernetes-service", "kubernetes-endpoint", "endpoint"];

/** What of the resources concerns all clusters. `namespace`: Ambassador's own, when the person has said it. */
export function installationOf(
  others: readonly Resource[],
  namespace: string | undefined,
): Installation & { readonly addedHeaders: Fields } {
  const module = others.find(({ kind, name }) => kind === "Module" && name === "ambassador");
  const config = isFields(module?.spec["config"]) ? module.spec["config"] : {};
  const breakers = breakersOf(config["circuit_breakers"]);
  const balancer = balancerOf(config["load_balancer"]);
  const resolvers = new Map(
    others.filter(({ kind }) => kind.endsWith("Resolver")).map(({ name, kind }) => [name, kind]),
  );
  for (const name of CONSUL_RESOLVERS) if (!resolvers.has(name)) resolvers.set(name, "ConsulResolver");
  const foreign = [...resolvers].filter(([, kind]) => kind === "ConsulResolver").map(([name]) => name);
  return {
    namespace: namespace ?? module?.namespace ?? null,
    foreignResolvers: new Set(foreign),
    resolvesInOwnNamespace: config["use_ambassador_namespace_for_service_resolution"] === true,
    ...(isText(config["resolver"]) ? { resolver: config["resolver"] } : {}),
    ...(breakers === undefined ? {} : { circuitBreakers: breakers }),
    ...(balancer === undefined ? {} : { loadBalancer: balancer }),
    addedHeaders: addedHeaders(config),
  };
}

/** Headers that the Module adds where a Mapping does not say which: it adds none of them once a Mapping does. */
function addedHeaders(config: Fields): Fields {
  const defaults = isFields(config["defaults"]) ? config["defaults"] : {};
  const ofMappings = isFields(defaults["httpmapping"]) ? defaults["httpmapping"] : {};
  const added = ofMappings["add_request_headers"] ?? defaults["add_request_headers"];
  return isFields(added) ? added : {};
}
