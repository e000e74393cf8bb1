// "Memory is flat", for every test that says so. A Wasm memory grows by pages of 64 KiB and never shrinks, so the bound is 0:
// after a warm-up, in which free lists and tables find their size, no round may add a page. What one round in ten keeps by
// mistake, if only the allocator's smallest block of 16 bytes, is a page after 41,000 rounds; so requests, which are small,
// are tested by hundreds of thousands, and updates, each of which loads a policy of kilobytes, by a thousand.

import assert from "node:assert/strict";

/** A VM, or a host that has one. */
export interface WithMemory {
  /** Bytes of the guest's memory. */
  readonly memorySize: number;
}

/**
 * Remembers the size as it is now, after the warm-up.
 * @returns asserts that it is still that, after so many rounds of something
 */
export function flatFromNow(vm: WithMemory): (rounds: number, what: string) => void {
  const early = vm.memorySize;
  return (rounds, what) => {
    const grown = vm.memorySize - early;
    assert.equal(grown, 0, `${grown} bytes more after ${rounds} ${what}, ${grown / rounds} for each`);
  };
}
