// Which Hosts have a Mapping: by their hostname, by the labels that they select, or by both.

import { byKey } from "./by-key.ts";
import { hostOf, isOfAnyHost } from "./mapping.ts";
import { globsMeet } from "./globs.ts";
import { isFields, isText, type Resource } from "./resources.ts";

/** What of a Mapping a Host looks at. */
export type Hosted = Pick<Resource, "version" | "namespace" | "spec" | "labels">;

/** The Hosts of an installation; without any, nobody knows which labels count. */
export class Hosts {
  readonly #hosts: readonly Host[];
  /** Those that look at labels. */
  readonly #selecting: readonly Host[];
  readonly #exact: ReadonlyMap<string, readonly Host[]>;
  readonly #wild: readonly Host[];

  constructor(hosts: readonly Resource[]) {
    this.#hosts = hosts.map(({ name, spec }) => ({
      name,
      glob: isText(spec["hostname"]) ? spec["hostname"].toLowerCase() : "*",
      selector: selectorIn(spec["mappingSelector"]),
    }));
    this.#selecting = this.#hosts.filter(({ selector }) => selector !== null);
    this.#wild = this.#hosts.filter(({ glob }) => glob.includes("*"));
    this.#exact = byKey(this.#hosts, ({ glob }) => glob);
  }

  /** Whether none are known. */
  get areUnknown(): boolean {
    return this.#hosts.length === 0;
  }

  /** Globs of all of them. */
  get globs(): string[] {
    return this.#hosts.map(({ glob }) => glob);
  }

  /** The Host that selects by this label, if one does. */
  selecting(label: string): string | undefined {
    return this.#selecting.find(({ selector }) => selector?.has(label))?.name;
  }

  /** Whether one of them has the Mapping. */
  have(mapping: Hosted): boolean {
    return this.#thatMayHave(mapping).some((host) => has(host, mapping));
  }

  /** The Host that has the second and not the first, for its labels. */
  missing(first: Hosted, second: Hosted): string | undefined {
    return this.#selecting.find((host) => has(host, second) && !has(host, first))?.name;
  }

  /** Whether the first is there for every Host that has the second. */
  haveWherever(first: Hosted, second: Hosted): boolean {
    if (!this.areUnknown)
      return this.#thatMayHave(second).every((host) => !has(host, second) || has(host, first));
    return (
      !isOfAnyHost(first) ||
      (isOfAnyHost(second) && this.labelsThatCount(first) === this.labelsThatCount(second))
    );
  }

  /** Of thousands of Hosts those of its name, and globs. */
  #thatMayHave(mapping: Hosted): readonly Host[] {
    const host = isOfAnyHost(mapping) ? null : hostOf(mapping);
    if (host === null || host.includes("*")) return this.#hosts;
    return [...(this.#exact.get(host.replace(/:\d+$/, "")) ?? []), ...this.#wild];
  }

  /**
   * The labels by which Emissary tells a Mapping from others with the same conditions (irhttpmapping.py, _group_id): those
   * that a Host selects, of a Mapping that names no host. All of them where no Host is known.
   */
  labelsThatCount(mapping: Hosted): string {
    if (!isOfAnyHost(mapping)) return "";
    const { labels } = mapping;
    const counting = this.areUnknown
      ? Object.entries(labels)
      : this.#selecting.flatMap(({ selector }) =>
          selector !== null && selects(selector, labels) ? [...selector] : [],
        );
    return JSON.stringify([...new Map(counting)].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

type Selector = ReadonlyMap<string, string>;

interface Host {
  readonly name: string;
  readonly glob: string;
  readonly selector: Selector | null;
}

function has({ glob, selector }: Host, mapping: Hosted): boolean {
  if (selector !== null && !selects(selector, mapping.labels)) return false;
  if (isOfAnyHost(mapping)) return selector !== null;
  const own = hostOf(mapping);
  return own === null || globsMeet(glob, own);
}

function selects(selector: Selector, labels: Hosted["labels"]): boolean {
  return [...selector].every(([name, value]) => labels[name] === value);
}

function selectorIn(value: unknown): Selector | null {
  if (!isFields(value)) return null;
  const labels = isFields(value["matchLabels"]) ? value["matchLabels"] : {};
  return new Map(Object.entries(labels).map(([name, wanted]) => [name, String(wanted)]));
}
