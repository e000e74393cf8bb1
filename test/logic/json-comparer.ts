// The filter's comparison of JSON as a module of its own, and texts in and out of its memory.

import { loadGuest } from "../support/guest.ts";

interface Exports {
  memory: WebAssembly.Memory;
  scratch(bytes: number): number;
  beginScratch(): void;
  compare(ours: bigint, theirs: bigint, other: bigint, rules: number, count: number): number;
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

export class JsonComparer {
  constructor(private readonly guest: Exports) {}

  /** `other` is the answer of production's second instance, null without; `ignored` are JSON Pointers. */
  compare(
    ours: string | Uint8Array,
    theirs: string | Uint8Array,
    other: string | null = null,
    ignored: readonly string[] = [],
  ): Comparison {
    this.guest.beginScratch();
    const rules = this.guest.scratch(8 * ignored.length + 8);
    ignored.forEach((pointer, index) => {
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
    const [a, b, c] = [this.slice(ours), this.slice(theirs), other === null ? 0n : this.slice(other)];
    const verdict = VERDICTS[this.guest.compare(a, b, c, rules, ignored.length)];
    if (verdict === undefined) throw new Error("a verdict that there is not");
    if (verdict !== "different") return { verdict, pointer: null };
    const at = this.guest.difference();
    const bytes = new Uint8Array(this.guest.memory.buffer, Number(at >> 32n), Number(at & 0xffffffffn));
    return { verdict, pointer: JSON.parse(`"${Buffer.from(bytes).toString()}"`) as string };
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
