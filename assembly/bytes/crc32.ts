// CRC-32 as gzip has it (RFC 1952 section 8: the reflected polynomial 0xedb88320), eight bytes a step by eight tables
// ("slicing by eight", Kounavis and Berry, 2005).

import { Run, within } from "./records";

const POLYNOMIAL: u32 = 0xedb88320;
const WAYS: u32 = 8;
const ENTRIES: u32 = 256;

/** Entry `i` of table `t` is the sum of byte `i` and `t` zeros. Filled when the first sum is asked for. */
const tables: Run<u32> = within<usize, Run<u32>>(memory.data(WAYS * ENTRIES * sizeof<u32>(), 8), 0);
let isFilled: bool = false;

function fillTables(): void {
  isFilled = true;
  for (let i: u32 = 0; i < ENTRIES; i++) {
    let sum = i;
    for (let bit = 0; bit < 8; bit++) sum = (sum >> 1) ^ ((sum & 1) != 0 ? POLYNOMIAL : 0);
    tables.set(i, sum);
  }
  for (let i: u32 = ENTRIES; i < WAYS * ENTRIES; i++) {
    const before = tables.at(i - ENTRIES);
    tables.set(i, (before >> 8) ^ tables.at(before & 0xff));
  }
}

// @ts-ignore: decorator
@inline
function entry(table: u32, byte: u32): u32 {
  return tables.at((table << 8) | (byte & 0xff));
}

/** The CRC-32 of the bytes from `from` to `end`. */
export function crc32(from: usize, end: usize): u32 {
  if (!isFilled) fillTables();
  let sum: u32 = 0xffffffff;
  let at = from;
  while (at + 8 <= end) {
    const low = load<u32>(at) ^ sum;
    const high = load<u32>(at, 4);
    sum =
      entry(7, low) ^
      entry(6, low >> 8) ^
      entry(5, low >> 16) ^
      entry(4, low >> 24) ^
      entry(3, high) ^
      entry(2, high >> 8) ^
      entry(1, high >> 16) ^
      entry(0, high >> 24);
    at += 8;
  }
  while (at < end) {
    sum = (sum >> 8) ^ entry(0, sum ^ (load<u8>(at) as u32));
    at++;
  }
  return ~sum;
}
