// The Mappings that a policy needs beside those that are there, and the names of the clusters that they make.

import * as headerNames from "../../assembly/vocabulary/headers.ts";
import * as codes from "../../assembly/vocabulary/problems.ts";
import type { Problem } from "../policy/problem.ts";
import {
  clusterOfMapping,
  DISPATCH_HOST,
  DISPATCH_METHOD,
  DISPATCH_TAG,
  isOurs,
  OWNER,
  OWNER_LABEL,
  type installationOf,
} from "./mapping.ts";
import { concerned } from "./overlap.ts";
import { isFields, isText, type Fields, type Resource } from "./resources.ts";
import type { Rollout, ServicePolicy, Shadow, Target } from "./service-policy.ts";

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

type Installation = ReturnType<typeof installationOf>;

/** Mappings made of one that is there: more of them nobody can look through. */
const MOST_OF_ONE = 64;
/** What no other Mapping repeats: how its group is split, what it is to readers and statistics. */
const OWN_KEYS = new Set(["weight", "shadow", "docs", "stats_name", "service"]);
/** Labels by which tools know what they have installed. */
const TOOL_LABEL = /^(app\.kubernetes\.io|helm\.sh|argocd\.argoproj\.io|kustomize\.toolkit\.fluxcd\.io)\//;

/** One header that a request may carry, with what it means. */
interface Choice {
  readonly rollout: Rollout;
  readonly variant: string;
  /** Its header's value during a rotation: of the secret before. */
  readonly isOld: boolean;
  readonly header: readonly [name: string, value: string];
  readonly target: Target;
}

/** What the policy needs beside `bases`, the Mappings that serve production. `oldSecrets` by rollout; an empty one is none. */
export function wantedMappings(
  policy: ServicePolicy,
  bases: readonly Resource[],
  all: readonly Resource[],
  installation: Installation,
  oldSecrets: ReadonlyMap<string, string>,
): Wanted {
  return new Composer(policy, bases, all, installation, oldSecrets).compose();
}

class Composer {
  readonly #mappings: WantedMapping[] = [];
  readonly #clusters = new Map<string, NamedCluster>();
  readonly #problems: Problem[] = [];
  readonly #names = new Set<string>();

  constructor(
    private readonly policy: ServicePolicy,
    private readonly bases: readonly Resource[],
    private readonly all: readonly Resource[],
    private readonly installation: Installation,
    private readonly oldSecrets: ReadonlyMap<string, string>,
  ) {}

  compose(): Wanted {
    const { rollouts, shadows } = this.policy;
    const { bases } = this;
    const ofRollout = new Map(
      rollouts.map((one) => [one, new Set(this.#concernedBy(one, bases, "variants"))]),
    );
    const mirrors = shadows.filter(({ isMirror }) => isMirror);
    const ofMirror = new Map(mirrors.map((one) => [one, new Set(this.#concernedBy(one, bases, "copies"))]));
    // A mirror's header holds the name of its cluster, so that has to be known before any Mapping looks at it.
    for (const mirror of mirrors) this.#nameMirror(mirror, ofMirror.get(mirror) ?? new Set());
    for (const base of bases) {
      this.#composeFor(
        base,
        rollouts.filter((rollout) => ofRollout.get(rollout)?.has(base)),
        mirrors.filter((mirror) => ofMirror.get(mirror)?.has(base)),
      );
    }
    for (const shadow of shadows) this.#composeDispatch(shadow, bases);
    return { mappings: this.#mappings, clusters: [...this.#clusters.values()], problems: this.#problems };
  }

  #concernedBy(one: Rollout | Shadow, bases: readonly Resource[], what: string): Resource[] {
    const needs = "isMirror" in one || one.variants.some(({ target }) => target !== null);
    if (!needs) return [];
    const found = concerned(one.match, bases);
    if (found.length === 0) {
      const message = `no Mapping serves the requests that it matches: its ${what} have no route`;
      this.#problems.push(this.policy.problem(one.pointer, codes.REFERENCE, message));
    }
    return found;
  }

  #composeFor(base: Resource, rollouts: readonly Rollout[], mirrors: readonly Shadow[]): void {
    let combinations: Choice[][] = [[]];
    for (const rollout of rollouts) {
      const choices = this.#choicesOf(rollout);
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

  #choicesOf(rollout: Rollout): Choice[] {
    const name = headerNames.PREFIX + rollout.name;
    return rollout.variants.flatMap(({ name: variant, target }) => {
      if (target === null) return [];
      const choice = (secret: string | null, isOld: boolean): Choice => ({
        rollout,
        variant,
        isOld,
        header: [name, secret ? `${variant}.${secret}` : variant],
        target,
      });
      const old = this.oldSecrets.get(rollout.name);
      const now = choice(rollout.secret, false);
      return old === undefined ? [now] : [now, choice(old, true)];
    });
  }

  #variantMapping(
    base: Resource,
    choices: readonly Choice[],
    first: Choice,
  ): Omit<WantedMapping, "base" | "pointer"> {
    const service = this.#serviceOf(first.target);
    const spec = this.#specOf(base, choices, []);
    spec["service"] = service;
    const mapping = {
      version: base.version,
      name: nameOf(base, choices, []),
      namespace: base.namespace,
      labels: labelsOf(base),
      spec,
      purpose: `${choices.map(described).join(", ")}; otherwise like ${base.name}`,
    };
    this.#nameCluster(first.target, service, mapping);
    return mapping;
  }

  #pushMirror(base: Resource, choices: readonly Choice[], mirror: Shadow): void {
    const cluster = this.#clusters.get(mirror.target.pointer)?.cluster;
    if (cluster === undefined) return;
    const header: [string, string] = [headerNames.SHADOW_PREFIX + mirror.name, cluster];
    const live = this.#specOf(base, choices, [header]);
    const [first] = choices;
    live["service"] = first === undefined ? base.spec["service"] : this.#serviceOf(first.target);
    const copy: Record<string, unknown> = { ...live, service: this.#serviceOf(mirror.target), shadow: true };
    const parts = { version: base.version, namespace: base.namespace, labels: labelsOf(base) };
    const purpose = `requests that shadow ${mirror.name} copies`;
    const name = nameOf(base, choices, ["mirror", mirror.name]);
    const where = choices.length === 0 ? "" : ` (${choices.map(described).join(", ")})`;
    this.#push(
      { ...parts, name, spec: live, purpose: `${purpose}${where}; otherwise like ${base.name}` },
      mirror.pointer,
      base,
    );
    this.#push(
      { ...parts, name: `${name}-copy`, spec: copy, purpose: `the copies of shadow ${mirror.name}${where}` },
      mirror.pointer,
      base,
    );
  }

  /** The options of the stable Mapping, since nothing is inherited, and these headers. */
  #specOf(
    base: Resource,
    choices: readonly Choice[],
    headers: readonly (readonly [string, string])[],
  ): Record<string, unknown> {
    const own = isFields(base.spec["headers"]) ? base.spec["headers"] : {};
    const spec: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(base.spec)) {
      if (key === "service") spec["service"] = value;
      else if (!OWN_KEYS.has(key)) spec[key] = value;
    }
    spec["headers"] = { ...own, ...Object.fromEntries([...choices.map(({ header }) => header), ...headers]) };
    const secrets = choices.filter(({ header, variant }) => header[1] !== variant);
    const removed = [base.spec["remove_request_headers"] ?? []]
      .flat()
      .filter(isText)
      .map((name) => name.toLowerCase());
    const overwritten = secrets.filter(({ header }) => !removed.includes(header[0]));
    if (overwritten.length > 0) {
      // The route is chosen by then: the upstream has no need of the secret.
      const added = base.spec["add_request_headers"] ?? this.installation.addedHeaders;
      spec["add_request_headers"] = {
        ...(isFields(added) ? added : {}),
        ...Object.fromEntries(
          overwritten.map(({ header, variant }) => [header[0], { append: false, value: variant }]),
        ),
      };
    }
    return spec;
  }

  /** A mirror's cluster is named by the first Mapping that has its copies. */
  #nameMirror(mirror: Shadow, bases: ReadonlySet<Resource>): void {
    const [base] = bases;
    if (base === undefined) return;
    const service = this.#serviceOf(mirror.target);
    const spec = { ...this.#specOf(base, [], []), service, shadow: true };
    this.#nameCluster(mirror.target, service, { version: base.version, namespace: base.namespace, spec });
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
      const base = concerned(shadow.match, bases)[0] ?? bases[0];
      const namespace = base?.namespace ?? this.installation.namespace;
      const version = base?.version ?? "v3alpha1";
      const own = this.all.find(
        (one) => isOurs(one) && one.name === `serin-${name}` && one.namespace === namespace,
      );
      const host = version === "v2" ? "host" : "hostname";
      const spec: Record<string, unknown> = {
        // What a person has added to it stays: circuit breakers, a timeout to connect.
        ...own?.spec,
        ...(base?.spec["ambassador_id"] === undefined ? {} : { ambassador_id: base.spec["ambassador_id"] }),
        [host]: DISPATCH_HOST,
        prefix: `/${name}/`,
        method: DISPATCH_METHOD,
        service: target.text,
        cluster_tag: DISPATCH_TAG,
      };
      const mapping = {
        version,
        name: `serin-${name}`,
        namespace,
        labels: { [OWNER_LABEL]: OWNER },
        spec,
        purpose: "",
      };
      const cluster = this.#nameCluster(target, target.text, mapping);
      this.#push(
        { ...mapping, purpose: `only creates the cluster ${cluster ?? ""}: no client can reach it` },
        target.pointer,
        null,
      );
    }
  }

  #push(mapping: Omit<WantedMapping, "base" | "pointer">, pointer: string, base: Resource | null): void {
    let name = mapping.name;
    // Hyphens of names and between names are the same.
    for (let count = 2; this.#names.has(`${mapping.namespace}/${name}`); count++)
      name = `${mapping.name}-${count}`;
    this.#names.add(`${mapping.namespace}/${name}`);
    this.#mappings.push({ ...mapping, name, pointer, base });
  }

  /** The service that a target leads to: its own, or that of a Mapping that makes this cluster. */
  #serviceOf(target: Target): string {
    if (target.kind === "service") return target.text;
    const maker = this.#makerOf(target.text);
    if (maker !== undefined) return String(maker.spec["service"]);
    this.#unknownCluster(target, "error");
    return "";
  }

  #makerOf(cluster: string): Resource | undefined {
    return this.all.find((mapping) => clusterOfMapping(mapping, this.installation) === cluster);
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

function nameOf(base: Resource, choices: readonly Choice[], more: readonly string[]): string {
  const parts = choices.flatMap(({ rollout, variant, isOld }) => [
    rollout.name,
    variant,
    ...(isOld ? ["old"] : []),
  ]);
  return [base.name, OWNER, ...parts, ...more].join("-");
}

function labelsOf(base: Resource): Record<string, string> {
  const kept = Object.entries(base.labels).filter(([name]) => !TOOL_LABEL.test(name));
  return { ...Object.fromEntries(kept), [OWNER_LABEL]: OWNER };
}

function described({ rollout, variant, isOld }: Choice): string {
  return `${variant} of ${rollout.name}${isOld ? " (old secret)" : ""}`;
}
