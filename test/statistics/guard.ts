// The guard's arithmetic once more, for simulations: the twin of assembly/core/guard.ts, operation by operation, which
// guard.test.ts shows to be equal bit by bit. Times in seconds.

const RATIOS = [1.5, 3, 8, 24];
const STAKE = 0.5;
const MINUTE_STAKE = 0.5 / 1440;
const LEAST = 1e-290;
const MOST = 1e290;
const BLOCK_REQUESTS = 20;
const MOST_MINUTES = 5;

/** What the gauges of the period say. */
export interface GuardCounts {
  readonly errors: number;
  readonly controlErrors: number;
  readonly ended: number;
  readonly controlEnded: number;
}

function bounded(value: number): number {
  if (value < LEAST) return LEAST;
  return value > MOST ? MOST : value;
}

export function factorOf(ratio: number, part: number, errors: number, controlErrors: number): number {
  const less = 1 / (1 + (ratio - 1) * part);
  const more = ratio * less;
  let value = 1;
  let rises = errors;
  let falls = controlErrors;
  while (rises !== 0 && falls !== 0) {
    if (value > 1) {
      value *= less;
      falls--;
    } else {
      value *= more;
      rises--;
    }
  }
  for (; rises !== 0 && value < MOST; rises--) value *= more;
  for (; falls !== 0 && value > LEAST; falls--) value *= less;
  return bounded(value);
}

export class Guard {
  readonly #bets = new Float64Array(RATIOS.length);
  #errors = 0;
  #controlErrors = 0;
  #ended = 0;
  #controlEnded = 0;
  #block = 0;
  #minute = 0;

  constructor(
    private readonly part: number,
    private readonly ignoresBursts: boolean,
  ) {
    this.begin(0);
  }

  /** A period begins. `ended`, `controlEnded`: what had ended by then, where that is counted on. */
  begin(now: number, ended = 0, controlEnded = 0): void {
    this.#bets.fill(STAKE);
    this.#errors = 0;
    this.#controlErrors = 0;
    this.#ended = ended;
    this.#controlEnded = controlEnded;
    this.#block = now;
    this.#minute = now;
  }

  get evidence(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.#bets;
    return (a + b + c + d) / 4;
  }

  isEnough(falseAlarm: number): boolean {
    return this.evidence * falseAlarm >= 1;
  }

  endBlock(counts: GuardCounts, now: number): void {
    if (now < this.#block) this.#block = now;
    if (now - this.#block < (this.ignoresBursts ? 10 : 1)) return;
    if (counts.controlEnded - this.#controlEnded < BLOCK_REQUESTS) return;
    const hasUsers = counts.ended !== this.#ended;
    this.#block = now;
    this.#ended = counts.ended;
    this.#controlEnded = counts.controlEnded;
    if (!hasUsers) return;
    const errors = counts.errors - this.#errors;
    const controlErrors = counts.controlErrors - this.#controlErrors;
    if (errors === 0 && controlErrors === 0) return;
    this.#errors = counts.errors;
    this.#controlErrors = counts.controlErrors;
    for (const [index, ratio] of RATIOS.entries()) {
      const factor = factorOf(ratio, this.part, errors, controlErrors);
      const most = this.ignoresBursts && factor > 10 ? 10 : factor;
      this.#bets[index] = bounded((this.#bets[index] as number) * most);
    }
  }

  payMinutes(now: number): void {
    if (now < this.#minute) {
      this.#minute = now;
      return;
    }
    if (now - this.#minute < 60) return;
    let minutes = 0;
    for (; minutes < MOST_MINUTES && now - this.#minute >= 60; minutes++) this.#minute += 60;
    if (now - this.#minute >= 60) {
      this.#minute = now;
      minutes = 1;
    }
    for (const [index, bet] of this.#bets.entries())
      this.#bets[index] = bounded(bet + minutes * MINUTE_STAKE);
  }
}
