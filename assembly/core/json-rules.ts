// JSON Pointers as rules of a comparison: which of them hold on the way to a value, as bits of a mask.

import * as ascii from "../bytes/ascii";
import { arrayIndex } from "../bytes/decimal";
import { Run } from "../bytes/records";
import { addressOf, lengthOf, sameText, Slice } from "../bytes/slice";
import { JsonValue } from "./json-tree";

/** A JSON Pointer; the token `*` stands for any one. */
@unmanaged
export class Ignored {
  /** Addresses of `count` Slices. */
  tokens: usize;
  count: u32;
}
export const IGNORED_BYTES: u32 = offsetof<Ignored>() as u32;
/** As many as a mask has bits. */
export const MOST_IGNORED: u32 = 64;

/** How two JSON values are compared. */
@unmanaged
export class JsonRules {
  /** What may differ. */
  ignored: Run<Ignored>;
  ignoredCount: u32;
  /** Arrays whose order does not count. */
  unordered: Run<Ignored>;
  unorderedCount: u32;
  /** By which part of the larger two numbers may differ: in units of 1 / WHOLE_PART (bytes/decimal-within.ts). */
  tolerance: u32;
}

/** The mask of `count` rules. */
export function maskOf(count: u32): u64 {
  return count >= MOST_IGNORED ? ~(0 as u64) : ((1 as u64) << (count as u64)) - 1;
}

/** Whether one of the rules of a mask ends at this depth. */
export function endsAt(rules: Run<Ignored>, mask: u64, depth: u32): bool {
  let left = mask;
  while (left != 0) {
    if (rules.at(ctz<u64>(left) as u32).count == depth) return true;
    left &= left - 1;
  }
  return false;
}

/** The rules of a mask that hold for a child of a value at `depth` as well. */
export function stepMask(rules: Run<Ignored>, mask: u64, depth: u32, child: JsonValue, isObject: bool): u64 {
  let kept: u64 = 0;
  let left = mask;
  while (left != 0) {
    const i = ctz<u64>(left) as u32;
    left &= left - 1;
    const rule = rules.at(i);
    if (rule.count <= depth) continue;
    const token = load<u64>(rule.tokens + ((depth as usize) << 3));
    const any = lengthOf(token) == 1 && load<u8>(addressOf(token)) == ascii.ASTERISK;
    if (!any && !(isObject ? sameText(token, child.key) : arrayIndex(token) == (child.index as u64)))
      continue;
    kept |= (1 as u64) << (i as u64);
  }
  return kept;
}
