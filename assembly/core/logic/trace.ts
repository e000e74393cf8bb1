// What a rule looked at while it ran, for explanations: the variables with their values, the conditions of `if` with
// their place in the policy and whether they held, in the order in which it happened.

import * as json from "../../bytes/json-writer";
import { Slice } from "../../bytes/slice";
import { putSlice, Writer } from "../../bytes/writer";
import { Mark } from "../rule-plan";
import { Value } from "./value";
import { putValue } from "./value-text";

/** Where steps are written; null while nothing is traced. */
let trace: Writer | null = null;
let marks: Mark | null = null;
let steps: u32 = 0;

/** Steps longer than this are left out: a rule that iterates would fill the log. */
const MOST_STEPS: u32 = 100;

/** Writes the steps of the rules that run from now on, as the items of an array. `ofMarks` are the plan's. */
export function beginTrace(writer: Writer, ofMarks: Mark | null): void {
  trace = writer;
  marks = ofMarks;
  steps = 0;
}

export function endTrace(): void {
  trace = null;
}

/** Whether steps are written. */
// @ts-ignore: decorator
@inline
export function isTraced(): bool {
  return trace != null;
}

/** Counts a step. @returns whether there is room for it */
function step(): bool {
  steps++;
  return steps <= MOST_STEPS;
}

/** What a rule found at a path. */
export function traceValue(path: Slice, value: Value): void {
  const writer = trace;
  if (!writer || !step()) return;
  json.beginObject(writer);
  json.textAt(writer, "var", path);
  json.name(writer, "value");
  putValue(writer, value);
  json.endObject(writer);
}

export function traceCondition(at: usize, holds: bool): void {
  const writer = trace;
  // Before the mark is looked for: there may be many of both.
  if (!writer || steps >= MOST_STEPS) return;
  let mark = marks;
  while (mark && mark.at != at) mark = mark.next;
  if (!mark || !step()) return;
  json.beginObject(writer);
  json.name(writer, "if");
  json.beginString(writer);
  putSlice(writer, mark.pointer);
  json.endString(writer);
  json.truthAt(writer, "holds", holds);
  json.endObject(writer);
}
