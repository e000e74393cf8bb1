// HTTP calls of our own. They belong to the root context of whichever stream makes them, and outlive the stream.

import { addressOf, lengthOf, Slice } from "../bytes/slice";
import { proxy_done, proxy_http_call, RETURNED, STATUS_OK } from "./abi";

/** The host did not take the call. */
export const NO_CALL: i64 = -1;

/**
 * Sends a request to a cluster; the answer comes as `proxy_on_http_call_response` of the root context.
 * @param headers, trailers blocks of pairs (bytes/pairs.ts); NONE for no trailers
 * @returns the token that the answer comes under; NO_CALL when the host did not take it: there is no such cluster, or no
 * host that could answer
 */
export function httpCall(cluster: Slice, headers: Slice, body: Slice, trailers: Slice, timeoutMs: u32): i64 {
  store<u32>(RETURNED, 0);
  const status = proxy_http_call(
    addressOf(cluster),
    lengthOf(cluster),
    addressOf(headers),
    lengthOf(headers),
    addressOf(body),
    lengthOf(body),
    addressOf(trailers),
    lengthOf(trailers),
    timeoutMs,
    RETURNED,
  );
  return status == STATUS_OK ? (load<u32>(RETURNED) as i64) : NO_CALL;
}

/** Tells the host that the root context, whose end we held back, may go. */
export function rootDone(): void {
  proxy_done();
}
