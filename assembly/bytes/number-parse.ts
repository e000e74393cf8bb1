// Decimal text -> the 64-bit float nearest to it, ties to the even one: bit for bit what JavaScript's Number() gives,
// for texts of any length. Two ways:
// - Up to 2^53 times or over a power of ten up to 10^22: both are floats, so that one rounded operation is the answer
//   (W. D. Clinger, "How to Read Floating Point Numbers Accurately", PLDI 1990, section 3).
// - Anything else: the quotient of two big integers, and what is left over decides the rounding (the same
//   paper's AlgorithmM, section 2, with the power of two found from the lengths rather than step by step).

import * as ascii from "./ascii";
import {
  BIG_INTEGER_BYTES,
  BigInteger,
  bitLength,
  compare,
  compareSum,
  scale,
  scaleByFives,
  setBig,
  shiftLeft,
  takeDigit,
} from "./big-integer";
import { addressOf, lengthOf, Slice } from "./slice";

const dividend: BigInteger = changetype<BigInteger>(memory.data(BIG_INTEGER_BYTES, 8));
const divisor: BigInteger = changetype<BigInteger>(memory.data(BIG_INTEGER_BYTES, 8));

/** So many decimal digits always fit 64 bits. */
export const WORD_DIGITS: u32 = 19;

/**
 * Where two floats meet, an odd multiple (below 2^54) of 2^-1075 at the finest, is a decimal of at most 768 digits:
 * 2^54 * 5^1075 < 10^768. Of digits beyond these it matters only whether one is not 0.
 */
const MOST_DIGITS: u32 = 768;

/** Up to here every integer is a float, and 10^22 is the last power of ten that is one. */
const MOST_EXACT: u64 = 1 << 53;
const MOST_EXACT_POWER: i64 = 22;

/** Beyond this the exponent alone decides: no text has that many digits. */
const FAR: i64 = 1000000000000;

/** The value of a JSON number token (RFC 8259 section 6); Infinity beyond the largest float, -0 for `-0`. */
// @ts-ignore: decorator
@inline
export function parseNumber(text: Slice): f64 {
  return parseDecimal(text);
}

/** A decimal text as digits and a power of ten. */
@unmanaged
export class Decimal {
  /** The first WORD_DIGITS of its significant digits; 0 for 0. */
  digits: u64;
  /** Significant digits, those of a fraction's end and zeros behind the first one too. */
  count: u32;
  /** value = all significant digits * 10^power */
  power: i64;
  isNegative: bool;
  /** Behind the last digit of the mantissa. */
  behindDigits: usize;
}

const decimal: Decimal = changetype<Decimal>(memory.data(offsetof<Decimal>(), 8));

/**
 * Reads a plain decimal text: a sign or none, digits, a fraction or none, an exponent or none. As JavaScript's Number()
 * it takes leading zeros, `5.` and `.5`; unlike it no blanks, no `0x`, no `Infinity`.
 * @returns false for a text that is not a decimal number, an empty one too
 */
export function readDecimal(text: Slice, into: Decimal): bool {
  const begin = addressOf(text);
  const end = begin + lengthOf(text);
  if (begin == end) return false;
  let at = begin;
  const first = load<u8>(at);
  if (first == ascii.PLUS || first == ascii.MINUS) at++;

  let digits: u64 = 0;
  let count: u32 = 0;
  let power: i64 = 0;
  let any = false;
  let point = false;
  while (at < end) {
    const byte = load<u8>(at);
    const digit = (byte as u32) - ascii.ZERO;
    if (digit <= 9) {
      any = true;
      if (count < WORD_DIGITS) digits = digits * 10 + (digit as u64);
      if (digits != 0) count++;
      if (point) power--;
    } else if (byte == ascii.DOT && !point) {
      point = true;
    } else {
      break;
    }
    at++;
  }
  if (!any) return false;
  into.behindDigits = at;
  if (at < end) {
    if ((load<u8>(at) | 0x20) != ascii.LOWER_E) return false;
    at++;
    const sign: u32 = at < end ? load<u8>(at) : 0;
    if (sign == ascii.PLUS || sign == ascii.MINUS) at++;
    if (at == end) return false;
    let exponent: i64 = 0;
    while (at < end) {
      const digit = (load<u8>(at) as u32) - ascii.ZERO;
      if (digit > 9) return false;
      if (exponent < FAR) exponent = exponent * 10 + (digit as i64);
      at++;
    }
    power += sign == ascii.MINUS ? -exponent : exponent;
  }
  into.digits = digits;
  into.count = count;
  into.power = power;
  into.isNegative = first == ascii.MINUS;
  return true;
}

/** The value of a decimal text (`readDecimal`), 0 of an empty one; NaN for one that is not a decimal number. */
export function parseDecimal(text: Slice): f64 {
  const begin = addressOf(text);
  if (lengthOf(text) == 0) return 0;
  if (!readDecimal(text, decimal)) return NaN;
  const digits = decimal.digits;
  const count = decimal.count;
  let power = decimal.power;

  let value: f64 = 0;
  if (digits <= MOST_EXACT && power >= -MOST_EXACT_POWER && power <= MOST_EXACT_POWER) {
    let ten: f64 = 1;
    for (let i = power < 0 ? -power : power; i > 0; i--) ten *= 10;
    value = power < 0 ? (digits as f64) / ten : (digits as f64) * ten;
  } else if (digits != 0) {
    // 10^(magnitude - 1) <= value < 10^magnitude; half of the smallest float is above 10^-324.
    const magnitude = power + (count as i64);
    if (magnitude > 309) {
      value = Infinity;
    } else if (magnitude > -324) {
      if (count <= WORD_DIGITS) {
        setBig(dividend, digits);
      } else {
        readDigits(begin, decimal.behindDigits);
        // One more digit is enough for all that were left out.
        if (count > MOST_DIGITS) power += (count - MOST_DIGITS - 1) as i64;
      }
      value = nearest(power as i32);
    }
  }
  return decimal.isNegative ? -value : value;
}

/** Reads the significant digits into `dividend`, and of those beyond the 768th one: 0 when they all are, else 1. */
function readDigits(begin: usize, end: usize): void {
  setBig(dividend, 0);
  let count: u32 = 0;
  let chunk: u32 = 0;
  let factor: u32 = 1;
  let beyond: u32 = 0;
  for (let at = begin; at < end; at++) {
    const digit = (load<u8>(at) as u32) - ascii.ZERO;
    // The sign, the point and leading zeros.
    if (digit > 9 || (digit | count) == 0) continue;
    if (count >= MOST_DIGITS) {
      beyond |= digit;
      count = MOST_DIGITS + 1;
      continue;
    }
    count++;
    chunk = chunk * 10 + digit;
    factor *= 10;
    if (factor == 1000000000) {
      scale(dividend, factor, chunk);
      chunk = 0;
      factor = 1;
    }
  }
  scale(dividend, factor, chunk);
  if (count > MOST_DIGITS) scale(dividend, 10, beyond == 0 ? 0 : 1);
}

/** dividend * 10^power as the nearest float. */
function nearest(power: i32): f64 {
  // 10^power = 5^power * 2^power, and the second factor only moves the exponent.
  setBig(divisor, 1);
  if (power < 0) scaleByFives(divisor, -power);
  else scaleByFives(dividend, power);
  // Such that 1 / 2 <= dividend / divisor < 1.
  let exponent = bitLength(dividend) - bitLength(divisor);
  if (exponent < 0) shiftLeft(dividend, -exponent);
  else shiftLeft(divisor, exponent);
  if (compare(dividend, divisor) >= 0) {
    scale(divisor, 2, 0);
    exponent++;
  }
  // Of the leading bit.
  exponent += power - 1;
  if (exponent > 1023) return Infinity;
  // Subnormal floats have fewer bits, down to none; the value may still round up to the first of them.
  let bits = exponent < -1022 ? exponent + 1075 : 53;
  if (bits < 0) return 0;
  let mantissa: u64 = 0;
  while (bits > 0) {
    const taken = min(bits, 27);
    scale(dividend, 1 << taken, 0);
    mantissa = (mantissa << taken) | (takeDigit(dividend, divisor) as u64);
    bits -= taken;
  }
  const half = compareSum(dividend, 1, dividend, divisor);
  if (half > 0 || (half == 0 && (mantissa & 1) != 0)) mantissa++;
  // Added, not joined: the leading bit counts the exponent up, as does a mantissa that was rounded up to 2^53.
  const biased: u64 = exponent < -1022 ? 0 : ((exponent + 1022) as u64);
  return reinterpret<f64>((biased << 52) + mantissa);
}
