// What a policy looks like, as types. Generated from schema/policy.schema.json by `npm run generate`.

/**
 * A list of sources, tried in order: the first that yields a non-empty value decides. A request that yields none is anonymous and gets default variants.
 *
 * @maxItems 16
 */
export type Identity = Source[];
/**
 * Which requests: any of these entries. Without a match, every request.
 *
 * @minItems 1
 * @maxItems 256
 */
export type Match = MatchEntry[];
/**
 * A rule: one operator and its operands (https://jsonlogic.com), with flagd's operators fractional, sem_ver, starts_with and ends_with. Its inside is checked by serin validate.
 */
export type JsonLogic = unknown;

/**
 * Everything that Serin decides per request inside Envoy: whom a request belongs to, which variant of each rollout it gets, which flags it sees, which copies of it are sent. Every flagd flag file is a policy; Serin's own keys stand beside flagd's.
 */
export interface Policy {
  /**
   * Where editors find this schema; Serin itself does not read it.
   */
  $schema?: string;
  /**
   * Whom a request belongs to: the first source that yields a non-empty value. Rollouts and shadows without an identity of their own use this one. It is also flagd's targetingKey.
   */
  identity?: Identity;
  /**
   * How a decision reaches Envoy's routes: as request headers (x-serin-<rollout>, x-serin-cluster), or as filter state (wasm.serin.<rollout>, wasm.serin.cluster), which no client can forge and which costs less.
   */
  steer?: "header" | "filterState";
  /**
   * Canary releases by name. A name is a DNS label, and none of cluster, flags, shadow and shadow-...: it stands in header names, stat names and Prometheus labels. Order matters: x-serin-cluster is named by the first rollout that applies.
   */
  rollouts?: {
    [k: string]: Rollout;
  };
  /**
   * What else tells of decisions.
   */
  observe?: Observe;
  /**
   * Copies of real traffic whose answers no user sees, by name (a DNS label).
   */
  shadows?: {
    [k: string]: Shadow;
  };
  /**
   * What a flagd flag file leaves open.
   */
  flagd?: FlagdSettings;
  /**
   * Feature flags in flagd's format, untouched, by key.
   */
  flags?: {
    [k: string]: Flag;
  };
  /**
   * flagd's shared targeting rules, by name: a rule { "$ref": NAME } stands for one.
   */
  $evaluators?: {
    [k: string]: JsonLogic;
  };
  /**
   * flagd's metadata of the whole set.
   */
  metadata?: Metadata;
}
/**
 * One place to find an identity: exactly one of these keys.
 */
export interface Source {
  /**
   * The first non-empty cookie of this name; its bytes as they are, quotes kept.
   */
  cookie?: string;
  /**
   * The first non-empty request header of this name; outer blanks trimmed.
   */
  header?: string;
  /**
   * The first non-empty query parameter of this name, decoded as application/x-www-form-urlencoded.
   */
  query?: string;
  /**
   * A claim of the bearer token's payload, a dotted path allowed. The token is not verified: good for bucketing, never for access.
   */
  jwt?: string;
  /**
   * The client's address as Envoy sees it, without the port.
   */
  sourceAddress?: true;
  /**
   * A visitor without this cookie gets one with a random 128-bit id, decided with at once, so that anonymous users are sticky too.
   */
  issueCookie?: IssueCookie;
  /**
   * Each request by itself, sticky to nobody. Only as the last source.
   */
  random?: true;
}
/**
 * The cookie that Serin sets for a visitor who has none.
 */
export interface IssueCookie {
  /**
   * The cookie's name.
   */
  name: string;
  /**
   * How long browsers keep it: a number and s, m, h, d or w, at most ten years. Without it the cookie ends with the browser's session.
   */
  maxAge?: string;
  /**
   * The cookie's Path attribute.
   */
  path?: string;
  /**
   * The cookie's Domain attribute; without it the cookie belongs to the host that was asked.
   */
  domain?: string;
  /**
   * Whether browsers send it over TLS only. Unless it is said, as the request came: Secure when it came over TLS.
   */
  secure?: boolean;
  /**
   * The cookie's SameSite attribute; None needs secure.
   */
  sameSite?: "Lax" | "Strict" | "None";
}
/**
 * One canary release: whom it concerns, its variants, and how much each gets. Decided in this order: match and when; state; force; anonymous; bucket.
 */
export interface Rollout {
  match?: Match;
  /**
   * A JsonLogic rule over the request that must be truthy as well: targetingKey, method, scheme, host, path, query.NAME, headers.NAME, cookies.NAME, jwt.CLAIM, sourceAddress.
   */
  when?: JsonLogic;
  /**
   * DISABLED gives everybody the default variant.
   */
  state?: "ENABLED" | "DISABLED";
  /**
   * The variant of everybody who is in no other: a name of variants. It takes no percent.
   */
  default: string;
  /**
   * The variants by name (a DNS label, not control), the default among them. Order matters: each but the default owns a slot of the space, in document order.
   */
  variants: {
    [k: string]: Variant;
  };
  /**
   * Testers choose: a header or cookie whose value is a variant's name gives that variant.
   */
  force?: Force;
  identity?: Identity;
  /**
   * What the bucket is salted with. The rollout's name unless it is given; two rollouts with one salt put the same users first.
   */
  salt?: string;
  /**
   * How much is counted. full: every stream to its end. matched: so for the variants but the default, and of the default's users for a control group four times as large as the largest of them (serin.rollout.<name>.control.*); rq_total for all. count: rq_total alone.
   */
  signals?: "full" | "matched" | "count";
  /**
   * What counts as slow: durations, rising, in whole ms, s, m or h. For each, serin.rollout.<name>.<variant>.users_slow.<ms> says how many users met an answer that took longer.
   *
   * @maxItems 6
   */
  slow?: string[];
  /**
   * For how long after the shares changed slow answers are no evidence; 0s for not at all. At most 24h.
   */
  warmup?: string;
  /**
   * Raise it when what runs behind a variant is another: the evidence begins anew.
   */
  epoch?: number;
  /**
   * What makes the steering header unguessable, for when the filter is lost: x-serin-<rollout> then reads <variant>.<secret>, and the routes match that. Under steer: header alone. At least 16 random characters are wise.
   */
  headerSecret?: string;
  /**
   * all: the request names the default variant too, where otherwise its absence says so.
   */
  announce?: "all";
}
/**
 * Conditions that must all hold, in the terms of Gateway API's HTTPRouteMatch, plus hosts and flag.
 */
export interface MatchEntry {
  /**
   * Any of these hosts: exact or *.suffix, case-insensitive, the port ignored.
   *
   * @minItems 1
   */
  hosts?: string[];
  /**
   * The path without query string and fragment.
   */
  path?: PathMatch;
  /**
   * The request method, in capitals.
   */
  method?: string;
  /**
   * All of these request headers.
   */
  headers?: HeaderMatch[];
  /**
   * All of these query parameters.
   */
  queryParams?: QueryParamMatch[];
  /**
   * All of these flags give this variant (or this value).
   */
  flag?: {
    [k: string]: string | boolean | number;
  };
}
/**
 * How the path is compared.
 */
export interface PathMatch {
  /**
   * Exact, or PathPrefix: whole path elements, so /checkout holds for /checkout and /checkout/cart, not for /checkouts.
   */
  type?: "Exact" | "PathPrefix";
  /**
   * The path, beginning with a slash. Trailing slashes of a prefix do not count.
   */
  value: string;
}
/**
 * A header that has this value, or is there at all.
 */
export interface HeaderMatch {
  /**
   * The header's name.
   */
  name: string;
  /**
   * Exact: has this value. Present: is there, with whatever value.
   */
  type?: "Exact" | "Present";
  /**
   * The value, byte by byte. Needed by Exact, not allowed with Present.
   */
  value?: string;
}
/**
 * A query parameter that has this value, or is there at all.
 */
export interface QueryParamMatch {
  /**
   * The query parameter's name.
   */
  name: string;
  /**
   * Exact: has this value. Present: is there, with whatever value.
   */
  type?: "Exact" | "Present";
  /**
   * The value, byte by byte. Needed by Exact, not allowed with Present.
   */
  value?: string;
}
/**
 * One version of the service; {} is the route's own cluster.
 */
export interface Variant {
  /**
   * How many of all users get it, in steps of 0.001. While percents only rise, no user leaves a variant.
   */
  percent?: number;
  /**
   * The widest this variant may ever become, in percent, in steps of 0.001. On all variants but the default, or on none.
   */
  max?: number;
  /**
   * The Envoy cluster that serves it, for a route with cluster_header: x-serin-cluster.
   */
  cluster?: string;
}
/**
 * Who may choose a variant, and how. The header is asked before the cookie; a value that names no variant counts as absent.
 */
export interface Force {
  /**
   * A request header whose value is a variant's name.
   */
  header?: string;
  /**
   * A cookie whose value is a variant's name.
   */
  cookie?: string;
  /**
   * A JsonLogic rule that says who may choose.
   */
  when?: JsonLogic;
}
/**
 * Where the decision of a request is written besides its headers.
 */
export interface Observe {
  /**
   * Whether each decision is written to the filter state wasm.serin_decision, for access logs: %FILTER_STATE(wasm.serin_decision:PLAIN)%.
   */
  filterState?: boolean;
}
/**
 * A copy of real requests, whose response is compared or thrown away. Drawn independently of every rollout.
 */
export interface Shadow {
  match?: Match;
  /**
   * A JsonLogic rule over the request that must be truthy as well.
   */
  when?: JsonLogic;
  identity?: Identity;
  /**
   * How many of the requests (or of the visitors) are copied, in steps of 0.001. Missing is none.
   */
  percent?: number;
  /**
   * What is drawn: each request by itself, or the same visitors each time. A request without an identity is then not drawn.
   */
  sample?: "request" | "identity";
  /**
   * The Envoy cluster that gets the copies.
   */
  cluster: string;
  /**
   * call: the filter sends the copy and compares the answers; any cluster, no route needed. mirror: Envoy copies the request itself, by the route's request_mirror_policies; for volume.
   */
  dispatch?: "call" | "mirror";
  /**
   * Which requests are copied, in capitals. A shadow that may have side effects is asked for by name. Upgrades and CONNECT are never copied.
   *
   * @minItems 1
   * @maxItems 64
   */
  methods?: string[];
  /**
   * Changes to the copy alone. authorization and cookie are kept unless removed.
   */
  headers?: HeaderChanges;
  /**
   * How long an answer is waited for: a whole number and ms or s, 50ms to 60s.
   */
  timeout?: string;
  /**
   * What of the copy's answer is compared with production's. A call compares the status unless told otherwise; a mirror compares nothing without it.
   */
  compare?: Compare;
  /**
   * A second instance of production's version, which gets the same copy: a difference that it shows too is counted as noise. With dispatch call alone.
   */
  noise?: Noise;
  /**
   * What the copies may cost; past it no copy is made, and a counter says so.
   */
  budget?: Budget;
}
/**
 * Headers set on and removed from the copy.
 */
export interface HeaderChanges {
  /**
   * Headers by name; host changes :authority. Values are visible ASCII and inner blanks.
   */
  set?: {
    [k: string]: string;
  };
  /**
   * Names of headers.
   *
   * @maxItems 64
   */
  remove?: string[];
}
/**
 * One verdict a copy, status before body.
 */
export interface Compare {
  /**
   * Whether the status codes must be equal.
   */
  status?: boolean;
  /**
   * Whether the bodies must be equal: false, true (byte by byte), or as JSON.
   */
  body?: boolean | CompareBody;
  /**
   * How many mismatches are written to the log, as a number (at most 1000) a second and worker; 0/s for none.
   */
  sample?: string;
}
/**
 * How two bodies are compared.
 */
export interface CompareBody {
  /**
   * As JSON, not byte by byte: order of members, white space and spelling do not matter, order of arrays does. A body that is no JSON is compared by bytes.
   */
  json?: boolean;
  /**
   * JSON Pointers (RFC 6901) to what may differ; * stands for any one member or index.
   *
   * @maxItems 64
   */
  ignore?: string[];
}
/**
 * Where production's own differences are seen.
 */
export interface Noise {
  /**
   * The Envoy cluster of the second instance.
   */
  cluster: string;
}
/**
 * Bounds of a shadow on one worker. Nothing queues: past one there is no copy, and a counter says so.
 */
export interface Budget {
  /**
   * Copies a second, at most. A call has 50 unless told otherwise, a mirror has no such bound.
   */
  perSecond?: number;
  /**
   * Copies whose verdict is open, at most. 20 unless told otherwise; a mirror that is not compared has no such bound.
   */
  inFlight?: number;
  /**
   * A larger request body is not copied, and of a larger answer no JSON is compared. unlimited (mirror alone) takes any, of unknown length too.
   */
  maxBodyBytes?: number | "unlimited";
}
/**
 * Settings of flag evaluation that no flag file carries.
 */
export interface FlagdSettings {
  /**
   * Which generation of flagd's bucketing your applications' SDKs use: Serin must use the same, or a user sees one variant here and another there.
   */
  fractional?: "v1" | "v2" | "v3";
  /**
   * Values that rules find under names that are none of the request’s: `{"tier": "gold"}` is `var: tier`.
   */
  context?: {
    [k: string]: unknown;
  };
  /**
   * Variables whose texts are numbers, by path: `headers.x-age: number` lets a rule compare the header as the SDK compares its number. A text that is none is null.
   */
  types?: {
    [k: string]: "number" | "string";
  };
}
/**
 * One feature flag, exactly as flagd defines it.
 */
export interface Flag {
  /**
   * DISABLED flags give the caller's default.
   */
  state: "ENABLED" | "DISABLED";
  /**
   * Values by variant name, all of one type.
   */
  variants: {
    [k: string]: unknown;
  };
  /**
   * The variant where targeting gives none; null for the caller's default.
   */
  defaultVariant?: string | null;
  /**
   * A JsonLogic rule with flagd's operators that gives a variant's name.
   */
  targeting?: JsonLogic;
  /**
   * flagd's metadata of this flag. "serin.expose": true puts its value into x-serin-flags.
   */
  metadata?: Metadata;
}
/**
 * Names and simple values.
 */
export interface Metadata {
  [k: string]: string | number | boolean;
}
