// Context id -> record, for roots and streams: the host has one numbering for both. Open addressing; deletion shifts back
// (Knuth 3, 6.4, algorithm R). Ids rise by one, so they are spread (multiplicative hashing by the golden ratio, same
// volume): side by side, the cells of many open streams would be one run, and each deletion would walk to its end.

import { FreeList } from "../bytes/free-list";
import { takePages, givePages } from "../bytes/pages";
import { bytesOf, fixed, noRun, placeOf, recordAt, Run, takeRecord } from "../bytes/records";
import { Context, Root, Stream } from "./records";
import { vmArena } from "./vm";

/** Empty without a record. */
@unmanaged
class Cell {
  id: u32;
  record: Context | null;
}

const FIRST_CELLS: u32 = 8192;
const MOST_CELLS: u32 = 1 << 26;

let cells: Run<Cell> = noRun<Cell>();
let mask: u32 = 0;
/** 32 less the bits of the mask. */
let shift: u32 = 0;
let used: u32 = 0;

/** The first cell of an id. */
// @ts-ignore: decorator
@inline
function homeOf(id: u32): u32 {
  return (id * 0x9e3779b1) >> shift;
}

/** The record of a context; null when there is none. */
export function contextOf(id: u32): Context | null {
  if (cells.isNone) return null;
  let i = homeOf(id);
  while (true) {
    const cell = cells.at(i);
    const record = cell.record;
    if (record == null || cell.id == id) return record;
    i = (i + 1) & mask;
  }
}

/** The root of an id; null for a stream, and for one that is not ours. */
export function rootOf(id: u32): Root | null {
  const context = contextOf(id);
  return context != null && context.isRoot ? changetype<Root>(context) : null;
}

/** The stream of an id; null for a root, and for one that is not ours. */
export function streamOf(id: u32): Stream | null {
  const context = contextOf(id);
  return context != null && !context.isRoot ? changetype<Stream>(context) : null;
}

/** Enters a context that is not there yet. @returns false without memory */
export function enter(id: u32, record: Context): bool {
  if (cells.isNone || used << 1 > mask) {
    if (!grow()) return false;
  }
  place(id, record);
  used++;
  return true;
}

function place(id: u32, record: Context): void {
  let i = homeOf(id);
  while (cells.at(i).record != null) i = (i + 1) & mask;
  const cell = cells.at(i);
  cell.id = id;
  cell.record = record;
}

function grow(): bool {
  const oldSize: u32 = cells.isNone ? 0 : mask + 1;
  const size = oldSize == 0 ? FIRST_CELLS : oldSize << 1;
  if (size > MOST_CELLS) return false;
  const bytes = bytesOf<Cell>(size);
  const fresh = takePages(bytes);
  if (fresh == 0) return false;
  memory.fill(fresh, 0, bytes);
  const old = cells;
  cells = recordAt<Run<Cell>>(fresh);
  mask = size - 1;
  shift = clz(mask);
  for (let i: u32 = 0; i < oldSize; i++) {
    const cell = old.at(i);
    const record = cell.record;
    if (record != null) place(cell.id, record);
  }
  givePages(placeOf(old), bytesOf<Cell>(oldSize));
  return true;
}

/** Takes a context out. */
export function leave(id: u32): void {
  if (cells.isNone) return;
  let gap = homeOf(id);
  while (true) {
    const cell = cells.at(gap);
    if (cell.record == null) return;
    if (cell.id == id) break;
    gap = (gap + 1) & mask;
  }
  used--;
  // A cell that may move into the gap does so, until an empty cell is reached.
  let i = gap;
  while (true) {
    i = (i + 1) & mask;
    const cell = cells.at(i);
    if (cell.record == null) break;
    const home = homeOf(cell.id);
    if (((i - home) & mask) >= ((i - gap) & mask)) {
      const to = cells.at(gap);
      to.id = cell.id;
      to.record = cell.record;
      gap = i;
    }
  }
  cells.at(gap).record = null;
}

const freeRoots: FreeList<Root> = fixed<FreeList<Root>>();
const freeStreams: FreeList<Stream> = fixed<FreeList<Stream>>();

/** A root's record, zeroed; null without memory. */
export function takeRoot(): Root | null {
  let root = freeRoots.take();
  if (root != null) clear(root);
  else root = takeRecord<Root>(vmArena());
  if (root != null) root.isRoot = true;
  return root;
}

export function giveRoot(root: Root): void {
  freeRoots.give(root);
}

/** A stream's record, zeroed; null without memory. Records are used again, so their number is that of the busiest moment. */
export function takeStream(): Stream | null {
  const stream = freeStreams.take();
  if (stream == null) return takeRecord<Stream>(vmArena());
  clear(stream);
  return stream;
}

export function giveStream(stream: Stream): void {
  freeStreams.give(stream);
}

// @ts-ignore: decorator
@inline
function clear<T>(record: T): void {
  memory.fill(placeOf(record), 0, offsetof<T>());
}
