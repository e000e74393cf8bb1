// Whole 64 KiB pages of linear memory, taken and given back in runs: what arenas are made of.
// First fit over a list sorted by address, neighbours joined again (Knuth, The Art of Computer Programming 1, 2.5,
// algorithms A and B). The one place that grows the memory.

const PAGE: usize = 65536;

/** At the start of every run that is free: its size in bytes, and the next free run. */
@unmanaged
class FreeRun {
  bytes: usize;
  next: usize;
}

let firstFree: usize = 0;

/** Bytes that a request for `bytes` really takes. */
export function wholePages(bytes: usize): usize {
  return (bytes + (PAGE - 1)) & ~(PAGE - 1);
}

/**
 * Takes a run of pages that holds at least `bytes`.
 * @returns its address, a multiple of 64 KiB; 0 when the memory is at its maximum
 */
export function takePages(bytes: usize): usize {
  if (bytes > 0x3fff0000) return 0;
  const wanted = bytes == 0 ? PAGE : wholePages(bytes);
  let before: usize = 0;
  let at = firstFree;
  while (at != 0) {
    const run = changetype<FreeRun>(at);
    if (run.bytes >= wanted) {
      let rest = run.next;
      if (run.bytes > wanted) {
        rest = at + wanted;
        const remainder = changetype<FreeRun>(rest);
        remainder.bytes = run.bytes - wanted;
        remainder.next = run.next;
      }
      if (before == 0) firstFree = rest;
      else changetype<FreeRun>(before).next = rest;
      return at;
    }
    before = at;
    at = run.next;
  }
  const grown = memory.grow((wanted >> 16) as i32);
  if (grown < 0) return 0;
  return (grown as usize) << 16;
}

/** As `takePages`, all of them zero. What the memory grows by is so already: only what was used before is written. */
export function takeZeroed(bytes: usize): usize {
  const before = (memory.size() as usize) << 16;
  const at = takePages(bytes);
  if (at != 0 && at < before) memory.fill(at, 0, wholePages(bytes));
  return at;
}

/** Gives back a run that `takePages` gave, with the size that was asked for. */
export function givePages(address: usize, bytes: usize): void {
  if (address == 0) return;
  const size = bytes == 0 ? PAGE : wholePages(bytes);
  let before: usize = 0;
  let after = firstFree;
  while (after != 0 && after < address) {
    before = after;
    after = changetype<FreeRun>(after).next;
  }
  const run = changetype<FreeRun>(address);
  run.bytes = size;
  run.next = after;
  if (after != 0 && address + size == after) {
    const following = changetype<FreeRun>(after);
    run.bytes += following.bytes;
    run.next = following.next;
  }
  if (before == 0) {
    firstFree = address;
    return;
  }
  const earlier = changetype<FreeRun>(before);
  if (before + earlier.bytes == address) {
    earlier.bytes += run.bytes;
    earlier.next = run.next;
  } else {
    earlier.next = address;
  }
}
