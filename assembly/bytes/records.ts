// Records in linear memory, reached through their types: runs of records of one kind, chains by `next`, records of the
// module's own. What casts an address to a type is in this file, so that nobody else has to.

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

  /** Whether there is no run: there was nothing to hold, or no memory. */
  // @ts-ignore: decorator
  @inline
  get isNone(): bool {
    return changetype<usize>(this) == 0;
  }
}

/** Bytes of one record, or value, of a run. */
// @ts-ignore: decorator
@inline
export function bytesOf<T>(): usize {
  return isReference<T>() ? offsetof<T>() : sizeof<T>();
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
