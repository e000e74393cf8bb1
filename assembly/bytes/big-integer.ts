// Natural numbers of up to 2,688 bits in static memory: what it takes to read and write any 64-bit float exactly.
// No division: the quotient of two of them comes out digit by digit, in whichever base one of them is scaled by.

/** Limbs of 32 bits, the lowest first, follow the header; those behind the last one in use are 0. */
@unmanaged
export class BigInteger {
  /** Limbs in use, the highest of them above 0 if the number is. */
  length: u32;
}

/**
 * Before the lowest limb there are some that are always 0, so that reading the highest limbs of a short number needs no
 * check.
 */
const LIMBS: usize = 16;

/** 769 decimal digits are 80 limbs (see number-parse.ts); one more for the scale of a digit, the rest to spare. */
const MOST_LIMBS: usize = 84;

/** What `memory.data` has to set aside for one. */
export const BIG_INTEGER_BYTES: u32 = (LIMBS + MOST_LIMBS * sizeof<u32>()) as u32;

const FIVE_TO_13: u32 = 1220703125;

// @ts-ignore: decorator
@inline
function limb(number: BigInteger, index: u32): usize {
  return changetype<usize>(number) + LIMBS + ((index as usize) << 2);
}

let worked: u32 = 0;

/** Limbs that were gone through since the module began, modulo 2^32; a call counts as a few more. */
// @ts-ignore: decorator
@inline
export function limbsWorked(): u32 {
  return worked;
}

const CALL: u32 = 4;

export function setBig(number: BigInteger, value: u64): void {
  worked += CALL * 2;
  memory.fill(limb(number, 0), 0, MOST_LIMBS << 2);
  store<u32>(limb(number, 0), value as u32);
  store<u32>(limb(number, 1), (value >> 32) as u32);
  number.length = value >> 32 == 0 ? 1 : 2;
}

/** number = number * factor + addend */
export function scale(number: BigInteger, factor: u32, addend: u32): void {
  const length = number.length;
  worked += length + CALL;
  let carry = addend as u64;
  for (let i: u32 = 0; i < length; i++) {
    carry += (load<u32>(limb(number, i)) as u64) * (factor as u64);
    store<u32>(limb(number, i), carry as u32);
    carry >>= 32;
  }
  if (carry == 0) return;
  store<u32>(limb(number, length), carry as u32);
  number.length = length + 1;
}

/** number = number * 5^power */
export function scaleByFives(number: BigInteger, power: i32): void {
  let left = power;
  for (; left >= 13; left -= 13) scale(number, FIVE_TO_13, 0);
  for (; left > 0; left--) scale(number, 5, 0);
}

/** number = number * 2^bits */
export function shiftLeft(number: BigInteger, bits: u32): void {
  const limbs = bits >> 5;
  memory.copy(limb(number, limbs), limb(number, 0), (number.length as usize) << 2);
  memory.fill(limb(number, 0), 0, (limbs as usize) << 2);
  number.length += limbs;
  scale(number, 1 << (bits & 31), 0);
}

/** How many bits a number above 0 has. */
export function bitLength(number: BigInteger): i32 {
  return ((number.length << 5) - clz(load<u32>(limb(number, number.length - 1)))) as i32;
}

/** The sign of a + factor * b - c, for a small factor: -1, 0 or 1. */
export function compareSum(a: BigInteger, factor: i64, b: BigInteger, c: BigInteger): i32 {
  const length = max(max(a.length, b.length), c.length);
  worked += length + CALL;
  let carry: i64 = 0;
  let low: u32 = 0;
  for (let i: u32 = 0; i < length; i++) {
    const sum = (load<u32>(limb(a, i)) as i64) + factor * (load<u32>(limb(b, i)) as i64);
    carry += sum - (load<u32>(limb(c, i)) as i64);
    low |= carry as u32;
    carry >>= 32;
  }
  if (carry < 0) return -1;
  return carry > 0 || low != 0 ? 1 : 0;
}

/** The sign of a - b. */
// @ts-ignore: decorator
@inline
export function compare(a: BigInteger, b: BigInteger): i32 {
  return compareSum(a, 0, a, b);
}

/** number - factor * part, which is not below 0, for a factor below 2^31. */
function subtract(number: BigInteger, factor: u32, part: BigInteger): void {
  let length = number.length;
  worked += length + CALL;
  let carry: i64 = 0;
  for (let i: u32 = 0; i < length; i++) {
    carry += (load<u32>(limb(number, i)) as i64) - (factor as i64) * (load<u32>(limb(part, i)) as i64);
    store<u32>(limb(number, i), carry as u32);
    carry >>= 32;
  }
  while (length > 1 && load<u32>(limb(number, length - 1)) == 0) length--;
  number.length = length;
}

/** The four highest limbs as a float, where the third of them is the number's own or its divisor's highest. */
function highest(number: BigInteger, length: u32): f64 {
  const at = limb(number, length);
  const high = (load<u64>(at - 4) as f64) * 18446744073709551616.0;
  return high + (load<u64>(at - 12) as f64);
}

/**
 * Takes the whole part, below 2^27, out of a quotient: dividend = dividend mod divisor.
 * A float's quotient of the highest limbs is off by less than 2^-20 (D. E. Knuth, TAOCP vol. 2, section 4.3.1, guesses
 * digits so too, from integers), so that what is left after a guess that small too low holds the divisor once at most.
 * @returns the whole part
 */
export function takeDigit(dividend: BigInteger, divisor: BigInteger): u32 {
  const length = divisor.length;
  const guess = highest(dividend, length) / highest(divisor, length) - 0.00000095367431640625;
  let digit = guess > 0 ? (guess as u32) : 0;
  subtract(dividend, digit, divisor);
  if (compare(dividend, divisor) >= 0) {
    subtract(dividend, 1, divisor);
    digit++;
  }
  return digit;
}
