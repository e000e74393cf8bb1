import { Status } from "./abi.ts";

/** A value with the number of its write. */
export interface SharedValue {
  readonly bytes: Uint8Array;
  readonly cas: number;
}

const CAS_MAX = 0xffffffff;

/**
 * Envoy's shared data: what all VMs of one `vm_id` see. As in proxy-wasm-cpp-host, one counter numbers the writes of all
 * keys, a write with number 0 always succeeds, and a key that is not there is made whatever number the write names.
 */
export class SharedData {
  readonly #values = new Map<string, SharedValue>();
  #lastCas = 0;

  /** The value of a key, or null. */
  get(key: string): SharedValue | null {
    return this.#values.get(key) ?? null;
  }

  /** All keys, in the order in which they were made. */
  keys(): string[] {
    return [...this.#values.keys()];
  }

  /** Bytes of all keys and values. */
  get size(): number {
    let size = 0;
    for (const [key, { bytes }] of this.#values) size += key.length + bytes.length;
    return size;
  }

  /** Writes a copy of the bytes, unless `cas` is neither 0 nor the number of the value that is there. */
  set(key: string, bytes: Uint8Array, cas: number): Status {
    const there = this.#values.get(key);
    if (there !== undefined && cas !== 0 && cas !== there.cas) return Status.CasMismatch;
    this.#lastCas = this.#lastCas === CAS_MAX ? 1 : this.#lastCas + 1;
    this.#values.set(key, { bytes: Uint8Array.from(bytes), cas: this.#lastCas });
    return Status.Ok;
  }
}
