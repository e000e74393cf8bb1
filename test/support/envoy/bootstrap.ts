// Bootstraps of the tests' Envoys, as JSON, which is YAML too: the pieces, and the one that most tests take, listeners
// with Serin and without over the same routes.

import type { Upstream } from "../../upstream/upstream.ts";
import { WASM } from "../filter.ts";

const TYPE = "type.googleapis.com/envoy";
const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** On loopback; 0 takes a free port. */
export function address(port: number): object {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}

/** `extension`: of `envoy.extensions`, with its version and message. */
export function extension(
  name: string,
  type: string,
  fields: object = {},
): { name: string; typed_config: object } {
  return { name, typed_config: { "@type": `${TYPE}.extensions.${type}`, ...fields } };
}

/** A whole bootstrap. */
export function bootstrapOf(
  listeners: readonly object[],
  clusters: readonly object[],
  more: object = {},
): string {
  return JSON.stringify({
    node: { id: "test", cluster: "test" },
    admin: { address: address(0) },
    static_resources: { listeners, clusters },
    ...more,
  });
}

/**
 * A listener on a free port that takes HTTP, with the router after `filters`.
 * @param manager further fields of its connection manager; `routeConfig`: of its routes
 */
export function listener(
  name: string,
  filters: readonly object[],
  routes: readonly object[],
  manager: object = {},
  routeConfig: object = {},
): object {
  const http = extension("http", "filters.network.http_connection_manager.v3.HttpConnectionManager", {
    stat_prefix: name,
    http_filters: [...filters, extension("router", "filters.http.router.v3.Router")],
    route_config: { ...routeConfig, virtual_hosts: [{ name: "all", domains: ["*"], routes }] },
    ...manager,
  });
  return { name, address: address(0), filter_chains: [{ filters: [http] }] };
}

/** A route that Envoy answers by itself; `headers` are set on the answer. */
export function directRoute(prefix: string, headers: Readonly<Record<string, string>>): object {
  return {
    match: { prefix },
    direct_response: { status: 200 },
    response_headers_to_add: Object.entries(headers).map(([key, value]) => ({ header: { key, value } })),
  };
}

/** The filter with its policy by a watched file. */
export function fileFilter(): object {
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

/**
 * The filter inside of a bootstrap.
 * @param policy its text; null: without a configuration
 * @param options `file`: another module than Serin as built; `vmId`; what else the plugin's configuration has
 */
export function wasmFilter(
  policy: string | null,
  options: { readonly file?: string; readonly vmId?: string; readonly [field: string]: unknown } = {},
): object {
  const { file = WASM, vmId, ...more } = options;
  const vm = { runtime: "envoy.wasm.runtime.v8", code: { local: { filename: file } } };
  return extension("serin", "filters.http.wasm.v3.Wasm", {
    config: {
      name: "serin",
      failure_policy: "FAIL_RELOAD",
      vm_config: vmId === undefined ? vm : { vm_id: vmId, ...vm },
      ...(policy === null
        ? {}
        : { configuration: { "@type": "type.googleapis.com/google.protobuf.StringValue", value: policy } }),
      ...more,
    },
  });
}

export function luaFilter(source: string): object {
  return extension("lua", "filters.http.lua.v3.Lua", { default_source_code: { inline_string: source } });
}

/** A cluster on loopback; `port` null: without endpoints. */
export function cluster(
  name: string,
  port: number | null,
  { isHttp2, filters, http1 }: ClusterOptions = {},
): object {
  const endpoints = port === null ? [] : [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }];
  const codec = extension(
    "envoy.filters.http.upstream_codec",
    "filters.http.upstream_codec.v3.UpstreamCodec",
  );
  const protocol = isHttp2 === true ? { http2_protocol_options: {} } : { http_protocol_options: http1 ?? {} };
  const options = {
    "@type": `type.googleapis.com/${HTTP_OPTIONS}`,
    explicit_http_config: protocol,
    ...(filters === undefined ? {} : { http_filters: [...filters, codec] }),
  };
  return {
    name,
    connect_timeout: "2s",
    load_assignment: { cluster_name: name, endpoints },
    typed_extension_protocol_options: { [HTTP_OPTIONS]: options },
  };
}

export interface ClusterOptions {
  readonly isHttp2?: boolean;
  /** HTTP filters of the cluster itself, which see what is sent to it, mirrored requests too. */
  readonly filters?: readonly object[];
  /** Options of HTTP/1.1. */
  readonly http1?: object;
}

export interface ProxyBootstrap {
  /** Each is a cluster over HTTP/1.1, by its version, and one over HTTP/2, with `-h2` after it. */
  readonly upstreams: readonly Upstream[];
  /** A port that nobody listens on. */
  readonly closedPort: number;
  readonly routes: readonly object[];
  /** Further clusters. */
  readonly clusters?: readonly object[];
  /** Runtime keys of a static layer; those that are posted to the admin stand above it. */
  readonly runtime?: Readonly<Record<string, string | number>>;
  /** A line of the listener `serin` for each request, in `FOLDER/access.log`. */
  readonly accessLog?: string;
  /** Further fields of its connection manager. */
  readonly manager?: object;
  readonly statsTags?: readonly object[];
  /** Whether there is the listener `plain` alone: Serin is nowhere in this Envoy. */
  readonly isPlain?: boolean;
}

const MANAGER = {
  use_remote_address: true,
  http_protocol_options: { accept_http_10: true },
  http2_protocol_options: { allow_connect: true },
  upgrade_configs: [{ upgrade_type: "websocket" }, { upgrade_type: "CONNECT" }],
  stream_idle_timeout: "20s",
  // A second unless said: each answer that ends its connection would take that long.
  delayed_close_timeout: "0.1s",
};

/** Listeners `serin` (the filter by file), unless `isPlain`, and `plain` (no filter). */
export function proxyBootstrap(options: ProxyBootstrap): string {
  const { upstreams, closedPort, routes, clusters = [], runtime = {}, accessLog, statsTags } = options;
  const log = accessLog === undefined ? {} : { access_log: [fileLog(accessLog)] };
  return bootstrapOf(
    [
      ...(options.isPlain === true
        ? []
        : [listener("serin", [fileFilter()], routes, { ...MANAGER, ...log, ...options.manager })]),
      listener("plain", [], routes, MANAGER),
    ],
    [
      ...upstreams.flatMap(({ version, port, http2Port }) => [
        cluster(version, port),
        cluster(`${version}-h2`, http2Port, { isHttp2: true }),
      ]),
      cluster("refusing", closedPort),
      cluster("empty", null),
      ...clusters,
    ],
    {
      layered_runtime: {
        layers: [
          { name: "static", static_layer: runtime },
          { name: "admin", admin_layer: {} },
        ],
      },
      stats_flush_interval: "1s",
      ...(statsTags === undefined ? {} : { stats_config: { stats_tags: statsTags } }),
    },
  );
}

function fileLog(format: string): object {
  return extension("file", "access_loggers.file.v3.FileAccessLog", {
    path: "FOLDER/access.log",
    log_format: { text_format_source: { inline_string: `${format}\n` } },
  });
}
