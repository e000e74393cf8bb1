// Records that were given back, to be used again: so their number is that of the busiest moment, and nothing is freed.

/** A list of unused records of one kind, linked by their `next`. */
@unmanaged
export class FreeList<T> {
  first: T | null;

  /** The record that was given back last, as it was then; null when there is none. */
  take(): T | null {
    const record = this.first;
    if (record != null) this.first = record.next;
    return record;
  }

  give(record: T): void {
    record.next = this.first;
    this.first = record;
  }
}
