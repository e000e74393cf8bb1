// What the filter keeps of one rollout in one Envoy: bitmaps of first setters, and evidence periods.

import type { Bits, Evidence } from "../../tools/verdict/evidence.ts";

export const BITS = 65_536;
export const NOBODY = 0;
export const VARIANT = 1;
export const CONTROL = 2;

/** Bits of an index's word, and places of the counts. */
export const USERS = 0;
export const ERRORS = 1;
export const OK = 2;
export const REDIRECTS = 3;
export const CLIENT_ERRORS = 4;
export const SLOW = 5;
/** Six thresholds are before it. */
export const GOAL = 11;

/** By how many of six thresholds an answer was slower than: their bits in an index's word. */
export const SLOW_MASKS = Int32Array.from({ length: 7 }, (_, count) => ((1 << count) - 1) << SLOW);

const STATS = 16;

export class Rollout {
  /** All stats of an index lie side by side. */
  readonly #seen = new Uint16Array(BITS);
  readonly #counts = new Int32Array(3 * STATS);
  #period = 0;
  #filled = 0;

  constructor(
    private readonly pi: number,
    private readonly thresholds: number,
  ) {
    this.begin();
  }

  get period(): number {
    return this.#period;
  }

  /** A process begins anew. */
  restart(): void {
    this.#period = 0;
    this.begin();
  }

  /** The next evidence period. */
  begin(): void {
    this.#seen.fill(0);
    this.#counts.fill(0);
    this.#period++;
    this.#filled++;
  }

  /** A user with this index, of the variant or the control, met these. Most have met them before. */
  meet(index: number, side: number, mask: number): void {
    const seen = this.#seen[index] as number;
    let fresh = mask & ~seen;
    if (fresh === 0) return;
    this.#seen[index] = seen | mask;
    this.#filled++;
    const base = side * STATS;
    while (fresh !== 0) {
      const stat = 31 - Math.clz32(fresh);
      this.#counts[base + stat] = (this.#counts[base + stat] as number) + 1;
      fresh &= ~(1 << stat);
    }
  }

  /** As the judge does on its tick: a bitmap that is nearly full, or errors that nearly all users have met, begin anew. Gives whether it does. */
  tick(): boolean {
    const users = this.#of(VARIANT, USERS) + this.#of(CONTROL, USERS);
    const errors = this.#of(VARIANT, ERRORS) + this.#of(CONTROL, ERRORS);
    const isOver = users >= (BITS * 7) / 8 || (errors >= 200 && errors * 3 > users);
    if (isOver) this.begin();
    return isOver;
  }

  /**
   * Whether anything could be a fail or a mismatch: the evidence of a mean of likelihood ratios is at most that of the
   * rate that was seen, n KL(x/n, pi), and that is at most (x - n pi)^2 / (n pi (1 - pi)). `mismatch` and `worse`: the
   * least logarithms that count.
   */
  isSurprising(mismatch: number, worse: number): boolean {
    if (this.#excess(USERS) ** 2 >= mismatch * this.#scale(USERS)) return true;
    for (let stat = ERRORS; stat < SLOW + this.thresholds; stat++) {
      const excess = stat === OK ? -this.#excess(stat) : this.#excess(stat);
      if (stat !== REDIRECTS && excess > 0 && excess * excess >= worse * this.#scale(stat)) return true;
    }
    return false;
  }

  #excess(stat: number): number {
    const x = this.#of(VARIANT, stat);
    return x - (x + this.#of(CONTROL, stat)) * this.pi;
  }

  #scale(stat: number): number {
    return (this.#of(VARIANT, stat) + this.#of(CONTROL, stat)) * this.pi * (1 - this.pi);
  }

  /** Grows whenever a bit is set. */
  get filled(): number {
    return this.#filled;
  }

  /** `timed`: the part of the period in which slow answers were counted. */
  evidence(timed: number): Evidence {
    const variant = this.#bits(VARIANT);
    const control = this.#bits(CONTROL);
    return {
      period: this.#period,
      periodOfShares: this.#period,
      size: BITS,
      pi: this.pi,
      timed,
      variant,
      control,
      all: {
        users: variant.users + control.users,
        errors: variant.errors + control.errors,
        clientErrors: variant.clientErrors + control.clientErrors,
        redirects: variant.redirects + control.redirects,
        ok: variant.ok + control.ok,
        slow: variant.slow.map((count, index) => count + (control.slow[index] ?? 0)),
        goals: [(variant.goals[0] ?? 0) + (control.goals[0] ?? 0)],
      },
    };
  }

  /** Bits of one stat that a side was the first to set. */
  count(side: number, stat: number): number {
    return this.#of(side, stat);
  }

  #bits(side: number): Bits {
    const of = (stat: number): number => this.#of(side, stat);
    return {
      users: of(USERS),
      errors: of(ERRORS),
      ok: of(OK),
      redirects: of(REDIRECTS),
      clientErrors: of(CLIENT_ERRORS),
      slow: Array.from({ length: this.thresholds }, (_, index) => of(SLOW + index)),
      goals: [of(GOAL)],
    };
  }

  #of(side: number, stat: number): number {
    return this.#counts[side * STATS + stat] as number;
  }
}
