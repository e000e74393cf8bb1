// Which Mapping serves a request, a second time: the routes that diagd makes of Mappings, in its order, and Envoy's
// choice among them. Own code, with nothing of tools/ambassador. Sources, of Emissary 4.1.0 (python/ambassador/src):
//   ir/irhttpmapping.py        _group_id (which Mappings share requests), _route_weight (which is tried first)
//   ir/irhttpmappinggroup.py   what a group refuses, redirects, shadows
//   ir/irbasemappinggroup.py   normalize_weights_in_mappings
//   ir/ir.py                   ordered_groups: the weights sorted, then reversed
//   ir/irhost.py, irutils.py   matches_httpgroup, hostglob_matches, selector_matches: which Hosts have the group
//   fetch/fetcher.py           sorted: the order in which Mappings come, by name.namespace
//   envoy/v3/v3route.py        what a route matches
// Envoy chooses the virtual host by exact name, else the longest suffix, else the longest prefix, else `*`
// (envoy.config.route.v3.VirtualHost.domains), and in it the first route that matches.
// test/ambassador/diagd-compare.ts holds this to a real diagd.

export interface KubernetesResource {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** A request as the router sees it; names of headers in lower case. */
export interface RoutedRequest {
  readonly host: string;
  readonly method: string;
  /** With its query string. */
  readonly path: string;
  readonly headers: ReadonlyMap<string, string>;
}

/** A header or a query parameter that is asked for. */
interface Condition {
  readonly name: string;
  /** Null: any value. */
  readonly value: string | null;
  readonly isRegex: boolean;
}

type Weight = readonly (string | number)[];

interface Member {
  readonly resource: KubernetesResource;
  /** Up to which of a hundred requests are its own, after those before it. */
  share: number;
}

interface Group {
  readonly id: string;
  readonly weight: Weight;
  readonly first: KubernetesResource;
  live: Member[];
  redirect: KubernetesResource | null;
  shadow: KubernetesResource | null;
  labels: Readonly<Record<string, string>>;
  isCaseSensitive: boolean;
}

/** Options in which all Mappings of a group must agree: the group refuses who differs from its first. */
const CORE_KEYS = [
  ...[
    "bypass_auth",
    "circuit_breakers",
    "cluster_timeout_ms",
    "connect_timeout_ms",
    "cluster_idle_timeout_ms",
  ],
  ...[
    "cluster_max_connection_lifetime_ms",
    "keepalive",
    "labels",
    "load_balancer",
    "prefix_regex",
    "prefix_exact",
  ],
];

/** What is in a group's place for one request. */
export interface Outcome {
  /** The Mappings among which chance decides; mostly one. Empty: no route, 404. */
  readonly live: readonly KubernetesResource[];
  /** Redirected instead. */
  readonly redirect: KubernetesResource | null;
  /** The Mapping that gets a copy. */
  readonly shadow: KubernetesResource | null;
}

const NOWHERE: Outcome = { live: [], redirect: null, shadow: null };

export class DiagdRoutes {
  readonly #groups: readonly Group[];
  readonly #hosts: ReadonlyMap<string, readonly Group[]>;

  constructor(mappings: readonly KubernetesResource[], hosts: readonly KubernetesResource[]) {
    const rkey = ({ metadata }: KubernetesResource): string =>
      `${metadata.name}.${metadata.namespace ?? "default"}`;
    const sorted = [...mappings].sort((a, b) => compareText(rkey(a), rkey(b)));
    const groups = new Map<string, Group>();
    for (const mapping of sorted) {
      const id = groupIdOf(mapping, hosts);
      const group: Group = groups.get(id) ?? {
        ...{ id, weight: weightOf(mapping), first: mapping, live: [], redirect: null, shadow: null },
        ...{ labels: {}, isCaseSensitive: true },
      };
      groups.set(id, group);
      add(group, mapping);
    }
    const all = [...groups.values()];
    for (const group of all) finalize(group);
    // A stable sort, then reversed: of equal ones the later comes first.
    this.#groups = all.sort((a, b) => compareWeights(a.weight, b.weight)).reverse();
    this.#hosts = new Map(
      hosts.map((host): [string, Group[]] => [
        text(host.spec["hostname"]) ?? "*",
        this.#groups.filter((group) => hasGroup(host, group)),
      ]),
    );
  }

  /** Per virtual host: the names of the Mappings, one a route, in order. */
  get order(): Map<string, string[]> {
    return new Map(
      [...this.#hosts].map(([host, groups]) => [
        host,
        groups.flatMap(({ live, redirect }) =>
          redirect !== null ? [redirect.metadata.name] : live.map(({ resource }) => resource.metadata.name),
        ),
      ]),
    );
  }

  route(request: RoutedRequest): Outcome {
    const domain = domainOf(request.host, [...this.#hosts.keys()]);
    if (domain === null) return NOWHERE;
    for (const group of this.#hosts.get(domain) ?? []) {
      if (!matchesHeaders(group.first, request)) continue;
      if (group.redirect !== null) {
        // Without live Mappings a group has no query parameters and no case_sensitive: theirs alone are lifted into it.
        const { case_sensitive: _, ...spec } = group.redirect.spec;
        const bare = { ...group.redirect, spec };
        if (matchesPath(bare, group, request)) return { ...NOWHERE, redirect: group.redirect };
        continue;
      }
      if (!matchesQuery(group.first, request)) continue;
      let before = 0;
      const live: KubernetesResource[] = [];
      for (const { resource, share } of group.live) {
        if (share > before && matchesPath(resource, group, request)) live.push(resource);
        before = Math.max(before, share);
      }
      if (live.length > 0) return { live, redirect: null, shadow: group.shadow };
    }
    return NOWHERE;
  }
}

function add(group: Group, mapping: KubernetesResource): void {
  const { first } = group;
  const isRefused = CORE_KEYS.some(
    (key) => key in mapping.spec && JSON.stringify(mapping.spec[key]) !== JSON.stringify(first.spec[key]),
  );
  // Equal names and values of one group may still be a pattern here and plain text there.
  if (isRefused || JSON.stringify(headersOf(mapping)) !== JSON.stringify(headersOf(first))) return;
  if (mapping.spec["shadow"] === true) group.shadow ??= mapping;
  else if (mapping.spec["host_redirect"] === true) {
    if (group.live.length === 0) group.redirect ??= mapping;
  } else if (group.redirect === null) group.live.push({ resource: mapping, share: 0 });
}

function finalize(group: Group): void {
  group.labels = Object.assign(
    {},
    ...group.live.map(({ resource }) => resource.metadata.labels ?? {}),
  ) as Record<string, string>;
  const says = group.live.findLast(({ resource }) => resource.spec["case_sensitive"] !== undefined);
  group.isCaseSensitive = says?.resource.spec["case_sensitive"] !== false;
  const weighted = group.live.filter(({ resource }) => resource.spec["weight"] !== undefined);
  const others = group.live.filter(({ resource }) => resource.spec["weight"] === undefined);
  if (group.live.length === 1) {
    for (const one of group.live) one.share = 100;
    return;
  }
  let sum = 0;
  for (const one of weighted) one.share = sum += Math.round(Number(one.resource.spec["weight"]));
  const each = Math.round((100 - sum) / Math.max(1, others.length));
  others.forEach((one, index) => {
    one.share = sum = index === others.length - 1 ? 100 : sum + each;
  });
  group.live = [...weighted, ...others];
}

/** What Mappings of one group have in common, glued as diagd glues it. */
function groupIdOf(mapping: KubernetesResource, hosts: readonly KubernetesResource[]): string {
  const { spec, metadata } = mapping;
  let id = `HTTP-${text(spec["method"]) ?? "GET"}${String(spec["prefix"])}`;
  for (const { name, value } of headersOf(mapping)) id += name + (value ?? "");
  for (const { name, value } of queryOf(mapping)) id += name + (value ?? "");
  if (globOf(mapping) === null) {
    for (const host of hosts) {
      const wanted = selectorOf(host);
      if (wanted === null || !selects(wanted, metadata.labels ?? {})) continue;
      for (const [key, value] of Object.entries(wanted)) id += key + value;
    }
  }
  const precedence = Number(spec["precedence"] ?? 0);
  return precedence === 0 ? id : id + String(precedence);
}

function weightOf(mapping: KubernetesResource): Weight {
  const { spec } = mapping;
  const headers = headersOf(mapping);
  const query = queryOf(mapping);
  const length = (list: readonly Condition[]): number =>
    list.reduce(
      (sum, { name, value, isRegex }) => sum + name.length + (value || "*").length + (isRegex ? 1 : 0),
      0,
    );
  const prefix = String(spec["prefix"]);
  return [
    Number(spec["precedence"] ?? 0),
    prefix.length,
    length(headers),
    length(query),
    prefix,
    text(spec["method"]) ?? "GET",
    ...[...headers, ...query].map(({ name, value }) => `${name}-${value || "*"}`),
  ];
}

function compareWeights(a: Weight, b: Weight): number {
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const [x, y] = [a[at], b[at]];
    if (x === y) continue;
    if (typeof x === "number" && typeof y === "number") return x - y;
    return compareText(String(x), String(y));
  }
  return a.length - b.length;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function text(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

/** The glob or pattern of hosts; null when it names none. */
function hostOf({ apiVersion, spec }: KubernetesResource): { value: string; isRegex: boolean } | null {
  const named = text(spec["hostname"]);
  if (named !== null) return { value: named, isRegex: false };
  const host = text(spec["host"]);
  if (host !== null) return { value: host, isRegex: spec["host_regex"] === true };
  const headers = (spec["headers"] ?? {}) as Record<string, unknown>;
  const authority = text(headers[":authority"]);
  if (authority !== null) return { value: authority, isRegex: false };
  // The conversion of version 2 says so.
  return apiVersion?.endsWith("/v2") === true ? { value: "*", isRegex: false } : null;
}

function globOf(mapping: KubernetesResource): string | null {
  const host = hostOf(mapping);
  return host === null || host.isRegex ? null : host.value;
}

/** In the order in which they count: Kubernetes' maps are sorted; host and method come last. */
function headersOf(mapping: KubernetesResource): Condition[] {
  const { spec } = mapping;
  const found = [
    ...conditions(spec["headers"], false).filter(({ name }) => name.toLowerCase() !== ":authority"),
    ...conditions(spec["regex_headers"], true),
  ];
  const host = hostOf(mapping);
  if (host !== null) found.push({ name: ":authority", ...host });
  const method = text(spec["method"]);
  if (method !== null) found.push({ name: ":method", value: method, isRegex: spec["method_regex"] === true });
  return found;
}

function queryOf({ spec }: KubernetesResource): Condition[] {
  return [
    ...conditions(spec["query_parameters"], false),
    ...conditions(spec["regex_query_parameters"], true),
  ];
}

function conditions(given: unknown, isRegex: boolean): Condition[] {
  return Object.entries((given ?? {}) as Record<string, unknown>)
    .sort(([a], [b]) => compareText(a, b))
    .map(([name, value]) => ({ name, value: value === true ? null : String(value), isRegex }));
}

function selectorOf({ spec }: KubernetesResource): Record<string, string> | null {
  const selector = spec["mappingSelector"] as { matchLabels?: Record<string, string> } | undefined;
  return selector === undefined ? null : (selector.matchLabels ?? {});
}

function selects(wanted: Record<string, string>, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

/** Whether a Host has the routes of a group. */
function hasGroup(host: KubernetesResource, group: Group): boolean {
  const named = hostOf(group.first);
  // Of a redirect the group knows the glob alone.
  const glob = group.redirect === null ? named : named?.isRegex === true ? null : named;
  const isHosted = glob !== null;
  const hostMatches =
    glob !== null && (glob.isRegex || globsMeet(text(host.spec["hostname"]) ?? "*", glob.value));
  const selector = selectorOf(host);
  if (selector === null) return isHosted && hostMatches;
  const selected = selects(selector, group.labels);
  return isHosted ? hostMatches && selected : selected;
}

/** Whether some name fits both globs. */
export function globsMeet(a: string, b: string): boolean {
  if (a === b || a === "*" || b === "*") return true;
  if (a.startsWith(".") || b.startsWith(".")) return false;
  const [aStart, aEnd, bStart, bEnd] = [
    a.startsWith("*"),
    a.endsWith("*"),
    b.startsWith("*"),
    b.endsWith("*"),
  ];
  if ((aStart && aEnd) || (bStart && bEnd)) return false;
  if (!(aStart || aEnd || bStart || bEnd)) return false;
  if ((aStart && bEnd) || (bStart && aEnd)) return true;
  if (aStart)
    return meetAt(
      a,
      b,
      bStart,
      (long, short) => long.endsWith(short),
      (glob) => glob.slice(1),
    );
  if (bStart)
    return meetAt(
      b,
      a,
      aStart,
      (long, short) => long.endsWith(short),
      (glob) => glob.slice(1),
    );
  if (aEnd)
    return meetAt(
      a,
      b,
      bEnd,
      (long, short) => long.startsWith(short),
      (glob) => glob.slice(0, -1),
    );
  return meetAt(
    b,
    a,
    aEnd,
    (long, short) => long.startsWith(short),
    (glob) => glob.slice(0, -1),
  );
}

function meetAt(
  glob: string,
  other: string,
  isOtherGlob: boolean,
  fits: (long: string, short: string) => boolean,
  rest: (glob: string) => string,
): boolean {
  const second = isOtherGlob ? rest(other) : other;
  if (glob.length <= second.length) return fits(second, rest(glob));
  return isOtherGlob && fits(rest(glob), rest(other));
}

/** Envoy's choice of a virtual host. */
function domainOf(host: string, domains: readonly string[]): string | null {
  const name = host.toLowerCase();
  if (domains.includes(name)) return name;
  const longest = (fits: (domain: string) => boolean): string | undefined =>
    domains.filter((domain) => domain !== "*" && fits(domain)).sort((a, b) => b.length - a.length)[0];
  return (
    longest(
      (domain) => domain.startsWith("*") && name.length >= domain.length && name.endsWith(domain.slice(1)),
    ) ??
    longest(
      (domain) =>
        domain.endsWith("*") && name.length >= domain.length && name.startsWith(domain.slice(0, -1)),
    ) ??
    (domains.includes("*") ? "*" : null)
  );
}

function matchesHeaders(mapping: KubernetesResource, { host, method, headers }: RoutedRequest): boolean {
  return headersOf(mapping).every(({ name, value, isRegex }) => {
    if (name === ":authority" && !isRegex) return value === null || hostFits(host, value);
    const all = name === ":authority" ? host : name === ":method" ? method : headers.get(name.toLowerCase());
    return holds(all, value, isRegex);
  });
}

function matchesQuery(mapping: KubernetesResource, { path }: RoutedRequest): boolean {
  const query = new URLSearchParams(path.split("?")[1] ?? "");
  return queryOf(mapping).every(({ name, value, isRegex }) =>
    holds(query.get(name) ?? undefined, value, isRegex),
  );
}

function holds(found: string | undefined, value: string | null, isRegex: boolean): boolean {
  if (found === undefined) return false;
  if (value === null) return true;
  return isRegex ? new RegExp(`^(?:${value})$`).test(found) : found === value;
}

function hostFits(host: string, glob: string): boolean {
  if (glob === "*") return true;
  if (glob.startsWith("*")) return host.endsWith(glob.slice(1));
  if (glob.endsWith("*")) return host.startsWith(glob.slice(0, -1));
  return host === glob;
}

function matchesPath(mapping: KubernetesResource, group: Group, { path }: RoutedRequest): boolean {
  const [bare = ""] = path.split("?");
  const { spec } = mapping;
  const prefix = String(spec["prefix"]);
  // Whether it is a pattern or a whole path, the first of the group says for all.
  const { prefix_regex, prefix_exact } = group.first.spec;
  if (prefix_regex === true) return new RegExp(`^(?:${prefix})$`).test(bare);
  // What one Mapping of a group says counts for those that say nothing.
  const isSensitive = spec["case_sensitive"] ?? group.isCaseSensitive;
  const fold = (part: string): string => (isSensitive === false ? part.toLowerCase() : part);
  return prefix_exact === true ? fold(bare) === fold(prefix) : fold(bare).startsWith(fold(prefix));
}
