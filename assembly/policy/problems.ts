// What is wrong with a policy, collected while it is read: at most 20, each with its place, written as JSON lines.

import * as ascii from "../bytes/ascii";
import { Token } from "../bytes/json-reader";
import { putItemStep, putStep } from "../bytes/json-pointer";
import * as json from "../bytes/json-writer";
import { scratch } from "../bytes/scratch";
import { addressOf, lengthOf, NONE, Slice, sliceOf } from "../bytes/slice";
import { beginText, put, putNumber, putSlice, putString, restartText, textOf, Writer } from "../bytes/writer";
import { Word } from "../bytes/word";
import * as limits from "../vocabulary/limits";
import * as codes from "../vocabulary/problems";
import { Node, parentOf } from "./node";
import { putNearest } from "./nearest";


@unmanaged
class Problem {
  /** What it is about; null for the document. */
  node: Node | null;
  at: usize;
  code: usize;
  message: Slice;
  severity: Severity;
}

/** When there are too many problems, a hint makes room for a warning, and both for an error. */
const enum Severity {
  Hint,
  Warning,
  Error,
}

const PROBLEM_BYTES: u32 = offsetof<Problem>() as u32;

let problems: usize = 0;
let count: u32 = 0;
let errors: u32 = 0;
/** Those that are not kept: errors, and warnings and hints. */
let lostErrors: u32 = 0;
let lostWarnings: u32 = 0;
let text: Slice = NONE;

/** The message being written: `beginMessage`, then `put…`, then a `report…`. */
export const message: Writer = changetype<Writer>(memory.data(offsetof<Writer>(), 8));

/** Forgets all problems; the next ones are places of `policyText`. Its bytes have to stay until they are written. */
export function beginProblems(policyText: Slice): void {
  problems = scratch(PROBLEM_BYTES * limits.PROBLEMS);
  count = 0;
  errors = 0;
  lostErrors = 0;
  lostWarnings = 0;
  text = policyText;
  messageKept = true;
}

/** Problems of error severity: above 0 the policy is refused. */
export function errorCount(): u32 {
  return errors;
}

/** Problems that can be written: errors, then warnings, then hints, each in the order of the text. */
export function problemCount(): u32 {
  return count;
}

/** Whether the last message belongs to a problem that is kept. */
let messageKept: bool = true;

/** Begins a message, over the last one unless that was kept: a thousand problems take the memory of twenty. */
export function beginMessage(): void {
  if (messageKept) beginText(message);
  else restartText(message);
  messageKept = false;
}

function add(node: Node | null, at: usize, code: Word, severity: Severity): void {
  if (severity == Severity.Error) errors++;
  if (problems == 0 || (count == (limits.PROBLEMS as u32) && !dropBelow(severity))) return lose(severity);
  // The most severe first, each kind in the order of the text; the ones that were there before keep their place.
  let place = count;
  while (place > 0 && isBehind(changetype<Problem>(problems + (place - 1) * PROBLEM_BYTES), at, severity)) {
    memory.copy(problems + place * PROBLEM_BYTES, problems + (place - 1) * PROBLEM_BYTES, PROBLEM_BYTES);
    place--;
  }
  const problem = changetype<Problem>(problems + place * PROBLEM_BYTES);
  problem.node = node;
  problem.at = at;
  problem.code = changetype<usize>(code);
  problem.message = textOf(message);
  problem.severity = severity;
  messageKept = true;
  count++;
}

/** Whether a problem comes after one of that place and severity. */
function isBehind(problem: Problem, at: usize, severity: Severity): bool {
  return problem.severity == severity ? problem.at > at : problem.severity < severity;
}

function lose(severity: Severity): void {
  if (severity == Severity.Error) lostErrors++;
  else lostWarnings++;
}

/** Drops the last of the least severe problems, if it is less severe than this. */
function dropBelow(severity: Severity): bool {
  for (let least = Severity.Hint; least < severity; least++) {
    for (let i = count; i > 0; i--) {
      const at = problems + (i - 1) * PROBLEM_BYTES;
      if (changetype<Problem>(at).severity != least) continue;
      memory.copy(at, at + PROBLEM_BYTES, (count - i) * PROBLEM_BYTES);
      count--;
      lose(least);
      return true;
    }
  }
  return false;
}

/** Reports the message at a place of its own; `node` (null: the document) names the pointer. */
export function reportAt(node: Node | null, at: usize, code: Word): void {
  add(node, at, code, Severity.Error);
}

/** Reports the message at a value. */
export function report(node: Node, code: Word): void {
  add(node, node.begin, code, Severity.Error);
}

/** Reports the message at a member's name. */
export function reportKey(member: Node, code: Word): void {
  add(member, member.keyBegin, code, Severity.Error);
}

/** Reports the message at a member's name, as a warning. */
export function warnKey(member: Node, code: Word): void {
  add(member, member.keyBegin, code, Severity.Warning);
}

/** Reports the message at a value, as a warning: the policy is served all the same. */
export function warn(node: Node, code: Word): void {
  add(node, node.begin, code, Severity.Warning);
}

/** Reports the message at a value, as a warning that `serin validate` does not refuse. */
export function hint(node: Node, code: Word): void {
  add(node, node.begin, code, Severity.Hint);
}

/** As `hint`, at a member's name. */
export function hintKey(member: Node, code: Word): void {
  add(member, member.keyBegin, code, Severity.Hint);
}

/** Writes `more than <limit> <things>`; the caller reports it. */
export function putOverLimit(limit: u32, things: Word): void {
  beginMessage();
  put(message, "more than ");
  putNumber(message, limit);
  put(message, things);
}

/** Reports `<expected>, got <the value>`. */
export function fail(node: Node, code: Word, expected: Word): void {
  beginMessage();
  put(message, expected);
  put(message, ", got ");
  putFound(node);
  report(node, code);
}

/** Reports a plain sentence. */
export function failWith(node: Node, code: Word, sentence: Word): void {
  beginMessage();
  put(message, sentence);
  report(node, code);
}

/** As `failWith`, for a warning that `serin validate` does not refuse. */
export function hintWith(node: Node, code: Word, sentence: Word): void {
  beginMessage();
  put(message, sentence);
  hint(node, code);
}

/** Longest piece of the person's text that a message repeats. */
const QUOTED: u32 = 60;

/** Puts a value for a message: a scalar as it is written, cut when long, otherwise its type. */
export function putFound(node: Node): void {
  if (node.kind == Token.Object) {
    put(message, "an object");
  } else if (node.kind == Token.Array) {
    put(message, "an array");
  } else {
    const cut = lengthOf(node.text) > QUOTED;
    const shown = cut ? sliceOf(addressOf(node.text), QUOTED) : node.text;
    if (node.kind == Token.String) putString(message, shown);
    else putSlice(message, shown);
    if (cut) put(message, "...");
  }
}

/** Whether the value is of this kind; reported when not. */
export function isKind(node: Node, kind: Token): bool {
  if (node.kind == kind) return true;
  fail(
    node,
    codes.TYPE,
    kind == Token.Object
      ? "must be an object"
      : kind == Token.Array
        ? "must be an array"
        : "must be a string",
  );
  return false;
}

/** Whether the value is true or false; reported when not. */
export function isTruth(node: Node): bool {
  if (node.kind == Token.True || node.kind == Token.False) return true;
  fail(node, codes.TYPE, "must be true or false");
  return false;
}

/** Reports a member that Serin does not know; `known` are the object's words, one blank between them. */
export function unknownKey(member: Node, known: Word): void {
  beginMessage();
  put(message, "unknown key ");
  putString(message, member.key);
  putNearest(message, member.key, known);
  reportKey(member, codes.UNKNOWN_KEY);
}

/** Reports that an object lacks a member. */
export function missingKey(object: Node, key: Word, why: Word): void {
  beginMessage();
  put(message, 'the key "');
  put(message, key);
  put(message, '" is missing: ');
  put(message, why);
  report(object, codes.MISSING_KEY);
}

/** Most containers inside one another: the reader's limit, and the value itself. */
const PATH_NODES: u32 = 72;
const path: usize = memory.data(PATH_NODES * sizeof<u32>(), 8);

/** Puts the JSON Pointer (RFC 6901) of a node, escaped for a JSON string. */
export function putPointer(writer: Writer, place: Node | null): void {
  let steps: u32 = 0;
  for (let at = place; at && at.parent && steps < PATH_NODES; at = parentOf(at)) {
    store<u32>(path + (steps << 2), changetype<usize>(at) as u32);
    steps++;
  }
  while (steps > 0) {
    steps--;
    const node = changetype<Node>(load<u32>(path + (steps << 2)));
    if (node.container.kind == Token.Array) putItemStep(writer, node.index);
    else putStep(writer, node.key);
  }
}

/** Puts one problem as a JSON line. Lines and columns count from 1, columns in code points. */
export function putProblem(writer: Writer, index: u32): void {
  const problem = changetype<Problem>(problems + index * PROBLEM_BYTES);
  const begin = addressOf(text);
  let line: u32 = 1;
  let column: u32 = 1;
  for (let at = begin; at < problem.at; at++) {
    const byte = load<u8>(at);
    if (byte == ascii.LINE_FEED) {
      line++;
      column = 1;
    } else if ((byte & 0xc0) != 0x80) {
      column++;
    }
  }
  json.beginObject(writer);
  json.wordAt(writer, "severity", problem.severity < Severity.Error ? "warning" : "error");
  json.wordAt(writer, "code", changetype<Word>(problem.code));
  json.name(writer, "pointer");
  json.beginString(writer);
  putPointer(writer, problem.node);
  json.endString(writer);
  json.numberAt(writer, "offset", problem.at - begin);
  json.numberAt(writer, "line", line);
  json.numberAt(writer, "column", column);
  json.textAt(writer, "message", problem.message);
  json.endObject(writer);
}

/** Puts how many were found beyond those that are kept. @returns whether there are any */
export function putMore(writer: Writer): bool {
  if (lostErrors + lostWarnings == 0) return false;
  json.beginObject(writer);
  json.objectAt(writer, "more");
  json.numberAt(writer, "errors", lostErrors);
  json.numberAt(writer, "warnings", lostWarnings);
  json.endObject(writer);
  json.endObject(writer);
  return true;
}

/** Whether the problem is a warning or a hint. */
export function isWarning(index: u32): bool {
  return changetype<Problem>(problems + index * PROBLEM_BYTES).severity < Severity.Error;
}
