// A memory of what came last: it holds so many entries and forgets the oldest, so that an hour of new users fits.

export class Recent<K, V> {
  readonly #entries = new Map<K, V>();
  /** Goes on where it was: each key comes once, in the order of their ages, those too that are set later. */
  readonly #byAge = this.#entries.keys();

  /** @param most entries, at least 1 */
  constructor(private readonly most: number) {}

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  /** A key that is there keeps its age. */
  set(key: K, value: V): void {
    this.#entries.set(key, value);
    if (this.#entries.size <= this.most) return;
    const oldest = this.#byAge.next();
    if (oldest.done !== true) this.#entries.delete(oldest.value);
  }
}
