// Work that is done once, when the policy is loaded: operators over constants become their result, long lists of texts
// sets, versions that stand in the policy are read.

import { keep, take } from "../bytes/arena";
import { lengthOf } from "../bytes/slice";
import { ABSENT, find, insert, newTable, Table } from "../bytes/table";
import { run } from "../core/logic/machine";
import {
  ERROR_NONE,
  INSTRUCTION,
  OP_CONST,
  OP_FRACTIONAL,
  OP_IN,
  OP_IN_SET,
  OP_MISSING,
  OP_MISSING_SOME,
  OP_RETURN,
  OP_SEM_VER,
  OP_SEM_VER_AFTER,
  OP_SEM_VER_WITH,
} from "../core/logic/opcodes";
import { workDone } from "../core/logic/work";
import { Comparison, COMPARISON_BYTES, prepareComparison } from "../core/logic/sem-ver";
import {
  copyValue,
  itemOf,
  setArray,
  setText,
  TAG_ARRAY,
  TAG_TEXT,
  Value,
  VALUE_BYTES,
} from "../core/logic/value";
import { plan, reading } from "./build";
import { Constant, CONSTANT_BYTES, NO_SET } from "./constants";
import { codeAddress, codeLength, emit, isStraight, operandAt, operationAt, rewind } from "./code";

/** A list of fewer texts is gone through faster than a set is asked. */
const SMALL_LIST: u32 = 8;

/** The constant that is argument `back` from the end; address 0 when that has to be computed. */
function constantAt(back: u32): Value {
  return isStraight(back) ? pushedAt(codeLength - back * INSTRUCTION) : changetype<Value>(0);
}

/** The constant that the instruction pushes; address 0 when it pushes none. */
function pushedAt(offset: u32): Value {
  return changetype<Value>(operationAt(offset) == OP_CONST ? (operandAt(offset) as usize) : 0);
}

/**
 * Writes an operator over `count` arguments that were compiled from `start` on, in the cheapest form.
 * @param operand what a plain instruction has: the number of arguments, or SPREAD
 * @param third where the third argument begins, if there is one
 */
export function emitOperator(op: u32, operand: u32, count: u32, start: u32, third: u32): void {
  const spread = operand != count;
  const constant = codeLength == start + count * INSTRUCTION && areConstant(start);
  if (!spread && !constant && op == OP_IN && count == 2 && emitSet()) return;
  if (!spread && !constant && op == OP_SEM_VER && count == 3 && emitComparison(start, third)) return;
  emit(op, operand, 1 - (count as i32));
  // What depends on the request, or on the flag, stays.
  if (constant && op != OP_MISSING && op != OP_MISSING_SOME && op != OP_FRACTIONAL) fold(start, count);
}

function areConstant(start: u32): bool {
  for (let at = start; at < codeLength; at += INSTRUCTION) {
    if (operationAt(at) != OP_CONST) return false;
  }
  return true;
}

/**
 * Work for constants may take so many steps for a whole policy (and as many times 64 bytes), each operator a few: what is
 * beyond is done when the rule runs.
 */
const MOST_FOLDING: u32 = 1 << 18;
const FOLDING: u32 = 16;
let folding: u32 = 0;

/** Before the first rule of a policy. */
export function beginFolding(): void {
  folding = 0;
}

/** Runs the instructions from `start` on; the value that comes of them takes their place. */
function fold(start: u32, count: u32): void {
  if (folding > MOST_FOLDING) return;
  const stack = take(reading, (count + 2) * VALUE_BYTES);
  const own = take(plan.arena, CONSTANT_BYTES);
  if (stack == 0 || own == 0) return;
  const end = codeLength;
  emit(OP_RETURN, 0, 0);
  const error = run(codeAddress(start), stack);
  rewind(end, 0);
  folding += FOLDING + workDone();
  const result = changetype<Value>(stack);
  // What fails, fails when the rule runs.
  if (error != ERROR_NONE) return;
  copyValue(changetype<Value>(own), result);
  // What operators make is scratch. A list's items are not: each is a constant, or an item of one.
  if (result.tag == TAG_TEXT) {
    setText(changetype<Value>(own), keep(plan.arena, result.bits));
  } else if (result.tag == TAG_ARRAY) {
    const items = take(plan.arena, result.count * VALUE_BYTES);
    if (items == 0) return;
    memory.copy(items, result.bits as usize, result.count * VALUE_BYTES);
    setArray(changetype<Value>(own), items, result.count);
  }
  rewind(start, 1);
  emit(OP_CONST, own as u32, 1);
}

/** `in` a long constant list of texts. @returns false when it is none */
function emitSet(): bool {
  const list = constantAt(1);
  if (changetype<usize>(list) == 0 || list.tag != TAG_ARRAY || list.count < SMALL_LIST) return false;
  const constant = changetype<Constant>(changetype<usize>(list));
  if (constant.set == 0) constant.set = setOf(list);
  if (constant.set == NO_SET) return false;
  rewind(codeLength - INSTRUCTION, 1);
  emit(OP_IN_SET, constant.set, 0);
  return true;
}

/** The address of a Table of the list's texts; NO_SET when it holds anything else, or without memory. */
function setOf(list: Value): u32 {
  for (let i: u32 = 0; i < list.count; i++) {
    if (itemOf(list, i).tag != TAG_TEXT) return NO_SET;
  }
  const set: Table = newTable(plan.arena);
  if (changetype<usize>(set) == 0) return NO_SET;
  for (let i: u32 = 0; i < list.count; i++) {
    const text = itemOf(list, i).bits;
    if (find(set, text) == ABSENT && !insert(plan.arena, set, text, 0)) return NO_SET;
  }
  return changetype<usize>(set) as u32;
}

/** `sem_ver` with a constant operator and a constant version on either side. @returns false when it has none */
function emitComparison(start: u32, third: u32): bool {
  const version = constantAt(1);
  if (changetype<usize>(version) != 0) {
    const right = comparisonOf(constantAt(2), version);
    if (right == 0) return false;
    rewind(codeLength - 2 * INSTRUCTION, 2);
    emit(OP_SEM_VER_WITH, right, 0);
    return true;
  }
  if (third != start + 2 * INSTRUCTION) return false;
  const left = comparisonOf(pushedAt(start + INSTRUCTION), pushedAt(start));
  if (left == 0) return false;
  emit(OP_SEM_VER_AFTER, left, -2);
  return true;
}

/** The address of a Comparison; 0 when the operator or the version is no constant text, or is none. */
function comparisonOf(operator: Value, version: Value): u32 {
  if (changetype<usize>(operator) == 0 || changetype<usize>(version) == 0) return 0;
  if (operator.tag != TAG_TEXT || version.tag != TAG_TEXT || lengthOf(version.bits) == 0) return 0;
  const address = take(plan.arena, COMPARISON_BYTES);
  if (address == 0) return 0;
  return prepareComparison(changetype<Comparison>(address), operator.bits, version.bits)
    ? (address as u32)
    : 0;
}
