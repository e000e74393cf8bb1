// The plugin's configuration, and Envoy's foreign functions.

import { addressOf, lengthOf, NONE, Slice, sliceOf } from "../bytes/slice";
import { proxy_call_foreign_function, proxy_get_buffer_bytes, RETURNED, STATUS_OK } from "./abi";

const PLUGIN_CONFIGURATION: i32 = 7;

/** The configuration's bytes, where `proxy_on_memory_allocate` put them; NONE when the host gives none. */
export function configuration(bytes: u32): Slice {
  store<u64>(RETURNED, 0);
  if (proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, bytes, RETURNED, RETURNED + 4) != STATUS_OK)
    return NONE;
  const at = load<u32>(RETURNED) as usize;
  return at == 0 ? NONE : sliceOf(at, load<u32>(RETURNED, 4));
}

/** Calls one of Envoy's own functions without arguments. @returns whether the host did it */
export function callForeign(name: Slice): bool {
  return (
    proxy_call_foreign_function(addressOf(name), lengthOf(name), 0, 0, RETURNED, RETURNED + 4) == STATUS_OK
  );
}
