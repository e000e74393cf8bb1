// Arithmetic, texts and lists.

import { fixed, Run, scratchRun } from "../../bytes/records";
import { lengthOf } from "../../bytes/slice";
import { beginText, put, putSlice, textOf, Writer } from "../../bytes/writer";
import { putNumberText } from "../../bytes/number-text";
import { toNumber } from "./coercion";
import { ERROR_GENERAL, ERROR_NONE, OP_ADD, OP_DIV, OP_MOD, OP_MUL, OP_SUB } from "./opcodes";
import { contains } from "./text-operators";
import {
  copyValue,
  isSame,
  numberOf,
  setArray,
  setNull,
  setNumber,
  setText,
  TAG_ARRAY,
  TAG_FALSE,
  TAG_NULL,
  TAG_NUMBER,
  TAG_OBJECT,
  TAG_TEXT,
  TAG_TRUE,
  Value,
} from "./value";
import { isSpent, spend, spendBytes, spendItems } from "./work";

// @ts-ignore: decorator
@inline
function isFinite(number: f64): bool {
  return number - number == 0;
}

/** `+ - * / %`; one argument: `+` casts, `-` negates. Fails on what is no number and on a division by zero. */
export function arithmetic(result: Value, op: u32, args: Run<Value>, count: u32): u32 {
  if (count == 0) {
    if (op != OP_ADD && op != OP_MUL) return ERROR_GENERAL;
    setNumber(result, op == OP_ADD ? 0 : 1);
    return ERROR_NONE;
  }
  spendItems(count);
  let number = toNumber(args.at(0));
  if (count == 1 && op == OP_SUB) number = -number;
  for (let i: u32 = 1; i < count; i++) {
    const next = toNumber(args.at(i));
    if (op == OP_ADD) number += next;
    else if (op == OP_SUB) number -= next;
    else if (op == OP_MUL) number *= next;
    else if (next == 0) return ERROR_GENERAL;
    else if (op == OP_DIV) number /= next;
    else if (op == OP_MOD) {
      // Bit by bit where the two are far from one another.
      spend(REMAINDER_STEPS);
      number %= next;
    }
  }
  if (!isFinite(number)) return ERROR_GENERAL;
  setNumber(result, number);
  return ERROR_NONE;
}

/** What the slowest remainder and the slowest number's text cost. */
const REMAINDER_STEPS: u32 = 24;
const NUMBER_TEXT_STEPS: u32 = 64;

/** `max` and `min`, of numbers alone. */
export function extreme(result: Value, isMax: bool, args: Run<Value>, count: u32): u32 {
  if (count == 0) {
    setNull(result);
    return ERROR_NONE;
  }
  spendItems(count);
  for (let i: u32 = 0; i < count; i++) {
    const value = args.at(i);
    if (value.tag != TAG_NUMBER) return ERROR_GENERAL;
    if (i == 0 || (isMax ? numberOf(value) > numberOf(result) : numberOf(value) < numberOf(result))) {
      copyValue(result, value);
    }
  }
  return ERROR_NONE;
}

/** `merge`: the arguments in one list, arrays among them one level flatter. */
export function merge(result: Value, args: Run<Value>, count: u32): u32 {
  let total: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const value = args.at(i);
    total += value.tag == TAG_ARRAY ? value.count : 1;
  }
  spendItems(total);
  const items = scratchRun<Value>(total);
  if (items.isNone) return ERROR_GENERAL;
  let to: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const value = args.at(i);
    if (value.tag == TAG_ARRAY) {
      items.copy(to, value.items, value.count);
      to += value.count;
    } else {
      copyValue(items.at(to), value);
      to++;
    }
  }
  setArray(result, items, total);
  return ERROR_NONE;
}

const text: Writer = fixed<Writer>();

/** `cat`: texts and numbers one after another; null is nothing, an array its items. Objects fail. */
export function concatenate(result: Value, args: Run<Value>, count: u32): u32 {
  beginText(text);
  for (let i: u32 = 0; i < count; i++) {
    const value = args.at(i);
    if (isSpent()) return ERROR_GENERAL;
    if (value.tag == TAG_ARRAY) {
      spendItems(value.count);
      for (let j: u32 = 0; j < value.count && !isSpent(); j++) {
        if (j != 0) put(text, ",");
        if (!putPlain(value.items.at(j))) return ERROR_GENERAL;
      }
    } else if (!putPlain(value)) {
      return ERROR_GENERAL;
    }
  }
  if (text.full) return ERROR_GENERAL;
  spendBytes(lengthOf(textOf(text)));
  setText(result, textOf(text));
  return ERROR_NONE;
}

function putPlain(value: Value): bool {
  const tag = value.tag;
  if (tag == TAG_TEXT) putSlice(text, value.bits);
  else if (tag == TAG_NUMBER) {
    spend(NUMBER_TEXT_STEPS);
    putNumberText(text, numberOf(value));
  } else if (tag == TAG_TRUE) put(text, "true");
  else if (tag == TAG_FALSE) put(text, "false");
  return tag != TAG_ARRAY && tag != TAG_OBJECT;
}

/** `in`: a text in a text, a value in a list by type and value. */
export function isIn(needle: Value, haystack: Value): bool {
  if (haystack.tag == TAG_TEXT) {
    if (needle.tag != TAG_TEXT) return false;
    spendBytes(lengthOf(haystack.bits));
    return contains(haystack.bits, needle.bits);
  }
  if (haystack.tag != TAG_ARRAY || needle.tag == TAG_NULL) return false;
  spendItems(haystack.count);
  for (let i: u32 = 0; i < haystack.count && !isSpent(); i++) {
    if (isSame(haystack.items.at(i), needle)) return true;
  }
  return false;
}
