// The filter's comparison of JSON as a module of its own, and texts in and out of its memory.

import { loadGuest } from "../support/guest.ts";

interface Exports {
  memory: WebAssembly.Memory;
  scratch(bytes: number): number;
  beginScratch(): void;
  compare(
    ours: bigint,
    theirs: bigint,
    other: bigint,
    ignored: number,
    ignoredCount: number,
    unordered: number,
    unorderedCount: number,
    tolerance: number,
  ): number;
  isWithin(a: bigint, b: bigint, part: number): number;
  placeCount(): number;
  placeText(index: number): bigint;
  hasMorePlaces(): number;
  difference(): bigint;
  setRule(rules: number, index: number, tokens: number, count: number): void;
}

const VERDICTS = ["same", "noise", "different", "unknown", "no JSON", "no JSON"] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface Comparison {
  readonly verdict: Verdict;
  /** Where it differs; null unless `different`. */
  readonly pointer: string | null;
}

export interface Rules {
  /** JSON Pointers to what may differ, and to arrays whose order does not count. */
  readonly ignored?: readonly string[];
  readonly unordered?: readonly string[];
  /** In billionths. */
  readonly tolerance?: number;
}

export class JsonComparer {
  /** Bytes of its memory, which never shrinks. */
  get memorySize(): number {
    return this.guest.memory.buffer.byteLength;
  }

  constructor(private readonly guest: Exports) {}

  /** `other` is the answer of production's second instance, null without; `ignored` are JSON Pointers. */
  compare(
    ours: string | Uint8Array,
    theirs: string | Uint8Array,
    other: string | null = null,
    ignored: readonly string[] = [],
    { unordered = [], tolerance = 0 }: Rules = {},
  ): Comparison {
    this.guest.beginScratch();
    const [rules, arrays] = [this.#rules(ignored), this.#rules(unordered)];
    const [a, b, c] = [this.slice(ours), this.slice(theirs), other === null ? 0n : this.slice(other)];
    const counts = [ignored.length, unordered.length] as const;
    const verdict = VERDICTS[this.guest.compare(a, b, c, rules, counts[0], arrays, counts[1], tolerance)];
    if (verdict === undefined) throw new Error("a verdict that there is not");
    if (verdict !== "different") return { verdict, pointer: null };
    return { verdict, pointer: JSON.parse(`"${this.#text(this.guest.difference())}"`) as string };
  }

  /** The places of the last comparison, as stats name them; `other` where there are more. */
  places(): string[] {
    const named = Array.from({ length: this.guest.placeCount() }, (_, i) =>
      this.#text(this.guest.placeText(i)),
    );
    return this.guest.hasMorePlaces() === 0 ? named : [...named, "other"];
  }

  isWithin(a: string, b: string, billionths: number): boolean {
    this.guest.beginScratch();
    return this.guest.isWithin(this.slice(a), this.slice(b), billionths) !== 0;
  }

  #text(at: bigint): string {
    return Buffer.from(
      new Uint8Array(this.guest.memory.buffer, Number(at >> 32n), Number(at & 0xffffffffn)),
    ).toString();
  }

  #rules(pointers: readonly string[]): number {
    const rules = this.guest.scratch(8 * pointers.length + 8);
    pointers.forEach((pointer, index) => {
      const tokens =
        pointer === ""
          ? []
          : pointer
              .slice(1)
              .split("/")
              .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
      const at = this.guest.scratch(8 * tokens.length + 8);
      const slices = tokens.map((token) => this.slice(token));
      const view = new DataView(this.guest.memory.buffer);
      slices.forEach((slice, i) => view.setBigUint64(at + 8 * i, slice, true));
      this.guest.setRule(rules, index, at, tokens.length);
    });
    return rules;
  }

  private slice(text: string | Uint8Array): bigint {
    const bytes = Buffer.from(text as string);
    const at = this.guest.scratch(bytes.length + 8);
    if (at === 0) throw new Error("no memory for a text");
    new Uint8Array(this.guest.memory.buffer).set(bytes, at);
    return (BigInt(at) << 32n) | BigInt(bytes.length);
  }
}

/** Compiles the comparison as the filter is compiled. */
export async function loadComparer(): Promise<JsonComparer> {
  return new JsonComparer(await loadGuest<Exports>("test/unit/core/json-guest.ts"));
}
