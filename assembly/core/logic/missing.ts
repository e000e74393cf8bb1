// `missing` and `missing_some`: which of these paths name nothing.

import { scratch } from "../../bytes/scratch";
import { readScopedPath } from "./iterators";
import { ERROR_GENERAL, ERROR_NONE } from "./opcodes";
import { copyValue, numberOf, setArray, TAG_ARRAY, TAG_NULL, TAG_NUMBER, Value, VALUE_BYTES } from "./value";
import { isSpent, spend } from "./work";

const probe: Value = changetype<Value>(memory.data(16, 8));

/** The paths that name nothing, or null; "" and 0 are there. The paths are the arguments, or the first one's items. */
export function missing(result: Value, args: usize, count: u32, open: u32): u32 {
  if (count != 0 && changetype<Value>(args).tag == TAG_ARRAY) {
    const list = changetype<Value>(args);
    return absent(result, list.bits as usize, list.count, open);
  }
  return absent(result, args, count, open);
}

function absent(result: Value, paths: usize, count: u32, open: u32): u32 {
  const items = scratch(count * VALUE_BYTES);
  if (items == 0) return ERROR_GENERAL;
  let found: u32 = 0;
  // Each is a path to follow.
  spend(count >> 2);
  for (let i: u32 = 0; i < count && !isSpent(); i++) {
    const path = changetype<Value>(paths + i * VALUE_BYTES);
    copyValue(probe, path);
    readScopedPath(probe, open);
    if (probe.tag != TAG_NULL) continue;
    copyValue(changetype<Value>(items + found * VALUE_BYTES), path);
    found++;
  }
  setArray(result, items, found);
  return ERROR_NONE;
}

/** `[n, paths]`: nothing when at least n of the paths are there, else those that are not. */
export function missingSome(result: Value, args: usize, count: u32, open: u32): u32 {
  const needed = changetype<Value>(args);
  const paths = changetype<Value>(args + VALUE_BYTES);
  if (count < 2 || needed.tag != TAG_NUMBER || paths.tag != TAG_ARRAY) return ERROR_GENERAL;
  const error = absent(result, paths.bits as usize, paths.count, open);
  if (error != ERROR_NONE) return error;
  if (((paths.count - result.count) as f64) >= numberOf(needed)) setArray(result, result.bits as usize, 0);
  return ERROR_NONE;
}
