// Numbers made up with a seed: the same for the same seed on every machine.

export const TWO_32 = 4_294_967_296;

/** Random numbers, 32 bits each: sfc32 (Chris Doty-Humphrey, PractRand), made in blocks, which is what makes it fast. */
export class Random {
  /** What is drawn from; a loop that is in a hurry reserves some and takes them from here. */
  readonly block = new Uint32Array(4096);
  readonly #state: Int32Array;
  #at = this.block.length;

  constructor(seed: number) {
    this.#state = Int32Array.of(0, seed | 0, (seed >>> 3) ^ 0x9e3779b9, 1);
    this.fill();
  }

  /** 32 random bits. */
  next(): number {
    if (this.#at === this.block.length) this.fill();
    return this.block[this.#at++] as number;
  }

  /** Where in `block` so many numbers lie that are not drawn yet; say with used() how far they were. */
  reserve(count: number): number {
    if (this.#at + count > this.block.length) this.fill();
    return this.#at;
  }

  used(at: number): void {
    this.#at = at;
  }

  fill(): void {
    let [a = 0, b = 0, c = 0, d = 0] = this.#state;
    const block = this.block;
    for (let i = 0; i < block.length; i++) {
      const t = (((a + b) | 0) + d) | 0;
      d = (d + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = (c << 21) | (c >>> 11);
      c = (c + t) | 0;
      block[i] = t;
    }
    this.#state.set([a, b, c, d]);
    this.#at = 0;
  }

  /** 64 random bits. */
  bits(): bigint {
    return (BigInt(this.next()) << 32n) | BigInt(this.next());
  }

  /** A number from 0 to below 1. */
  part(): number {
    return this.next() / TWO_32;
  }

  /** An integer from 0 to below `end`, which is at most 2^53. */
  below(end: number): number {
    return end <= TWO_32 ? this.next() % end : Number(this.bits() % BigInt(end));
  }

  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

/** Random numbers for one of many seeds: without the first ones, which are close to each other where seeds are. */
export function seeded(seed: number): Random {
  const random = new Random(seed);
  for (let i = 0; i < 16; i++) random.next();
  return random;
}
