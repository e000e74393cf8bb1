// Who gets which variant, computed again: from policy.md alone, sharing no code and no way of computing with the filter.

/** MurmurHash3 x86 32 (Austin Appleby, public domain) of bytes, with seed 0 unless said. */
export function murmur3(bytes: Uint8Array, seed = 0): number {
  let hash = seed | 0;
  const whole = bytes.length & ~3;
  for (let at = 0; at < whole; at += 4) {
    const word =
      byteAt(bytes, at, 0) | byteAt(bytes, at + 1, 8) | byteAt(bytes, at + 2, 16) | byteAt(bytes, at + 3, 24);
    hash = rotate(hash ^ mix(word), 13);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let rest = 0;
  for (let at = bytes.length - 1; at >= whole; at--) rest = (rest << 8) | byteAt(bytes, at, 0);
  if (whole < bytes.length) hash ^= mix(rest);
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function byteAt(bytes: Uint8Array, at: number, shift: number): number {
  return (bytes[at] as number) << shift;
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}

function mix(word: number): number {
  return Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
}

/** A variant as the policy writes it. */
export interface Variant {
  readonly name: string;
  /** As written, so that no floating point comes in: `5`, `0.001`. */
  readonly percent?: string;
  readonly max?: string;
}

/** A variant's part of [0, 2^32). */
export interface Part {
  readonly variant: string;
  readonly begin: bigint;
  readonly end: bigint;
}

const SPACE = 1n << 32n;
const THOUSANDTHS = 100_000n;

/** Thousandths of a percent, exactly: `12.5` -> 12500. */
export function thousandths(percent: string): bigint {
  const parts = /^(\d+)(?:\.(\d{1,3}))?$/.exec(percent);
  if (parts === null) throw new Error(`not a percent in steps of 0.001: ${percent}`);
  return BigInt(parts[1] as string) * 1000n + BigInt((parts[2] ?? "").padEnd(3, "0"));
}

/** round(percent / 100 * 2^32), halves up. */
function point(share: bigint): bigint {
  return (2n * share * SPACE + THOUSANDTHS) / (2n * THOUSANDTHS);
}

/** The parts of all variants but the default, which are given in document order. An empty part begins where it ends. */
export function partsOf(variants: readonly Variant[]): Part[] {
  const count = BigInt(variants.length);
  const shares = variants.map((variant) => thousandths(variant.percent ?? "0"));
  const withMax = variants.some((variant) => variant.max !== undefined);
  let before = 0n;
  return variants.map(({ name, max }, index) => {
    const share = shares[index] as bigint;
    const at = BigInt(index);
    let begin: bigint;
    let next: bigint;
    if (withMax) {
      begin = point(before);
      before += thousandths(max ?? "0");
      next = point(before);
    } else if (count === 2n && index === 1) {
      return { variant: name, begin: SPACE - point(share), end: SPACE };
    } else if (count <= 2n) {
      begin = 0n;
      next = SPACE;
    } else {
      begin = (at * SPACE) / count;
      next = ((at + 1n) * SPACE) / count;
    }
    const end = begin + point(share);
    return { variant: name, begin, end: end < next ? end : next };
  });
}

/** The point of an identity in [0, 2^32). */
export function pointOf(salt: string, identity: string | Uint8Array): number {
  const bytes = typeof identity === "string" ? Buffer.from(identity, "utf8") : identity;
  return murmur3(Buffer.concat([Buffer.from(`${salt}/`, "utf8"), bytes]));
}

/** The variant that holds a point, or null for the default. */
export function holderOf(parts: readonly Part[], at: number): string | null {
  const wide = BigInt(at);
  return parts.find((part) => wide >= part.begin && wide < part.end)?.variant ?? null;
}
