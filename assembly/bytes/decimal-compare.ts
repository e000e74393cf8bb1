// Whether two decimal texts are one 64-bit float, told from their first digits wherever these tell: reading a float
// exactly can take big integers, and a text made of such numbers must not hold a worker up.

import { Decimal, readDecimal, WORD_DIGITS } from "./number-parse";
import { Slice } from "./slice";

/** What the first digits say. */
export const enum Likeness {
  Same,
  Different,
  /** Only both floats can tell. */
  Close,
}

const one: Decimal = changetype<Decimal>(memory.data(offsetof<Decimal>(), 8));
const other: Decimal = changetype<Decimal>(memory.data(offsetof<Decimal>(), 8));

/** Values below 10^-307 have coarser floats, those from 10^308 on may be Infinity: there the distance says nothing. */
const FINE: i64 = -306;
const FINITE: i64 = 308;
/**
 * Two texts of one float are at most 2^-52 of the larger apart: 2,221 in the last of 19 digits, and one that was cut
 * off. Twice of it here.
 */
const NEAR: u64 = 4442;
/** 10^18, the least of 19 digits. */
const LEAST: u64 = 1000000000000000000;

/** Of two JSON numbers. */
export function likeness(a: Slice, b: Slice): Likeness {
  if (!readDecimal(a, one) || !readDecimal(b, other)) return Likeness.Close;
  if (one.digits == 0 || other.digits == 0) {
    if (one.digits == other.digits) return Likeness.Same;
    const some = one.digits == 0 ? other : one;
    return magnitude(some) > FINE ? Likeness.Different : Likeness.Close;
  }
  if (one.isNegative != other.isNegative) return bothFine() ? Likeness.Different : Likeness.Close;
  const first = leading(one);
  const second = leading(other);
  const apart = magnitude(one) - magnitude(other);
  if (apart == 0 && first == second && one.count <= WORD_DIGITS && other.count <= WORD_DIGITS)
    return Likeness.Same;
  if (!bothFine()) return Likeness.Close;
  if (apart == 0)
    return (first > second ? first - second : second - first) > NEAR ? Likeness.Different : Likeness.Close;
  if (apart > 1 || apart < -1) return Likeness.Different;
  // 1.000… against 9.999…, a power of ten below.
  const larger = apart > 0 ? first : second;
  const smaller = apart > 0 ? second : first;
  return larger - LEAST < NEAR && LEAST * 10 - smaller < NEAR * 10 ? Likeness.Close : Likeness.Different;
}

/** 10^(magnitude - 1) <= value < 10^magnitude */
// @ts-ignore: decorator
@inline
function magnitude(decimal: Decimal): i64 {
  return decimal.power + (decimal.count as i64);
}

function bothFine(): bool {
  const a = magnitude(one);
  const b = magnitude(other);
  return min(a, b) > FINE && max(a, b) <= FINITE;
}

/** The first 19 digits. */
function leading(decimal: Decimal): u64 {
  let digits = decimal.digits;
  for (let i = decimal.count; i < WORD_DIGITS; i++) digits *= 10;
  return digits;
}
