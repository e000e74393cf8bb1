// The host calls that Serin makes, by name. Most declarations are @solo-io/proxy-runtime's; the two that it lacks are
// here. Nothing else is imported.

export {
  proxy_add_header_map_value,
  proxy_call_foreign_function,
  proxy_define_metric,
  proxy_done,
  proxy_get_buffer_bytes,
  proxy_get_current_time_nanoseconds,
  proxy_get_header_map_pairs,
  proxy_get_metric,
  proxy_get_property,
  proxy_get_shared_data,
  proxy_http_call,
  proxy_increment_metric,
  proxy_log,
  proxy_record_metric,
  proxy_remove_header_map_value,
  proxy_replace_header_map_value,
  proxy_send_local_response,
  proxy_set_property,
  proxy_set_shared_data,
  proxy_set_tick_period_milliseconds,
} from "@solo-io/proxy-runtime/assembly/imports";

// @ts-ignore: decorator
@external("env", "proxy_get_log_level")
export declare function proxy_get_log_level(level: usize): u32;

/** wasi's only call that we make: Envoy serves it from its own CSPRNG, at most 64 KiB a call. */
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "random_get")
export declare function random_get(to: usize, bytes: usize): u32;

/** The host's answers (proxy-wasm ABI 0.2.1, proxy_result_t). */
export const STATUS_OK: u32 = 0;

/** Where the host writes what it returns: an address and a length. */
export const RETURNED: usize = memory.data(2 * sizeof<u32>(), 8);
