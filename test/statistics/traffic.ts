// Traffic of a canary and its default, made up with a fixed seed, and what their counters and histograms would hold.

import type { Bin } from "../../tools/statistics/bins.ts";
import type { Side } from "../../tools/verdict/counts.ts";

/** Numbers in [0, 1): sfc32 (Chris Doty-Humphrey, PractRand), the same for the same seed on every machine. */
export function seeded(seed: number): () => number {
  let [a, b, c, d] = [0, seed | 0, (seed >>> 3) ^ 0x9e3779b9, 1];
  const next = (): number => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return (t >>> 0) / 4_294_967_296;
  };
  for (let i = 0; i < 15; i++) next();
  return next;
}

/** A lognormal latency by its median and p99 in milliseconds. */
export interface Latency {
  readonly median: number;
  readonly p99: number;
  /** The slowest so many of them, 0 to 1, take so many times as long. */
  readonly tail?: { readonly part: number; readonly factor: number };
}

/** How a variant behaves. */
export interface Behaviour {
  readonly errors: number;
  readonly latency: Latency;
}

const STEPS = 8192;

/** Latencies at evenly spaced parts of the distribution: one drawn at random is a latency to about a part of 8,192. */
function latencyTable({ median, p99, tail = { part: 0, factor: 1 } }: Latency): Uint16Array {
  const sigma = Math.log(p99 / median) / 2.3263478740408408;
  return Uint16Array.from({ length: STEPS }, (_, step) => {
    const place = (step + 0.5) / STEPS;
    const value =
      median * Math.exp(sigma * normalQuantile(place)) * (place > 1 - tail.part ? tail.factor : 1);
    return BIN_OF[Math.min(LONGEST, Math.floor(value))] ?? 0;
  });
}

/** Envoy's bins for whole milliseconds: two digits of each. */
const LONGEST = 9999;
const LOWERS: number[] = [];
const BIN_OF = new Uint16Array(LONGEST + 1);
for (let value = 0; value <= LONGEST; value++) {
  const unit = 10 ** Math.max(0, String(value).length - 2);
  const lower = Math.floor(value / unit) * unit;
  if (LOWERS.at(-1) !== lower) LOWERS.push(lower);
  BIN_OF[value] = LOWERS.length - 1;
}

/** Counts that grow: a side whose numbers change. */
export class Variant {
  requests = 0;
  errors = 0;
  readonly #bins: { lower: number; width: number; count: number }[];
  readonly #table: Uint16Array;

  constructor(
    readonly name: string,
    private readonly behaviour: Behaviour,
  ) {
    this.#table = tableOf(behaviour.latency);
    this.#bins = LOWERS.map((lower, index) => ({
      lower,
      width: (LOWERS[index + 1] ?? LONGEST + 1) - lower,
      count: 0,
    }));
  }

  /** `excess`: errors of the moment beside the variant's own, which hit all variants alike. */
  serve(random: () => number, excess = 0): void {
    this.requests++;
    if (random() < this.behaviour.errors + excess) this.errors++;
    const bin = this.#bins[this.#table[Math.floor(random() * STEPS)] ?? 0];
    if (bin !== undefined) bin.count++;
  }

  side(): Side {
    const bins: Bin[] = this.#bins.filter(({ count }) => count > 0);
    const { name, requests, errors } = this;
    return { name, requests, errors: { successes: errors, trials: requests }, latency: bins };
  }
}

const tables = new Map<string, Uint16Array>();

function tableOf(latency: Latency): Uint16Array {
  const key = JSON.stringify(latency);
  const table = tables.get(key) ?? latencyTable(latency);
  tables.set(key, table);
  return table;
}

/** Quantile of the normal distribution: by bisection of its distribution function, which is slow and sure. */
function normalQuantile(part: number): number {
  let [low, high] = [-9, 9];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (normalPart(middle) < part) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Marsaglia 2004, "Evaluating the normal distribution", J. Stat. Software 11(4): the series of section 3. */
function normalPart(x: number): number {
  let [sum, term, last] = [x, x, 0];
  for (let i = 3; sum !== last; i += 2) {
    last = sum;
    term *= (x * x) / i;
    sum += term;
  }
  return 0.5 + sum * Math.exp(-0.5 * x * x - 0.9189385332046728);
}
