// A shop, made up with a seed: users who come again and again and sometimes reach a goal, and what the filter's bitmaps
// hold of it. Only what a goal's evidence is made of: users and who of them reached it.

import type { Evidence } from "../../tools/verdict/evidence.ts";
import { Random, TWO_32 } from "../support/random.ts";
import { beta, Weighted } from "./random.ts";
import { BITS, CONTROL, GOAL, NOBODY, Rollout, USERS, VARIANT } from "./rollout.ts";

export interface Shop {
  readonly name: string;
  /** `fresh`: each visit is of a user who never came before. `zipf`: a fixed crowd, the n-th of whom comes n^-exponent as often. */
  readonly users:
    { readonly kind: "fresh" } | { readonly kind: "zipf"; readonly crowd: number; readonly exponent: number };
  /** Part of visits that reach the goal, on average over users. */
  readonly conversion: number;
  /** Users differ: their conversion is drawn from a Beta distribution with this correlation within a user, 0 to 1. */
  readonly differ?: number;
  /** Who reached it does so again at once with this chance, up to a hundred times: repeat buyers, retried POSTs, bots. */
  readonly again?: number;
  /** By the part of the run that is over: how many times as many visits of everybody reach the goal. */
  readonly moment?: (part: number) => number;
  /** Part of users (0 to 1) who never meet the rollout: they reach the goal, and no variant does anything to them. */
  readonly outside?: number;
  /** Envoys that the visits of each user are spread over at random, with periods of their own. */
  readonly envoys?: number;
}

export interface ShopOptions {
  readonly shop: Shop;
  readonly visits: number;
  /** So many times as many visits of the variant's users reach the goal. */
  readonly times?: number;
  /** Of all users. */
  readonly share?: number;
}

const MOST_AGAIN = 100;
/** Runs that share the order of visits; who the users are and what they do is drawn for each. */
const RUNS_A_SEQUENCE = 10;

export class GoalSimulation {
  readonly pi: number;
  readonly #random: Random;
  readonly #crowd: Weighted | null;
  readonly #sequence: Int32Array;
  readonly #side: Uint8Array;
  readonly #index: Uint16Array;
  readonly #isOutside: Uint8Array;
  readonly #conversion: Float32Array;
  readonly #rollouts: Rollout[];
  readonly #share: number;
  #runs = 0;
  /** Of this run: goals reached, by everybody and as often as it was; what an order book would hold. */
  orders = 0;
  /** The same by side. */
  readonly #ordersOf = new Int32Array(3);

  constructor(
    seed: number,
    private readonly options: ShopOptions,
  ) {
    const { shop, visits, share = 0.1 } = options;
    this.#random = new Random(seed);
    this.#share = share;
    const control = Math.min(4 * share, 1 - share);
    this.pi = share / (share + control);
    const many = shop.users.kind === "zipf" ? shop.users.crowd : visits;
    const { users } = shop;
    this.#crowd =
      users.kind === "zipf"
        ? new Weighted(Float64Array.from({ length: many }, (_, rank) => (rank + 1) ** -users.exponent))
        : null;
    this.#sequence = Int32Array.from({ length: visits }, (_, visit) => visit);
    this.#side = new Uint8Array(many);
    this.#index = new Uint16Array(many);
    this.#isOutside = new Uint8Array(many);
    this.#conversion = new Float32Array(many);
    this.#rollouts = Array.from({ length: shop.envoys ?? 1 }, () => new Rollout(this.pi, 0));
  }

  /** One rollout from its begin. `look` is called after each so many visits, and ends the run when it gives true. */
  run(every: number, look: (rollouts: readonly Rollout[], visits: number) => boolean): void {
    const { shop, visits: length, times = 1 } = this.options;
    const { envoys = 1, again = 0 } = shop;
    const random = this.#random;
    if (this.#crowd !== null && this.#runs % RUNS_A_SEQUENCE === 0) {
      for (let visit = 0; visit < length; visit++) this.#sequence[visit] = this.#crowd.at(random.next());
    }
    this.#runs++;
    this.#drawUsers();
    this.orders = 0;
    this.#ordersOf.fill(0);
    for (const rollout of this.#rollouts) rollout.restart();
    for (let from = 0; from < length;) {
      const to = Math.min(length, from + every);
      const moment = shop.moment?.(from / length) ?? 1;
      for (let visit = from; visit < to; visit++) {
        const user = this.#sequence[visit] as number;
        const side = this.#side[user] as number;
        const isOutside = this.#isOutside[user] === 1;
        const isChanged = side === VARIANT && !isOutside;
        const chance = (this.#conversion[user] as number) * moment * (isChanged ? times : 1);
        let mask = isOutside ? 0 : 1 << USERS;
        const before = this.orders;
        if (random.next() < chance * TWO_32) {
          mask |= 1 << GOAL;
          this.orders++;
          for (let more = 0; more < MOST_AGAIN && again > 0 && random.next() < again * TWO_32; more++) {
            this.orders++;
          }
          this.#ordersOf[side] = (this.#ordersOf[side] as number) + this.orders - before;
        }
        if (side === NOBODY || mask === 0) continue;
        const envoy = envoys > 1 ? random.next() % envoys : 0;
        (this.#rollouts[envoy] as Rollout).meet(this.#index[user] as number, side, mask);
      }
      from = to;
      for (const rollout of this.#rollouts) rollout.tick();
      if (look(this.#rollouts, to)) return;
    }
  }

  /** What evidence would be if each order counted, and not each user who orders. */
  ordersAsEvidence(rollout: Rollout): Evidence {
    const evidence = rollout.evidence(1);
    const [variant, control] = [this.#ordersOf[VARIANT] as number, this.#ordersOf[CONTROL] as number];
    return {
      ...evidence,
      variant: { ...evidence.variant, goals: [variant] },
      control: { ...evidence.control, goals: [control] },
    };
  }

  #drawUsers(): void {
    const { conversion, differ = 0, outside = 0 } = this.options.shop;
    const random = this.#random;
    const share = this.#share * TWO_32;
    const both = (this.#share / this.pi) * TWO_32;
    // Beta(a, b) with the mean `conversion`, whose draws correlate by 1 / (a + b + 1).
    const whole = differ > 0 ? 1 / differ - 1 : 0;
    const pool = Float32Array.from({ length: differ > 0 ? 1024 : 0 }, () =>
      beta(random, conversion * whole, (1 - conversion) * whole),
    );
    for (let user = 0; user < this.#side.length; user++) {
      const drawn = random.next();
      this.#side[user] = drawn < share ? VARIANT : drawn < both ? CONTROL : NOBODY;
      this.#index[user] = random.next() % BITS;
      this.#isOutside[user] = outside > 0 && random.next() < outside * TWO_32 ? 1 : 0;
      this.#conversion[user] = differ > 0 ? (pool[random.next() & 1023] as number) : conversion;
    }
  }
}
