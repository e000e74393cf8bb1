// Who gets which variant, computed from policy.md alone: shares nothing with the filter.

import { murmur3 as murmur3OfBytes } from "../fuzz/model.ts";

/** MurmurHash3 x86 32 of text as UTF-8. */
export function murmur3(text: string, seed = 0): number {
  return murmur3OfBytes(Buffer.from(text), seed);
}

/** A variant's part of the space, from `begin` up to, not including, `end`. */
export interface Part {
  readonly variant: string;
  readonly begin: number;
  readonly end: number;
}

const SPACE = 2 ** 32;

/** The place in the space where so many percent (a multiple of 0.001) end. */
export function position(percent: number): number {
  return Number((2n * BigInt(Math.round(percent * 1000)) * BigInt(SPACE) + 100_000n) / 200_000n);
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
