// The operators of the filter as a module of their own, and JSON in and out of its memory.

import { loadGuest } from "../support/guest.ts";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

interface Exports {
  memory: WebAssembly.Memory;
  scratch(bytes: number): number;
  beginScratch(): void;
  beginWork(steps: number): void;
  semVer(result: number, args: number, count: number): void;
  fractional(
    result: number,
    args: number,
    count: number,
    flagKey: bigint,
    targetingKey: number,
    generation: number,
  ): void;
  cborOf(value: number): bigint;
}

// As assembly/core/logic/value.ts has them.
const VALUE_BYTES = 16;
const MEMBER_BYTES = 24;

/** Calls the operators with JSON values. */
export class Operators {
  constructor(private readonly guest: Exports) {
    // Enough for all that a test does.
    guest.beginWork(2 ** 30);
  }

  semVer(list: Json[]): Json {
    const { result, args } = this.begin(list);
    this.guest.semVer(result, args, list.length);
    return this.read(result);
  }

  fractional(list: Json[], flagKey: string, targetingKey: Json, generation: number): Json {
    const { result, args } = this.begin(list);
    const targeting = this.guest.scratch(VALUE_BYTES);
    this.write(targeting, targetingKey);
    this.guest.fractional(result, args, list.length, this.slice(flagKey), targeting, generation);
    return this.read(result);
  }

  /** The value's CBOR, null when it nests too deep. */
  cbor(value: Json): Uint8Array | null {
    this.guest.beginScratch();
    const at = this.guest.scratch(VALUE_BYTES);
    this.write(at, value);
    const slice = this.guest.cborOf(at);
    return slice === 0n ? null : this.bytes(slice).slice();
  }

  private begin(list: Json[]): { result: number; args: number } {
    this.guest.beginScratch();
    const result = this.guest.scratch(VALUE_BYTES);
    const args = this.guest.scratch(list.length * VALUE_BYTES);
    list.forEach((value, i) => this.write(args + i * VALUE_BYTES, value));
    return { result, args };
  }

  /** Writes a value at an address. */
  private write(at: number, value: Json): void {
    if (Array.isArray(value)) {
      const items = this.guest.scratch(value.length * VALUE_BYTES);
      value.forEach((item, i) => this.write(items + i * VALUE_BYTES, item));
      this.put(at, 5, value.length, BigInt(items));
    } else if (typeof value === "object" && value !== null) {
      const entries = Object.entries(value);
      const members = this.guest.scratch(entries.length * MEMBER_BYTES);
      entries.forEach(([key, item], i) => {
        const slice = this.slice(key);
        this.view().setBigUint64(members + i * MEMBER_BYTES, slice, true);
        this.write(members + i * MEMBER_BYTES + 8, item);
      });
      this.put(at, 6, entries.length, BigInt(members));
    } else if (typeof value === "string") {
      this.put(at, 4, 0, this.slice(value));
    } else if (typeof value === "number") {
      this.put(at, 3, 0, new BigUint64Array(new Float64Array([value]).buffer)[0] ?? 0n);
    } else {
      this.put(at, value === null ? 0 : value ? 2 : 1, 0, 0n);
    }
  }

  private put(at: number, tag: number, count: number, bits: bigint): void {
    const view = this.view();
    view.setUint32(at, tag, true);
    view.setUint32(at + 4, count, true);
    view.setBigUint64(at + 8, bits, true);
  }

  private read(at: number): Json {
    const view = this.view();
    const tag = view.getUint32(at, true);
    const bits = view.getBigUint64(at + 8, true);
    if (tag === 0) return null;
    if (tag <= 2) return tag === 2;
    if (tag === 3) return view.getFloat64(at + 8, true);
    if (tag === 4) return Buffer.from(this.bytes(bits)).toString();
    throw new Error(`an operator gave a value of tag ${tag}`);
  }

  private slice(text: string): bigint {
    const bytes = Buffer.from(text);
    const at = this.guest.scratch(bytes.length);
    new Uint8Array(this.guest.memory.buffer).set(bytes, at);
    return (BigInt(at) << 32n) | BigInt(bytes.length);
  }

  private bytes(slice: bigint): Uint8Array {
    return new Uint8Array(this.guest.memory.buffer, Number(slice >> 32n), Number(slice & 0xffffffffn));
  }

  private view(): DataView {
    return new DataView(this.guest.memory.buffer);
  }
}

/** Compiles the operators as the filter is compiled. */
export async function loadOperators(): Promise<Operators> {
  return new Operators(await loadGuest<Exports>("test/unit/core/logic/guest.ts"));
}
