// The comparison of JSON answers as a module of its own: for test/fuzz/json-difference.test.ts.

import { beginScratch, scratch } from "../../../assembly/bytes/scratch";
import { Slice } from "../../../assembly/bytes/slice";
import { beginText, textOf, Writer } from "../../../assembly/bytes/writer";
import { Run } from "../../../assembly/bytes/records";
import { compareJsonBy, Ignored, IGNORED_BYTES, putDifference } from "../../../assembly/core/json-difference";
import { hasMorePlaces, placeCount, placeText } from "../../../assembly/core/json-places";
import { JsonRules } from "../../../assembly/core/json-rules";
import { isWithin } from "../../../assembly/bytes/decimal-within";
import { readJson } from "../../../assembly/core/json-tree";

export { beginScratch, scratch };

export { hasMorePlaces, isWithin, placeCount, placeText };

const rules: JsonRules = changetype<JsonRules>(memory.data(offsetof<JsonRules>(), 8));
const pointer: Writer = changetype<Writer>(memory.data(offsetof<Writer>(), 8));

/** 4 when the first text is no JSON, 5 when the second is none. */
export function compare(
  ours: Slice,
  theirs: Slice,
  other: Slice,
  ignored: usize,
  count: u32,
  unordered: usize,
  unorderedCount: u32,
  tolerance: u32,
): u32 {
  const a = readJson(ours);
  if (!a) return 4;
  const b = readJson(theirs);
  if (!b) return 5;
  const c = other != 0 ? readJson(other) : null;
  rules.ignored = changetype<Run<Ignored>>(ignored);
  rules.ignoredCount = count;
  rules.unordered = changetype<Run<Ignored>>(unordered);
  rules.unorderedCount = unorderedCount;
  rules.tolerance = tolerance;
  return compareJsonBy(a, b, c, rules);
}

/** Where the last comparison found a difference. */
export function difference(): Slice {
  beginText(pointer);
  putDifference(pointer);
  return textOf(pointer);
}

/** Puts one ignored pointer, its tokens as an array of slices. */
export function setRule(rules: usize, index: u32, tokens: usize, count: u32): void {
  const rule = changetype<Ignored>(rules + index * IGNORED_BYTES);
  rule.tokens = tokens;
  rule.count = count;
}
