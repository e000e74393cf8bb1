// The bootstrap of the Envoy that runs cases.

import { EMPTY_CLUSTER, SHADOW_CLUSTERS, type Case } from "./case-file.ts";

const TYPE = "type.googleapis.com/envoy";

/** Filter state as the upstream is told of it: this and the name's index. */
export const STATE_HEADER = "x-case-state-";

/** Names of all filter state that some case asks for. */
export function stateNamesOf(cases: readonly Case[]): string[] {
  const requests = cases.flatMap((one) => one.requests);
  return [...new Set(requests.flatMap(({ filterState = {} }) => Object.keys(filterState)))];
}

/** One listener `serin` with the filter by file, one route to the upstream; clusters for shadows beside it. */
export function bootstrap(upstreamPort: number, shadowPort: number, states: readonly string[]): string {
  const clusters = [
    cluster("upstream", [upstreamPort]),
    ...SHADOW_CLUSTERS.map((name) => cluster(name, [shadowPort])),
    cluster(EMPTY_CLUSTER, []),
  ];
  return JSON.stringify({
    node: { id: "cases", cluster: "cases" },
    admin: { address: address(0) },
    static_resources: { listeners: [listener(states)], clusters },
  });
}

function listener(states: readonly string[]): object {
  const route = {
    match: { prefix: "/" },
    route: { cluster: "upstream" },
    request_headers_to_add: states.map((name, index) => ({
      header: { key: `${STATE_HEADER}${index}`, value: `%FILTER_STATE(${name}:PLAIN)%` },
      append_action: "OVERWRITE_IF_EXISTS_OR_ADD",
    })),
  };
  const manager = {
    "@type": `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "cases",
    // Not use_remote_address: a case says the client's address and scheme as a proxy in front would.
    upgrade_configs: [{ upgrade_type: "websocket" }],
    stream_idle_timeout: "30s",
    http_filters: [
      {
        name: "serin",
        config_discovery: {
          config_source: {
            resource_api_version: "V3",
            path_config_source: {
              path: "FOLDER/watched/filter.yaml",
              watched_directory: { path: "FOLDER/watched" },
            },
          },
          type_urls: [`${TYPE}.extensions.filters.http.wasm.v3.Wasm`],
        },
      },
      { name: "router", typed_config: { "@type": `${TYPE}.extensions.filters.http.router.v3.Router` } },
    ],
    route_config: { virtual_hosts: [{ name: "all", domains: ["*"], routes: [route] }] },
  };
  return {
    name: "serin",
    address: address(0),
    filter_chains: [{ filters: [{ name: "http", typed_config: manager }] }],
  };
}

function cluster(name: string, ports: readonly number[]): object {
  const options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
  return {
    name,
    connect_timeout: "2s",
    load_assignment: {
      cluster_name: name,
      endpoints: ports.map((port) => ({ lb_endpoints: [{ endpoint: { address: address(port) } }] })),
    },
    typed_extension_protocol_options: {
      [options]: {
        "@type": `type.googleapis.com/${options}`,
        explicit_http_config: { http_protocol_options: { enable_trailers: true } },
      },
    },
  };
}

function address(port: number): object {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}
