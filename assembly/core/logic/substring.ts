// `substr`, which flagd's schema lets pass though it names it nowhere. Characters are code points.

import { Run } from "../../bytes/records";
import { addressOf, lengthOf, Slice, sliceOf } from "../../bytes/slice";
import { RuleError } from "./opcodes";
import { numberOf, setText, Tag, Value } from "./value";
import { isSpent, spendBytes } from "./work";

/** `[text, from, length?]`: from below 0 counts from the end, a length below 0 leaves so many out at the end. */
export function substring(result: Value, args: Run<Value>, count: u32): RuleError {
  if (count < 2 || count > 3) return RuleError.General;
  const text = args.at(0);
  const start = args.at(1);
  const length = args.at(2);
  if (text.tag != Tag.Text || start.tag != Tag.Number) return RuleError.General;
  if (count == 3 && length.tag != Tag.Number) return RuleError.General;
  // Gone through up to three times.
  spendBytes(lengthOf(text.bits) << 2);
  if (isSpent()) return RuleError.Work;
  const all = characters(text.bits) as f64;
  const given = trunc<f64>(numberOf(start));
  const from = given < 0 ? max<f64>(all + given, 0) : min<f64>(given, all);
  let end = all;
  if (count == 3) {
    const many = trunc<f64>(numberOf(length));
    end = many < 0 ? all + many : min<f64>(from + many, all);
  }
  const begin = offsetOf(text.bits, from);
  const stop = offsetOf(text.bits, max<f64>(end, from));
  setText(result, sliceOf(addressOf(text.bits) + begin, stop - begin));
  return RuleError.None;
}

/** How many code points a text has; continuation bytes are not counted. */
function characters(text: Slice): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < lengthOf(text); i++) {
    if ((load<u8>(addressOf(text) + i) & 0xc0) != 0x80) count++;
  }
  return count;
}

/** Where character `index` begins, in bytes; the text's length for its end. */
function offsetOf(text: Slice, index: f64): u32 {
  let seen: f64 = 0;
  for (let i: u32 = 0; i < lengthOf(text); i++) {
    if ((load<u8>(addressOf(text) + i) & 0xc0) == 0x80) continue;
    if (seen == index) return i;
    seen++;
  }
  return lengthOf(text);
}
