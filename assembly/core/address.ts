// Internet addresses as numbers, and ranges of them in CIDR form. An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2)
// is the IPv4 address that it holds, on both sides.

import * as ascii from "../bytes/ascii";
import { hexValue } from "../bytes/hex";
import { fixed } from "../bytes/records";
import { addressOf, findByte, lengthOf, Slice, sliceOf } from "../bytes/slice";

/** An address of 128 bits; one of IPv4 as it stands in IPv6, `::ffff:a.b.c.d`. */
@unmanaged
export class Address {
  high: u64;
  low: u64;
}

/** A range: the bits that count, and what they have to be. */
@unmanaged
export class AddressRange {
  high: u64;
  low: u64;
  highMask: u64;
  lowMask: u64;
}

/** What stands above the 32 bits of an IPv4 address. */
const MAPPED: u64 = 0xffff;

// @ts-ignore: decorator
@inline
export function isIpv4(high: u64, low: u64): bool {
  return high == 0 && low >> 32 == MAPPED;
}

/** Whether an address is in a range. `::/0` is all of IPv6, and none of IPv4. */
export function isInRange(address: Address, range: AddressRange): bool {
  if (isIpv4(address.high, address.low) != isIpv4(range.high, range.low)) return false;
  return (address.high & range.highMask) == range.high && (address.low & range.lowMask) == range.low;
}

/** Reads `203.0.113.7` or `2001:db8::1`, whose zone (`%eth0`) does not count. @returns false when it is no address */
export function readAddress(text: Slice, to: Address): bool {
  const begin = addressOf(text);
  const end = findByte(begin, begin + lengthOf(text), ascii.PERCENT);
  if (findByte(begin, end, ascii.COLON) != end) return readIpv6(begin, end, to);
  const number = readIpv4(begin, end);
  if (number == NOT_IPV4) return false;
  to.high = 0;
  to.low = (MAPPED << 32) | number;
  return true;
}

const NOT_IPV4: u64 = 0xffffffffffffffff;

/** Four numbers of 0 to 255 without zeros in front, which some read as octal (RFC 6943 section 3.1.1). */
function readIpv4(begin: usize, end: usize): u64 {
  let value: u64 = 0;
  let at = begin;
  for (let part = 0; part < 4; part++) {
    if (part != 0) {
      if (at == end || load<u8>(at) != ascii.DOT) return NOT_IPV4;
      at++;
    }
    const first = at;
    let number: u64 = 0;
    while (at < end && ascii.isDigit(load<u8>(at)) && at - first < 3) {
      number = number * 10 + ((load<u8>(at) - ascii.ZERO) as u64);
      at++;
    }
    if (at == first || number > 255 || (at - first > 1 && load<u8>(first) == ascii.ZERO)) return NOT_IPV4;
    value = (value << 8) | number;
  }
  return at == end ? value : NOT_IPV4;
}

/** Eight groups of up to four hexadecimal digits, the last two perhaps as IPv4; `::` once for groups of zeros. */
function readIpv6(begin: usize, end: usize, to: Address): bool {
  // The groups before `::` from the left, those behind it from the right.
  let high: u64 = 0;
  let low: u64 = 0;
  let headHigh: u64 = 0;
  let headLow: u64 = 0;
  let groups: u32 = 0;
  let head: u32 = 0;
  let hasGap = false;
  let at = begin;
  if (end - at >= 2 && load<u16>(at) == 0x3a3a) {
    hasGap = true;
    at += 2;
  }
  while (at < end) {
    const first = at;
    let group: u64 = 0;
    while (at < end && at - first < 4 && hexValue(load<u8>(at)) < 16) {
      group = (group << 4) | (hexValue(load<u8>(at)) as u64);
      at++;
    }
    if (at < end && load<u8>(at) == ascii.DOT) {
      const tail = readIpv4(first, end);
      if (tail == NOT_IPV4) return false;
      high = (high << 32) | (low >> 32);
      low = (low << 32) | tail;
      groups += 2;
      at = end;
      break;
    }
    if (at == first) return false;
    high = (high << 16) | (low >> 48);
    low = (low << 16) | group;
    groups++;
    if (at == end) break;
    if (load<u8>(at) != ascii.COLON || groups > 8) return false;
    at++;
    if (at < end && load<u8>(at) == ascii.COLON) {
      if (hasGap) return false;
      hasGap = true;
      at++;
      head = groups;
      headHigh = high;
      headLow = low;
      groups = 0;
      high = 0;
      low = 0;
    } else if (at == end) {
      return false;
    }
  }
  if (!hasGap) {
    if (groups != 8) return false;
  } else {
    if (groups + head > 7) return false;
    shiftUp(headHigh, headLow, (8 - head) << 4, to);
    high |= to.high;
    low |= to.low;
  }
  to.high = high;
  to.low = low;
  return true;
}

/** Writes a number of 128 bits that is shifted up by `bits`, 0 to 128. */
function shiftUp(high: u64, low: u64, bits: u32, to: Address): void {
  const by = (bits & 63) as u64;
  to.high = bits >= 128 ? 0 : bits >= 64 ? low << by : by == 0 ? high : (high << by) | (low >> (64 - by));
  to.low = bits >= 64 ? 0 : low << by;
}

/** Bits of an address. */
const ALL_BITS: u32 = 128;
const IPV4_BITS: u32 = 32;

/** What a text says of a range. */
export const enum RangeFault {
  None,
  /** It is no address, or its length is none. */
  Form,
  /** Bits behind the length are set: it was meant otherwise. */
  HostBits,
}

const base: Address = fixed<Address>();

/** Reads `10.0.0.0/8`, `2001:db8::/32`, or one address. What has HostBits is read as the range that holds the address. */
export function readRange(text: Slice, to: AddressRange): RangeFault {
  const begin = addressOf(text);
  const end = begin + lengthOf(text);
  const slash = findByte(begin, end, ascii.SLASH);
  if (findByte(begin, slash, ascii.PERCENT) != slash) return RangeFault.Form;
  if (!readAddress(sliceOf(begin, (slash - begin) as u32), base)) return RangeFault.Form;
  // `::ffff:10.0.0.0/104` is 10.0.0.0/8; `10.0.0.0/8` has lost 96 bits already.
  const isShort = findByte(begin, slash, ascii.COLON) == slash;
  let bits = ALL_BITS;
  if (slash != end) {
    const length = readLength(slash + 1, end);
    if (length > (isShort ? IPV4_BITS : ALL_BITS)) return RangeFault.Form;
    bits = isShort ? length + (ALL_BITS - IPV4_BITS) : length;
  }
  to.highMask = maskOf(bits);
  to.lowMask = bits <= 64 ? 0 : maskOf(bits - 64);
  to.high = base.high & to.highMask;
  to.low = base.low & to.lowMask;
  return to.high == base.high && to.low == base.low ? RangeFault.None : RangeFault.HostBits;
}

/** A mask of the first `bits` of 64; all of them from 64 on. */
function maskOf(bits: u32): u64 {
  if (bits == 0) return 0;
  return bits >= 64 ? 0xffffffffffffffff : ~((0xffffffffffffffff as u64) >> (bits as u64));
}

/** One to three digits without a zero in front; a number above any length for anything else. */
function readLength(begin: usize, end: usize): u32 {
  if (begin == end || end - begin > 3 || (end - begin > 1 && load<u8>(begin) == ascii.ZERO)) return 999;
  let value: u32 = 0;
  for (let at = begin; at < end; at++) {
    if (!ascii.isDigit(load<u8>(at))) return 999;
    value = value * 10 + ((load<u8>(at) - ascii.ZERO) as u32);
  }
  return value;
}
