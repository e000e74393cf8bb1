// Time and chance.

import {
  proxy_get_current_time_nanoseconds,
  proxy_set_tick_period_milliseconds,
  random_get,
  RETURNED,
  STATUS_OK,
} from "./abi";

/** In nanoseconds. */
export const SECOND: u64 = 1000000000;
export const MILLISECOND: u64 = 1000000;

/** Wall clock in nanoseconds since 1970; 0 when the host has none. */
export function nowNs(): u64 {
  store<u64>(RETURNED, 0);
  return proxy_get_current_time_nanoseconds(RETURNED) == STATUS_OK ? load<u64>(RETURNED) : 0;
}

/** Has the host call `proxy_on_tick` of the root that it is calling now, again and again. */
export function setTickPeriod(milliseconds: u32): void {
  proxy_set_tick_period_milliseconds(milliseconds);
}

/** Bytes that one call of the host gives at most: half of Envoy's own limit. */
const MOST: u32 = 32768;

/** Fills memory with random bytes. @returns whether the host did it */
export function fillRandom(to: usize, bytes: u32): bool {
  let done: u32 = 0;
  while (done < bytes) {
    const part = bytes - done < MOST ? bytes - done : MOST;
    if (random_get(to + done, part) != 0) return false;
    done += part;
  }
  return true;
}
