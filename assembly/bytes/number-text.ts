// A 64-bit float as text: ECMAScript's Number::toString(10) (ECMA-262 section 6.1.6.1.20). The fewest digits that
// read back as the same float, of these the nearest to it, of two as near the even one.
//
// Free-format printing with big integers: G. L. Steele, J. L. White, "How to Print Floating-Point Numbers Accurately",
// PLDI 1990, in the form of R. G. Burger, R. K. Dybvig, "Printing Floating-Point Numbers Quickly and Accurately",
// PLDI 1996, section 3 (with the estimate of section 3.2). Both gaps to the next floats are one number here, since
// they differ only by a factor.

import * as ascii from "./ascii";
import {
  BIG_INTEGER_BYTES,
  BigInteger,
  compare,
  compareSum,
  scale,
  scaleByFives,
  setBig,
  shiftLeft,
  takeDigit,
} from "./big-integer";
import { sliceOf } from "./slice";
import { put, putByte, putNumber, putSlice, Writer } from "./writer";

const dividend: BigInteger = changetype<BigInteger>(memory.data(BIG_INTEGER_BYTES, 8));
const divisor: BigInteger = changetype<BigInteger>(memory.data(BIG_INTEGER_BYTES, 8));
/** Half the distance to the next smaller float, in units of the divisor. */
const gap: BigInteger = changetype<BigInteger>(memory.data(BIG_INTEGER_BYTES, 8));

/** 17 digits are always enough. */
const MOST_DIGITS: u32 = 24;
const digits: usize = memory.data(MOST_DIGITS, 8);

/** The leading bit of a float that is not subnormal is not stored. */
const HIDDEN_BIT: u64 = 1 << 52;

/** Where the decimal point is: value = 0.digits * 10^point */
let point: i32 = 0;

/** Puts a number as JavaScript prints it: `1`, `0.1`, `1e+21`, `1e-7`, `NaN`, `-Infinity`; both zeros as `0`. */
export function putNumberText(writer: Writer, value: f64): void {
  if (value != value) return put(writer, "NaN");
  if (value < 0) putByte(writer, ascii.MINUS);
  const magnitude = abs(value);
  if (magnitude < 9007199254740992) {
    const whole = magnitude as u64;
    if ((whole as f64) == magnitude) return putNumber(writer, whole);
  }
  if (magnitude == Infinity) return put(writer, "Infinity");

  const count = shortest(reinterpret<u64>(magnitude));
  if (point > 21 || point < -5) {
    putDigits(writer, 0, 1);
    if (count > 1) putByte(writer, ascii.DOT);
    putDigits(writer, 1, count);
    putByte(writer, ascii.LOWER_E);
    putByte(writer, point > 0 ? ascii.PLUS : ascii.MINUS);
    putNumber(writer, abs(point - 1) as u64);
  } else if (point > 0) {
    const before = min(point, count);
    putDigits(writer, 0, before);
    putZeros(writer, point - count);
    if (count > point) putByte(writer, ascii.DOT);
    putDigits(writer, before, count);
  } else {
    put(writer, "0.");
    putZeros(writer, -point);
    putDigits(writer, 0, count);
  }
}

function putDigits(writer: Writer, from: i32, to: i32): void {
  putSlice(writer, sliceOf(digits + from, to - from));
}

function putZeros(writer: Writer, count: i32): void {
  for (let i = count; i > 0; i--) putByte(writer, ascii.ZERO);
}

/** Writes the shortest digits of a finite float above 0 to `digits` and sets `point`. @returns how many */
function shortest(bits: u64): i32 {
  const fraction = bits & 0xfffffffffffff;
  const biased = (bits >> 52) as i32;
  // value = mantissa * 2^exponent
  const mantissa = biased == 0 ? fraction : fraction | HIDDEN_BIT;
  const exponent = max(biased, 1) - 1075;
  // Readers round to even, so that the ends of the interval read back as an even mantissa only.
  const even = (mantissa & 1) == 0;
  // Below a power of two floats are twice as dense.
  const wide: u64 = fraction == 0 && biased > 1 ? 1 : 0;

  // floor(log10(2^n)) + 1: never too large, too small by at most 1.
  point = (((exponent + 63 - (clz(mantissa) as i32)) * 78913) >> 18) + 1;
  setBig(dividend, mantissa << (1 + wide));
  setBig(divisor, (2 as u64) << wide);
  setBig(gap, 1);
  if (point < 0) {
    scaleByFives(dividend, -point);
    scaleByFives(gap, -point);
  } else {
    scaleByFives(divisor, point);
  }
  const twos = exponent - point;
  if (twos < 0) {
    shiftLeft(divisor, -twos);
  } else {
    shiftLeft(dividend, twos);
    shiftLeft(gap, twos);
  }

  const above = (1 + wide) as i64;
  const reach = even ? -1 : 0;
  if (compareSum(dividend, above, gap, divisor) > reach) {
    point++;
  } else {
    scale(dividend, 10, 0);
    scale(gap, 10, 0);
  }
  let count: i32 = 0;
  while (true) {
    let digit = takeDigit(dividend, divisor);
    const low = compare(gap, dividend) > reach;
    const high = compareSum(dividend, above, gap, divisor) > reach;
    if (high) {
      // Both this digit and the next would do: the nearer one.
      const half = low ? compareSum(dividend, 1, dividend, divisor) : 1;
      if (half > 0 || (half == 0 && (digit & 1) != 0)) digit++;
    }
    store<u8>(digits + count, (ascii.ZERO + digit) as u8);
    count++;
    if (low || high) return count;
    scale(dividend, 10, 0);
    scale(gap, 10, 0);
  }
}
