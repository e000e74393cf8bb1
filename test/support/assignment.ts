// Who gets which variant, computed a second time from docs/policy.md's section Bucket with nothing of the filter's: what
// the filter does is compared with it.

/** The hash space is [0, 2^32). */
export const SPACE = 2 ** 32;

/** A variant's part of the space, from `begin` up to, not including, `end`. */
export interface Part {
  readonly variant: string;
  readonly begin: number;
  readonly end: number;
}

/** Shares in thousandths of a percent, in document order, the default left out. */
export interface Share {
  variant: string;
  percent: number;
  max?: number;
}

/** The place in the space where so many percent (a multiple of 0.001) end. */
export function position(percent: number): number {
  return point(Math.round(percent * 1000));
}

/** round(thousandths / 100,000 * 2^32); never a tie, since 100,000 = 2^5 * 3125. */
function point(thousandths: number): number {
  return Number((2n * BigInt(thousandths) * BigInt(SPACE) + 100_000n) / 200_000n);
}

/** The parts that the shares fill. */
export function layOut(shares: readonly Share[]): Part[] {
  const equal = (index: number): number => Number((BigInt(index) * BigInt(SPACE)) / BigInt(shares.length));
  let before = 0;
  return shares.map(({ variant, percent, max }, index) => {
    const width = point(percent);
    if (max !== undefined) {
      const begin = point(before);
      before += max;
      return { variant, begin, end: Math.min(begin + width, point(before)) };
    }
    if (shares.length === 2 && index === 1) return { variant, begin: SPACE - width, end: SPACE };
    if (shares.length <= 2) return { variant, begin: 0, end: width };
    return { variant, begin: equal(index), end: Math.min(equal(index) + width, equal(index + 1)) };
  });
}

/** Two variants without `max`: from both ends. */
export function fromBothEnds(first: [string, number], second: [string, number]): Part[] {
  return [
    { variant: first[0], begin: 0, end: position(first[1]) },
    { variant: second[0], begin: SPACE - position(second[1]), end: SPACE },
  ];
}

/** Variants with a ceiling each: name, percent, max. */
export function inSlots(...variants: [string, number, number][]): Part[] {
  let before = 0;
  return variants.map(([variant, percent, max]) => {
    const begin = position(before);
    before += max;
    return { variant, begin, end: begin + position(percent) };
  });
}

/** The variant of a user, or null for the default. */
export function variantOf(salt: string, user: string, parts: readonly Part[]): string | null {
  const hash = murmur3(`${salt}/${user}`);
  return parts.find(({ begin, end }) => hash >= begin && hash < end)?.variant ?? null;
}

/** MurmurHash3 x86 32 (Appleby, smhasher, public domain) of bytes, or of text as UTF-8. */
export function murmur3(input: Uint8Array | string, seed = 0): number {
  const bytes = typeof input === "string" ? Buffer.from(input) : input;
  let hash = seed;
  const mix = (block: number): number => Math.imul(rotate(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593);
  const whole = bytes.length - (bytes.length % 4);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < whole; at += 4) {
    hash = (Math.imul(rotate(hash ^ mix(view.getUint32(at, true)), 13), 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let at = bytes.length - 1; at >= whole; at--) tail = (tail << 8) | (bytes[at] as number);
  if (whole < bytes.length) hash ^= mix(tail);
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
