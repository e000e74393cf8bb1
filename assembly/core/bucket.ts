// Which part of the space [0, 2^32) a variant holds: integer arithmetic, so that every Envoy and every restart agrees.
// All shares are in thousandths of a percent: 100,000 is everything.

/** The whole space. */
export const SPACE: u64 = 1 << 32;
/** A share of 100 %. */
export const WHOLE: u32 = 100000;

/** round(share * 2^32), halves up; exact, since share * 2^32 fits 64 bits. */
export function pointOf(share: u32): u64 {
  return (((share as u64) << 32) + WHOLE / 2) / WHOLE;
}

/** floor(a / b) for b > 0 by long division: a division by a variable is a trap site, and this runs at load only. */
function quotient(a: u64, b: u64): u64 {
  let result: u64 = 0;
  let rest: u64 = 0;
  for (let i: i32 = 63; i >= 0; i--) {
    rest = (rest << 1) | ((a >> (i as u64)) & 1);
    if (rest >= b) {
      rest -= b;
      result |= (1 as u64) << (i as u64);
    }
  }
  return result;
}

/** The part of the space that is to the whole space as `part` is to `whole`: floor(part * 2^32 / whole), at most all. */
export function portionOf(part: u32, whole: u32): u64 {
  if (whole == 0) return 0;
  return part >= whole ? SPACE : quotient((part as u64) << 32, whole as u64);
}

/** Where slot `index` of `count` equal ones begins: floor(index * 2^32 / count). `index` may be `count`: the end. */
export function equalSlotBegin(index: u32, count: u32): u64 {
  return quotient((index as u64) << 32, count as u64);
}

/** Whether a share fits one of `count` equal slots. */
export function fitsEqualSlot(share: u32, count: u32): bool {
  return (share as u64) * (count as u64) <= (WHOLE as u64);
}
