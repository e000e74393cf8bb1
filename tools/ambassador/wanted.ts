// The Mappings that a policy needs beside those that are there, and the names of the clusters that they make.

import * as headerNames from "../../assembly/vocabulary/headers.ts";
import * as codes from "../../assembly/vocabulary/problems.ts";
import type { Problem } from "../policy/problem.ts";
import type { Group } from "./groups.ts";
import type { Hosts } from "./hosts.ts";
import {
  clusterOfMapping,
  clustersOfMapping,
  DISPATCH_HOST,
  DISPATCH_METHOD,
  DISPATCH_TAG,
  isOurs,
  isRedirect,
  OWNER,
  OWNER_LABEL,
  withNamespace,
  type MappingLike,
} from "./mapping.ts";
import type { Overlap } from "./overlap.ts";
import type { Fields, Resource } from "./resources.ts";
import type { Rollout, ServicePolicy, Shadow, Target } from "./service-policy.ts";
import {
  choicesOf,
  described,
  labelsOf,
  nameOf,
  specOf,
  type Choice,
  type InstallationWithHeaders,
} from "./variant-spec.ts";

/** A Mapping that the policy needs. */
export interface WantedMapping {
  readonly version: string;
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: Fields;
  /** One line for whoever reads it. */
  readonly purpose: string;
  /** The Mapping that its options come from; null for one that only names a cluster. */
  readonly base: Resource | null;
  /** What of the policy it is for. */
  readonly pointer: string;
}

/** The cluster of a variant, a shadow or a noise. */
export interface NamedCluster {
  readonly pointer: string;
  readonly service: string;
  readonly cluster: string;
}

export interface Wanted {
  readonly mappings: readonly WantedMapping[];
  readonly clusters: readonly NamedCluster[];
  readonly problems: readonly Problem[];
}

/** Mappings made of one that is there: more of them nobody can look through. */
const MOST_OF_ONE = 64;

/** What of production's Mapping says how its service is talked to: so is a shadow's. */
const CLUSTER_KEYS = new Set([
  "grpc",
  "tls",
  "resolver",
  "load_balancer",
  "dns_type",
  "enable_ipv4",
  "enable_ipv6",
]);

/** What Mappings are made from. */
export interface Making {
  readonly policy: ServicePolicy;
  /** The Mappings that serve production, in groups. */
  readonly groups: readonly Group[];
  readonly overlap: Overlap;
  readonly hosts: Hosts;
  /** All Mappings. */
  readonly all: readonly Resource[];
  /** Mappings of other Ambassadors, whose names are taken too. */
  readonly foreign: readonly Resource[];
  readonly installation: InstallationWithHeaders;
  /** By rollout; an empty one is none. */
  readonly oldSecrets: ReadonlyMap<string, string>;
}

/** What the policy needs beside the Mappings that are there. */
export function wantedMappings(making: Making): Wanted {
  return new Composer(making).compose();
}

class Composer {
  readonly #mappings: WantedMapping[] = [];
  readonly #clusters = new Map<string, NamedCluster>();
  readonly #problems: Problem[] = [];
  readonly #names: Set<string>;
  #makers: Map<string, Resource> | undefined;
  readonly #labels: ReadonlyMap<Resource, Group["labels"]>;
  readonly policy: ServicePolicy;
  readonly installation: InstallationWithHeaders;

  constructor(private readonly making: Making) {
    this.policy = making.policy;
    this.installation = making.installation;
    this.#labels = new Map(making.groups.map(({ base, labels }) => [base, labels]));
    // What a person has called so keeps its name.
    this.#names = new Set([...making.all.filter((one) => !isOurs(one)), ...making.foreign].map(placeOf));
  }

  compose(): Wanted {
    const { rollouts, shadows } = this.policy;
    const bases = this.making.groups.map(({ base }) => base);
    const mirrors = shadows.filter(({ isMirror }) => isMirror);
    const concerned = new Map([...rollouts, ...mirrors].map((one) => [one, new Set(this.#concernedBy(one))]));
    // A mirror's header holds the name of its cluster, so that has to be known before any Mapping looks at it.
    for (const mirror of mirrors) this.#nameMirror(mirror, concerned.get(mirror) ?? new Set());
    for (const base of bases) {
      this.#composeFor(
        base,
        rollouts.filter((rollout) => concerned.get(rollout)?.has(base)),
        mirrors.filter((mirror) => concerned.get(mirror)?.has(base)),
      );
    }
    for (const shadow of shadows) this.#composeDispatch(shadow, bases);
    return { mappings: this.#mappings, clusters: [...this.#clusters.values()], problems: this.#problems };
  }

  #concernedBy(one: Rollout | Shadow): readonly Resource[] {
    const needs = "isMirror" in one || one.variants.some(({ target }) => target !== null);
    if (!needs) return [];
    const { mappings, redirects } = this.making.overlap.concerned(one.match);
    if (mappings.length === 0) {
      const what = "isMirror" in one ? "copies" : "variants";
      const message = `no Mapping serves the requests that it matches: its ${what} have no route`;
      this.#problems.push(this.policy.problem(one.pointer, codes.REFERENCE, message));
    }
    return [...mappings, ...redirects];
  }

  #composeFor(base: Resource, rollouts: readonly Rollout[], mirrors: readonly Shadow[]): void {
    let combinations: Choice[][] = [[]];
    for (const rollout of rollouts) {
      const choices = choicesOf(rollout, this.making.oldSecrets.get(rollout.name));
      combinations = combinations.flatMap((before) => [
        before,
        ...choices.map((choice) => [...before, choice]),
      ]);
      if (combinations.length * (1 + 2 * mirrors.length) > MOST_OF_ONE) {
        const message = `Mapping ${base.name} would need more than ${MOST_OF_ONE} additional Mappings: too many rollouts match its requests`;
        this.#problems.push(this.policy.problem(rollout.pointer, codes.LIMIT, message));
        return;
      }
    }
    // What asks for more headers comes later here; Emissary puts it first, since all their lengths add up.
    for (const choices of combinations) {
      const [first] = choices;
      if (first !== undefined)
        this.#push(this.#variantMapping(base, choices, first), first.target.pointer, base);
      for (const mirror of mirrors) this.#pushMirror(base, choices, mirror);
    }
  }

  #variantMapping(
    base: Resource,
    choices: readonly Choice[],
    first: Choice,
  ): Omit<WantedMapping, "base" | "pointer"> {
    const spec = specOf(base, choices, [], this.installation);
    const mapping = {
      version: base.version,
      name: nameOf(base, choices, []),
      namespace: base.namespace,
      labels: this.#labelsFor(base),
      spec,
      purpose: `${choices.map(described).join(", ")}; otherwise like ${base.name}`,
    };
    // Who is redirected stays so: a Mapping without the headers of a variant would come too late.
    if (isRedirect(base)) return mapping;
    const service = this.#serviceOf(first.target, mapping);
    spec["service"] = service;
    this.#nameCluster(first.target, service, mapping);
    return mapping;
  }

  #pushMirror(base: Resource, choices: readonly Choice[], mirror: Shadow): void {
    const cluster = this.#clusters.get(mirror.target.pointer)?.cluster;
    if (cluster === undefined) return;
    const header: [string, string] = [headerNames.SHADOW_PREFIX + mirror.name, cluster];
    const live = specOf(base, choices, [header], this.installation);
    const parts = { version: base.version, namespace: base.namespace, labels: this.#labelsFor(base) };
    const [first] = choices;
    const isRedirected = isRedirect(base);
    live["service"] =
      first === undefined || isRedirected
        ? base.spec["service"]
        : this.#serviceOf(first.target, { ...parts, spec: live });
    const purpose = `requests that shadow ${mirror.name} copies`;
    const name = nameOf(base, choices, ["mirror", mirror.name]);
    const where = choices.length === 0 ? "" : ` (${choices.map(described).join(", ")})`;
    this.#push(
      { ...parts, name, spec: live, purpose: `${purpose}${where}; otherwise like ${base.name}` },
      mirror.pointer,
      base,
    );
    if (isRedirected) return;
    const service = this.#serviceOf(mirror.target, { ...parts, spec: live });
    const copy: Record<string, unknown> = { ...live, service, shadow: true };
    this.#push(
      { ...parts, name: `${name}-copy`, spec: copy, purpose: `the copies of shadow ${mirror.name}${where}` },
      mirror.pointer,
      base,
    );
  }

  #labelsFor(base: Resource): Record<string, string> {
    return labelsOf(this.#labels.get(base) ?? base.labels, this.making.hosts);
  }

  /** A mirror's cluster is named by the first Mapping that has its copies. */
  #nameMirror(mirror: Shadow, bases: ReadonlySet<Resource>): void {
    const [base] = bases;
    if (base === undefined) return;
    const spec = { ...specOf(base, [], [], this.installation), shadow: true };
    const mapping = { version: base.version, namespace: base.namespace, spec };
    const service = this.#serviceOf(mirror.target, mapping);
    this.#nameCluster(mirror.target, service, { ...mapping, spec: { ...spec, service } });
  }

  #composeDispatch(shadow: Shadow, bases: readonly Resource[]): void {
    const targets: [Target | null, string][] = [
      [shadow.isMirror ? null : shadow.target, shadow.name],
      [shadow.noise, `${shadow.name}-noise`],
    ];
    for (const [target, name] of targets) {
      if (target === null) continue;
      if (target.kind === "cluster") {
        if (this.#makerOf(target.text) === undefined) this.#unknownCluster(target, "warning");
        continue;
      }
      const base = this.making.overlap.concerned(shadow.match).mappings[0] ?? bases[0];
      const mapping = this.#dispatchMapping(target, name, base);
      const cluster = this.#nameCluster(target, mapping.spec.service, mapping);
      this.#push(
        { ...mapping, purpose: `only creates the cluster ${cluster ?? ""}: no client can reach it` },
        target.pointer,
        null,
      );
    }
  }

  #dispatchMapping(
    target: Target,
    name: string,
    base: Resource | undefined,
  ): Omit<WantedMapping, "base" | "pointer" | "spec"> & {
    readonly spec: { readonly service: string } & Fields;
  } {
    const namespace = base?.namespace ?? this.installation.namespace ?? "default";
    const version = base?.version ?? "v3alpha1";
    const free = this.#freeName(namespace, `${OWNER}-${name}`);
    const own = this.making.all.find(
      (one) => isOurs(one) && one.name === free && one.namespace === namespace,
    );
    const kept = Object.fromEntries(
      Object.entries(base?.spec ?? {}).filter(([key]) => CLUSTER_KEYS.has(key)),
    );
    const spec: Record<string, unknown> = {
      // As production's service is talked to, so is the shadow, unless it says otherwise.
      ...kept,
      // What a person has added to it stays: circuit breakers, a timeout to connect.
      ...own?.spec,
      ...(base?.spec["ambassador_id"] === undefined ? {} : { ambassador_id: base.spec["ambassador_id"] }),
      [version === "v2" ? "host" : "hostname"]: DISPATCH_HOST,
      prefix: `/${name}/`,
      method: DISPATCH_METHOD,
    };
    if (/^http:/i.test(target.text)) delete spec["tls"];
    const service = this.#serviceOf(target, { version, namespace, spec });
    return {
      ...{ version, name: free, namespace, labels: { [OWNER_LABEL]: OWNER }, purpose: "" },
      spec: { ...spec, service, cluster_tag: DISPATCH_TAG },
    };
  }

  #push(mapping: Omit<WantedMapping, "base" | "pointer">, pointer: string, base: Resource | null): void {
    const name = this.#freeName(mapping.namespace, mapping.name);
    this.#names.add(placeOf({ namespace: mapping.namespace, name }));
    this.#mappings.push({ ...mapping, name, pointer, base });
  }

  /** Hyphens of names and between names are the same, and people give names too. */
  #freeName(namespace: string, name: string): string {
    let free = name;
    for (let count = 2; this.#names.has(placeOf({ namespace, name: free })); count++)
      free = `${name}-${count}`;
    return free;
  }

  /** The service that a target leads to from a Mapping: its own, or that of a Mapping that makes this cluster. */
  #serviceOf(target: Target, mapping: MappingLike): string {
    if (target.kind === "service") return withNamespace(target.text, mapping, this.installation);
    const maker = this.#makerOf(target.text);
    if (maker !== undefined) return String(maker.spec["service"]);
    this.#unknownCluster(target, "error");
    return "";
  }

  #makerOf(cluster: string): Resource | undefined {
    this.#makers ??= makersOf(this.making.all, this.installation);
    return this.#makers.get(cluster);
  }

  #unknownCluster(target: Target, severity: Problem["severity"]): void {
    if (this.#problems.some(({ pointer }) => pointer === target.pointer)) return;
    const message = `no Mapping creates a cluster called ${target.text}: use service instead of cluster, like service: checkout-v2.shop:8080`;
    this.#problems.push(this.policy.problem(target.pointer, codes.REFERENCE, message, severity));
  }

  #nameCluster(
    target: Target,
    service: string,
    mapping: Pick<WantedMapping, "version" | "namespace" | "spec">,
  ): string | undefined {
    const known = this.#clusters.get(target.pointer);
    if (known !== undefined || service === "") return known?.cluster;
    const cluster = target.kind === "cluster" ? target.text : clusterOfMapping(mapping, this.installation);
    if (cluster === null) {
      const message = `must be a service, like checkout-v2.shop:8080, got ${JSON.stringify(service)}`;
      this.#problems.push(this.policy.problem(target.pointer, codes.VALUE, message));
      return undefined;
    }
    this.#clusters.set(target.pointer, { pointer: target.pointer, service, cluster });
    return cluster;
  }
}

function placeOf({ namespace, name }: Pick<Resource, "namespace" | "name">): string {
  return `${namespace}/${name}`;
}

/** Mappings by the cluster that Emissary makes for them. */
function makersOf(
  mappings: readonly Resource[],
  installation: InstallationWithHeaders,
): Map<string, Resource> {
  const makers = new Map<string, Resource>();
  for (const mapping of mappings) {
    for (const cluster of clustersOfMapping(mapping, installation)) {
      if (!makers.has(cluster)) makers.set(cluster, mapping);
    }
  }
  return makers;
}
