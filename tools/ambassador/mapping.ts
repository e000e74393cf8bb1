// What a Mapping says, in either version of its resource: which requests it takes, and where they go.

import * as headerNames from "../../assembly/vocabulary/headers.ts";
import {
  clusterName,
  type CircuitBreaker,
  type ClusterOptions,
  type Installation,
  type LoadBalancer,
} from "./cluster-name.ts";
import { isFields, isText, type Fields, type Resource, type ResourceFile } from "./resources.ts";

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

/** Whether it takes requests of production: no variant's, no copy, no redirect. */
export function isStable(mapping: Resource): boolean {
  return (
    !isOurs(mapping) &&
    !isDispatch(mapping) &&
    mapping.spec["shadow"] !== true &&
    mapping.spec["host_redirect"] !== true &&
    serinHeaders(mapping).length === 0 &&
    serinPatterns(mapping).length === 0
  );
}

/** What of a spec says which requests it takes. */
const MATCH_KEYS =
  "host_regex prefix prefix_regex prefix_exact case_sensitive method method_regex regex_headers query_parameters regex_query_parameters".split(
    " ",
  );

/** Two Mappings with one key take the same requests: Emissary puts them in a group, and splits it by `weight`. */
export function matchKey(mapping: MappingLike): string {
  const { spec } = mapping;
  const headers = [...headersOf(mapping)].filter(([name]) => name !== ":authority");
  const parts: unknown[] = [hostOf(mapping) ?? spec["host"], headers.sort(byName)];
  for (const key of MATCH_KEYS) {
    const value = spec[key];
    parts.push(
      value === false ? null : isFields(value) ? Object.entries(value).sort(byName) : (value ?? null),
    );
  }
  return JSON.stringify(parts);
}

/** One of each group: those that share its requests by weight would have the same Mappings beside them. */
export function onePerGroup(mappings: readonly Resource[]): Resource[] {
  const groups = new Map<string, Resource>();
  for (const mapping of mappings) {
    const key = `${matchKey(mapping)} ${mapping.namespace} ${precedenceOf(mapping)}`;
    const known = groups.get(key);
    const isBetter = known?.spec["weight"] !== undefined && mapping.spec["weight"] === undefined;
    if (known === undefined || isBetter) groups.set(key, mapping);
  }
  const chosen = new Set(groups.values());
  return mappings.filter((mapping) => chosen.has(mapping));
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
  const { version, namespace, spec } = mapping;
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
  return clusterName(options, installation);
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

function breakersOf(value: unknown): CircuitBreaker[] | undefined {
  return Array.isArray(value) ? value.filter(isFields) : undefined;
}

function balancerOf(value: unknown): LoadBalancer | undefined {
  return isFields(value) ? value : undefined;
}

/** What of the resources concerns all clusters. `namespace`: Ambassador's own, when the person has said it. */
export function installationOf(
  files: readonly ResourceFile[],
  namespace: string | undefined,
): Installation & { readonly addedHeaders: Fields } {
  const others = files.flatMap((file) => file.others);
  const module = others.find(({ kind, name }) => kind === "Module" && name === "ambassador");
  const config = isFields(module?.spec["config"]) ? module.spec["config"] : {};
  const breakers = breakersOf(config["circuit_breakers"]);
  const balancer = balancerOf(config["load_balancer"]);
  const foreign = others.filter(({ kind }) => kind === "ConsulResolver").map(({ name }) => name);
  return {
    namespace: namespace ?? module?.namespace ?? "default",
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
