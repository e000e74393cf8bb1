// Properties of the stream (Envoy's attributes), and filter state.

import { addressOf, lengthOf, NONE, Slice, sliceOf } from "../bytes/slice";
import { proxy_get_property, proxy_set_property, RETURNED, STATUS_OK } from "./abi";

/** The bytes of a property in scratch memory; NONE when there is none. `path` has NUL between its parts. */
export function property(path: Slice): Slice {
  store<u64>(RETURNED, 0);
  if (proxy_get_property(addressOf(path), lengthOf(path), RETURNED, RETURNED + 4) != STATUS_OK) return NONE;
  const at = load<u32>(RETURNED) as usize;
  return at == 0 ? NONE : sliceOf(at, load<u32>(RETURNED, 4));
}

/** A property that Envoy gives as a 64-bit integer; -1 when there is none. */
export function numberProperty(path: Slice): i64 {
  const value = property(path);
  return lengthOf(value) == 8 ? load<i64>(addressOf(value)) : -1;
}

/** Writes filter state `wasm.<path>`. @returns whether the host did it */
export function setFilterState(path: Slice, value: Slice): bool {
  return proxy_set_property(addressOf(path), lengthOf(path), addressOf(value), lengthOf(value)) == STATUS_OK;
}
