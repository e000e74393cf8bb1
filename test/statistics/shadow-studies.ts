// What the judge of shadows says over many simulated shadows, looked at all along: how often one that is exactly at the limit
// passes or fails, and how soon others do.

import { decideShare } from "../../tools/verdict/decide-shadow.ts";
import { DEFAULT_SHADOW_LIMITS } from "../../tools/verdict/limits.ts";
import { usersBehind } from "../../tools/statistics/linear-counting.ts";
import type { Trials } from "../../tools/statistics/share-of-trials.ts";
import { seeded, TWO_32, type Random } from "../support/random.ts";
import { Weighted } from "./random.ts";

export const LIMIT = DEFAULT_SHADOW_LIMITS.maxMismatch;

export interface ShadowTraffic {
  readonly name: string;
  readonly by: "copies" | "users";
  /** How many users there are, and how unequal: the k-th has 1/k^zipf of the copies. Without, each copy is by itself. */
  readonly users?: { readonly count: number; readonly zipf: number };
  /** Part of their copies in which users who have mismatches at all have one; 0: mismatches do not depend on the user. */
  readonly sticky: number;
  /** Mismatches come in outages of the shadow alone, each of so many copies. */
  readonly outage?: number;
  /** Of copies, in which production's answers differ from one instance to the next, in one of two ways. */
  readonly noise?: number;
  /** Bits of the filter's bitmaps; 0, unless given, for none: then each user is known. */
  readonly bits?: number;
}

const MANY = { count: 200_000, zipf: 0.7 } as const;

/** Those whose promise holds, and those of which it is only told how far it is from holding. */
export const PROMISED: readonly ShadowTraffic[] = [
  { name: "copies, independent", by: "copies", sticky: 0 },
  { name: "copies, independent, 0.1% noisy, noise instance", by: "copies", sticky: 0, noise: 0.001 },
  { name: "copies, independent, 10% noisy, noise instance", by: "copies", sticky: 0, noise: 0.1 },
  { name: "users, Zipf 0.7, some always differ", by: "users", users: MANY, sticky: 1 },
  { name: "users, Zipf 1, some always differ", by: "users", users: { count: 200_000, zipf: 1 }, sticky: 1 },
  {
    name: "users, Zipf 1.2, some differ half of the time",
    by: "users",
    users: { count: 200_000, zipf: 1.2 },
    sticky: 0.5,
  },
  { name: "users, Zipf 0.7, bitmaps of 4,096 bits", by: "users", users: MANY, sticky: 1, bits: 4096 },
];
export const NOT_PROMISED: readonly ShadowTraffic[] = [
  { name: "copies, 20 a user, some always differ", by: "copies", users: { count: 5000, zipf: 0 }, sticky: 1 },
  { name: "copies, Zipf 0.7, some always differ", by: "copies", users: MANY, sticky: 1 },
  { name: "copies, Zipf 1, some always differ", by: "copies", users: { count: 200_000, zipf: 1 }, sticky: 1 },
  { name: "copies, outages of 50 copies", by: "copies", sticky: 0, outage: 50 },
  { name: "users, Zipf 0.7, outages of 50 copies", by: "users", users: MANY, sticky: 0, outage: 50 },
];

export interface ShadowOutcome {
  readonly runs: number;
  /** Runs in which some look said so. */
  readonly passes: number;
  readonly fails: number;
  /** Medians of what was judged, users or copies, at the first pass and the first fail of all runs; Infinity where half have none. */
  readonly passAt: number;
  readonly failAt: number;
}

export interface ShadowStudy {
  readonly traffic: ShadowTraffic;
  /** The true share of copies, or of users, with mismatches. */
  readonly share: number;
  readonly copies: number;
  /** Copies between two looks. */
  readonly every?: number;
  /** A run ends with its first pass, or its first fail. */
  readonly until?: "pass" | "fail";
}

export function shadowStudy(seed: number, runs: number, study: ShadowStudy): ShadowOutcome {
  const random = seeded(seed);
  const weights = weightsOf(study.traffic);
  const seen = new Seen(study.traffic);
  const found = Array.from({ length: runs }, () => run(random, weights, seen, study));
  const median = (values: (number | null)[]): number =>
    values.map((at) => at ?? Infinity).sort((a, b) => a - b)[Math.floor(runs / 2)] ?? Infinity;
  return {
    runs,
    passes: found.filter(({ passAt }) => passAt !== null).length,
    fails: found.filter(({ failAt }) => failAt !== null).length,
    passAt: median(found.map(({ passAt }) => passAt)),
    failAt: median(found.map(({ failAt }) => failAt)),
  };
}

function weightsOf({ users }: ShadowTraffic): Weighted | null {
  if (users === undefined) return null;
  return new Weighted(Float64Array.from({ length: users.count }, (_, rank) => (rank + 1) ** -users.zipf));
}

interface Run {
  readonly passAt: number | null;
  readonly failAt: number | null;
}

function run(random: Random, weights: Weighted | null, seen: Seen, study: ShadowStudy): Run {
  const { traffic, share, copies, every = 20, until } = study;
  const counting = new Counting(random, weights, seen, traffic, share);
  let passAt: number | null = null;
  let failAt: number | null = null;
  for (let copy = 1; copy <= copies; copy++) {
    counting.copy();
    if (copy % every !== 0) continue;
    const { trials, period, users } = counting.counted();
    const beyond = { ...trials, count: users };
    const { decision } = decideShare([{ within: trials, beyond, period }], LIMIT);
    if (decision === "pass") passAt ??= counting.judged;
    if (decision === "fail") failAt ??= counting.judged;
    if ((until === "pass" && passAt !== null) || (until === "fail" && failAt !== null)) break;
  }
  return { passAt, failAt };
}

/** What is kept of users, used again by all runs: places hold the number of the run that wrote them last. */
class Seen {
  readonly users: Int32Array;
  readonly met: Int32Array;
  /** Who has no mismatches, and who has. */
  readonly agrees: Int32Array;
  readonly differs: Int32Array;
  #stamp = 0;

  constructor({ users, bits = 0 }: ShadowTraffic) {
    const count = users?.count ?? 0;
    this.users = new Int32Array(bits === 0 ? count : bits);
    this.met = new Int32Array(this.users.length);
    this.agrees = new Int32Array(count);
    this.differs = new Int32Array(count);
  }

  /** A number that stands in no place yet. */
  stamp(): number {
    return ++this.#stamp;
  }
}

/** Shadows' counters of one run. */
class Counting {
  #count = 0;
  #bad = 0;
  #offset = 0;
  #period = 1;
  #left = 0;
  #judgedBefore = 0;
  readonly #run: number;
  /** Of the evidence period. */
  #stamp: number;

  constructor(
    private readonly random: Random,
    private readonly weights: Weighted | null,
    private readonly seen: Seen,
    private readonly traffic: ShadowTraffic,
    private readonly share: number,
  ) {
    this.#run = seen.stamp();
    this.#stamp = seen.stamp();
  }

  /** Users, or copies, that were judged in all periods. */
  get judged(): number {
    return this.#judgedBefore + this.#count;
  }

  counted(): { readonly trials: Trials; readonly period: number | null; readonly users: number } {
    const { by, noise, bits = 0 } = this.traffic;
    const trials = { count: this.#count, bad: this.#bad, offset: noise === undefined ? null : this.#offset };
    const users = by === "users" ? usersBehind(this.#count, this.#count, bits) : this.#count;
    return { trials, users, period: by === "users" ? this.#period : null };
  }

  copy(): void {
    const user = this.weights === null ? -1 : this.weights.at(this.random.next());
    const isBad = this.#differs(user);
    if (this.traffic.by === "copies") {
      this.#count++;
      this.#noisy(isBad);
      return;
    }
    const { bits = 0 } = this.traffic;
    const index = bits === 0 ? user : Math.trunc((Math.imul(user + 1, 0x9e3779b1) >>> 0) / (TWO_32 / bits));
    const { users, met } = this.seen;
    if (users[index] !== this.#stamp) {
      users[index] = this.#stamp;
      this.#count++;
    }
    if (isBad && met[index] !== this.#stamp) {
      met[index] = this.#stamp;
      this.#bad++;
    }
    if (bits > 0 && this.#count >= (bits * 7) / 8) this.#nextPeriod();
  }

  #differs(user: number): boolean {
    const { sticky, outage } = this.traffic;
    if (outage !== undefined) {
      if (this.#left === 0 && this.#chance(this.share / outage)) this.#left = outage;
      if (this.#left === 0) return false;
      this.#left--;
      return true;
    }
    if (sticky === 0) return this.#chance(this.share);
    const { agrees, differs } = this.seen;
    if (agrees[user] === this.#run) return false;
    if (differs[user] !== this.#run) {
      const isOne = this.#chance(this.share);
      (isOne ? differs : agrees)[user] = this.#run;
      if (!isOne) return false;
    }
    return sticky === 1 || this.#chance(sticky);
  }

  /** A field that has one of two values on each of production's instances and on the shadow, beside the mismatches. */
  #noisy(isBad: boolean): void {
    const { noise = 0 } = this.traffic;
    if (noise === 0) {
      if (isBad) this.#bad++;
      return;
    }
    const [ours, theirs, other] = [this.#chance(noise), this.#chance(noise), this.#chance(noise)];
    if (isBad || (theirs !== ours && other === ours)) this.#bad++;
    else if (other !== ours && theirs === ours) this.#offset++;
  }

  #nextPeriod(): void {
    this.#judgedBefore += this.#count;
    [this.#count, this.#bad] = [0, 0];
    this.#stamp = this.seen.stamp();
    this.#period++;
  }

  #chance(part: number): boolean {
    return this.random.next() < part * TWO_32;
  }
}
