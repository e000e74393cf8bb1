// Whether one decimal number is within a part of another, exactly: digit by digit, so that neither size nor the spelling
// of a number decides, and a number on the boundary is inside of it.

import * as ascii from "./ascii";
import { splitMixed } from "./hash64";
import { addressOf, lengthOf, Slice } from "./slice";

/** What a whole is in the unit of a part: a part has nine decimals. */
export const WHOLE_PART: u32 = 1000000000;

/** So far apart, the smaller one is no part of the larger that could be told: 1 - part is at least 10^-9. */
const APART: i64 = 11;
/** Exponents from here on are not read further: such numbers are the same only in the same words. */
const FAR: i64 = 1000000000000;

/** A JSON number, digit by digit from its first that is not 0. */
@unmanaged
class Digits {
  at: usize;
  end: usize;
  /** 10^(magnitude - 1) <= |number| < 10^magnitude */
  magnitude: i64;
  isNegative: bool;
  isZero: bool;
  isFar: bool;

  /** Begins a number. */
  begin(token: Slice): void {
    let at = addressOf(token);
    const end = at + lengthOf(token);
    this.isNegative = at < end && load<u8>(at) == ascii.MINUS;
    if (this.isNegative) at++;
    let first: usize = 0;
    let whole: i64 = 0;
    let point = false;
    while (at < end) {
      const byte = load<u8>(at);
      if (byte == ascii.DOT) {
        point = true;
      } else if (ascii.isDigit(byte)) {
        if (first == 0 && byte != ascii.ZERO) first = at;
        if (first != 0) {
          if (!point) whole++;
        } else if (point) {
          whole--;
        }
      } else {
        break;
      }
      at++;
    }
    this.isZero = first == 0;
    this.at = first;
    this.end = at;
    let exponent: i64 = 0;
    if (at < end) {
      at++;
      const sign: u8 = at < end ? load<u8>(at) : 0;
      if (sign == ascii.PLUS || sign == ascii.MINUS) at++;
      while (at < end && exponent < FAR) {
        exponent = exponent * 10 + ((load<u8>(at) - ascii.ZERO) as i64);
        at++;
      }
      if (sign == ascii.MINUS) exponent = -exponent;
    }
    this.isFar = exponent >= FAR || exponent <= -FAR;
    this.magnitude = whole + exponent;
  }

  // @ts-ignore: decorator
  @inline
  get isOver(): bool {
    return this.at >= this.end;
  }

  /** The next digit; 0 behind the last. */
  next(): i64 {
    while (this.at < this.end) {
      const byte = load<u8>(this.at);
      this.at++;
      if (byte != ascii.DOT) return (byte - ascii.ZERO) as i64;
    }
    return 0;
  }
}

const one: Digits = changetype<Digits>(memory.data(offsetof<Digits>(), 8));
const other: Digits = changetype<Digits>(memory.data(offsetof<Digits>(), 8));

/**
 * Whether two JSON numbers differ by at most a part of the larger one, as it is written: |a - b| <= part * max(|a|, |b|).
 * Numbers of two signs never do, and 0 only to 0.
 * @param part in units of 1 / WHOLE_PART, below WHOLE_PART
 */
export function isWithin(a: Slice, b: Slice, part: u32): bool {
  one.begin(a);
  other.begin(b);
  if (one.isZero || other.isZero) return one.isZero && other.isZero;
  if (one.isNegative != other.isNegative || one.isFar || other.isFar) return false;
  // Each is at least the rest of the other: for the larger one that is always so.
  if (!reaches(one, other, part)) return false;
  one.begin(a);
  other.begin(b);
  return reaches(other, one, part);
}

/** |x| >= (1 - part) * |y|: the sign of 10^9 * |x| - (10^9 - part) * |y|, from the first digits on. */
function reaches(x: Digits, y: Digits, part: u32): bool {
  const lag = y.magnitude - x.magnitude;
  if (lag < 0) return true;
  if (lag >= APART) return false;
  const whole = WHOLE_PART as i64;
  const rest = whole - (part as i64);
  let sum: i64 = 0;
  let before = lag;
  while (!x.isOver || !y.isOver || before > 0) {
    const digit: i64 = before > 0 ? 0 : x.next();
    if (before > 0) before--;
    sum = sum * 10 + digit * whole - y.next() * rest;
    // What follows is less than one more of either.
    if (sum >= rest) return true;
    if (sum <= -whole) return false;
  }
  return sum >= 0;
}

/** A number that two JSON numbers have in common when their values are the same, whatever their spelling. */
export function hashDecimal(token: Slice): u64 {
  one.begin(token);
  if (one.isZero) return 1;
  let hash: u64 = splitMixed((one.magnitude as u64) ^ 0x6a09e667f3bcc908, one.isNegative ? 3 : 2);
  // Zeros at the end are no part of the value.
  let zeros: u64 = 0;
  while (!one.isOver) {
    const digit = one.next() as u64;
    if (digit == 0) {
      zeros++;
      continue;
    }
    hash = splitMixed(hash, (zeros << 4) | digit);
    zeros = 0;
  }
  return hash;
}
