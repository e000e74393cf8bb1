// `missing` and `missing_some`: which of these paths name nothing.

import { fixed, Run, scratchRun } from "../../bytes/records";
import { readScopedPath } from "./iterators";
import { RuleError } from "./opcodes";
import { copyValue, numberOf, setArray, Tag, Value } from "./value";
import { isTraced, traceValue } from "./trace";
import { isSpent, spend } from "./work";

const probe: Value = fixed<Value>();

/** The paths that name nothing, or null; "" and 0 are there. The paths are the arguments, or the first one's items. */
export function missing(result: Value, args: Run<Value>, count: u32, open: u32): RuleError {
  if (count != 0 && args.at(0).tag == Tag.Array) {
    const list = args.at(0);
    return absent(result, list.items, list.count, open);
  }
  return absent(result, args, count, open);
}

function absent(result: Value, paths: Run<Value>, count: u32, open: u32): RuleError {
  const items = scratchRun<Value>(count);
  if (items.isNone) return RuleError.General;
  let found: u32 = 0;
  for (let i: u32 = 0; i < count && !isSpent(); i++) {
    // Each is a path to follow.
    spend(3);
    const path = paths.at(i);
    copyValue(probe, path);
    readScopedPath(probe, open);
    if (isTraced() && path.tag == Tag.Text) traceValue(path.bits, probe);
    if (probe.tag != Tag.Null) continue;
    copyValue(items.at(found), path);
    found++;
  }
  setArray(result, items, found);
  return RuleError.None;
}

/** `[n, paths]`: nothing when at least n of the paths are there, else those that are not. */
export function missingSome(result: Value, args: Run<Value>, count: u32, open: u32): RuleError {
  const needed = args.at(0);
  const paths = args.at(1);
  if (count < 2 || needed.tag != Tag.Number || paths.tag != Tag.Array) return RuleError.General;
  const error = absent(result, paths.items, paths.count, open);
  if (error != RuleError.None) return error;
  if (((paths.count - result.count) as f64) >= numberOf(needed)) setArray(result, result.items, 0);
  return RuleError.None;
}
