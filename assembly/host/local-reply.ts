// Answers that the filter gives itself, in place of the upstream.

import { addressOf, lengthOf, Slice } from "../bytes/slice";
import { proxy_send_local_response, STATUS_OK } from "./abi";

/** The answer is one of HTTP, whatever the request was. */
const NO_GRPC_STATUS: u32 = 0xffffffff;

/**
 * Answers the request of the stream that the host is calling us for; nothing of it goes on, once the callback stops it.
 * @param headers a block of pairs (bytes/pairs.ts); NONE for none beside those that the host writes
 * @param details what access logs call it
 * @returns whether the host did it
 */
export function answerRequest(status: u32, headers: Slice, body: Slice, details: Slice): bool {
  return (
    proxy_send_local_response(
      status,
      addressOf(details),
      lengthOf(details),
      addressOf(body),
      lengthOf(body),
      addressOf(headers),
      lengthOf(headers),
      NO_GRPC_STATUS,
    ) == STATUS_OK
  );
}
