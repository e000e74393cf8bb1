// What simulated traffic is drawn from: distributions over the random numbers of a seed.

import { TWO_32, type Random } from "../support/random.ts";

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
