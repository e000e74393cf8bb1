// Who gets which variant, computed a second time from policy.md's section Bucket with nothing of the filter's: what the
// filter does is compared with it.

/** A part of the space [0, 2^32) that a variant owns: those h with begin <= h < end. */
export interface Slot {
  variant: string;
  begin: bigint;
  end: bigint;
}

/** Shares in thousandths of a percent, in document order, the default left out. */
export interface Share {
  variant: string;
  percent: number;
  max?: number;
}

const SPACE = 1n << 32n;
const WHOLE = 100_000n;

/** round(thousandths / 100,000 * 2^32); never a tie, since 100,000 = 2^5 * 3125. */
function point(thousandths: number): bigint {
  return (BigInt(thousandths) * SPACE * 2n + WHOLE) / (WHOLE * 2n);
}

/** The slots that the shares fill. */
export function layOut(shares: readonly Share[]): Slot[] {
  const count = BigInt(shares.length);
  let before = 0;
  return shares.map(({ variant, percent, max }, index) => {
    const width = point(percent);
    if (max !== undefined) {
      const begin = point(before);
      before += max;
      return { variant, begin, end: least(begin + width, point(before)) };
    }
    if (shares.length === 2 && index === 1) return { variant, begin: SPACE - width, end: SPACE };
    if (shares.length <= 2) return { variant, begin: 0n, end: width };
    const begin = (BigInt(index) * SPACE) / count;
    return { variant, begin, end: least(begin + width, (BigInt(index + 1) * SPACE) / count) };
  });
}

/** The variant of an identity, null for the default. */
export function assign(salt: string, identity: string, slots: readonly Slot[]): string | null {
  const hash = BigInt(murmur3(Buffer.from(`${salt}/${identity}`, "utf8")));
  return slots.find(({ begin, end }) => begin <= hash && hash < end)?.variant ?? null;
}

/** MurmurHash3 x86 32 (Appleby, smhasher, public domain). */
export function murmur3(bytes: Uint8Array, seed = 0): number {
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

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
