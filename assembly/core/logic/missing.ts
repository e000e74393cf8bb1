// `missing` and `missing_some`: which of these paths name nothing.

import { fixed, Run, scratchRun } from "../../bytes/records";
import { readScopedPath } from "./iterators";
import { ERROR_GENERAL, ERROR_NONE } from "./opcodes";
import { copyValue, numberOf, setArray, TAG_ARRAY, TAG_NULL, TAG_NUMBER, Value } from "./value";
import { isSpent, spend } from "./work";

const probe: Value = fixed<Value>();

/** The paths that name nothing, or null; "" and 0 are there. The paths are the arguments, or the first one's items. */
export function missing(result: Value, args: Run<Value>, count: u32, open: u32): u32 {
  if (count != 0 && args.at(0).tag == TAG_ARRAY) {
    const list = args.at(0);
    return absent(result, list.items, list.count, open);
  }
  return absent(result, args, count, open);
}

function absent(result: Value, paths: Run<Value>, count: u32, open: u32): u32 {
  const items = scratchRun<Value>(count);
  if (items.isNone) return ERROR_GENERAL;
  let found: u32 = 0;
  // Each is a path to follow.
  spend(count >> 2);
  for (let i: u32 = 0; i < count && !isSpent(); i++) {
    const path = paths.at(i);
    copyValue(probe, path);
    readScopedPath(probe, open);
    if (probe.tag != TAG_NULL) continue;
    copyValue(items.at(found), path);
    found++;
  }
  setArray(result, items, found);
  return ERROR_NONE;
}

/** `[n, paths]`: nothing when at least n of the paths are there, else those that are not. */
export function missingSome(result: Value, args: Run<Value>, count: u32, open: u32): u32 {
  const needed = args.at(0);
  const paths = args.at(1);
  if (count < 2 || needed.tag != TAG_NUMBER || paths.tag != TAG_ARRAY) return ERROR_GENERAL;
  const error = absent(result, paths.items, paths.count, open);
  if (error != ERROR_NONE) return error;
  if (((paths.count - result.count) as f64) >= numberOf(needed)) setArray(result, result.items, 0);
  return ERROR_NONE;
}
