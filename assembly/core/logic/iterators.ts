// Lists being gone through, one inside the other, and what `var` sees inside of them.

import * as ascii from "../../bytes/ascii";
import { noRun, Run, scratchRun } from "../../bytes/records";
import { addressOf, lengthOf, NONE, Slice, sliceOf, startsWithWord } from "../../bytes/slice";
import { Word } from "../../bytes/word";
import { Op } from "./opcodes";
import { copyValue, isTruthy, setArray, setBoolean, setNull, Tag, Value, valueOnPath } from "./value";
import { Variable } from "./variable";
import { readPath, readVariable } from "./variables";
import { spend, spendBytes } from "./work";

/** One list being gone through. */
@unmanaged
export class Iterator {
  kind: Op;
  index: u32;
  count: u32;
  kept: u32;
  items: Run<Value>;
  /** Results of map and filter. */
  results: Run<Value>;
  /** Where it ends. */
  end: usize;
}

/** Deeper than the policy's nesting, twice: a shared rule may iterate inside of iterators. */
export const MOST_ITERATORS: u32 = 128;
const iterators: Run<Iterator> = changetype<Run<Iterator>>(memory.data(offsetof<Iterator>() * 128, 8));
/** The running accumulator of each `reduce`, beside its iterator. */
const accumulators: Run<Value> = changetype<Run<Value>>(memory.data(offsetof<Value>() * 128, 8));

// @ts-ignore: decorator
@inline
export function iteratorAt(index: u32): Iterator {
  return iterators.at(index);
}

// @ts-ignore: decorator
@inline
export function accumulatorAt(index: u32): Value {
  return accumulators.at(index);
}

/** A list to go through; anything else is read as an empty list. @returns false without memory */
export function begin(index: u32, kind: Op, list: Value, end: u32): bool {
  const iterator = iteratorAt(index);
  iterator.kind = kind;
  iterator.index = 0;
  iterator.kept = 0;
  iterator.count = list.tag == Tag.Array ? list.count : 0;
  iterator.items = list.items;
  iterator.end = end;
  iterator.results = noRun<Value>();
  if ((kind == Op.Map || kind == Op.Filter) && iterator.count != 0) {
    iterator.results = scratchRun<Value>(iterator.count);
    return !iterator.results.isNone;
  }
  return true;
}

/** Takes the body's result of the current item. @returns whether that was the last item that is needed */
export function takeItem(iterator: Iterator, index: u32, value: Value): bool {
  const kind = iterator.kind;
  const item = iterator.items.at(iterator.index);
  iterator.index++;
  if (kind == Op.Reduce) {
    copyValue(accumulatorAt(index), value);
  } else if (kind == Op.Map || kind == Op.Filter) {
    const isMap = kind == Op.Map;
    if (isMap || isTruthy(value)) {
      copyValue(iterator.results.at(iterator.kept), isMap ? value : item);
      iterator.kept++;
    }
  } else {
    const truth = isTruthy(value);
    if (truth) iterator.kept++;
    if (truth != (kind == Op.All)) return true;
  }
  return iterator.index == iterator.count;
}

/** Writes the iterator's result. */
export function finish(iterator: Iterator, index: u32, to: Value): void {
  const kind = iterator.kind;
  if (kind == Op.Reduce) copyValue(to, accumulatorAt(index));
  else if (kind == Op.Map || kind == Op.Filter) setArray(to, iterator.results, iterator.kept);
  else if (kind == Op.All) setBoolean(to, iterator.count != 0 && iterator.kept == iterator.count);
  else setBoolean(to, (iterator.kept != 0) == (kind == Op.Some));
}

/** Inside an iterator `var` sees only the item, as in json-logic-js and json-logic-engine. */
export function readScoped(to: Value, variable: Variable, open: u32): void {
  if (open == 0) readVariable(to, variable);
  else readItem(to, variable.path, open - 1);
}

export function readScopedPath(value: Value, open: u32): void {
  if (value.tag != Tag.Text) {
    setNull(value);
    return;
  }
  const path = value.bits;
  spendBytes(lengthOf(path));
  if (open == 0) readPath(value, path);
  else readItem(value, path, open - 1);
}

function readItem(to: Value, path: Slice, index: u32): void {
  const iterator = iteratorAt(index);
  spend(1);
  let from = iterator.items.at(iterator.index);
  let rest = path;
  if (iterator.kind == Op.Reduce) {
    // reduce's own scope: { current, accumulator }
    spend(1);
    rest = behind(path, "current");
    if (rest == NONE) {
      rest = behind(path, "accumulator");
      if (rest == NONE) {
        setNull(to);
        return;
      }
      from = accumulatorAt(index);
    }
  }
  const found = valueOnPath(from, rest);
  if (found) copyValue(to, found);
  else setNull(to);
}

/** What follows `word` and a dot, empty when nothing does; NONE when the path does not begin with the word. */
function behind(path: Slice, word: Word): Slice {
  const length = word.length;
  if (!startsWithWord(path, word)) return NONE;
  const at = addressOf(path) + length;
  if (lengthOf(path) == length) return sliceOf(at, 0);
  return load<u8>(at) == ascii.DOT ? sliceOf(at + 1, lengthOf(path) - length - 1) : NONE;
}
