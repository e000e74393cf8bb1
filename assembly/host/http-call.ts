// HTTP calls of our own. They belong to the root context of whichever stream makes them, and outlive the stream.

import { addressOf, lengthOf, Slice } from "../bytes/slice";
import { proxy_done, proxy_http_call, RETURNED, STATUS_OK } from "./abi";

/** What the host calls the last call that it took. */
export let callToken: u32 = 0;

/**
 * Sends a request to a cluster; the answer comes as `proxy_on_http_call_response` of the root context.
 * @param headers, trailers blocks of pairs (bytes/pairs.ts); NONE for no trailers
 * @returns whether the host took it, with `callToken`: not when there is no such cluster, or no host that could answer
 */
export function httpCall(cluster: Slice, headers: Slice, body: Slice, trailers: Slice, timeoutMs: u32): bool {
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
  callToken = load<u32>(RETURNED);
  return status == STATUS_OK;
}

/** Tells the host that the root context, whose end we held back, may go. */
export function rootDone(): void {
  proxy_done();
}
