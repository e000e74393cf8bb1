// Do the Mappings that are there do what the policy asks for? What is missing, what differs, what gets in the way.

import { isDeepStrictEqual } from "node:util";

import * as headerNames from "../../assembly/vocabulary/headers.ts";
import type { Problem } from "../policy/problem.ts";
import { byKey } from "./by-key.ts";
import {
  clusterOfMapping,
  headersOf,
  hostOf,
  hostTextOf,
  isDispatch,
  isReachable,
  isStable,
  matchKey,
  OWNER_LABEL,
  precedenceOf,
  serinHeaders,
  serinPatterns,
  serviceOfMapping,
} from "./mapping.ts";
import { differenceFrom, groupKey, inEmissarysOrder } from "./groups.ts";
import type { Hosted, Hosts } from "./hosts.ts";
import { globsMeet } from "./globs.ts";
import {
  CODE_MAPPING_COPIES,
  CODE_MAPPING_DIFFERS,
  CODE_MAPPING_HIDDEN,
  CODE_MAPPING_MISSING,
  CODE_MAPPING_OPEN,
  CODE_MAPPING_SPLIT,
  CODE_MAPPING_UNUSED,
} from "./problem-codes.ts";
import { isFields, isText, problemOf, type Path, type Resource } from "./resources.ts";
import type { ServicePolicy } from "./service-policy.ts";
import type { NamedCluster, WantedMapping } from "./wanted.ts";
import type { Installation } from "./cluster-name.ts";

/** What the check looks at. */
export interface Checked {
  readonly policy: ServicePolicy;
  readonly wanted: readonly WantedMapping[];
  readonly clusters: readonly NamedCluster[];
  readonly mappings: readonly Resource[];
  readonly hosts: Hosts;
  readonly installation: Installation;
  readonly oldSecrets: ReadonlyMap<string, string>;
  /** Whether a Mapping that is missing is a problem: not where it is going to be written. */
  readonly needsAll: boolean;
}

/** Wanted Mappings that some Host would not select, because of the labels that this command needs for itself. */
export function selectionFaults(wanted: readonly WantedMapping[], hosts: Hosts): Problem[] {
  return wanted.flatMap((one) => {
    const host = one.base === null ? undefined : hosts.missing(one, one.base);
    if (one.base === null || host === undefined) return [];
    const message = `Host ${host} selects Mapping ${one.base.name} by ${OWNER_LABEL}, and would not select ${one.name}: let it select by another label`;
    return [problemOf(one.base, ["metadata", "labels", OWNER_LABEL], CODE_MAPPING_HIDDEN, message)];
  });
}

/** Everything that is wrong between the policy and the Mappings. */
export function checkMappings(checked: Checked): Problem[] {
  const counterparts = new Counterparts(checked.mappings, checked.hosts);
  const used = new Set(checked.wanted.map((one) => counterparts.of(one)));
  return [
    ...checked.wanted.flatMap((one) => wantedFaults(one, counterparts, checked)),
    ...checked.mappings
      .filter((mapping) => !used.has(mapping))
      .flatMap((mapping) => unusedFaults(mapping, checked)),
    ...checked.mappings.filter(isDispatch).flatMap((mapping) => dispatchFaults(mapping, checked.hosts)),
    ...groupFaults(checked),
    ...hostFaults(checked),
  ];
}

/** Mappings by the requests that they take. */
export class Counterparts {
  readonly #byKey: ReadonlyMap<string, readonly Resource[]>;
  #nearly: ReadonlyMap<string, readonly Resource[]> | undefined;

  constructor(
    private readonly mappings: readonly Resource[],
    private readonly hosts: Hosts,
  ) {
    this.#byKey = byKey(mappings, (mapping) => this.#keyOf(mapping));
  }

  /** The Mapping that takes the requests of a wanted one; undefined when there is none. */
  of(wanted: WantedMapping): Resource | undefined {
    return this.#byKey.get(this.#keyOf(wanted))?.[0];
  }

  /** One that asks for the same, whatever its labels. */
  nearlyOf(wanted: WantedMapping): Resource | undefined {
    this.#nearly ??= byKey(this.mappings, (one) => this.#nearKeyOf(one));
    return this.#nearly.get(this.#nearKeyOf(wanted))?.[0];
  }

  #nearKeyOf(mapping: Hosted): string {
    return `${matchKey(mapping)} ${mapping.spec["shadow"] === true}`;
  }

  #keyOf(mapping: Hosted): string {
    return `${this.#nearKeyOf(mapping)} ${this.hosts.labelsThatCount(mapping)}`;
  }
}

/** Keys in which a variant's Mapping may be as it likes. */
const FREE_KEYS = new Set(["hostname", "host", "headers", "precedence", "service", "add_request_headers"]);

function wantedFaults(wanted: WantedMapping, counterparts: Counterparts, checked: Checked): Problem[] {
  const found = counterparts.of(wanted);
  if (found === undefined) return checked.needsAll ? [missing(wanted, checked, counterparts)] : [];
  const faults: Problem[] = [];
  const { base } = wanted;
  const add = (path: Path, code: string, message: string, severity: Problem["severity"] = "error"): void => {
    faults.push(problemOf(found, path, code, message, severity));
  };
  const cluster = clusterOfMapping(wanted, checked.installation);
  const actual = clusterOfMapping(found, checked.installation);
  if (wanted.spec["service"] !== "" && !isSameService(wanted, found, checked.installation)) {
    const [goes, named] = [
      serviceOfMapping(found, checked.installation),
      serviceOfMapping(wanted, checked.installation),
    ];
    const message = `goes to ${goes ?? "no service"}, but the policy names ${named ?? "no service"}`;
    add(["spec", "service"], CODE_MAPPING_DIFFERS, message);
  } else if (base === null && cluster !== actual) {
    const message = `creates the cluster ${String(actual)}, but the policy names ${String(cluster)}`;
    add(["spec"], CODE_MAPPING_DIFFERS, message);
  }
  if (base !== null && precedenceOf(found) < precedenceOf(base)) {
    const message = `gets no requests: its precedence ${precedenceOf(found)} is below that of Mapping ${base.name} (${precedenceOf(base)})`;
    add(
      found.spec["precedence"] === undefined ? ["spec"] : ["spec", "precedence"],
      CODE_MAPPING_HIDDEN,
      message,
    );
  }
  const host = base === null ? undefined : checked.hosts.missing(found, base);
  if (base !== null && host !== undefined) {
    const message = `Host ${host} does not select it, and selects Mapping ${base.name}: give it the same labels`;
    add(["metadata", "name"], CODE_MAPPING_HIDDEN, message);
  }
  for (const [key, value] of Object.entries(wanted.spec)) {
    if (FREE_KEYS.has(key) || base === null || isDeepStrictEqual(value, found.spec[key])) continue;
    if (found.spec[key] === undefined) {
      const message = `${key} of Mapping ${base.name} is missing: Mappings inherit nothing, repeat it here`;
      add(["spec"], CODE_MAPPING_DIFFERS, message);
    } else {
      const message = `${key} differs from that of Mapping ${base.name}`;
      add(["spec", key], CODE_MAPPING_DIFFERS, message, "warning");
    }
  }
  return faults;
}

/** The namespace is part of a cluster's name, and no part of where its requests go. */
function isSameService(wanted: WantedMapping, found: Resource, installation: Installation): boolean {
  return serviceOfMapping(wanted, installation) === serviceOfMapping(found, installation);
}

function missing(
  wanted: WantedMapping,
  { policy, clusters, hosts }: Checked,
  counterparts: Counterparts,
): Problem {
  const headers = serinHeaders(wanted)
    .map(([name, value]) => `${name}: ${withoutSecret(String(value), policy)}`)
    .join(", ");
  if (wanted.base === null) {
    const cluster = clusters.find(({ pointer }) => pointer === wanted.pointer)?.cluster;
    const message = `no Mapping creates its cluster ${cluster ?? ""}`;
    return policy.problem(wanted.pointer, CODE_MAPPING_MISSING, message);
  }
  const copies = wanted.spec["shadow"] === true ? " and shadow: true" : "";
  // One by hand may be there, for other Hosts.
  const like = counterparts.nearlyOf(wanted);
  const host = like === undefined ? undefined : hosts.missing(like, wanted.base);
  const near = host === undefined ? "" : `; Host ${host} does not select Mapping ${like?.name ?? ""}`;
  const message = `the policy needs a second Mapping like this one with ${headers}${copies}${near}`;
  return problemOf(wanted.base, ["metadata", "name"], CODE_MAPPING_MISSING, message);
}

function withoutSecret(value: string, { rollouts }: ServicePolicy): string {
  const isSecret = rollouts.some(({ secret }) => secret !== null && value.endsWith(`.${secret}`));
  return isSecret ? `${value.slice(0, value.indexOf("."))}.***` : value;
}

/** A Mapping that asks for one of our headers, and is none of those that the policy needs. */
function unusedFaults(mapping: Resource, checked: Checked): Problem[] {
  const patterns = serinPatterns(mapping).map((name) =>
    problemOf(
      mapping,
      ["spec", "regex_headers", name],
      CODE_MAPPING_OPEN,
      "a pattern may match what clients send: use the exact value",
      "warning",
    ),
  );
  const headers = Object.keys(isFields(mapping.spec["headers"]) ? mapping.spec["headers"] : {});
  const faults = headers.flatMap((written) => {
    const name = written.toLowerCase();
    if (!name.startsWith(headerNames.PREFIX) || name.startsWith(headerNames.SHADOW_PREFIX)) {
      return name.startsWith(headerNames.SHADOW_PREFIX) ? shadowFault(mapping, written, checked) : [];
    }
    return headerFault(mapping, written, checked);
  });
  return [...patterns, ...faults];
}

function headerFault(mapping: Resource, written: string, { policy, oldSecrets }: Checked): Problem[] {
  const path = ["spec", "headers", written];
  const name = written.toLowerCase().slice(headerNames.PREFIX.length);
  const value = headersOf(mapping).get(written.toLowerCase());
  const rollout = policy.rollouts.find((one) => one.name === name);
  if (rollout === undefined) {
    const message = `the policy has no rollout called ${name}: no request has this header`;
    return [problemOf(mapping, path, CODE_MAPPING_UNUSED, message, "warning")];
  }
  const secrets = [rollout.secret, oldSecrets.get(name)].filter((secret) => secret !== undefined);
  const expected = rollout.variants.flatMap((variant) =>
    secrets.map((secret) => (secret ? `${variant.name}.${secret}` : variant.name)),
  );
  if (isText(value) && expected.includes(value)) return [];
  const variant = rollout.variants.find((one) => one.name === value);
  if (value === true || (variant !== undefined && rollout.secret !== null)) {
    const message = `matches without the secret: if the filter is missing, any client can reach it by sending ${written}`;
    return [problemOf(mapping, path, CODE_MAPPING_OPEN, message)];
  }
  const known = rollout.variants.some((one) => String(value).startsWith(`${one.name}.`));
  const message = known
    ? "has a different secret than the policy: it gets no requests"
    : `${name} announces no variant called ${String(value)}: it gets no requests`;
  return [problemOf(mapping, path, CODE_MAPPING_UNUSED, message, "warning")];
}

function shadowFault(mapping: Resource, written: string, { policy }: Checked): Problem[] {
  const name = written.toLowerCase().slice(headerNames.SHADOW_PREFIX.length);
  const shadow = policy.shadows.find((one) => one.name === name);
  const path = ["spec", "headers", written];
  if (shadow?.isMirror === true) {
    const message = `does not match what the policy says for shadow ${name} (cluster or other conditions): it gets no requests`;
    return [problemOf(mapping, path, CODE_MAPPING_UNUSED, message, "warning")];
  }
  const message = `the policy has no shadow with dispatch mirror called ${name}: no request has this header`;
  return [problemOf(mapping, path, CODE_MAPPING_UNUSED, message, "warning")];
}

function dispatchFaults(mapping: Resource, hosts: Hosts): Problem[] {
  const open = hosts.areUnknown || hosts.globs.some((glob) => globsMeet(glob, hostOf(mapping) ?? "*"));
  if (!open || !isReachable(mapping)) return [];
  const message = `any client can reach it with "Host: ${hostOf(mapping) ?? ""}": add a method that nobody uses, like method: SERIN`;
  return [problemOf(mapping, ["spec"], CODE_MAPPING_OPEN, message)];
}

function groupFaults({ mappings, wanted, hosts }: Checked): Problem[] {
  const groups = byKey(mappings, (mapping) => groupKey(mapping, hosts));
  const bases = new Set(wanted.map(({ base }) => base?.asRead ?? base));
  return [...groups.values()].flatMap((group) => {
    const live = group.filter(({ spec }) => spec["shadow"] !== true);
    const [firstCopy, ...moreCopies] = group.filter(({ spec }) => spec["shadow"] === true);
    const isBase = live.some((mapping) => bases.has(mapping));
    const ofVariant = live.some((mapping) => serinHeaders(mapping).length > 0);
    const faults = moreCopies.map((copy) => {
      const message = `Mapping ${firstCopy?.name ?? ""} is already the shadow of these requests: Emissary uses only one`;
      return problemOf(copy, ["spec", "shadow"], CODE_MAPPING_COPIES, message);
    });
    if (firstCopy !== undefined && isBase) {
      const message =
        "only users of the default are copied: use a shadow in the policy to copy the users of all variants";
      faults.push(problemOf(firstCopy, ["spec", "shadow"], CODE_MAPPING_COPIES, message, "warning"));
    }
    if (!isBase && !ofVariant) return faults;
    const [leading, ...followers] = inEmissarysOrder(group);
    const apart = new Set<Resource>();
    for (const follower of followers) {
      const key = leading === undefined ? undefined : differenceFrom(leading, follower);
      if (leading === undefined || key === undefined) continue;
      apart.add(follower);
      const message = `Emissary makes one group of it and Mapping ${leading.name}, which must agree in ${key}: it refuses one, or treats both alike`;
      faults.push(problemOf(follower, ["metadata", "name"], CODE_MAPPING_HIDDEN, message, "warning"));
    }
    const [first, ...others] = live.filter((mapping) => !apart.has(mapping));
    if (first === undefined) return faults;
    for (const other of others) {
      const message = `matches the same requests as Mapping ${first.name}: Emissary splits them at random per request, whatever the policy says`;
      const path = other.spec["weight"] === undefined ? ["metadata", "name"] : ["spec", "weight"];
      faults.push(problemOf(other, path, CODE_MAPPING_SPLIT, message, ofVariant ? "error" : "warning"));
    }
    return faults;
  });
}

/** Mappings whose requests no Host takes, where Hosts are known. */
function hostFaults({ mappings, hosts }: Checked): Problem[] {
  if (hosts.areUnknown) return [];
  return mappings.filter(isStable).flatMap((mapping) => {
    if (hosts.have(mapping)) return [];
    const glob = hostTextOf(mapping);
    const message = `no Host in these files ${glob === null ? "selects its labels" : `matches ${glob}`}`;
    return [problemOf(mapping, ["metadata", "name"], CODE_MAPPING_HIDDEN, message, "warning")];
  });
}
