// Small guests, written as WebAssembly text, for what the filter itself never does: bad pointers, traps.

import binaryen from "binaryen";

/** Parameter types of each host call; all of them return an i32. */
const HOST_CALLS: Record<string, string> = {
  "env.proxy_log": "i32 i32 i32",
  "env.proxy_get_log_level": "i32",
  "env.proxy_get_current_time_nanoseconds": "i32",
  "env.proxy_get_property": "i32 i32 i32 i32",
  "env.proxy_set_property": "i32 i32 i32 i32",
  "env.proxy_get_header_map_pairs": "i32 i32 i32",
  "env.proxy_add_header_map_value": "i32 i32 i32 i32 i32",
  "env.proxy_replace_header_map_value": "i32 i32 i32 i32 i32",
  "env.proxy_remove_header_map_value": "i32 i32 i32",
  "env.proxy_call_foreign_function": "i32 i32 i32 i32 i32 i32",
  "env.proxy_define_metric": "i32 i32 i32 i32",
  "env.proxy_increment_metric": "i32 i64",
  "env.proxy_record_metric": "i32 i64",
  "env.proxy_get_metric": "i32 i32",
  "env.proxy_get_shared_data": "i32 i32 i32 i32 i32",
  "env.proxy_set_shared_data": "i32 i32 i32 i32 i32",
  "env.proxy_set_tick_period_milliseconds": "i32",
  "env.proxy_get_buffer_bytes": "i32 i32 i32 i32 i32",
  "env.proxy_http_call": "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32",
  "env.proxy_send_local_response": "i32 i32 i32 i32 i32 i32 i32 i32",
  "env.proxy_done": "",
  "wasi_snapshot_preview1.random_get": "i32 i32",
};

/** The body of the guest's callbacks, by name; those left out are not exported. */
export interface GuestBodies {
  /** Instructions after the parameters ($a, $b, $c ...) are in scope. */
  readonly [callback: string]: string;
}

/** Parameters and result of the callbacks a probe may have. */
const CALLBACKS: Record<string, string> = {
  proxy_on_vm_start: "(param $a i32) (param $b i32) (result i32)",
  proxy_on_configure: "(param $a i32) (param $b i32) (result i32)",
  proxy_on_context_create: "(param $a i32) (param $b i32)",
  proxy_on_request_headers: "(param $a i32) (param $b i32) (param $c i32) (result i32)",
  proxy_on_response_headers: "(param $a i32) (param $b i32) (param $c i32) (result i32)",
  proxy_on_request_body: "(param $a i32) (param $b i32) (param $c i32) (result i32)",
  proxy_on_request_trailers: "(param $a i32) (param $b i32) (result i32)",
  proxy_on_response_body: "(param $a i32) (param $b i32) (param $c i32) (result i32)",
  proxy_on_http_call_response: "(param $a i32) (param $b i32) (param $c i32) (param $d i32) (param $e i32)",
  proxy_on_tick: "(param $a i32)",
  proxy_on_delete: "(param $a i32)",
  proxy_on_done: "(param $a i32) (result i32)",
};

const ACCEPTING: GuestBodies = {
  proxy_on_vm_start: "(i32.const 1)",
  proxy_on_configure: "(i32.const 1)",
};

/** The WebAssembly text of a guest with these bodies, and `data` (address: text, one character a byte) in its memory. */
export function guestText(bodies: GuestBodies, data: Record<number, string> = {}): string {
  const imports = Object.entries(HOST_CALLS).map(([name, parameters]) => {
    const [module, call] = name.split(".") as [string, string];
    return `(import "${module}" "${call}" (func $${call} (param ${parameters}) (result i32)))`;
  });
  const functions = Object.entries({ ...ACCEPTING, ...bodies }).map(
    ([callback, body]) => `(func $${callback} (export "${callback}") ${CALLBACKS[callback]} ${body})`,
  );
  const segments = Object.entries(data).map(
    ([address, text]) => `(data (i32.const ${address}) "${escaped(text)}")`,
  );
  // The allocator bumps from the second page on and says 0 when asked for more than a page.
  return `(module
    ${imports.join("\n")}
    (memory (export "memory") 2 4)
    ${segments.join("\n")}
    (global $top (mut i32) (i32.const 65536))
    (func (export "proxy_on_memory_allocate") (param $size i32) (result i32)
      (if (i32.gt_u (local.get $size) (i32.const 60000)) (then (return (i32.const 0))))
      (global.set $top (i32.add (global.get $top) (local.get $size)))
      (i32.sub (global.get $top) (local.get $size)))
    (func (export "reset") (global.set $top (i32.const 65536)))
    (func (export "grow") (drop (memory.grow (i32.const 1))))
    ${functions.join("\n")})`;
}

function escaped(text: string): string {
  return text.replace(/[^ !#-[\]-~]/g, (byte) => `\\${byte.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/** Compiles a guest. */
export function guestModule(bodies: GuestBodies = {}, data: Record<number, string> = {}): WebAssembly.Module {
  return new WebAssembly.Module(guestModuleBytes(bodies, data));
}

/** The bytes of a guest's .wasm. */
export function guestModuleBytes(
  bodies: GuestBodies = {},
  data: Record<number, string> = {},
): Uint8Array<ArrayBuffer> {
  const parsed = binaryen.parseText(guestText(bodies, data));
  const binary = parsed.emitBinary();
  parsed.dispose();
  return new Uint8Array(binary);
}

/** The names of the host calls that a probe imports. */
export const probedHostCalls: readonly string[] = Object.keys(HOST_CALLS);
