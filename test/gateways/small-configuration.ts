// A configuration of the form that Emissary generates, as small as the tests can do with.

const TYPE = "type.googleapis.com/envoy.extensions.filters";
const MANAGER = "envoy.filters.network.http_connection_manager";

export interface Ports {
  readonly web: number;
  readonly ready: number;
  readonly stable: number;
  readonly canary: number;
  readonly shadow: number;
}

/** What diagd writes for ambex and for Envoy's start, as texts. */
export function smallConfiguration(ports: Ports): { ads: string; bootstrap: string } {
  const { web, ready, stable, canary, shadow } = ports;
  const plain = (port: number): string => `cluster_127_0_0_1_${port}_shop`;
  const routes = [
    route("/mirror/", plain(stable), { "x-serin-shadow": "on" }, `cluster_shadow_127_0_0_1_${shadow}_shop`),
    route("/mirror/", plain(stable)),
    route("/shop/", plain(canary), { "x-serin-variant": "canary" }),
    route("/beta/", plain(canary), { "x-serin-variant": "canary" }),
    route("/shop/", plain(stable)),
  ];
  const listeners = [
    listener("http", web, {
      stat_prefix: "ingress_http",
      use_remote_address: true,
      http_filters: [{ name: "envoy.filters.http.cors" }, { name: "envoy.filters.http.router" }],
      route_config: { virtual_hosts: [{ name: "http-*", domains: ["*"], routes }] },
    }),
    listener("ready", ready, {
      stat_prefix: "ready_http",
      route_config: { name: "local_route" },
      http_filters: [healthCheck(), { name: "envoy.filters.http.router" }],
    }),
  ];
  const clusters = [
    cluster(plain(stable), stable),
    cluster(plain(canary), canary),
    cluster(`cluster_serin_127_0_0_1_${shadow}_shop`, shadow),
    cluster(`cluster_shadow_127_0_0_1_${shadow}_shop`, shadow),
  ];
  const runtime = { "envoy.reloadable_features.no_extension_lookup_by_name": false };
  const layers = { layers: [{ name: "static_layer", static_layer: runtime }] };
  return {
    ads: JSON.stringify({
      "@type": "/envoy.config.bootstrap.v3.Bootstrap",
      static_resources: { listeners, clusters },
      layered_runtime: layers,
    }),
    bootstrap: JSON.stringify(bootstrap(layers)),
  };
}

function bootstrap(layers: object): object {
  const ads = { ads: {}, resource_api_version: "V3" };
  return {
    node: { id: "test-id", cluster: "ambassador-default" },
    admin: { address: address(22001) },
    layered_runtime: layers,
    dynamic_resources: {
      ads_config: {
        api_type: "GRPC",
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: "xds_cluster" } }],
      },
      cds_config: ads,
      lds_config: ads,
    },
    static_resources: { clusters: [{ ...cluster("xds_cluster", 8003), http2_protocol_options: {} }] },
  };
}

function route(
  prefix: string,
  cluster: string,
  headers: Record<string, string> = {},
  mirror?: string,
): object {
  return {
    match: {
      prefix,
      headers: Object.entries(headers).map(([name, exact]) => ({ name, string_match: { exact } })),
    },
    route: {
      cluster,
      prefix_rewrite: "/",
      ...(mirror === undefined ? {} : { request_mirror_policies: [{ cluster: mirror }] }),
    },
  };
}

function listener(name: string, port: number, manager: object): object {
  const type = `${TYPE}.network.http_connection_manager.v3.HttpConnectionManager`;
  const filters = [{ name: MANAGER, typed_config: { "@type": type, ...manager } }];
  return { name, address: address(port), filter_chains: [{ filters }] };
}

function healthCheck(): object {
  return {
    name: "envoy.filters.http.health_check",
    typed_config: {
      "@type": `${TYPE}.http.health_check.v3.HealthCheck`,
      pass_through_mode: false,
      headers: [{ name: ":path", string_match: { exact: "/ready" } }],
    },
  };
}

function cluster(name: string, port: number): object {
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }];
  return {
    name,
    type: "STRICT_DNS",
    dns_lookup_family: "V4_ONLY",
    connect_timeout: "3s",
    load_assignment: { cluster_name: name, endpoints },
  };
}

function address(port: number): object {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}
