// What may come out otherwise in Emissary than the policy's author thinks: clusters that depend on what no file says,
// copies that go elsewhere, plain HTTP in place of TLS, who sees a secret.

import * as headerNames from "../../assembly/vocabulary/headers.ts";
import type { Problem } from "../policy/problem.ts";
import {
  clusterOfMapping,
  CONSUL_RESOLVERS,
  KUBERNETES_RESOLVERS,
  serinHeaders,
  type MappingLike,
} from "./mapping.ts";
import type { Overlap } from "./overlap.ts";
import {
  CODE_CLUSTER_UNSURE,
  CODE_MAPPING_COPIES,
  CODE_MAPPING_HIDDEN,
  CODE_MAPPING_PARTIAL,
  CODE_PLAIN_HTTP,
  CODE_SECRET_SHOWN,
} from "./problem-codes.ts";
import { isText, problemOf, type Path, type Resource } from "./resources.ts";
import type { Rollout, ServicePolicy, Shadow } from "./service-policy.ts";
import type { InstallationWithHeaders } from "./variant-spec.ts";
import type { Wanted, WantedMapping } from "./wanted.ts";

/** What is looked at. */
export interface ClustersAsked {
  readonly policy: ServicePolicy;
  readonly overlap: Overlap;
  readonly wanted: Wanted;
  /** Resources of other kinds than Mapping. */
  readonly others: readonly Resource[];
  readonly installation: InstallationWithHeaders;
}

/** All of it, each thing once. */
export function clusterFaults(asked: ClustersAsked): Problem[] {
  const { policy, overlap } = asked;
  return [
    ...contextFaults(asked),
    ...resolverFaults(asked),
    ...consulFaults(asked),
    ...mirrorClusterFaults(asked),
    ...plainHttpFaults(asked),
    ...[...policy.rollouts, ...policy.shadows].flatMap((one) => caseFaults(one, overlap)),
    ...secretFaults(policy, overlap),
  ];
}

/** At the Mapping that the wanted one is made of; at the policy where it is made of none. */
function problemAt(
  { policy }: ClustersAsked,
  { base, pointer }: WantedMapping,
  path: Path,
  code: string,
  message: string,
  severity: Problem["severity"] = "warning",
): Problem {
  return base === null
    ? policy.problem(pointer, code, message, severity)
    : problemOf(base, path, code, message, severity);
}

/** The first wanted Mapping for each different answer. */
function firstOfEach(
  wanted: readonly WantedMapping[],
  answer: (mapping: WantedMapping) => string | undefined,
): [string, WantedMapping][] {
  const found = new Map<string, WantedMapping>();
  for (const mapping of wanted) {
    const text = answer(mapping);
    if (text !== undefined && !found.has(text)) found.set(text, mapping);
  }
  return [...found];
}

/** A TLSContext that is not there has no part in a cluster's name (ircluster.py), and no certificate is shown. */
function contextFaults(asked: ClustersAsked): Problem[] {
  const known = new Set(
    asked.others.flatMap(({ kind, name }) =>
      kind === "TLSContext" ? [name] : kind === "Host" ? [`${name}-context`] : [],
    ),
  );
  return firstOfEach(asked.wanted.mappings, ({ spec }) => (isText(spec["tls"]) ? spec["tls"] : undefined))
    .filter(([name]) => !known.has(name))
    .map(([name, mapping]) => {
      const message = `TLSContext ${name} is not among these files: if Emissary has none, the cluster has another name and no TLS`;
      return problemAt(asked, mapping, ["spec", "tls"], CODE_CLUSTER_UNSURE, message);
    });
}

function resolverOf({ spec }: MappingLike, { resolver }: InstallationWithHeaders): string | undefined {
  return isText(spec["resolver"]) ? spec["resolver"] : resolver;
}

function resolverFaults(asked: ClustersAsked): Problem[] {
  const { others, installation } = asked;
  const known = new Set([
    ...others.filter(({ kind }) => kind.endsWith("Resolver")).map(({ name }) => name),
    ...CONSUL_RESOLVERS,
    ...KUBERNETES_RESOLVERS,
  ]);
  return firstOfEach(asked.wanted.mappings, (mapping) => resolverOf(mapping, installation))
    .filter(([name]) => !known.has(name))
    .map(([name, mapping]) => {
      const message = `resolver ${name} is not among these files: Emissary drops a Mapping whose resolver it does not have, and a Consul resolver would change the name of the cluster`;
      return problemAt(asked, mapping, ["spec", "resolver"], CODE_CLUSTER_UNSURE, message);
    });
}

/** irserviceresolver.py, _consul_valid_mapping. */
function consulFaults({ policy, wanted, installation }: ClustersAsked): Problem[] {
  return firstOfEach(wanted.mappings, (mapping) => {
    const resolver = resolverOf(mapping, installation);
    const isConsul = resolver !== undefined && installation.foreignResolvers?.has(resolver) === true;
    return isConsul && String(mapping.spec["service"]).includes(".") ? mapping.pointer : undefined;
  }).map(([pointer, { spec }]) => {
    const message = `Emissary drops the Mapping: a Consul resolver takes no service with a dot, got ${String(spec["service"])}`;
    return policy.problem(pointer, CODE_MAPPING_HIDDEN, message);
  });
}

/** A mirror's header names one cluster; where a Mapping has options of its own, its copies go to another. */
function mirrorClusterFaults({ wanted, installation }: ClustersAsked): Problem[] {
  return wanted.mappings.flatMap((mapping) => {
    if (mapping.spec["shadow"] !== true || mapping.base === null) return [];
    const named = serinHeaders(mapping).find(([name]) => name.startsWith(headerNames.SHADOW_PREFIX))?.[1];
    const cluster = clusterOfMapping(mapping, installation);
    // Those of variants are made of the same Mapping.
    const isOfVariant = serinHeaders(mapping).length > 1;
    if (cluster === named || isOfVariant) return [];
    const message = `its copies go to cluster ${String(cluster)}, the policy names ${String(named)}: they arrive and are not compared; use equal circuit_breakers, load_balancer, tls, resolver and namespace, or dispatch call`;
    return [problemOf(mapping.base, ["metadata", "name"], CODE_MAPPING_COPIES, message, "warning")];
  });
}

function plainHttpFaults({ policy, overlap, wanted }: ClustersAsked): Problem[] {
  const basesOf = (pointer: string): readonly Resource[] =>
    [...policy.rollouts, ...policy.shadows]
      .filter((one) => pointer.startsWith(`${one.pointer}/`))
      .flatMap(({ match }) => overlap.concerned(match).mappings);
  return firstOfEach(wanted.mappings, ({ spec, pointer, base }) => {
    const talksTls = /^https:/i.test(String(spec["service"])) || spec["tls"] !== undefined;
    const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(String(spec["service"]));
    const isProductions = base?.spec["service"] === spec["service"];
    return talksTls || hasScheme || isProductions ? undefined : pointer;
  }).flatMap(([pointer, mapping]) => {
    const secure = (mapping.base === null ? basesOf(pointer) : [mapping.base]).find(({ spec }) =>
      /^https:/i.test(String(spec["service"])),
    );
    if (secure === undefined) return [];
    const message = `goes out as plain HTTP, while Mapping ${secure.name} uses https: if that is not meant, write https://${String(mapping.spec["service"])}`;
    return [policy.problem(pointer, CODE_PLAIN_HTTP, message, "warning")];
  });
}

/** A Mapping that folds the case takes more paths than the policy, which does not. */
function caseFaults({ match }: Rollout | Shadow, overlap: Overlap): Problem[] {
  const paths = match.flatMap(({ path }) => (path !== null && /[a-z]/i.test(path) ? [path] : []));
  const [path] = paths;
  if (path === undefined) return [];
  return overlap
    .concerned(match)
    .mappings.filter(({ spec }) => spec["case_sensitive"] === false)
    .map((mapping) => {
      const message = `takes ${path.toUpperCase()} too, where the policy's ${path} does not match: those requests stay with the default`;
      return problemOf(mapping, ["spec", "case_sensitive"], CODE_MAPPING_PARTIAL, message, "warning");
    });
}

/** What a Mapping sends to the rate limit service is read before the route's own changes take the secret away. */
function secretFaults(policy: ServicePolicy, overlap: Overlap): Problem[] {
  return policy.rollouts.flatMap((rollout) => {
    if (rollout.secret === null) return [];
    const header = headerNames.PREFIX + rollout.name;
    const limited = overlap.concerned(rollout.match).mappings.find(({ spec }) =>
      JSON.stringify(spec["labels"] ?? null)
        .toLowerCase()
        .includes(`"${header}"`),
    );
    if (limited === undefined) return [];
    const message = `${header} is sent to the rate limit service with its secret`;
    return [problemOf(limited, ["spec", "labels"], CODE_SECRET_SHOWN, message, "warning")];
  });
}
