// What build/serin.wasm may ask of its host and offer to it. Anything beside this list fails the build:
// an import that a host lacks refuses the module, an export that is not needed costs each request.

/** Functions the filter may import; importing fewer is fine. */
export const ALLOWED_IMPORTS: ReadonlySet<string> = new Set([
  "env.proxy_log",
  "env.proxy_get_log_level",
  "env.proxy_get_current_time_nanoseconds",
  "env.proxy_get_property",
  "env.proxy_set_property",
  "env.proxy_get_header_map_pairs",
  "env.proxy_add_header_map_value",
  "env.proxy_replace_header_map_value",
  "env.proxy_remove_header_map_value",
  "env.proxy_call_foreign_function",
  "env.proxy_define_metric",
  "env.proxy_get_metric",
  "env.proxy_get_shared_data",
  "env.proxy_set_shared_data",
  "env.proxy_set_tick_period_milliseconds",
  "env.proxy_increment_metric",
  "env.proxy_record_metric",
  "env.proxy_get_buffer_bytes",
  "env.proxy_http_call",
  // A shadow's call is answered in the proxy and never sent (docs/decisions/shadow-effects.md).
  "env.proxy_send_local_response",
  "env.proxy_done",
  "wasi_snapshot_preview1.random_get",
]);

/** Exactly these are exported: a host calls each of them, and no other. */
export const REQUIRED_EXPORTS: ReadonlySet<string> = new Set([
  "memory",
  "_initialize",
  "proxy_abi_version_0_2_1",
  "proxy_on_memory_allocate",
  "proxy_on_vm_start",
  "proxy_on_configure",
  "proxy_on_context_create",
  "proxy_on_request_headers",
  "proxy_on_request_body",
  "proxy_on_request_trailers",
  "proxy_on_response_headers",
  "proxy_on_response_body",
  "proxy_on_response_trailers",
  "proxy_on_log",
  "proxy_on_tick",
  "proxy_on_done",
  "proxy_on_http_call_response",
  "serin_evaluate",
]);

/** 1 GiB in pages of 64 KiB: what Envoy's host allows a module. */
export const MAXIMUM_MEMORY_PAGES = 16384;

/** Envoy compiles the whole module at start, once: see docs/decisions/module-size.md. */
export const MAXIMUM_BYTES = 192 * 1024;
