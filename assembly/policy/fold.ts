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
  OP_SEM_VER_WITH,
} from "../core/logic/opcodes";
import { Comparison, COMPARISON_BYTES, prepareComparison } from "../core/logic/sem-ver";
import { copyValue, itemOf, setText, TAG_ARRAY, TAG_TEXT, Value, VALUE_BYTES } from "../core/logic/value";
import { plan, reading } from "./build";
import { codeAddress, codeLength, emit, isStraight, operandAt, operationAt, rewind } from "./code";

/** A list of fewer texts is gone through faster than a set is asked. */
const SMALL_LIST: u32 = 8;

/** The constant that is argument `back` from the end; address 0 when that has to be computed. */
function constantAt(back: u32): Value {
  if (!isStraight(back)) return changetype<Value>(0);
  const offset = codeLength - back * INSTRUCTION;
  return changetype<Value>(operationAt(offset) == OP_CONST ? (operandAt(offset) as usize) : 0);
}

/**
 * Writes an operator over `count` arguments that were compiled from `start` on, in the cheapest form.
 * @param operand what a plain instruction has: the number of arguments, or SPREAD
 */
export function emitOperator(op: u32, operand: u32, count: u32, start: u32): void {
  const spread = operand != count;
  if (!spread && op == OP_IN && count == 2 && emitSet()) return;
  if (!spread && op == OP_SEM_VER && count == 3 && emitComparison()) return;
  const constant = codeLength == start + count * INSTRUCTION && areConstant(start);
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

/** Runs the instructions from `start` on; a single value that comes of them takes their place. */
function fold(start: u32, count: u32): void {
  const stack = take(reading, (count + 2) * VALUE_BYTES);
  const own = take(plan.arena, VALUE_BYTES);
  if (stack == 0 || own == 0) return;
  const end = codeLength;
  emit(OP_RETURN, 0, 0);
  const error = run(codeAddress(start), stack);
  rewind(end, 0);
  const result = changetype<Value>(stack);
  // What fails, fails when the rule runs; a list would have to be copied whole.
  if (error != ERROR_NONE || result.tag >= TAG_ARRAY) return;
  copyValue(changetype<Value>(own), result);
  if (result.tag == TAG_TEXT) setText(changetype<Value>(own), keep(plan.arena, result.bits));
  rewind(start, 1);
  emit(OP_CONST, own as u32, 1);
}

/** `in` a long constant list of texts. @returns false when it is none */
function emitSet(): bool {
  const list = constantAt(1);
  if (changetype<usize>(list) == 0 || list.tag != TAG_ARRAY || list.count < SMALL_LIST) return false;
  for (let i: u32 = 0; i < list.count; i++) {
    if (itemOf(list, i).tag != TAG_TEXT) return false;
  }
  const set: Table = newTable(plan.arena);
  if (changetype<usize>(set) == 0) return false;
  for (let i: u32 = 0; i < list.count; i++) {
    const text = itemOf(list, i).bits;
    if (find(set, text) == ABSENT && !insert(plan.arena, set, text, 0)) return false;
  }
  rewind(codeLength - INSTRUCTION, 1);
  emit(OP_IN_SET, changetype<usize>(set) as u32, 0);
  return true;
}

/** `sem_ver` with a constant operator and version. @returns false when it has none */
function emitComparison(): bool {
  const operator = constantAt(2);
  const version = constantAt(1);
  if (changetype<usize>(operator) == 0 || changetype<usize>(version) == 0) return false;
  if (operator.tag != TAG_TEXT || version.tag != TAG_TEXT || lengthOf(version.bits) == 0) return false;
  const address = take(plan.arena, COMPARISON_BYTES);
  if (address == 0) return false;
  if (!prepareComparison(changetype<Comparison>(address), operator.bits, version.bits)) return false;
  rewind(codeLength - 2 * INSTRUCTION, 2);
  emit(OP_SEM_VER_WITH, address as u32, 0);
  return true;
}
