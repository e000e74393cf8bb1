import { Status } from "./abi.ts";

/**
 * The linear memory of the guest, seen from the host: every access is checked, because a host call with bad
 * pointers has to answer InvalidMemoryAccess, as Envoy does, and never throw.
 */
export class GuestMemory {
  #bytes: Uint8Array;
  #view: DataView;

  /** `allocate` is the guest's `proxy_on_memory_allocate`: 0 means that it has no room. */
  constructor(
    private readonly memory: WebAssembly.Memory,
    private readonly allocate: (size: number) => number,
  ) {
    this.#bytes = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
  }

  /** Bytes of memory in use by the guest: 65536 a page. */
  get size(): number {
    return this.memory.buffer.byteLength;
  }

  /** A view (not a copy) of guest bytes; null when it would leave the memory. */
  read(pointer: number, size: number): Uint8Array | null {
    this.#refresh();
    const begin = pointer >>> 0;
    const end = begin + (size >>> 0);
    return end > this.#bytes.length ? null : this.#bytes.subarray(begin, end);
  }

  /** Guest bytes as a string of one character a byte; null when they would leave the memory. */
  readLatin1(pointer: number, size: number): string | null {
    const bytes = this.read(pointer, size);
    return bytes === null
      ? null
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  }

  /** False when the address is outside the memory. */
  writeU32(pointer: number, value: number): boolean {
    this.#refresh();
    const begin = pointer >>> 0;
    if (begin + 4 > this.#bytes.length) return false;
    this.#view.setUint32(begin, value, true);
    return true;
  }

  /** False when the address is outside the memory. */
  writeU64(pointer: number, value: bigint): boolean {
    this.#refresh();
    const begin = pointer >>> 0;
    if (begin + 8 > this.#bytes.length) return false;
    this.#view.setBigUint64(begin, value, true);
    return true;
  }

  /** False when the bytes would leave the memory. */
  write(pointer: number, bytes: Uint8Array): boolean {
    this.#refresh();
    const begin = pointer >>> 0;
    if (begin + bytes.length > this.#bytes.length) return false;
    this.#bytes.set(bytes, begin);
    return true;
  }

  /** Puts bytes where the guest makes room for them; null when it has none. */
  place(bytes: Uint8Array): number | null {
    const address = this.allocate(bytes.length) >>> 0;
    return address !== 0 && this.write(address, bytes) ? address : null;
  }

  /**
   * Hands bytes to the guest as every returning host call does: asks the guest for room, copies, and writes
   * address and size where the guest wants them. Empty bytes are address 0 and no allocation.
   */
  give(bytes: Uint8Array, pointerPointer: number, sizePointer: number): Status {
    let address = 0;
    if (bytes.length > 0) {
      const placed = this.place(bytes);
      if (placed === null) return Status.InvalidMemoryAccess;
      address = placed;
    }
    if (!this.writeU32(pointerPointer, address)) return Status.InvalidMemoryAccess;
    return this.writeU32(sizePointer, bytes.length) ? Status.Ok : Status.InvalidMemoryAccess;
  }

  /** A grown memory has a new buffer, and the old one is detached. */
  #refresh(): void {
    if (this.#bytes.buffer === this.memory.buffer) return;
    this.#bytes = new Uint8Array(this.memory.buffer);
    this.#view = new DataView(this.memory.buffer);
  }
}
