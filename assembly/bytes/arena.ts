// Memory that is taken piece by piece and given back at once: one arena a plan, one for each reading of a policy.

import { givePages, takeZeroed, wholePages } from "./pages";
import { addressOf, lengthOf, NONE, Slice, sliceOf } from "./slice";

/** At the start of every chunk. */
@unmanaged
class Chunk {
  next: usize;
  bytes: usize;
}

/** Lives at the start of its own first chunk. */
@unmanaged
export class Arena {
  /** Newest chunk first. */
  chunks: usize;
  at: usize;
  end: usize;
  /** Set once an allocation failed: nothing that was built in this arena may be used. */
  failed: bool;
}

const CHUNK_HEADER: usize = offsetof<Chunk>();
/** A chunk grows with what the arena holds already, up to this. */
const LARGEST_STEP: usize = 1 << 20;

/** @returns a new arena, or null when the memory is at its maximum */
export function openArena(): Arena | null {
  const bytes = wholePages(1);
  const at = takeZeroed(bytes);
  if (at == 0) return null;
  const chunk = changetype<Chunk>(at);
  chunk.next = 0;
  chunk.bytes = bytes;
  const arena = changetype<Arena>(at + CHUNK_HEADER);
  arena.chunks = at;
  arena.at = at + CHUNK_HEADER + ((offsetof<Arena>() + 7) & ~7);
  arena.end = at + bytes;
  arena.failed = false;
  return arena;
}

/** Gives everything back; the arena itself is gone too. */
export function closeArena(arena: Arena): void {
  let at = arena.chunks;
  while (at != 0) {
    const chunk = changetype<Chunk>(at);
    const next = chunk.next;
    givePages(at, chunk.bytes);
    at = next;
  }
}

/**
 * Takes `bytes` zeroed bytes, 8-aligned. A chunk is zero from the start and each byte is taken once: who writes behind what
 * was taken breaks that for the next.
 * @returns 0 when the memory is at its maximum; `arena.failed` is then set
 */
export function take(arena: Arena, bytes: usize): usize {
  const size = (bytes + 7) & ~7;
  let at = arena.at;
  if (size > arena.end - at) {
    const last = changetype<Chunk>(arena.chunks).bytes;
    const step = last < LARGEST_STEP ? last << 1 : LARGEST_STEP;
    const needed = size + CHUNK_HEADER;
    const whole = wholePages(needed > step ? needed : step);
    const fresh: usize = size > 0x3ff00000 ? 0 : takeZeroed(whole);
    if (fresh == 0) {
      arena.failed = true;
      return 0;
    }
    const chunk = changetype<Chunk>(fresh);
    chunk.next = arena.chunks;
    chunk.bytes = whole;
    arena.chunks = fresh;
    at = fresh + CHUNK_HEADER;
    arena.end = fresh + whole;
  }
  arena.at = at + size;
  return at;
}

/** A copy of `text` that lives as long as the arena; NONE when there is no memory. */
export function keep(arena: Arena, text: Slice): Slice {
  const length = lengthOf(text);
  const at = take(arena, length);
  if (at == 0) return NONE;
  memory.copy(at, addressOf(text), length);
  return sliceOf(at, length);
}
