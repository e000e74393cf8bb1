// Header, filter-state and property names that Serin reads or writes. Read by the filter and by the tools.

/** Every header that Serin owns begins so; a client's own are removed before anything is decided. */
export const PREFIX = "x-serin-";
/** The cluster named by the first applying rollout whose variant names one. */
export const CLUSTER = "x-serin-cluster";
/** The exposed flags, as an RFC 9651 dictionary. */
export const FLAGS = "x-serin-flags";
/** `x-serin-shadow-<name>: <cluster>`: what a route mirrors by. */
export const SHADOW_PREFIX = "x-serin-shadow-";
/** Only on the copy: the shadow's name; `<name>.<secret>` under a policy with a `shadowSecret`. */
export const SHADOW = "x-serin-shadow";
/** W3C's header of members that services hand on, and the member that says the same as SHADOW under a `shadowSecret`. */
export const BAGGAGE = "baggage";
export const BAGGAGE_MEMBER = "serin-shadow";
/** The `root_id` under which the module, loaded on a shadow's cluster, observes mirrored copies. */
export const ROOT_ID_UPSTREAM = "serin.upstream";
/** Filter state under `steer: filterState`; Envoy puts `wasm.` before it. */
export const STATE_PREFIX = "serin.";
/** As CLUSTER, in filter state. */
export const STATE_CLUSTER = "serin.cluster";
/** Under `observe: { filterState: true }`: the decision as one line, for access logs. No rollout's name can be it. */
export const STATE_DECISION = "serin_decision";
/** Envoy's own prefix of every filter state that a Wasm filter writes. */
export const STATE_NAMESPACE = "wasm.";
/** A header that Envoy keeps in a place of its own: taking it away when it is not there is its cheapest call that
 * clears the route cache (facts/performance.md C). */
export const IP_TAGS = "x-envoy-ip-tags";
/** Whether the filter clears the route cache that way; false: by the foreign function `clear_route_cache`. */
export const CLEAR_INLINE = true;
