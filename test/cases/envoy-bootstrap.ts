// The bootstrap of the Envoy that runs cases.

import { bootstrapOf, cluster, fileFilter, listener } from "../support/envoy/bootstrap.ts";
import { EMPTY_CLUSTER, SHADOW_CLUSTERS, type Case } from "./case-file.ts";

/** Filter state as the upstream is told of it: this and the name's index. */
export const STATE_HEADER = "x-case-state-";

/** Names of all filter state that some case asks for. */
export function stateNamesOf(cases: readonly Case[]): string[] {
  const requests = cases.flatMap((one) => one.requests);
  return [...new Set(requests.flatMap(({ filterState = {} }) => Object.keys(filterState)))];
}

// Not use_remote_address: a case says the client's address and scheme as a proxy in front would.
const MANAGER = { upgrade_configs: [{ upgrade_type: "websocket" }], stream_idle_timeout: "30s" };

/** One listener `serin` with the filter by file, one route to the upstream; clusters for shadows beside it. */
export function bootstrap(upstreamPort: number, shadowPort: number, states: readonly string[]): string {
  const route = {
    match: { prefix: "/" },
    route: { cluster: "upstream" },
    request_headers_to_add: states.map((name, index) => ({
      header: { key: `${STATE_HEADER}${index}`, value: `%FILTER_STATE(${name}:PLAIN)%` },
      append_action: "OVERWRITE_IF_EXISTS_OR_ADD",
    })),
  };
  const options = { http1: { enable_trailers: true } };
  return bootstrapOf(
    [listener("serin", [fileFilter()], [route], MANAGER)],
    [
      cluster("upstream", upstreamPort, options),
      ...SHADOW_CLUSTERS.map((name) => cluster(name, shadowPort, options)),
      cluster(EMPTY_CLUSTER, null),
    ],
  );
}
