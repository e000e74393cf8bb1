// Runs compiled rules: a loop over flat instructions, a stack of values, a stack of iterators. No recursion, and what
// operators make (lists, texts) lives in scratch memory until the callback ends.

import { fixed, Run, scratchRun } from "../../bytes/records";
import { lengthOf, NONE, Slice } from "../../bytes/slice";
import { isEqual, isLess, isLessOrEqual } from "./coercion";
import { arithmetic, concatenate, extreme, isIn, merge } from "./operators";
import { missing, missingSome } from "./missing";
import { INSTRUCTION, Op, RuleError, SPREAD } from "./opcodes";
import { isTraced, traceCondition, traceValue } from "./trace";
import { fractional } from "./fractional";
import { ABSENT, find, mayHold, Table } from "../../bytes/table";
import { Comparison, semVer, semVerWith } from "./sem-ver";
import { substring } from "./substring";
import { isSpent, spend, spendBytes, spendItems } from "./work";
import { endsWith, startsWith } from "./text-operators";
import { copyValue, isSame, isTruthy, setArray, setBoolean, Tag, Value } from "./value";
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

/** For `fractional`; set before an evaluation. */
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
 * @returns RuleError.None with the result at `stack`, or why there is none: RuleError.Work once the request's is spent
 */
export function run(program: usize, stack: Value): RuleError {
  let pc = program;
  let top = stack;
  let open: u32 = 0;
  let depth: u32 = 0;
  // Iterators inside iterators would have no other end.
  for (spend(RULE_STEPS); !isSpent(); spend(1)) {
    const op: Op = load<u32>(pc);
    const operand = load<u32>(pc, 4);
    pc += INSTRUCTION;
    if (op >= Op.Array && op < Op.InSet) {
      // Its arguments are gathered, its result is copied.
      spend(1);
      let count = operand;
      let args = top.before(operand).run;
      let taken = operand;
      if (operand == SPREAD) {
        const only = top.before(1);
        taken = 1;
        const isList = only.tag == Tag.Array;
        count = isList ? only.count : 1;
        args = isList ? only.items : only.run;
      }
      const error = apply(op, args, count, open);
      if (error != RuleError.None) return isSpent() ? RuleError.Work : error;
      top = top.before(taken);
      copyValue(top, result);
      top = top.after(1);
      continue;
    }
    const last = top.before(1);
    switch (op) {
      case Op.Const:
        copyValue(top, changetype<Value>(operand));
        top = top.after(1);
        break;
      case Op.Var:
        readScoped(top, changetype<Variable>(operand), open);
        if (isTraced()) traceValue(changetype<Variable>(operand).path, top);
        top = top.after(1);
        break;
      case Op.VarOf:
        readScopedPath(last, open);
        break;
      case Op.Pop:
        top = top.before(1);
        break;
      case Op.Jump:
        pc = operand;
        break;
      case Op.JumpIfFalsy:
        top = top.before(1);
        if (isTraced()) traceCondition(pc - INSTRUCTION, isTruthy(last));
        if (!isTruthy(last)) pc = operand;
        break;
      case Op.JumpFalsyKeep:
        if (!isTruthy(last)) pc = operand;
        break;
      case Op.JumpTruthyKeep:
        if (isTruthy(last)) pc = operand;
        break;
      case Op.JumpNotNullKeep:
        if (last.tag != Tag.Null) pc = operand;
        break;
      case Op.Call:
        if (depth == MOST_CALLS) return RuleError.General;
        calls.set(depth, pc);
        depth++;
        pc = operand;
        break;
      case Op.Return:
        if (depth == 0) return RuleError.None;
        depth--;
        pc = calls.at(depth);
        break;
      case Op.InSet: {
        setBoolean(last, last.tag == Tag.Text && isInSet(changetype<Table>(operand), last.bits));
        break;
      }
      case Op.SemVerWith:
        semVerWith(result, last, changetype<Comparison>(operand), false);
        copyValue(last, result);
        break;
      case Op.SemVerAfter:
        semVerWith(result, last, changetype<Comparison>(operand), true);
        // The version and the operator are below it on the stack.
        top = top.before(2);
        copyValue(top.before(1), result);
        break;
      case Op.Fail:
        return operand;
      case Op.Next: {
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
        if (op == Op.Reduce) top = top.before(1);
        if (open == MOST_ITERATORS) return RuleError.General;
        if (!begin(open, op, top.before(1), operand)) return RuleError.General;
        const iterator = iteratorAt(open);
        if (op == Op.Reduce) copyValue(accumulatorAt(open), top);
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
  return RuleError.Work;
}

/** What it takes to begin a rule. */
const RULE_STEPS: u32 = 4;

function isInSet(set: Table, text: Slice): bool {
  if (!mayHold(set, lengthOf(text))) return false;
  spendBytes(lengthOf(text));
  spend(set.longestRow >> 3);
  return !isSpent() && find(set, text) != ABSENT;
}

/** Applies an operator to `count` values from `args` into `result`. @returns RuleError */
function apply(op: Op, args: Run<Value>, count: u32, open: u32): RuleError {
  const a = args.at(0);
  const b = args.at(1);
  switch (op) {
    case Op.Array: {
      spendItems(count);
      const items = scratchRun<Value>(count);
      if (items.isNone) return RuleError.General;
      items.copy(0, args, count);
      setArray(result, items, count);
      return RuleError.None;
    }
    case Op.Eq:
    case Op.Ne:
      setBoolean(result, isEqual(orNull(args, count, 0), orNull(args, count, 1)) == (op == Op.Eq));
      return RuleError.None;
    case Op.Same:
    case Op.NotSame:
      setBoolean(result, isSame(orNull(args, count, 0), orNull(args, count, 1)) == (op == Op.Same));
      return RuleError.None;
    case Op.Gt:
      setBoolean(result, count >= 2 && isLess(b, a));
      return RuleError.None;
    case Op.Ge:
      setBoolean(result, count >= 2 && isLessOrEqual(b, a));
      return RuleError.None;
    case Op.Lt:
      setBoolean(result, count >= 2 && isLess(a, b) && (count == 2 || isLess(b, args.at(2))));
      return RuleError.None;
    case Op.Le:
      setBoolean(result, count >= 2 && isLessOrEqual(a, b) && (count == 2 || isLessOrEqual(b, args.at(2))));
      return RuleError.None;
    case Op.Not:
    case Op.Truthy:
      setBoolean(result, (count != 0 && isTruthy(a)) == (op == Op.Truthy));
      return RuleError.None;
    case Op.Max:
    case Op.Min:
      return extreme(result, op == Op.Max, args, count);
    case Op.Merge:
      return merge(result, args, count);
    case Op.Cat:
      return concatenate(result, args, count);
    case Op.In:
      setBoolean(result, count >= 2 && isIn(a, b));
      return RuleError.None;
    case Op.Missing:
      return missing(result, args, count, open);
    case Op.MissingSome:
      return missingSome(result, args, count, open);
    case Op.StartsWith:
      startsWith(result, args, count);
      return RuleError.None;
    case Op.EndsWith:
      endsWith(result, args, count);
      return RuleError.None;
    case Op.Substr:
      return substring(result, args, count);
    case Op.SemVer:
      semVer(result, args, count);
      return RuleError.None;
    case Op.Fractional:
      readVariable(targetingKeyValue, targetingKey);
      fractional(result, args, count, flagKey, targetingKeyValue, generation);
      return RuleError.None;
    default:
      return arithmetic(result, op, args, count);
  }
}

const nothing: Value = fixed<Value>();

/** An argument, null when there are not so many. */
function orNull(args: Run<Value>, count: u32, index: u32): Value {
  return index < count ? args.at(index) : nothing;
}
