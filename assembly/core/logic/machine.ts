// Runs compiled rules: a loop over flat instructions, a stack of values, a stack of iterators. No recursion, and what
// operators make (lists, texts) lives in scratch memory until the callback ends.

import { fixed, Run, scratchRun } from "../../bytes/records";
import { NONE, Slice } from "../../bytes/slice";
import { isEqual, isLess, isLessOrEqual } from "./coercion";
import { arithmetic, concatenate, extreme, isIn, merge } from "./operators";
import { missing, missingSome } from "./missing";
import {
  ERROR_GENERAL,
  ERROR_NONE,
  INSTRUCTION,
  OP_ARRAY,
  OP_CALL,
  OP_CAT,
  OP_CONST,
  OP_ENDS_WITH,
  OP_EQ,
  OP_FAIL,
  OP_FRACTIONAL,
  OP_GE,
  OP_GT,
  OP_IN,
  OP_IN_SET,
  OP_JUMP,
  OP_JUMP_FALSY_KEEP,
  OP_JUMP_IF_FALSY,
  OP_JUMP_NOT_NULL_KEEP,
  OP_JUMP_TRUTHY_KEEP,
  OP_LE,
  OP_LT,
  OP_MAX,
  OP_MERGE,
  OP_MIN,
  OP_MISSING,
  OP_MISSING_SOME,
  OP_NE,
  OP_NEXT,
  OP_NOT,
  OP_NOT_SAME,
  OP_POP,
  OP_REDUCE,
  OP_RETURN,
  OP_SAME,
  OP_SEM_VER,
  OP_SEM_VER_AFTER,
  OP_SEM_VER_WITH,
  OP_STARTS_WITH,
  OP_SUBSTR,
  OP_TRUTHY,
  OP_VAR,
  OP_VAR_OF,
  SPREAD,
} from "./opcodes";
import { isTraced, traceCondition, traceVariable } from "./trace";
import { fractional } from "./fractional";
import { ABSENT, find, Table } from "../../bytes/table";
import { Comparison, semVer, semVerWith } from "./sem-ver";
import { substring } from "./substring";
import { beginWork, isSpent, spend } from "./work";
import { endsWith, startsWith } from "./text-operators";
import {
  copyValue,
  isSame,
  isTruthy,
  setArray,
  setBoolean,
  TAG_ARRAY,
  TAG_NULL,
  TAG_TEXT,
  Value,
} from "./value";
import { Variable } from "./variable";
import { readVariable } from "./variables";
import {
  accumulatorAt,
  begin,
  finish,
  iteratorAt,
  MOST_ITERATORS,
  readScoped,
  readScopedPath,
  takeItem,
} from "./iterators";

/** A shared rule names no other (policy/compile-rule.ts), so one is enough; the rest is there for the day it may. */
const MOST_CALLS: u32 = 8;
const calls: Run<usize> = changetype<Run<usize>>(memory.data(sizeof<usize>() * 8, 8));
const result: Value = fixed<Value>();

/** For `fractional`: set by whoever evaluates. */
let flagKey: Slice = NONE;
let generation: u32 = 2;
let targetingKey: Variable = changetype<Variable>(0);
const targetingKeyValue: Value = fixed<Value>();

/** What `fractional` buckets by: the flag's key, flagd's generation, and the variable that is the targeting key. */
export function setFractional(key: Slice, ofGeneration: u32, targeting: Variable): void {
  flagKey = key;
  generation = ofGeneration;
  targetingKey = targeting;
}

/**
 * Runs a program over a stack that has the room that its rule needs.
 * @returns ERROR_NONE with the result at `stack`, or why there is none
 */
export function run(program: usize, stack: Value): u32 {
  let pc = program;
  let top = stack;
  let open: u32 = 0;
  let depth: u32 = 0;
  // Iterators inside iterators would have no other end.
  for (beginWork(); !isSpent(); spend(1)) {
    const op = load<u32>(pc);
    const operand = load<u32>(pc, 4);
    pc += INSTRUCTION;
    if (op >= OP_ARRAY && op < OP_IN_SET) {
      let count = operand;
      let args = top.before(operand).run;
      let taken = operand;
      if (operand == SPREAD) {
        const only = top.before(1);
        taken = 1;
        const isList = only.tag == TAG_ARRAY;
        count = isList ? only.count : 1;
        args = isList ? only.items : only.run;
      }
      const error = apply(op, args, count, open);
      if (error != ERROR_NONE) return error;
      top = top.before(taken);
      copyValue(top, result);
      top = top.after(1);
      continue;
    }
    const last = top.before(1);
    switch (op) {
      case OP_CONST:
        copyValue(top, changetype<Value>(operand));
        top = top.after(1);
        break;
      case OP_VAR:
        readScoped(top, changetype<Variable>(operand), open);
        if (isTraced()) traceVariable(changetype<Variable>(operand), top);
        top = top.after(1);
        break;
      case OP_VAR_OF:
        readScopedPath(last, open);
        break;
      case OP_POP:
        top = top.before(1);
        break;
      case OP_JUMP:
        pc = operand;
        break;
      case OP_JUMP_IF_FALSY:
        top = top.before(1);
        if (isTraced()) traceCondition(pc - INSTRUCTION, isTruthy(last));
        if (!isTruthy(last)) pc = operand;
        break;
      case OP_JUMP_FALSY_KEEP:
        if (!isTruthy(last)) pc = operand;
        break;
      case OP_JUMP_TRUTHY_KEEP:
        if (isTruthy(last)) pc = operand;
        break;
      case OP_JUMP_NOT_NULL_KEEP:
        if (last.tag != TAG_NULL) pc = operand;
        break;
      case OP_CALL:
        if (depth == MOST_CALLS) return ERROR_GENERAL;
        calls.set(depth, pc);
        depth++;
        pc = operand;
        break;
      case OP_RETURN:
        if (depth == 0) return ERROR_NONE;
        depth--;
        pc = calls.at(depth);
        break;
      case OP_IN_SET: {
        const found = last.tag == TAG_TEXT && find(changetype<Table>(operand), last.bits) != ABSENT;
        setBoolean(last, found);
        break;
      }
      case OP_SEM_VER_WITH:
        semVerWith(result, last, changetype<Comparison>(operand), false);
        copyValue(last, result);
        break;
      case OP_SEM_VER_AFTER:
        semVerWith(result, last, changetype<Comparison>(operand), true);
        // The version and the operator stand below.
        top = top.before(2);
        copyValue(top.before(1), result);
        break;
      case OP_FAIL:
        return operand;
      case OP_NEXT: {
        const iterator = iteratorAt(open - 1);
        top = top.before(1);
        if (!takeItem(iterator, open - 1, top)) {
          pc = operand;
        } else {
          finish(iterator, open - 1, top);
          pc = iterator.end;
          open--;
          top = top.after(1);
        }
        break;
      }
      default: {
        // An iterator begins: its list gives way to its result.
        if (op == OP_REDUCE) top = top.before(1);
        if (open == MOST_ITERATORS) return ERROR_GENERAL;
        if (!begin(open, op, top.before(1), operand)) return ERROR_GENERAL;
        const iterator = iteratorAt(open);
        if (op == OP_REDUCE) copyValue(accumulatorAt(open), top);
        top = top.before(1);
        if (iterator.count == 0) {
          finish(iterator, open, top);
          pc = operand;
          top = top.after(1);
        } else {
          open++;
        }
      }
    }
  }
  return ERROR_GENERAL;
}

/** Applies an operator to `count` values from `args` into `result`. @returns ERROR_* */
function apply(op: u32, args: Run<Value>, count: u32, open: u32): u32 {
  const a = args.at(0);
  const b = args.at(1);
  switch (op) {
    case OP_ARRAY: {
      const items = scratchRun<Value>(count);
      if (items.isNone) return ERROR_GENERAL;
      items.copy(0, args, count);
      setArray(result, items, count);
      return ERROR_NONE;
    }
    case OP_EQ:
    case OP_NE:
      setBoolean(result, isEqual(orNull(args, count, 0), orNull(args, count, 1)) == (op == OP_EQ));
      return ERROR_NONE;
    case OP_SAME:
    case OP_NOT_SAME:
      setBoolean(result, isSame(orNull(args, count, 0), orNull(args, count, 1)) == (op == OP_SAME));
      return ERROR_NONE;
    case OP_GT:
      setBoolean(result, count >= 2 && isLess(b, a));
      return ERROR_NONE;
    case OP_GE:
      setBoolean(result, count >= 2 && isLessOrEqual(b, a));
      return ERROR_NONE;
    case OP_LT:
      setBoolean(result, count >= 2 && isLess(a, b) && (count == 2 || isLess(b, args.at(2))));
      return ERROR_NONE;
    case OP_LE:
      setBoolean(result, count >= 2 && isLessOrEqual(a, b) && (count == 2 || isLessOrEqual(b, args.at(2))));
      return ERROR_NONE;
    case OP_NOT:
    case OP_TRUTHY:
      setBoolean(result, (count != 0 && isTruthy(a)) == (op == OP_TRUTHY));
      return ERROR_NONE;
    case OP_MAX:
    case OP_MIN:
      return extreme(result, op == OP_MAX, args, count);
    case OP_MERGE:
      return merge(result, args, count);
    case OP_CAT:
      return concatenate(result, args, count);
    case OP_IN:
      setBoolean(result, count >= 2 && isIn(a, b));
      return ERROR_NONE;
    case OP_MISSING:
      return missing(result, args, count, open);
    case OP_MISSING_SOME:
      return missingSome(result, args, count, open);
    case OP_STARTS_WITH:
      startsWith(result, args, count);
      return ERROR_NONE;
    case OP_ENDS_WITH:
      endsWith(result, args, count);
      return ERROR_NONE;
    case OP_SUBSTR:
      return substring(result, args, count);
    case OP_SEM_VER:
      semVer(result, args, count);
      return ERROR_NONE;
    case OP_FRACTIONAL:
      readVariable(targetingKeyValue, targetingKey);
      fractional(result, args, count, flagKey, targetingKeyValue, generation);
      return ERROR_NONE;
    default:
      return arithmetic(result, op, args, count);
  }
}

const nothing: Value = fixed<Value>();

/** An argument, null when there are not so many. */
function orNull(args: Run<Value>, count: u32, index: u32): Value {
  return index < count ? args.at(index) : nothing;
}
