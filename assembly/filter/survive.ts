// Something that should not happen has happened and the request goes on: counted always, said at warn level at most
// once a second, so that a fault on every request does not become a second one in the log.

import { fixed } from "../bytes/records";
import { Slice } from "../bytes/slice";
import { beginText, put, putString, textOf, Writer } from "../bytes/writer";
import { nowNs, SECOND } from "../host/clock";
import { log, WARN } from "../host/log";
import { countError } from "./stats";

const line: Writer = fixed<Writer>();
let said: bool = false;
let saidNs: u64 = 0;

/** Counts `serin.error` and says what was survived; `message` is plain ASCII without quotes. */
export function survive(code: string, message: string): void {
  countError();
  const now = nowNs();
  if (said && now - saidNs < SECOND) return;
  said = true;
  saidNs = now;
  beginText(line);
  put(line, '{"error":{"code":"');
  put(line, code);
  put(line, '","message":"');
  put(line, message);
  put(line, '"}}');
  log(WARN, textOf(line));
}

/** Says that a shadow's copies cannot be sent; the caller says it once. */
export function warnShadow(shadow: Slice, cluster: Slice): void {
  beginText(line);
  put(line, '{"shadow":{"name":');
  putString(line, shadow);
  put(line, ',"unavailable":');
  putString(line, cluster);
  put(
    line,
    ',"message":"no such cluster, no healthy host in it, or its circuit breaker is open: nothing is copied"}}',
  );
  log(WARN, textOf(line));
}
