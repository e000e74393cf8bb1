// The names that Emissary gives to clusters. The filter names clusters, people name services: this is the way between
// them. Nothing of it is documented by Emissary; test/ambassador/cluster-names.test.ts holds it to what diagd
// generated.

import { createHash } from "node:crypto";

/** What of a Mapping stands in the name of its cluster. */
export interface ClusterOptions {
  readonly service: string;
  /** The Mapping's namespace. */
  readonly namespace: string;
  readonly clusterTag?: string;
  /** `shadow: true`: the cluster is another one, and has no tag. */
  readonly isShadow?: boolean;
  /** The name of a TLSContext. */
  readonly tls?: string;
  readonly hostRewrite?: string;
  readonly circuitBreakers?: readonly CircuitBreaker[];
  readonly loadBalancer?: LoadBalancer;
  /** The name of a resolver. */
  readonly resolver?: string;
}

export type CircuitBreaker = Readonly<Record<string, unknown>>;
export type LoadBalancer = Readonly<Record<string, unknown>>;

/** What of the installation stands in the names of all clusters: the Module `ambassador`, and resolvers. */
export interface Installation {
  /** Ambassador's own namespace: names of services are not qualified there. Null: unknown, and one without Mappings. */
  readonly namespace: string | null;
  readonly resolver?: string;
  readonly resolvesInOwnNamespace?: boolean;
  readonly circuitBreakers?: readonly CircuitBreaker[];
  readonly loadBalancer?: LoadBalancer;
  /** Names of resolvers that are not Kubernetes': they take names as they are. */
  readonly foreignResolvers?: ReadonlySet<string>;
}

const LONGEST = 60;
const BREAKER_DIGITS = [
  ["max_connections", "c"],
  ["max_pending_requests", "p"],
  ["max_requests", "r"],
  ["max_retries", "t"],
] as const;
const ENDPOINT_POLICIES = new Set<unknown>(["round_robin", "least_request", "ring_hash", "maglev"]);

/** The name of the cluster of a Mapping; null when its service is none (Emissary then makes no cluster). */
export function clusterName(options: ClusterOptions, installation: Installation): string | null {
  const service = qualifiedService(options, installation);
  if (service === null) return null;
  const fields = ["cluster"];
  const marker = options.isShadow === true ? "shadow" : options.clusterTag;
  if (marker) fields.push(marker);
  fields.push(service);
  const scheme = /^https?(?=:\/\/)/.exec(service)?.[0];
  const originatesTls = scheme === "https" || options.tls !== undefined;
  if (originatesTls) fields.push("otls");
  if (scheme === undefined && options.tls !== undefined) fields.push(options.tls);
  if (originatesTls && options.hostRewrite) fields.push(`hr-${options.hostRewrite}`);
  fields.push(options.namespace);
  fields.push(...(options.circuitBreakers ?? installation.circuitBreakers ?? []).map(breakerName));
  const balancer = options.loadBalancer ?? installation.loadBalancer;
  if (balancer !== undefined && ENDPOINT_POLICIES.has(balancer["policy"]))
    fields.push(balancerName(balancer));
  return shortened(fields.join("_").replace(/[^0-9A-Za-z_]/g, "_"));
}

/**
 * The service as Emissary has it after reading: lower case, the port as a number, qualified by the Mapping's namespace
 * when it has no dot. Null when it names no host or no possible port.
 */
export function qualifiedService(options: ClusterOptions, installation: Installation): string | null {
  const text = options.service;
  const [, scheme, rest = ""] = /^(?:([a-z][a-z0-9+.-]*):)?\/\/(.*)$/is.exec(text) ?? [null, undefined, text];
  const authority = (/^[^/?#]*/.exec(rest)?.[0] ?? "").replace(/^.*@/, "");
  const parts = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(authority);
  if (parts === null) return null;
  const [, bracketed = "", port = ""] = parts;
  let host = decoded(bracketed.replace(/^\[|\]$/g, "").toLowerCase());
  if (host === null || host === "" || Number(port) > 65535) return null;
  const isQualified = host.includes(".") || host.includes(":") || host === "localhost";
  const resolver = options.resolver ?? installation.resolver ?? "kubernetes-service";
  const qualifies =
    installation.resolvesInOwnNamespace !== true && installation.foreignResolvers?.has(resolver) !== true;
  if (qualifies && !isQualified && options.namespace !== installation.namespace) {
    host += `.${options.namespace}`;
  }
  let written = encodeURIComponent(host).replace(
    /%(?:24|26|2B|2C|3A|3B|3D|5B|5D|3C|3E|22)/g,
    decodeURIComponent,
  );
  if (written.includes(":")) written = `[${written}]`;
  if (scheme !== undefined) written = `${scheme.toLowerCase()}://${written}`;
  return Number(port) === 0 ? written : `${written}:${Number(port)}`;
}

/** Null for an escape that is none. */
function decoded(host: string): string | null {
  try {
    return decodeURIComponent(host);
  } catch {
    return null;
  }
}

function breakerName(breaker: CircuitBreaker): string {
  const priority =
    typeof breaker["priority"] === "string" ? breaker["priority"].charAt(0).toLowerCase() : "n";
  const digits = BREAKER_DIGITS.map(([key, letter]) =>
    breaker[key] === undefined ? "" : `${letter}${Math.trunc(Number(breaker[key]))}`,
  );
  return `cb${priority}${digits.join("")}`;
}

function balancerName(balancer: LoadBalancer): string {
  const fields = ["er", String(balancer["policy"])];
  if ("header" in balancer) fields.push("hdr", String(balancer["header"]));
  if ("cookie" in balancer)
    fields.push("cookie", String((balancer["cookie"] as { name?: unknown } | null)?.name));
  if ("source_ip" in balancer) fields.push("srcip");
  return fields.join("-");
}

/** Envoy's names were once limited to 60 characters. The number tells names of one hash apart: there is never a second. */
function shortened(name: string): string {
  if (name.length <= LONGEST) return name;
  const hash = createHash("sha1").update(name).digest("hex").slice(0, 16).toUpperCase();
  return `${name.slice(0, 40)}-${hash}-0`;
}
