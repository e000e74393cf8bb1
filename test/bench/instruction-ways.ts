// The ways whose instructions are counted: a listener for each, in one Envoy, all in front of the same upstream.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";

import {
  bootstrapOf as bootstrap,
  cluster,
  listener,
  luaFilter,
  wasmFilter,
} from "../support/envoy/bootstrap.ts";
import { fromBothEnds, variantOf } from "../support/assignment.ts";
import { request } from "../support/envoy/wire.ts";
import { compileEmpty } from "./compile-empty.ts";
import { luaSource } from "./rivals/lua.ts";
import { dynamicModule, stickyRoute, type Compiled } from "./rivals/rivals.ts";

/**
 * Which users send requests. `mixed`: of 20 users 18 get the default and one each other variant. `default` and `other`: all
 * get the default, or one of the others. `new`: like `other`, and each request comes from a user who was never seen.
 */
export type Traffic = "mixed" | "default" | "other" | "new";

interface Policy {
  readonly rollouts?: object;
  readonly shadows?: object;
  readonly goals?: Readonly<Record<string, { readonly match: object; readonly rollouts: readonly string[] }>>;
  readonly [key: string]: unknown;
}

export interface Way {
  readonly name: string;
  /** What a person should know of it. */
  readonly note: string;
  /** The policy of a way that has Serin in it. */
  readonly policy?: Policy;
  readonly steer?: "filterState" | "header";
  /** Default: `mixed`. */
  readonly traffic?: Traffic;
  /** No user is split: all requests go to one cluster. */
  readonly isWhole?: true;
  /** What has to be built for it, with a compiler that may not be here. */
  readonly compiled?: Compiled;
  /** Users are split by another hash than Serin's. */
  readonly hasOwnHash?: true;
  /** Further headers of each request. */
  readonly headers?: readonly string[];
  /** The proxy answers: no cluster gets a request. */
  readonly isAnswered?: true;
}

const MATCH = [{ hosts: ["shop.example.com"], path: { value: "/checkout" } }];
const VARIANTS = { stable: {}, b: { percent: 5 }, c: { percent: 5 } };
const SHARES = { stable: 90, b: 5, c: 5 };
const PARTS = fromBothEnds(["b", 5], ["c", 5]);

interface Rollout {
  readonly salt: string;
  readonly match: readonly object[];
  readonly signals: string;
  readonly default: string;
  readonly variants: object;
}

function rollout(signals: string): Rollout {
  return { salt: "checkout", match: MATCH, signals, default: "stable", variants: VARIANTS };
}

/** Ten rollouts, of which only `checkout` concerns the requests. `more`: further keys of the policy. */
function policy(
  signals: string,
  more: Readonly<Record<string, unknown>> = {},
  checkout: object = {},
): Policy {
  const rollouts: Record<string, unknown> = {};
  for (let i = 1; i < 10; i++) {
    rollouts[`r${i}`] = {
      ...rollout(signals),
      salt: `r${i}`,
      match: [{ hosts: [`shop${i}.example.com`], path: { value: `/app${i}` } }],
    };
  }
  rollouts["checkout"] = { ...rollout(signals), ...checkout };
  const { rollouts: others, ...rest } = more;
  return { identity: [{ cookie: "uid" }], rollouts: { ...rollouts, ...(others as object) }, ...rest };
}

const SECOND = { rollouts: { cart: { ...rollout("count"), salt: "cart" } } };
const SECOND_FULL = { rollouts: { cart: { ...rollout("full"), salt: "cart" } } };

/** A rollout behind a flag of ten branches over one header; the last branch holds. */
function flagged(isExposed: boolean): Policy {
  const branches = Array.from({ length: 9 }, (_, i) => [
    { "==": [{ var: "headers.x-tenant" }, `tenant-${i}`] },
    "off",
  ]);
  const flag = {
    state: "ENABLED",
    variants: { on: true, off: false },
    defaultVariant: "off",
    ...(isExposed ? { metadata: { "serin.expose": true } } : {}),
    targeting: { if: [...branches.flat(), "on"] },
  };
  const match = MATCH.map((entry) => ({ ...entry, flag: { "new-checkout": true } }));
  return policy("count", { flags: { "new-checkout": flag } }, { match });
}

function shadowed(sample: "request" | "identity"): Policy {
  const compare = { status: true, body: { json: true } };
  const copy = { match: MATCH, percent: 1, sample, cluster: "shadow", compare };
  return policy("count", { shadows: { copy } });
}

/** A goal for the rollout `checkout`, reached by all requests or by others. */
function goal(isReached: boolean): Pick<Policy, "goals"> {
  const match = isReached ? MATCH : [{ method: "POST", path: { type: "Exact", value: "/orders" } }];
  return { goals: { orders: { match, rollouts: ["checkout"] } } };
}

/** Ten rollouts, of which none concerns the requests, but all of whose users are counted. */
const ELSEWHERE = { match: [{ path: { value: "/other" } }] };

const SECRET = "4Zq8vK1x0sTn7LbE";

/** An Envoy that services call out through, with one effect: for all requests or for others. */
function egress(isNamed: boolean): Policy {
  const match = isNamed ? MATCH : [{ method: "POST", path: { type: "Exact", value: "/charges" } }];
  return { shadowSecret: SECRET, effects: { charge: { match, answer: { status: 200 } } } };
}

/** All ways, in the order of the report. */
export const WAYS: readonly Way[] = [
  { name: "no-filter", note: "one route: the floor", isWhole: true },
  { name: "empty-filter", note: "a Wasm filter that does nothing, called once a request", isWhole: true },
  {
    name: "native",
    note: "Envoy's own weighted clusters by the hash of the cookie: another hash, no salt, no counter",
    hasOwnHash: true,
  },
  {
    name: "c",
    note: "the decision and a counter as a dynamic module in C",
    steer: "header",
    compiled: "c",
  },
  { name: "lua", note: "the decision and a counter in Envoy's Lua filter", steer: "header" },
  {
    name: "rust",
    note: "the decision and a counter as a Wasm filter with the Rust SDK",
    steer: "header",
    compiled: "rust",
  },
  { name: "empty-policy", note: "no rollout at all", policy: {}, isWhole: true },
  {
    name: "not-concerned",
    note: "ten rollouts, none for the request",
    policy: policy("count", {}, { match: [{ path: { value: "/other" } }] }),
    isWhole: true,
  },
  { name: "count", note: "signals: count, filter state", policy: policy("count") },
  {
    name: "count-default",
    note: "the same, default users alone",
    policy: policy("count"),
    traffic: "default",
  },
  { name: "count-other", note: "the same, other users alone", policy: policy("count"), traffic: "other" },
  { name: "count-new", note: "the same, each user is new", policy: policy("count"), traffic: "new" },
  { name: "count-header", note: "signals: count, header", policy: policy("count"), steer: "header" },
  { name: "matched", note: "signals: matched, filter state", policy: policy("matched") },
  { name: "matched-header", note: "signals: matched, header", policy: policy("matched"), steer: "header" },
  { name: "full", note: "signals: full, filter state", policy: policy("full") },
  { name: "full-other", note: "the same, other users alone", policy: policy("full"), traffic: "other" },
  {
    name: "full-guard",
    note: "the same, with a guard",
    policy: policy("full", {}, { guard: { action: "rollback" } }),
    traffic: "other",
  },
  { name: "full-new", note: "the same, each user is new", policy: policy("full"), traffic: "new" },
  { name: "full-header", note: "signals: full, header", policy: policy("full"), steer: "header" },
  { name: "count-two", note: "count, and a second rollout for the request", policy: policy("count", SECOND) },
  { name: "full-two", note: "full, and a second rollout", policy: policy("full", SECOND_FULL) },
  { name: "flag", note: "count behind a flag of ten branches", policy: flagged(false) },
  { name: "flag-exposed", note: "the same, told to the upstream", policy: flagged(true) },
  { name: "shadow-request", note: "count, 1 % of requests copied", policy: shadowed("request") },
  { name: "shadow-identity", note: "count, 1 % of users copied", policy: shadowed("identity") },
  {
    name: "goal-other",
    note: "full-other, and a goal of other requests",
    policy: policy("full", goal(false)),
    traffic: "other",
  },
  {
    name: "goal-known",
    note: "full-other, and a goal that its users have reached",
    policy: policy("full", goal(true)),
    traffic: "other",
  },
  {
    name: "goal-new",
    note: "full-new, and each user reaches a goal",
    policy: policy("full", goal(true)),
    traffic: "new",
  },
  {
    name: "full-elsewhere",
    note: "signals: full, ten rollouts, none for the request",
    policy: policy("full", {}, ELSEWHERE),
    isWhole: true,
    traffic: "new",
  },
  {
    name: "goal-alone-known",
    note: "the same, and a goal that its users have reached",
    policy: policy("full", goal(true), ELSEWHERE),
    isWhole: true,
    traffic: "other",
  },
  {
    name: "goal-alone",
    note: "the same, each user is new and reaches a goal",
    policy: policy("full", goal(true), ELSEWHERE),
    isWhole: true,
    traffic: "new",
  },
  {
    name: "effect-other",
    note: "an effect that does not name the call",
    policy: egress(false),
    isWhole: true,
  },
  { name: "effect", note: "an effect looks at production's call", policy: egress(true), isWhole: true },
  {
    name: "effect-baggage",
    note: "the same, of a call with baggage",
    policy: egress(true),
    isWhole: true,
    headers: ["baggage: userId=alice,serverNode=DF%2028,isProduction=false"],
  },
  {
    name: "effect-held",
    note: "a shadow's call is answered in the proxy",
    policy: egress(true),
    isWhole: true,
    headers: [`baggage: userId=alice,serin-shadow=checkout-v3.${SECRET}`],
    isAnswered: true,
  },
];

/** A way with its build: ways with Serin run once for each build. */
export interface Listener {
  /** `label/way`, or only the way if there is one build. */
  readonly name: string;
  readonly way: Way;
  /** The build's label; null for a way without Serin. */
  readonly build: string | null;
}

export interface Build {
  readonly label: string;
  readonly path: string;
  /** Callbacks that Envoy does not make, without `proxy_on_`. */
  readonly without: readonly string[];
}

/** `chosen`: names of ways or of listeners; empty for all. @throws Error if a name is unknown */
export function listenersOf(builds: readonly Build[], chosen: readonly string[]): Listener[] {
  const all = WAYS.flatMap((way): Listener[] =>
    way.policy === undefined
      ? [{ name: way.name, way, build: null }]
      : builds.map(({ label }) => ({
          name: builds.length === 1 ? way.name : `${label}/${way.name}`,
          way,
          build: label,
        })),
  );
  const isMeant = ({ name, way }: Listener, choice: string): boolean =>
    name === choice || way.name === choice;
  for (const choice of chosen) {
    if (!all.some((listener) => isMeant(listener, choice)))
      throw new Error(`--ways: there is no ${choice}; there are ${all.map(({ name }) => name).join(", ")}`);
  }
  if (chosen.length === 0) return all;
  // Every figure is a difference to the floor.
  return all.filter(
    (listener) => listener.name === "no-filter" || chosen.some((choice) => isMeant(listener, choice)),
  );
}

/** A request, and the cluster that has to get it: null for none. */
export interface Sent {
  readonly bytes: string;
  readonly cluster: Variant | null;
}

export type Variant = "stable" | "b" | "c";

/** The requests of a way, in blocks: each block has the same users, unless they are new. */
export class Requests {
  readonly #users: Record<Variant, string[]> = { stable: [], b: [], c: [] };
  #tried = 0;
  #used = { stable: 0, b: 0, c: 0 };

  constructor(private readonly way: Way) {}

  block(count: number): readonly Sent[] {
    const { traffic = "mixed" } = this.way;
    if (traffic !== "new") this.#used = { stable: 0, b: 0, c: 0 };
    const used = this.#used;
    return Array.from({ length: count }, (_, n) => {
      const variant = variantAt(n, traffic);
      const user = this.#user(variant, used[variant]++);
      const { isWhole, isAnswered, headers = [] } = this.way;
      const cluster = isAnswered === true ? null : isWhole === true ? "stable" : variant;
      return { bytes: bytesOf(user, headers), cluster };
    });
  }

  /** The i-th user of a variant. */
  #user(variant: Variant, i: number): string {
    const users = this.#users[variant];
    while (users.length <= i) {
      const user = `user-${100_000 + this.#tried++}`;
      this.#users[(variantOf("checkout", user, PARTS) ?? "stable") as Variant].push(user);
    }
    return users[i] as string;
  }
}

/** The variant of a block's n-th request. */
function variantAt(n: number, traffic: Traffic): Variant {
  if (traffic === "default") return "stable";
  if (traffic === "other" || traffic === "new") return n % 2 === 0 ? "b" : "c";
  if (n % 20 === 7) return "b";
  return n % 20 === 17 ? "c" : "stable";
}

/** Twelve headers, most of them as browsers send them. */
function bytesOf(user: string, more: readonly string[]): string {
  return request("/checkout/cart?step=2", [
    `cookie: theme=dark; session=0a1b2c3d4e5f60718293a4b5c6d7e8f9; consent=1; uid=${user}; locale=en-GB; ab=1f3; last=4711`,
    "accept: text/html,application/xhtml+xml",
    "accept-language: en-GB,en;q=0.9",
    "accept-encoding: gzip, br",
    "user-agent: Mozilla/5.0 (bench)",
    "cache-control: max-age=0",
    "x-tenant: tenant-9",
    "sec-fetch-mode: navigate",
    "sec-fetch-site: same-origin",
    "upgrade-insecure-requests: 1",
    "x-trace: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ...more,
  ]);
}

/**
 * The bootstrap of an Envoy with these listeners. `upstream`: a port. `folder`: where the empty filter is compiled to.
 * `rivals`: files of those that are compiled.
 */
export async function bootstrapOf(
  listeners: readonly Listener[],
  builds: readonly Build[],
  upstream: number,
  folder: string,
  rivals: ReadonlyMap<Compiled, string>,
): Promise<string> {
  const empty = listeners.some(({ name }) => name === "empty-filter") ? await compileEmpty(folder) : "";
  return bootstrap(
    listeners.map((own) => listener(own.name, filtersOf(own, builds, empty, rivals), routesOf(own))),
    // Under callgrind on a busy machine the default of two seconds may pass.
    ["stable", "b", "c", "shadow"].map((name) => ({ ...cluster(name, upstream), connect_timeout: "60s" })),
    // Flushing stats would add instructions that belong to no request.
    { stats_flush_interval: "299s" },
  );
}

function filtersOf(
  { way, build }: Listener,
  builds: readonly Build[],
  empty: string,
  rivals: ReadonlyMap<Compiled, string>,
): object[] {
  if (way.compiled !== undefined) {
    const file = rivals.get(way.compiled) ?? "";
    return [way.compiled === "c" ? dynamicModule(file) : wasmFilter(null, { file, vmId: "rival" })];
  }
  if (way.name === "lua") return [luaFilter(luaSource(PARTS))];
  if (way.name === "empty-filter") return [wasmFilter("{}", { file: empty, vmId: "empty" })];
  const own = builds.find(({ label }) => label === build);
  if (way.policy === undefined || own === undefined) return [];
  return [
    wasmFilter(JSON.stringify(policyOf(way)), {
      file: resolve(own.path),
      vmId: `serin-${own.label}`,
      ...restrictionOf(own),
    }),
  ];
}

/**
 * Lets the build's VM do all that it can but for the callbacks that Envoy is not to make. @throws Error if it has no such
 * callback
 */
export function restrictionOf({ path, without }: Build): object {
  if (without.length === 0) return {};
  const module = new WebAssembly.Module(readFileSync(path));
  const callbacks = WebAssembly.Module.exports(module).map(({ name }) => name);
  const left = without.map((name) => `proxy_on_${name}`);
  const unknown = left.find((name) => !callbacks.includes(name));
  if (unknown !== undefined) throw new Error(`--without: ${path} has no ${unknown}`);
  const names = [...WebAssembly.Module.imports(module).map(({ name }) => name), ...callbacks];
  const allowed = names.filter((name) => !left.includes(name)).map((name) => [name, {}]);
  return { capability_restriction_config: { allowed_capabilities: Object.fromEntries(allowed) } };
}

/**
 * The policy of a way. All ways of a build share a VM, since V8 reserves 27 GB of address space for each VM and valgrind
 * has 128 GB. So rollouts and shadows have names of their own, or their stats and their users would be the same.
 */
export function policyOf(way: Way): object {
  const { rollouts = {}, shadows, goals, ...rest } = way.policy ?? {};
  const renamed = (all: object): object =>
    Object.fromEntries(
      Object.entries(all).map(([name, value]) => [`${name}${suffixOf(way)}`, value as object]),
    );
  return {
    steer: way.steer ?? "filterState",
    ...rest,
    ...(Object.keys(rollouts).length === 0 ? {} : { rollouts: renamed(rollouts) }),
    ...(shadows === undefined ? {} : { shadows: renamed(shadows) }),
    ...(goals === undefined
      ? {}
      : {
          goals: Object.fromEntries(
            Object.entries(goals).map(([name, own]) => [
              name,
              { ...own, rollouts: own.rollouts.map((rollout) => `${rollout}${suffixOf(way)}`) },
            ]),
          ),
        }),
  };
}

/** Of the same length for all ways. */
function suffixOf(way: Way): string {
  return way.policy === undefined ? "" : `-${10 + WAYS.indexOf(way)}`;
}

function routesOf({ way }: Listener): object[] {
  if (way.name === "native") return [stickyRoute(SHARES)];
  const by = (variant: Variant): object => {
    const value = { string_match: { exact: variant } };
    return way.steer === "header"
      ? { headers: [{ name: `x-serin-checkout${suffixOf(way)}`, ...value }] }
      : { filter_state: [{ key: `wasm.serin.checkout${suffixOf(way)}`, ...value }] };
  };
  return [
    ...(way.isWhole === true ? [] : (["b", "c"] as const)).map((variant) => ({
      match: { prefix: "/", ...by(variant) },
      route: { cluster: variant },
    })),
    { match: { prefix: "/" }, route: { cluster: "stable", timeout: "60s" } },
  ];
}
