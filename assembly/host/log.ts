// Envoy's log, under the logger `wasm`.

import { addressOf, lengthOf, Slice } from "../bytes/slice";
import { proxy_get_log_level, proxy_log, RETURNED, STATUS_OK } from "./abi";

export const TRACE: u32 = 0;
export const DEBUG: u32 = 1;
export const INFO: u32 = 2;
export const WARN: u32 = 3;
export const ERROR: u32 = 4;

/** The lowest level that is written now; ERROR when the host does not say. */
export function logLevel(): u32 {
  store<u32>(RETURNED, ERROR);
  return proxy_get_log_level(RETURNED) == STATUS_OK ? load<u32>(RETURNED) : ERROR;
}

export function log(level: u32, line: Slice): void {
  proxy_log(level, addressOf(line), lengthOf(line));
}
