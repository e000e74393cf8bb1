// The comparison of JSON answers as a module of its own: for test/fuzz/json-difference.test.ts.

import { beginScratch, scratch } from "../../../assembly/bytes/scratch";
import { Slice } from "../../../assembly/bytes/slice";
import { beginText, textOf, Writer } from "../../../assembly/bytes/writer";
import { compareJson, Ignored, IGNORED_BYTES, putDifference } from "../../../assembly/core/json-difference";
import { readJson } from "../../../assembly/core/json-tree";

export { beginScratch, scratch };

const pointer: Writer = changetype<Writer>(memory.data(offsetof<Writer>(), 8));

/** 4 when the first text is no JSON, 5 when the second is none. */
export function compare(ours: Slice, theirs: Slice, other: Slice, rules: usize, count: u32): u32 {
  const a = readJson(ours);
  if (!a) return 4;
  const b = readJson(theirs);
  if (!b) return 5;
  const c = other != 0 ? readJson(other) : null;
  return compareJson(a, b, c, rules, count);
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
