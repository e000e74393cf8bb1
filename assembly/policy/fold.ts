// Work that is done once, when the policy is loaded: operators over constants become their result, long lists of texts
// sets, versions that stand in the policy are read.

import { keep } from "../bytes/arena";
import { takeRun } from "../bytes/records";
import { lengthOf } from "../bytes/slice";
import { ABSENT, find, insert, measureRows, Table } from "../bytes/table";
import { run } from "../core/logic/machine";
import { INSTRUCTION, Op, RuleError } from "../core/logic/opcodes";
import { beginWork, workDone } from "../core/logic/work";
import { Comparison, prepareComparison } from "../core/logic/sem-ver";
import { copyValue, setArray, setText, Tag, Value } from "../core/logic/value";
import { build, record, records } from "./build";
import { Constant } from "./constants";
import { codeAddress, codeLength, emit, isStraight, operandAt, operationAt, rewind } from "./code";

/** A list of fewer texts is gone through faster than a set is asked. */
const SMALL_LIST: u32 = 8;

/** The constant that is argument `back` from the end; null when that has to be computed. */
function constantAt(back: u32): Constant | null {
  return isStraight(back) ? pushedAt(codeLength() - back * INSTRUCTION) : null;
}

/** The constant that the instruction pushes; null when it pushes none. */
function pushedAt(offset: u32): Constant | null {
  return operationAt(offset) == Op.Const ? changetype<Constant>(operandAt(offset) as usize) : null;
}

/**
 * Writes an operator over `count` arguments that were compiled from `start` on, in the cheapest form.
 * @param operand what a plain instruction has: the number of arguments, or SPREAD
 * @param third where the third argument begins, if there is one
 * @returns what it always comes to; null when that is not known before a request
 */
export function emitOperator(op: Op, operand: u32, count: u32, start: u32, third: u32): Constant | null {
  const spread = operand != count;
  const constant = codeLength() == start + count * INSTRUCTION && areConstant(start);
  if (!spread && !constant && op == Op.In && count == 2 && emitSet()) return null;
  if (!spread && !constant && op == Op.SemVer && count == 3 && emitComparison(start, third)) return null;
  emit(op, operand, 1 - (count as i32));
  // What depends on the request, or on the flag, stays.
  if (constant && op != Op.Missing && op != Op.MissingSome && op != Op.Fractional) return fold(start, count);
  return null;
}

function areConstant(start: u32): bool {
  for (let at = start; at < codeLength(); at += INSTRUCTION) {
    if (operationAt(at) != Op.Const) return false;
  }
  return true;
}

/**
 * Work for constants may take so many steps for a whole policy, each operator a few: what is
 * beyond is done when the rule runs.
 */
const MOST_FOLDING: u32 = 1 << 18;
const FOLDING: u32 = 16;
let folding: u32 = 0;

/** Before the first rule of a policy. */
export function beginFolding(): void {
  folding = 0;
}

/** Runs the instructions from `start` on; the value that comes of them takes their place, and is returned. */
function fold(start: u32, count: u32): Constant | null {
  if (folding >= MOST_FOLDING) return null;
  const stack = takeRun<Value>(build.reading, count + 2);
  const own = record<Constant>();
  if (stack.isNone || !own) return null;
  const end = codeLength();
  emit(Op.Return, 0, 0);
  beginWork(MOST_FOLDING - folding);
  const error = run(codeAddress(start), stack.at(0));
  rewind(end, 0);
  folding += FOLDING + workDone();
  const result = stack.at(0);
  // What fails, fails when the rule runs.
  if (error != RuleError.None) return null;
  copyValue(own, result);
  // What operators make is scratch. A list's items are not: each is a constant, or an item of one.
  if (result.tag == Tag.Text) {
    setText(own, keep(build.plan.arena, result.bits));
  } else if (result.tag == Tag.Array) {
    const items = records<Value>(result.count);
    if (items.isNone) return null;
    items.copy(0, result.items, result.count);
    setArray(own, items, result.count);
  }
  rewind(start, 1);
  emit(Op.Const, changetype<usize>(own) as u32, 1);
  return own;
}

/** `in` a long constant list of strings. @returns false when the list is something else */
function emitSet(): bool {
  const list = constantAt(1);
  if (!list || list.tag != Tag.Array || list.count < SMALL_LIST) return false;
  if (!list.set && !list.hasNoSet) {
    list.set = setOf(list);
    list.hasNoSet = !list.set;
  }
  if (list.hasNoSet) return false;
  rewind(codeLength() - INSTRUCTION, 1);
  emit(Op.InSet, changetype<usize>(list.set) as u32, 0);
  return true;
}

/** The list's texts; null when it holds anything else, or without memory. */
function setOf(list: Value): Table | null {
  for (let i: u32 = 0; i < list.count; i++) {
    if (list.items.at(i).tag != Tag.Text) return null;
  }
  const set = record<Table>();
  if (!set) return null;
  for (let i: u32 = 0; i < list.count; i++) {
    const text = list.items.at(i).bits;
    if (find(set, text) == ABSENT && !insert(build.plan.arena, set, text, 0)) return null;
  }
  measureRows(set);
  return set;
}

/** `sem_ver` with a constant operator and a constant version on either side. @returns false when it has none */
function emitComparison(start: u32, third: u32): bool {
  const version = constantAt(1);
  if (version) {
    const right = comparisonOf(constantAt(2), version);
    if (!right) return false;
    rewind(codeLength() - 2 * INSTRUCTION, 2);
    emit(Op.SemVerWith, changetype<usize>(right) as u32, 0);
    return true;
  }
  if (third != start + 2 * INSTRUCTION) return false;
  const left = comparisonOf(pushedAt(start + INSTRUCTION), pushedAt(start));
  if (!left) return false;
  emit(Op.SemVerAfter, changetype<usize>(left) as u32, -2);
  return true;
}

/**
 * The comparison that is prepared once; null when the operator or the version is not a constant string, or not valid.
 */
function comparisonOf(operator: Value | null, version: Value | null): Comparison | null {
  if (!operator || !version) return null;
  if (operator.tag != Tag.Text || version.tag != Tag.Text || lengthOf(version.bits) == 0) return null;
  const comparison = record<Comparison>();
  if (!comparison || !prepareComparison(comparison, operator.bits, version.bits)) return null;
  return comparison;
}
