// What a rule looked at while it ran, for explanations: the variables with their values, the conditions of `if` with
// their place in the policy and whether they held, in the order in which it happened.

import { put, putByte, putSlice, putString, Writer } from "../../bytes/writer";
import { Mark } from "../plan";
import { Value } from "./value";
import { putValue } from "./value-text";
import { Variable } from "./variables";

/** Where steps are written; address 0 while nobody asks. */
export let trace: Writer = changetype<Writer>(0);
let marks: usize = 0;
let steps: u32 = 0;

/** Steps longer than this are left out: a rule that iterates would fill the log. */
const MOST_STEPS: u32 = 100;

/** Writes the steps of the rules that run from now on, as the items of an array. `ofMarks` are the plan's. */
export function beginTrace(writer: Writer, ofMarks: usize): void {
  trace = writer;
  marks = ofMarks;
  steps = 0;
}

export function endTrace(): void {
  trace = changetype<Writer>(0);
}

/** Begins a step. @returns whether there is room for it */
function step(): bool {
  steps++;
  if (steps > MOST_STEPS) return false;
  if (steps != 1) putByte(trace, 0x2c);
  return true;
}

export function traceVariable(variable: Variable, value: Value): void {
  if (!step()) return;
  put(trace, '{"var":');
  putString(trace, variable.path);
  put(trace, ',"value":');
  putValue(trace, value);
  putByte(trace, 0x7d);
}

export function traceCondition(at: usize, holds: bool): void {
  // Before the mark is looked for: there may be many of both.
  if (steps >= MOST_STEPS) return;
  let mark = marks;
  while (mark != 0 && changetype<Mark>(mark).at != at) mark = changetype<Mark>(mark).next;
  if (mark == 0 || !step()) return;
  put(trace, '{"if":"');
  putSlice(trace, changetype<Mark>(mark).pointer);
  put(trace, holds ? '","holds":true}' : '","holds":false}');
}
