// Envoy's log, under the logger `wasm`.

import { addressOf, lengthOf, Slice } from "../bytes/slice";
import { proxy_get_log_level, proxy_log, RETURNED, STATUS_OK } from "./abi";

export const enum LogLevel {
  Trace,
  Debug,
  Info,
  Warn,
  Error,
}

/** The lowest level that is written now; LogLevel.Error when the host does not say. */
export function logLevel(): LogLevel {
  store<u32>(RETURNED, LogLevel.Error);
  return proxy_get_log_level(RETURNED) == STATUS_OK ? load<u32>(RETURNED) : LogLevel.Error;
}

export function log(level: LogLevel, line: Slice): void {
  proxy_log(level, addressOf(line), lengthOf(line));
}
