// Records in linear memory, reached through their types: runs of records of one kind, chains by `next`, records of the
// module's own. All casts of an address to a type are in this file, so that no other file needs one.

import { Arena, take } from "./arena";
import { scratch } from "./scratch";

/** Records of one kind, one behind the other: the address of the first. Address 0 when there are none. */
@unmanaged
export class Run<T> {
  /** Record `index`; of a run of numbers or slices the value there. The caller knows that it is there. */
  // @ts-ignore: decorator
  @inline
  at(index: u32): T {
    const run = changetype<usize>(this);
    if (isReference<T>()) return changetype<T>(run + (index as usize) * offsetof<T>());
    return load<T>(run + (index as usize) * sizeof<T>());
  }

  /** Writes value `index` of a run of numbers or slices. */
  // @ts-ignore: decorator
  @inline
  set(index: u32, value: T): void {
    store<T>(changetype<usize>(this) + (index as usize) * sizeof<T>(), value);
  }

  /** Copies `count` of another run to place `index` on. */
  // @ts-ignore: decorator
  @inline
  copy(index: u32, from: Run<T>, count: u32): void {
    const to = changetype<usize>(this) + bytesOf<T>(index);
    memory.copy(to, changetype<usize>(from), bytesOf<T>(count));
  }

  /** Writes zeros over the first `count`. */
  // @ts-ignore: decorator
  @inline
  clear(count: u32): void {
    memory.fill(changetype<usize>(this), 0, bytesOf<T>(count));
  }

  /** Whether there is no run: there was nothing to hold, or no memory. */
  // @ts-ignore: decorator
  @inline
  get isNone(): bool {
    return changetype<usize>(this) == 0;
  }
}

/** A record in the same piece of memory as another, so many bytes after its beginning. */
// @ts-ignore: decorator
@inline
export function within<Owner, T>(owner: Owner, offset: usize): T {
  return changetype<T>(changetype<usize>(owner) + offset);
}

/** The record at an address; null at 0, where its type says so. */
// @ts-ignore: decorator
@inline
export function recordAt<T>(address: usize): T {
  return changetype<T>(address);
}

/** Where a record, or a run, stands; 0 for none. */
// @ts-ignore: decorator
@inline
export function placeOf<T>(record: T): usize {
  return changetype<usize>(record);
}

/** Bytes of so many records, or values, of a run. */
// @ts-ignore: decorator
@inline
export function bytesOf<T>(count: u32): usize {
  return (count as usize) * (isReference<T>() ? offsetof<T>() : sizeof<T>());
}

/** No run. */
// @ts-ignore: decorator
@inline
export function noRun<T>(): Run<T> {
  return changetype<Run<T>>(0);
}

/** A run of `count`, not zeroed, until the callback ends; `isNone` without memory. */
// @ts-ignore: decorator
@inline
export function scratchRun<T>(count: u32): Run<T> {
  return changetype<Run<T>>(scratch(bytesOf<T>(count)));
}

/** A run of `count`, zeroed, that lives as long as the arena; `isNone` without memory. */
// @ts-ignore: decorator
@inline
export function takeRun<T>(arena: Arena, count: u32): Run<T> {
  return changetype<Run<T>>(take(arena, bytesOf<T>(count)));
}

/** A record, zeroed, that lives as long as the arena; null without memory. */
// @ts-ignore: decorator
@inline
export function takeRecord<T>(arena: Arena): T | null {
  return changetype<T>(take(arena, offsetof<T>()));
}

/**
 * The record behind this one in its chain. A `for` loop takes its step by it, since a `let` of a type with `null` is
 * known to be a record in the loop's body, but not in its step.
 */
// @ts-ignore: decorator
@inline
export function nextOf<T>(record: T | null): T | null {
  return changetype<NonNullable<T>>(changetype<usize>(record)).next;
}

/** A record of the module's own, zeroed: for a `const` of a module, once for each place that calls it. */
// @ts-ignore: decorator
@inline
export function fixed<T>(): T {
  return changetype<T>(memory.data(offsetof<T>(), 8));
}
