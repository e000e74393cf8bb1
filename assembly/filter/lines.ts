// The decision of a request as log lines: at debug level what was decided, at trace level also why.

import { fixed } from "../bytes/records";
import { beginText, textOf, Writer } from "../bytes/writer";
import { putDecisionLine } from "../core/decision-line";
import { putExplanation } from "../core/explanation";
import { Decision } from "../core/decision";
import { SECOND } from "../host/clock";
import { log, LogLevel, logLevel } from "../host/log";

const line: Writer = fixed<Writer>();
let level: LogLevel = LogLevel.Trace;
let asked: bool = false;
let askedNs: u64 = 0;

/** The level is asked anew by the next request. */
export function forgetLevel(): void {
  asked = false;
}

/** Whether decisions are written now. The level is asked for at most once a second: a host call a request is dear. */
export function writesDecisions(now: u64): bool {
  if (!asked || now - askedNs >= SECOND) {
    level = logLevel();
    asked = true;
    askedNs = now;
  }
  return level <= LogLevel.Debug;
}

/** Writes the lines of the request that was just decided. */
export function writeDecision(decision: Decision): void {
  beginText(line);
  putDecisionLine(line, decision);
  log(LogLevel.Debug, textOf(line));
  if (level > LogLevel.Trace) return;
  beginText(line);
  putExplanation(line, decision);
  log(LogLevel.Trace, textOf(line));
}
