// Context id -> record, for roots and streams: the host has one numbering for both. Open addressing over ids that rise
// by one, so nearly every look-up hits its first cell; deletion shifts back (Knuth 3, 6.4, algorithm R).

import { takePages, givePages } from "../bytes/pages";
import { take } from "../bytes/arena";
import { Plan } from "../core/plan";
import { vmArena } from "./words";

/** One root: a plugin configuration on this worker. */
@unmanaged
export class Root {
  isRoot: bool;
  /** Whether it is loaded on a shadow's cluster: filter/shadow/observe.ts. */
  isUpstream: bool;
  /** Envoy is done with it, and waits until its calls are answered. */
  isWaiting: bool;
  id: u32;
  plan: Plan;
  /** HTTP calls that are under way: they belong to it. */
  calls: u32;
  nextFree: usize;
}

/** What is known of one stream, from its creation to its end. */
@unmanaged
export class Stream {
  isRoot: bool;
  /** The plan that it began with; address 0 when its root has none. */
  plan: Plan;
  root: Root;
  nextFree: usize;
  begunNs: u64;
  isConnect: bool;
  isGrpc: bool;
  responseBegun: bool;
  responseEnded: bool;
  /** Bytes of the response's body that passed. */
  responseBytes: u64;
  /** The variants that it was given: a chain of cells (filter/stats.ts). */
  variants: usize;
  /** The cookies that its response sets: a chain (filter/effects.ts). */
  issued: usize;
  /** The copies of its request: a chain (filter/shadow/copies.ts). */
  copies: usize;
  /** Of an upstream filter's stream: the copy that it is. */
  observed: usize;
}


@unmanaged
class Cell {
  id: u32;
  record: u32;
}

const FIRST_CELLS: u32 = 8192;

let cells: usize = 0;
let mask: u32 = 0;
let used: u32 = 0;

/** The record of a context; 0 when there is none. */
export function recordOf(id: u32): usize {
  if (cells == 0) return 0;
  let i = id & mask;
  while (true) {
    const cell = changetype<Cell>(cells + ((i as usize) << 3));
    if (cell.record == 0) return 0;
    if (cell.id == id) return cell.record;
    i = (i + 1) & mask;
  }
}

/** Enters a context that is not there yet. @returns false without memory */
export function enter(id: u32, record: usize): bool {
  if (cells == 0 || used << 1 > mask) {
    if (!grow()) return false;
  }
  place(id, record as u32);
  used++;
  return true;
}

function place(id: u32, record: u32): void {
  let i = id & mask;
  while (changetype<Cell>(cells + ((i as usize) << 3)).record != 0) i = (i + 1) & mask;
  const cell = changetype<Cell>(cells + ((i as usize) << 3));
  cell.id = id;
  cell.record = record;
}

function grow(): bool {
  const size = cells == 0 ? FIRST_CELLS : (mask + 1) << 1;
  if (size > 1 << 26) return false;
  const fresh = takePages((size as usize) << 3);
  if (fresh == 0) return false;
  memory.fill(fresh, 0, (size as usize) << 3);
  const old = cells;
  const oldSize: u32 = old == 0 ? 0 : mask + 1;
  cells = fresh;
  mask = size - 1;
  for (let i: u32 = 0; i < oldSize; i++) {
    const cell = changetype<Cell>(old + ((i as usize) << 3));
    if (cell.record != 0) place(cell.id, cell.record);
  }
  givePages(old, (oldSize as usize) << 3);
  return true;
}

/** Takes a context out. */
export function leave(id: u32): void {
  if (cells == 0) return;
  let i = id & mask;
  while (true) {
    const cell = changetype<Cell>(cells + ((i as usize) << 3));
    if (cell.record == 0) return;
    if (cell.id == id) break;
    i = (i + 1) & mask;
  }
  used--;
  // Whoever could stand in the gap moves into it, until a cell is empty.
  let gap = i;
  let j = i;
  while (true) {
    j = (j + 1) & mask;
    const cell = changetype<Cell>(cells + ((j as usize) << 3));
    if (cell.record == 0) break;
    const home = cell.id & mask;
    if (((j - home) & mask) >= ((j - gap) & mask)) {
      const to = changetype<Cell>(cells + ((gap as usize) << 3));
      to.id = cell.id;
      to.record = cell.record;
      gap = j;
    }
  }
  changetype<Cell>(cells + ((gap as usize) << 3)).record = 0;
}

let freeRoots: usize = 0;
let freeStreams: usize = 0;

/** A root's record, zeroed; 0 without memory. */
export function takeRoot(): usize {
  let at = freeRoots;
  if (at != 0) {
    freeRoots = changetype<Root>(at).nextFree;
    memory.fill(at, 0, offsetof<Root>());
  } else {
    at = take(vmArena, offsetof<Root>());
    if (at == 0) return 0;
  }
  changetype<Root>(at).isRoot = true;
  return at;
}

export function giveRoot(root: Root): void {
  root.nextFree = freeRoots;
  freeRoots = changetype<usize>(root);
}

const STREAM_BYTES: u32 = offsetof<Stream>() as u32;

/** A stream's record, zeroed; 0 without memory. Records are used again, so their number is that of the busiest moment. */
export function takeStream(): usize {
  const at = freeStreams;
  if (at == 0) return take(vmArena, STREAM_BYTES);
  freeStreams = changetype<Stream>(at).nextFree;
  memory.fill(at, 0, STREAM_BYTES);
  return at;
}

export function giveStream(stream: Stream): void {
  stream.nextFree = freeStreams;
  freeStreams = changetype<usize>(stream);
}
