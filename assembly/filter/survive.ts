// An error after which the request goes on: counted always, said at warn level at most
// once a second, so that a fault on every request does not become a second one in the log.

import * as json from "../bytes/json-writer";
import { fixed } from "../bytes/records";
import { Slice } from "../bytes/slice";
import { beginText, textOf, Writer } from "../bytes/writer";
import { Word } from "../bytes/word";
import { nowNs, SECOND } from "../host/clock";
import { log, LogLevel } from "../host/log";
import { countError } from "./stats";

const line: Writer = fixed<Writer>();
let said: bool = false;
let saidNs: u64 = 0;

/** Counts `serin.error` and says what was survived; `message` is plain ASCII without quotes. */
export function survive(code: Word, message: Word): void {
  countError();
  const now = nowNs();
  if (said && now - saidNs < SECOND) return;
  said = true;
  saidNs = now;
  beginText(line);
  json.beginObject(line);
  json.objectAt(line, "error");
  json.wordAt(line, "code", code);
  json.wordAt(line, "message", message);
  json.endObject(line);
  json.endObject(line);
  log(LogLevel.Warn, textOf(line));
}

/** Says that a shadow's copies cannot be sent; the caller says it once. */
export function warnShadow(shadow: Slice, cluster: Slice): void {
  beginText(line);
  json.beginObject(line);
  json.objectAt(line, "shadow");
  json.textAt(line, "name", shadow);
  json.textAt(line, "unavailable", cluster);
  json.wordAt(
    line,
    "message",
    "no such cluster, no healthy host in it, or its circuit breaker is open: nothing is copied",
  );
  json.endObject(line);
  json.endObject(line);
  log(LogLevel.Warn, textOf(line));
}
