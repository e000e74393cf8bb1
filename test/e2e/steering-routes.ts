// The three ways to steer as routes, all of them at once: a policy uses one, and the others do nothing.

/** `canary` for the canary's decision in whichever form it comes, `stable` for everybody else. */
export const STEERING_ROUTES: readonly object[] = [
  {
    match: { prefix: "/", filter_state: [{ key: "wasm.serin.checkout", string_match: { exact: "canary" } }] },
    route: { cluster: "canary" },
  },
  {
    match: { prefix: "/", headers: [{ name: "x-serin-cluster", present_match: true }] },
    route: { cluster_header: "x-serin-cluster" },
  },
  {
    match: { prefix: "/", headers: [{ name: "x-serin-checkout", string_match: { exact: "canary" } }] },
    route: { cluster: "canary" },
  },
  { match: { prefix: "/" }, route: { cluster: "stable" } },
];

export type Way = "filter state" | "cluster_header" | "header match";
export const WAYS: readonly Way[] = ["filter state", "cluster_header", "header match"];

/** The policy of one way: so many percent of the users of `/checkout` are sent to `canary`. */
export function steeringPolicy(way: Way, percent: number): object {
  return {
    ...(way === "filter state" ? { steer: "filterState" } : {}),
    identity: [{ cookie: "uid" }],
    rollouts: {
      checkout: {
        match: [{ path: { value: "/checkout" } }],
        default: "stable",
        variants: {
          stable: {},
          canary: { percent, ...(way === "cluster_header" ? { cluster: "canary" } : {}) },
        },
        force: { header: "x-canary" },
      },
    },
  };
}

/** The headers under `x-serin-` that the upstream sees of a request that was given the canary. */
export function announced(way: Way): [string, string][] {
  if (way === "filter state") return [];
  const variant: [string, string] = ["x-serin-checkout", "canary"];
  return way === "cluster_header" ? [variant, ["x-serin-cluster", "canary"]] : [variant];
}
