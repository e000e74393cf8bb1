// Memory for the length of one callback: what the host returns, decoded text, log lines. Begun anew by every callback,
// so a request allocates nothing once the largest one has been seen. The first block is static: with no memory left,
// headers of the size that Envoy takes (60 KiB, unless configured) can still be read.

import { givePages, takePages, wholePages } from "./pages";

/** One callback may use this much; a host that asks for more gets none. */
const MOST: usize = 32 << 20;
const FIRST: i32 = 1 << 18;

/** At the start of a block that was outgrown during this callback. */
@unmanaged
class Outgrown {
  next: usize;
  bytes: usize;
}

const HEADER: usize = offsetof<Outgrown>();

/** The first block. */
const STATIC: usize = memory.data(FIRST, 8);
let block: usize = STATIC;
let blockBytes: usize = FIRST as usize;
let at: usize = STATIC + HEADER;
let end: usize = STATIC + FIRST;
let outgrown: usize = 0;

let generation: u32 = 1;

/** The number of the callback: what was taken under another number must not be used any more. */
// @ts-ignore: decorator
@inline
export function scratchGeneration(): u32 {
  return generation;
}

/** Beyond every address. */
const NEVER: usize = 0xffffffff;
/** The lowest mark that this callback has gone back to. */
let lowest: usize = NEVER;

/** Whether memory that was taken in this callback, up to `end`, is still its taker's: no `rewindScratch` gave it back. */
// @ts-ignore: decorator
@inline
export function isStillTaken(end: usize): bool {
  return end <= lowest;
}

/**
 * Takes `bytes` (not zeroed, 8-aligned) until the callback ends.
 * @returns 0 when the callback has used its share or the memory is at its maximum
 */
export function scratch(bytes: usize): usize {
  if (bytes > MOST) return 0;
  const size = (bytes + 7) & ~7;
  if (size > end - at && !grow(size)) return 0;
  const taken = at;
  at += size;
  return taken;
}

function grow(size: usize): bool {
  let wanted = blockBytes << 1;
  while (wanted < size + HEADER) wanted <<= 1;
  if (wanted > MOST << 1) return false;
  const fresh = takePages(wanted);
  if (fresh == 0) return false;
  if (block != STATIC) {
    // What was handed out from it is still in use: given back when the callback is over.
    const old = changetype<Outgrown>(block);
    old.next = outgrown;
    outgrown = block;
  }
  const header = changetype<Outgrown>(fresh);
  header.bytes = wholePages(wanted);
  block = fresh;
  blockBytes = header.bytes;
  at = fresh + HEADER;
  end = fresh + header.bytes;
  return true;
}

/** Where the next bytes would be taken: for `rewindScratch`. */
export function markScratch(): usize {
  return at;
}

/** Forgets what was taken since the mark, unless the memory had to grow meanwhile: it then stays to the callback's end. */
export function rewindScratch(mark: usize): void {
  if (mark <= block || mark > at) return;
  at = mark;
  if (mark < lowest) lowest = mark;
}

/** Forgets everything that was taken: at the start of each callback of the host. */
export function beginScratch(): void {
  generation++;
  lowest = NEVER;
  at = block + HEADER;
  if (outgrown != 0) releaseOutgrown();
}

function releaseOutgrown(): void {
  let old = outgrown;
  outgrown = 0;
  while (old != 0) {
    const next = changetype<Outgrown>(old).next;
    givePages(old, changetype<Outgrown>(old).bytes);
    old = next;
  }
}
