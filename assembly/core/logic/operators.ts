// Arithmetic, texts and lists.

import { fixed, Run, scratchRun } from "../../bytes/records";
import { lengthOf } from "../../bytes/slice";
import { beginText, put, putSlice, textOf, Writer } from "../../bytes/writer";
import { toNumber } from "./coercion";
import { remainder, writeNumber } from "./number-work";
import { Op, RuleError } from "./opcodes";
import { contains } from "./text-operators";
import { copyValue, isSame, numberOf, setArray, setNull, setNumber, setText, Tag, Value } from "./value";
import { isSpent, spend, spendItems, spendWords } from "./work";

// @ts-ignore: decorator
@inline
function isFinite(number: f64): bool {
  return number - number == 0;
}

/**
 * `+ - * / %`; one argument: `+` casts, `-` negates. Fails on a value that is not a number and on a division by zero.
 */
export function arithmetic(result: Value, op: Op, args: Run<Value>, count: u32): RuleError {
  if (count == 0) {
    if (op != Op.Add && op != Op.Mul) return RuleError.General;
    setNumber(result, op == Op.Add ? 0 : 1);
    return RuleError.None;
  }
  spendItems(count);
  let number = toNumber(args.at(0));
  if (count == 1 && op == Op.Sub) number = -number;
  for (let i: u32 = 1; i < count; i++) {
    const next = toNumber(args.at(i));
    if (op == Op.Add) number += next;
    else if (op == Op.Sub) number -= next;
    else if (op == Op.Mul) number *= next;
    else if (next == 0) return RuleError.General;
    else if (op == Op.Div) number /= next;
    else if (op == Op.Mod) number = remainder(number, next);
  }
  if (!isFinite(number)) return RuleError.General;
  setNumber(result, number);
  return RuleError.None;
}

/** `max` and `min`; only of numbers. */
export function extreme(result: Value, isMax: bool, args: Run<Value>, count: u32): RuleError {
  if (count == 0) {
    setNull(result);
    return RuleError.None;
  }
  spendItems(count);
  for (let i: u32 = 0; i < count; i++) {
    const value = args.at(i);
    if (value.tag != Tag.Number) return RuleError.General;
    if (i == 0 || (isMax ? numberOf(value) > numberOf(result) : numberOf(value) < numberOf(result))) {
      copyValue(result, value);
    }
  }
  return RuleError.None;
}

/** `merge`: the arguments in one list, arrays among them one level flatter. */
export function merge(result: Value, args: Run<Value>, count: u32): RuleError {
  let total: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const value = args.at(i);
    total += value.tag == Tag.Array ? value.count : 1;
  }
  spendItems(total + count);
  if (isSpent()) return RuleError.Work;
  const items = scratchRun<Value>(total);
  if (items.isNone) return RuleError.General;
  let to: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const value = args.at(i);
    if (value.tag == Tag.Array) {
      items.copy(to, value.items, value.count);
      to += value.count;
    } else {
      copyValue(items.at(to), value);
      to++;
    }
  }
  setArray(result, items, total);
  return RuleError.None;
}

/** What it takes to begin a text. */
const TEXT_STEPS: u32 = 16;

const text: Writer = fixed<Writer>();

/** `cat`: texts and numbers one after another; null is nothing, an array its items. Objects fail. */
export function concatenate(result: Value, args: Run<Value>, count: u32): RuleError {
  beginText(text);
  // Memory of its own for each text.
  spend(TEXT_STEPS);
  for (let i: u32 = 0; i < count; i++) {
    const value = args.at(i);
    spend(1);
    if (isSpent()) return RuleError.Work;
    if (value.tag == Tag.Array) {
      spendItems(value.count << 1);
      for (let j: u32 = 0; j < value.count && !isSpent(); j++) {
        if (j != 0) put(text, ",");
        if (!putPlain(value.items.at(j))) return RuleError.General;
      }
    } else if (!putPlain(value)) {
      return RuleError.General;
    }
  }
  if (text.full) return RuleError.General;
  setText(result, textOf(text));
  return RuleError.None;
}

function putPlain(value: Value): bool {
  const tag = value.tag;
  if (tag == Tag.Text) {
    // Copied once more for each time that the text outgrows its memory, which nobody has touched yet.
    spendWords(lengthOf(value.bits) << 2);
    putSlice(text, value.bits);
  } else if (tag == Tag.Number) writeNumber(text, numberOf(value));
  else if (tag == Tag.True) put(text, "true");
  else if (tag == Tag.False) put(text, "false");
  return tag != Tag.Array && tag != Tag.Object;
}

/** `in`: a text in a text, a value in a list by type and value. */
export function isIn(needle: Value, haystack: Value): bool {
  if (haystack.tag == Tag.Text) {
    if (needle.tag != Tag.Text) return false;
    return contains(haystack.bits, needle.bits);
  }
  if (haystack.tag != Tag.Array || needle.tag == Tag.Null) return false;
  spendItems(haystack.count);
  for (let i: u32 = 0; i < haystack.count && !isSpent(); i++) {
    if (isSame(haystack.items.at(i), needle)) return true;
  }
  return false;
}
