// Text -> number, open addressing with linear probing over a power of two: what header names, hosts and paths are
// found by. No deletion; grows in its arena, so the old cells stay until the arena goes.

import { Arena, take } from "./arena";
import { addressOf, lengthOf, sameText, Slice } from "./slice";

/** Never a value. */
export const ABSENT: u32 = 0xffffffff;


@unmanaged
class Cell {
  key: Slice;
  hash: u32;
  /** value + 1; 0 is an empty cell. */
  mark: u32;
}


@unmanaged
export class Table {
  cells: usize;
  mask: u32;
  count: u32;
  /** Bit n: a key of n bytes is there (63 and longer share a bit), so that most misses cost no hash. */
  lengths: u64;
  longest: u32;
  /** The longest row of cells in use, which a look-up may have to go through; 0 until `measureRows`. */
  longestRow: u32;
}

const CELL_BYTES: u32 = offsetof<Cell>() as u32;
const FIRST_CELLS: u32 = 16;

/** FNV-1a, 32 bits (Fowler, Noll, Vo; IETF draft-eastlake-fnv), begun with this and continued byte by byte. */
export const HASH_START: u32 = 0x811c9dc5;

// @ts-ignore: decorator
@inline
export function hashByte(hash: u32, byte: u8): u32 {
  return (hash ^ (byte as u32)) * 0x01000193;
}

export function hashText(text: Slice): u32 {
  let hash = HASH_START;
  let at = addressOf(text);
  const end = at + lengthOf(text);
  while (at < end) {
    hash = hashByte(hash, load<u8>(at));
    at++;
  }
  return hash;
}

/** FNV's low bits mix poorly: fold the high ones in (the same sources, "xor-folding"). */
// @ts-ignore: decorator
@inline
function cellIndex(hash: u32, mask: u32): u32 {
  return (hash ^ (hash >> 15)) & mask;
}

/** @returns a new empty table in the arena, null (address 0) without memory */
export function newTable(arena: Arena): Table {
  return changetype<Table>(take(arena, offsetof<Table>()));
}

/** Whether a key of this length can be in the table. */
// @ts-ignore: decorator
@inline
export function mayHold(table: Table, length: u32): bool {
  return ((table.lengths >> ((length < 63 ? length : 63) as u64)) & 1) != 0;
}

/** The value stored under `key`, or ABSENT. */
export function find(table: Table, key: Slice): u32 {
  return mayHold(table, lengthOf(key)) ? findHashed(table, key, hashText(key)) : ABSENT;
}

/** As `find`, for a hash that the caller computed on the way. */
export function findHashed(table: Table, key: Slice, hash: u32): u32 {
  if (table.count == 0) return ABSENT;
  const mask = table.mask;
  let i = cellIndex(hash, mask);
  while (true) {
    const cell = changetype<Cell>(table.cells + i * CELL_BYTES);
    if (cell.mark == 0) return ABSENT;
    if (cell.hash == hash && sameText(cell.key, key)) return cell.mark - 1;
    i = (i + 1) & mask;
  }
}

/** Finds out what a look-up costs at most, in a table that is complete: its keys may have been chosen to meet. */
export function measureRows(table: Table): void {
  if (table.cells == 0) return;
  let row: u32 = 0;
  // A row may go on at the beginning: gone through twice. Half of the cells are empty.
  for (let i: u32 = 0; i <= table.mask << 1; i++) {
    const cell = changetype<Cell>(table.cells + (i & table.mask) * CELL_BYTES);
    row = cell.mark == 0 ? 0 : row + 1;
    if (row > table.longestRow) table.longestRow = row;
  }
}

function place(cells: usize, mask: u32, key: Slice, hash: u32, mark: u32): void {
  let i = cellIndex(hash, mask);
  while (changetype<Cell>(cells + i * CELL_BYTES).mark != 0) i = (i + 1) & mask;
  const cell = changetype<Cell>(cells + i * CELL_BYTES);
  cell.key = key;
  cell.hash = hash;
  cell.mark = mark;
}

/** Makes room for so many keys at once. Without memory it is left to `insert`. */
export function reserve(arena: Arena, table: Table, keys: u32): void {
  let size = FIRST_CELLS;
  while (size < keys << 1) size <<= 1;
  if (table.cells == 0 || size > table.mask + 1) resize(arena, table, size);
}

/** Moves the table to so many cells, a power of two. @returns false without memory */
function resize(arena: Arena, table: Table, size: u32): bool {
  const fresh = take(arena, size * CELL_BYTES);
  if (fresh == 0) return false;
  if (table.cells != 0) {
    for (let i: u32 = 0; i <= table.mask; i++) {
      const old = changetype<Cell>(table.cells + i * CELL_BYTES);
      if (old.mark != 0) place(fresh, size - 1, old.key, old.hash, old.mark);
    }
  }
  table.cells = fresh;
  table.mask = size - 1;
  return true;
}

/**
 * Stores `value` under a `key` that is not there yet and lives as long as the table.
 * @returns false without memory; the arena is then marked failed
 */
export function insert(arena: Arena, table: Table, key: Slice, value: u32): bool {
  // At most half full, so that a miss ends soon.
  if (table.cells == 0 || (table.count + 1) << 1 > table.mask + 1) {
    const size = table.cells == 0 ? FIRST_CELLS : (table.mask + 1) << 1;
    if (!resize(arena, table, size)) return false;
  }
  place(table.cells, table.mask, key, hashText(key), value + 1);
  table.count++;
  const length = lengthOf(key);
  table.lengths |= (1 as u64) << ((length < 63 ? length : 63) as u64);
  if (length > table.longest) table.longest = length;
  return true;
}
