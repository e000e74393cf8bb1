// Numbers made up with a seed: the same for the same seed on every machine.

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
}

export const TWO_32 = 4_294_967_296;

/** A draw from a list of weights in constant time: Vose 1991, "A linear algorithm for generating random numbers with a given distribution". */
export class Weighted {
  readonly #chance: Float64Array;
  readonly #other: Int32Array;

  constructor(weights: ArrayLike<number>) {
    const count = weights.length;
    let total = 0;
    for (let i = 0; i < count; i++) total += weights[i] ?? 0;
    this.#chance = new Float64Array(count);
    this.#other = new Int32Array(count);
    const [small, large]: number[][] = [[], []];
    for (let i = 0; i < count; i++) {
      this.#chance[i] = ((weights[i] ?? 0) * count) / total;
      ((this.#chance[i] ?? 0) < 1 ? small : large)?.push(i);
    }
    while ((small?.length ?? 0) > 0 && (large?.length ?? 0) > 0) {
      const less = small?.pop() ?? 0;
      const more = large?.at(-1) ?? 0;
      this.#other[less] = more;
      this.#chance[more] = (this.#chance[more] ?? 0) - (1 - (this.#chance[less] ?? 0));
      if ((this.#chance[more] ?? 0) < 1) small?.push(large?.pop() ?? 0);
    }
    for (const rest of [...(small ?? []), ...(large ?? [])]) this.#chance[rest] = 1;
  }

  /** `bits`: 32 random ones. */
  at(bits: number): number {
    const place = (bits / TWO_32) * this.#chance.length;
    const index = Math.trunc(place);
    return place - index < (this.#chance[index] ?? 1) ? index : (this.#other[index] ?? index);
  }
}

/** A standard normal number: Box & Muller 1958. */
export function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log((random.next() + 1) / TWO_32));
  return radius * Math.cos((2 * Math.PI * random.next()) / TWO_32);
}

/** A Gamma(shape, 1) number: Marsaglia & Tsang 2000, "A simple method for generating gamma variables". */
export function gamma(random: Random, shape: number): number {
  if (shape < 1) return gamma(random, shape + 1) * ((random.next() + 1) / TWO_32) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(random);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log((random.next() + 1) / TWO_32) < 0.5 * x * x + d - d * v + d * Math.log(v))
      return d * v;
  }
}

export function beta(random: Random, a: number, b: number): number {
  const one = gamma(random, a);
  return one / (one + gamma(random, b));
}
