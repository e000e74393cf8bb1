// The bootstrap of the tests' Envoy: listeners with Serin and without, over the same routes.

import type { Upstream } from "../upstream/upstream.ts";

const TYPE = "type.googleapis.com/envoy";
const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

export interface BootstrapOptions {
  /** Each is a cluster over HTTP/1.1, by its version, and one over HTTP/2, with `-h2` after it. */
  readonly upstreams: readonly Upstream[];
  /** A port that nobody listens on. */
  readonly closedPort: number;
  readonly routes: readonly object[];
  /** Further clusters. */
  readonly clusters?: readonly object[];
  /** Runtime keys of a static layer; those that are posted to the admin stand above it. */
  readonly runtime?: Readonly<Record<string, string | number>>;
  /** Labels of stats. */
  readonly statsConfig?: object;
}

/** Listeners `serin` (the filter by file) and `plain` (no filter), as JSON, which is YAML too. */
export function bootstrap(options: BootstrapOptions): string {
  const { upstreams, closedPort, routes, clusters = [], runtime = {}, statsConfig } = options;
  return JSON.stringify({
    node: { id: "e2e", cluster: "e2e" },
    admin: { address: address(0) },
    static_resources: {
      listeners: [listener("serin", [fileFilter(), router()], routes), listener("plain", [router()], routes)],
      clusters: [
        ...upstreams.flatMap(({ version, port, http2Port }) => [
          cluster(version, port),
          cluster(`${version}-h2`, http2Port, true),
        ]),
        cluster("refusing", closedPort),
        cluster("empty", null),
        ...clusters,
      ],
    },
    layered_runtime: {
      layers: [
        { name: "static", static_layer: runtime },
        { name: "admin", admin_layer: {} },
      ],
    },
    stats_flush_interval: "1s",
    ...(statsConfig === undefined ? {} : { stats_config: statsConfig }),
  });
}

/** The filter inside of a bootstrap, for an Envoy that has to refuse to start. */
export function staticBootstrap(filter: object): string {
  return JSON.stringify({
    admin: { address: address(0) },
    static_resources: {
      listeners: [
        listener("serin", [{ name: "serin", typed_config: filter }, router()], [directRoute("/", {})]),
      ],
    },
  });
}

/** A route that Envoy answers by itself; `headers` are set on the answer. */
export function directRoute(prefix: string, headers: Readonly<Record<string, string>>): object {
  return {
    match: { prefix },
    direct_response: { status: 200 },
    response_headers_to_add: Object.entries(headers).map(([key, value]) => ({ header: { key, value } })),
  };
}

function listener(name: string, filters: readonly object[], routes: readonly object[]): object {
  return {
    name,
    address: address(0),
    filter_chains: [
      {
        filters: [
          {
            name: "http",
            typed_config: {
              "@type": `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
              stat_prefix: name,
              use_remote_address: true,
              http_protocol_options: { accept_http_10: true },
              http2_protocol_options: { allow_connect: true },
              upgrade_configs: [{ upgrade_type: "websocket" }, { upgrade_type: "CONNECT" }],
              stream_idle_timeout: "20s",
              // A second unless said: each answer that ends its connection would take that long.
              delayed_close_timeout: "0.1s",
              http_filters: filters,
              route_config: { virtual_hosts: [{ name: "all", domains: ["*"], routes }] },
            },
          },
        ],
      },
    ],
  };
}

function fileFilter(): object {
  return {
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
  };
}

function router(): object {
  return { name: "router", typed_config: { "@type": `${TYPE}.extensions.filters.http.router.v3.Router` } };
}

/** `filters`: HTTP filters of the cluster itself, which see what is sent to it, mirrored requests too. */
export function cluster(
  name: string,
  port: number | null,
  isHttp2 = false,
  filters: readonly object[] = [],
): object {
  const endpoints = port === null ? [] : [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }];
  const codec = {
    name: "envoy.filters.http.upstream_codec",
    typed_config: { "@type": `${TYPE}.extensions.filters.http.upstream_codec.v3.UpstreamCodec` },
  };
  return {
    name,
    connect_timeout: "2s",
    load_assignment: { cluster_name: name, endpoints },
    ...(isHttp2 || filters.length > 0
      ? {
          typed_extension_protocol_options: {
            [HTTP_OPTIONS]: {
              "@type": `type.googleapis.com/${HTTP_OPTIONS}`,
              explicit_http_config: { [`http${isHttp2 ? "2" : ""}_protocol_options`]: {} },
              ...(filters.length > 0 ? { http_filters: [...filters, codec] } : {}),
            },
          },
        }
      : {}),
  };
}

function address(port: number): object {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}
