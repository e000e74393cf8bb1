// Scalars of the policy that mean more than their text: shares, durations, names.

import * as ascii from "../bytes/ascii";
import { addressOf, lengthOf, Slice, sliceOf } from "../bytes/slice";
import { decimal, NOT_DECIMAL } from "../bytes/decimal";
import { WHOLE } from "../core/bucket";

/** A number of thousandths could not be made; which of the two says why. */
export const NOT_A_STEP: u32 = 0xffffffff;
export const OUT_OF_RANGE: u32 = 0xfffffffe;

/**
 * A JSON number token as thousandths, exactly: `5` -> 5000, `0.25` -> 250, `1e1` -> 10000, `2.50000` -> 2500.
 * @returns 0 to 100,000, OUT_OF_RANGE below 0 or above 100, NOT_A_STEP for what is finer than 0.001
 */
export function thousandths(token: Slice): u32 {
  return units(token, 3, WHOLE);
}

/**
 * As `thousandths`, with so many decimals and another most.
 * @param whole in units, up to 10^9
 */
export function units(token: Slice, decimals: i32, whole: u32): u32 {
  let at = addressOf(token);
  const end = at + lengthOf(token);
  let negative = false;
  if (at < end && load<u8>(at) == ascii.MINUS) {
    negative = true;
    at++;
  }
  // value = digits * 10^scale; of digits beyond the 12th it matters only whether one is not zero.
  let digits: u64 = 0;
  let scale: i32 = 0;
  let point = false;
  let finer = false;
  while (at < end) {
    const byte = load<u8>(at);
    if (byte == ascii.DOT) {
      point = true;
    } else if (ascii.isDigit(byte)) {
      if (digits < 1000000000000) {
        digits = digits * 10 + ((byte - ascii.ZERO) as u64);
        if (point) scale--;
      } else {
        if (byte != ascii.ZERO) finer = true;
        if (!point) scale++;
      }
    } else {
      break;
    }
    at++;
  }
  if (digits == 0) return 0;
  let exponent: i32 = 0;
  if (at < end) {
    at++;
    let down = false;
    if (at < end && (load<u8>(at) == ascii.PLUS || load<u8>(at) == ascii.MINUS)) {
      down = load<u8>(at) == ascii.MINUS;
      at++;
    }
    while (at < end) {
      // Far beyond any range already: counting on would overflow.
      if (exponent < 100000000) exponent = exponent * 10 + ((load<u8>(at) - ascii.ZERO) as i32);
      at++;
    }
    if (down) exponent = -exponent;
  }
  if (negative) return OUT_OF_RANGE;
  let power = scale + exponent + decimals;
  while (power > 0 && digits <= (whole as u64)) {
    digits *= 10;
    power--;
  }
  if (power > 0) return OUT_OF_RANGE;
  while (power < 0 && digits != 0) {
    if (digits % 10 != 0) finer = true;
    digits /= 10;
    power++;
  }
  if (digits > (whole as u64) || (digits == (whole as u64) && finer)) return OUT_OF_RANGE;
  return finer ? NOT_A_STEP : (digits as u32);
}

/** No duration. */
export const NO_DURATION: u32 = 0xffffffff;
/** The longest that may be asked for: RFC 6265bis lets browsers cut at 400 days; ten years are the end of sense. */
export const LONGEST_SECONDS: u32 = 315360000;

/** `30d`, `12h`, `15m`, `45s`, `2w` in seconds, 1 to LONGEST_SECONDS; NO_DURATION for anything else. */
export function seconds(text: Slice): u32 {
  const begin = addressOf(text);
  const length = lengthOf(text);
  if (length == 0) return NO_DURATION;
  let value = decimal(sliceOf(begin, length - 1), 9);
  if (value == NOT_DECIMAL) return NO_DURATION;
  const unit = load<u8>(begin + length - 1);
  if (unit == ascii.LOWER_M) value *= 60;
  else if (unit == ascii.LOWER_H) value *= 3600;
  else if (unit == ascii.LOWER_D) value *= 86400;
  else if (unit == ascii.LOWER_W) value *= 604800;
  else if (unit != ascii.LOWER_S) return NO_DURATION;
  return value == 0 || value > (LONGEST_SECONDS as u64) ? NO_DURATION : (value as u32);
}

/** `50ms`, `1s` in milliseconds; NO_DURATION for anything else. */
export function milliseconds(text: Slice): u32 {
  const length = lengthOf(text);
  const begin = addressOf(text);
  if (length < 2 || load<u8>(begin + length - 1) != ascii.LOWER_S) return NO_DURATION;
  const isMilli = load<u8>(begin + length - 2) == ascii.LOWER_M;
  const value = wholeNumber(sliceOf(begin, isMilli ? length - 2 : length - 1), 1000000);
  if (value == NOT_WHOLE) return NO_DURATION;
  return isMilli ? value : value * 1000;
}

/** No time. */
export const NO_INSTANT: u64 = 0xffffffffffffffff;
/** Seconds of a day, and of the year 10000 since 1970: no text says later. */
const DAY: u64 = 86400;

/**
 * `2026-12-01T09:00:00Z`, `2026-12-01T10:00:00+01:00` in seconds since 1970: RFC 3339 section 5.6, a fraction of a second
 * left out, from 1970 on; NO_INSTANT for anything else.
 */
export function instant(text: Slice): u64 {
  const begin = addressOf(text);
  const length = lengthOf(text);
  if (length < 20) return NO_INSTANT;
  const year = digitsAt(begin, 4);
  const month = digitsAt(begin + 5, 2);
  const day = digitsAt(begin + 8, 2);
  const hour = digitsAt(begin + 11, 2);
  const minute = digitsAt(begin + 14, 2);
  const second = digitsAt(begin + 17, 2);
  const isMarked =
    load<u8>(begin + 4) == ascii.MINUS &&
    load<u8>(begin + 7) == ascii.MINUS &&
    (load<u8>(begin + 10) | 0x20) == ascii.LOWER_T &&
    load<u8>(begin + 13) == ascii.COLON &&
    load<u8>(begin + 16) == ascii.COLON;
  if (!isMarked || year < 1970 || year > 9999 || month < 1 || month > 12) return NO_INSTANT;
  if (day < 1 || day > daysOf(year, month) || hour > 23 || minute > 59 || second > 59) return NO_INSTANT;
  let at = begin + 19;
  const end = begin + length;
  if (load<u8>(at) == ascii.DOT) {
    const first = at + 1;
    at = first;
    while (at < end && ascii.isDigit(load<u8>(at))) at++;
    if (at == first || at == end) return NO_INSTANT;
  }
  const local = daysSince1970(year, month, day) * DAY + (hour as u64) * 3600 + (minute as u64) * 60 + second;
  const sign = load<u8>(at);
  if ((sign | 0x20) == ascii.LOWER_Z) return at + 1 == end ? local : NO_INSTANT;
  if ((sign != ascii.PLUS && sign != ascii.MINUS) || at + 6 != end) return NO_INSTANT;
  const hours = digitsAt(at + 1, 2);
  const minutes = digitsAt(at + 4, 2);
  if (load<u8>(at + 3) != ascii.COLON || hours > 23 || minutes > 59) return NO_INSTANT;
  const offset = (hours as u64) * 3600 + (minutes as u64) * 60;
  if (sign == ascii.MINUS) return local + offset;
  return local < offset ? NO_INSTANT : local - offset;
}

/** So many decimal digits; a number above all that is asked for where one is none. */
function digitsAt(at: usize, count: u32): u32 {
  let value: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const byte = load<u8>(at + i);
    if (!ascii.isDigit(byte)) return 0xffff;
    value = value * 10 + ((byte - ascii.ZERO) as u32);
  }
  return value;
}

function isLeap(year: u32): bool {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

function daysOf(year: u32, month: u32): u32 {
  if (month == 2) return isLeap(year) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

function daysSince1970(year: u32, month: u32, day: u32): u64 {
  const before = year - 1;
  // Days of whole years since the year 1, less those until 1970.
  let days: u64 = (before as u64) * 365 + before / 4 - before / 100 + before / 400 - 719162;
  for (let i: u32 = 1; i < month; i++) days += daysOf(year, i);
  return days + day - 1;
}

/** No whole number. */
export const NOT_WHOLE: u32 = 0xffffffff;

/** Decimal digits and nothing else, 0 to `most` (at most 10^8); NOT_WHOLE for anything else. */
export function wholeNumber(text: Slice, most: u32): u32 {
  const value = decimal(text, 9);
  return value <= (most as u64) ? (value as u32) : NOT_WHOLE;
}

// @ts-ignore: decorator
@inline
function isLowerOrDigit(byte: u8): bool {
  return ascii.isLower(byte) || ascii.isDigit(byte);
}

/** Whether a text is a DNS label in lower case (RFC 1123 section 2.1): 1 to 63 of a-z, 0-9 and inner hyphens. */
export function isLabel(text: Slice): bool {
  const length = lengthOf(text);
  const begin = addressOf(text);
  if (length == 0 || length > 63) return false;
  for (let i: u32 = 0; i < length; i++) {
    const byte = load<u8>(begin + i);
    if (isLowerOrDigit(byte)) continue;
    if (byte != ascii.MINUS || i == 0 || i == length - 1) return false;
  }
  return true;
}

/** Whether a text is a token (RFC 9110 section 5.6.2): a header's or a cookie's name, a method. */
export function isToken(text: Slice): bool {
  const length = lengthOf(text);
  const begin = addressOf(text);
  if (length == 0 || length > 256) return false;
  for (let i: u32 = 0; i < length; i++) {
    const byte = load<u8>(begin + i);
    const small = byte | 0x20;
    if (ascii.isLower(small) || ascii.isDigit(byte)) continue;
    // ! # $ % & ' * + - . ^ _ ` | ~
    const sign =
      byte == ascii.EXCLAMATION ||
      (byte >= ascii.HASH && byte <= ascii.APOSTROPHE) ||
      byte == ascii.ASTERISK ||
      byte == ascii.PLUS ||
      byte == ascii.MINUS ||
      byte == ascii.DOT ||
      byte == ascii.CARET ||
      byte == ascii.UNDERSCORE ||
      byte == ascii.BACKTICK ||
      byte == ascii.PIPE ||
      byte == ascii.TILDE;
    if (!sign) return false;
  }
  return true;
}

/** Whether a text is a method as people write it: a token without small letters. */
export function isMethod(text: Slice): bool {
  if (!isToken(text)) return false;
  const begin = addressOf(text);
  for (let i: u32 = 0; i < lengthOf(text); i++) {
    const byte = load<u8>(begin + i);
    if (ascii.isLower(byte)) return false;
  }
  return true;
}

/** Whether a text is visible ASCII without blanks, 1 to `longest` bytes. */
export function isVisible(text: Slice, longest: u32): bool {
  const length = lengthOf(text);
  const begin = addressOf(text);
  if (length == 0 || length > longest) return false;
  for (let i: u32 = 0; i < length; i++) {
    const byte = load<u8>(begin + i);
    if (byte <= ascii.SPACE || byte >= ascii.DELETE) return false;
  }
  return true;
}
