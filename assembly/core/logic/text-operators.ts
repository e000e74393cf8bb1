// starts_with, ends_with, and the search behind `in`: over bytes, which for well-formed UTF-8 is over code points.

import { Run } from "../../bytes/records";
import { addressOf, findByte, lengthOf, sameBytes, Slice } from "../../bytes/slice";
import { setBoolean, setNull, Tag, Value } from "./value";
import { isSpent, spend, spendBytes, spendWords } from "./work";

/** `starts_with`: null unless there are exactly two texts (flagd turns nothing else into one). */
export function startsWith(result: Value, args: Run<Value>, count: u32): void {
  if (!areTwoTexts(args, count)) return setNull(result);
  const text = args.at(0).bits;
  const start = args.at(1).bits;
  const length = lengthOf(start);
  spendWords(length);
  setBoolean(result, length <= lengthOf(text) && sameBytes(addressOf(text), addressOf(start), length));
}

/** `ends_with`, likewise. */
export function endsWith(result: Value, args: Run<Value>, count: u32): void {
  if (!areTwoTexts(args, count)) return setNull(result);
  const text = args.at(0).bits;
  const ending = args.at(1).bits;
  const length = lengthOf(ending);
  spendWords(length);
  const whole = lengthOf(text);
  const from = addressOf(text) + whole - length;
  setBoolean(result, length <= whole && sameBytes(from, addressOf(ending), length));
}

function areTwoTexts(args: Run<Value>, count: u32): bool {
  return count == 2 && args.at(0).tag == Tag.Text && args.at(1).tag == Tag.Text;
}

/** Up to here a needle is compared at every place that begins as it does: at most 16 steps a byte of the haystack. */
const SHORT: u32 = 16;

/** Whether `haystack` contains the bytes of `needle`, in linear time for any input. Every text contains "". */
export function contains(haystack: Slice, needle: Slice): bool {
  const length = lengthOf(needle);
  if (length == 0) return true;
  if (length > lengthOf(haystack)) return false;
  spendBytes(lengthOf(haystack));
  if (isSpent()) return false;
  return length <= SHORT ? containsShort(haystack, needle) : containsLong(haystack, needle);
}

function containsShort(haystack: Slice, needle: Slice): bool {
  const length = lengthOf(needle);
  const from = addressOf(needle);
  const first = load<u8>(from);
  /** Behind the last place where it could begin. */
  const end = addressOf(haystack) + lengthOf(haystack) - length + 1;
  let at = findByte(addressOf(haystack), end, first);
  while (at < end && !isSpent()) {
    spend(1);
    if (sameBytes(at, from, length)) return true;
    at = findByte(at + 1, end, first);
  }
  return false;
}

/**
 * The greatest suffix in the order of bytes, or in the opposite order.
 * @returns where it begins << 32 | its period
 */
function findSuffix(text: usize, length: i32, isOpposite: bool): u64 {
  let before: i32 = -1;
  let candidate: i32 = 0;
  let k: i32 = 1;
  let period: i32 = 1;
  while (candidate + k < length) {
    const a = load<u8>(text + candidate + k);
    const b = load<u8>(text + before + k);
    if (a == b) {
      if (k == period) {
        candidate += period;
        k = 1;
      } else {
        k++;
      }
    } else if (a < b != isOpposite) {
      candidate += k;
      k = 1;
      period = candidate - before;
    } else {
      before = candidate;
      candidate++;
      k = 1;
      period = 1;
    }
  }
  return (((before + 1) as u64) << 32) | (period as u64);
}

/**
 * Two-way string matching (Crochemore and Perrin, Journal of the ACM 38, 1991): linear time, no memory. The needle is
 * cut where its local period is its period; the right part is compared first, and a mismatch there moves on by as much
 * as was compared. The authors also remember what a move by one period has left compared; the first find is all that
 * is asked for here, and so it is not needed: after such a move the needle is there, or the next mismatch is near
 * its end and moves on by at least half of it.
 */
function containsLong(haystack: Slice, needle: Slice): bool {
  // The needle is gone through twice to be cut, the haystack up to twice.
  spendBytes(lengthOf(haystack) + (lengthOf(needle) << 1));
  if (isSpent()) return false;
  const x = addressOf(needle);
  const length = lengthOf(needle) as i32;
  const last = (lengthOf(haystack) as i32) - length;
  const forward = findSuffix(x, length, false);
  const opposite = findSuffix(x, length, true);
  const suffix = opposite >> 32 > forward >> 32 ? opposite : forward;
  const cut = (suffix >> 32) as i32;
  let period = suffix as i32;
  // Without a period that reaches into the left part, a full move is longer than either part.
  if (!sameBytes(x, x + period, cut as u32)) period = (cut > length - cut ? cut : length - cut) + 1;
  let at: i32 = 0;
  while (at <= last) {
    const y = addressOf(haystack) + at;
    let i = cut;
    while (i < length && load<u8>(x + i) == load<u8>(y + i)) i++;
    if (i < length) {
      at += i - cut + 1;
      continue;
    }
    if (sameBytes(x, y, cut as u32)) return true;
    at += period;
  }
  return false;
}
