// Traffic of a rollout, made up with a seed: users who come again and again, what they meet, and what the filter's
// bitmaps hold of it. No object a request: a run of 50,000 requests takes some milliseconds.

import { Random, TWO_32 } from "../support/random.ts";
import { beta, normal, Weighted } from "./random.ts";
import {
  CLIENT_ERRORS,
  CONTROL,
  ERRORS,
  NOBODY,
  OK,
  REDIRECTS,
  Rollout,
  SLOW_MASKS,
  USERS,
  VARIANT,
} from "./rollout.ts";

export interface Traffic {
  readonly name: string;
  /** `fresh`: each request is of a user who never came before. `sessions`: each user makes so many requests in a row, beside others. `zipf`: a fixed crowd, the n-th of whom comes n^-exponent as often. */
  readonly users:
    | { readonly kind: "fresh" }
    | { readonly kind: "sessions"; readonly requests: number }
    | { readonly kind: "zipf"; readonly crowd: number; readonly exponent: number };
  /** How errors are spread over users; of all requests as many in each. `broken`: a hundredth of users meets nothing else. */
  readonly errors?: "alike" | "differ" | "broken";
  /** Standard deviation of the logarithm of users' speed. */
  readonly speeds?: number;
  /** Latencies have a tail as heavy as a Pareto distribution with a shape of 1.1. */
  readonly heavy?: boolean;
  /** What the moment adds to everybody's errors and slowness, by the part of the run that is over. */
  readonly moment?: (part: number) => {
    readonly errors: number;
    readonly slower: number;
    readonly shift: number;
  };
  /** A user whose request failed asks again at once, up to so many times, and fails with this chance. */
  readonly retries?: { readonly most: number; readonly fails: number };
  /** Requests of the variant that are twice as slow, from its first on. */
  readonly coldStart?: number;
  /** Requests from the begin of a period of changed shares on that set no slow bit. */
  readonly warmUp?: number;
  /** Envoys that the requests of each user are spread over at random, with periods of their own. */
  readonly envoys?: number;
}

/** What is different for the variant's users. */
export interface Effect {
  readonly errors?: number;
  /** From this request on so many times as many, where users are alike. */
  readonly laterErrors?: { readonly from: number; readonly times: number };
  /** Answers take so many times as long. */
  readonly slower?: number;
  /** This part of them does, the others do not. */
  readonly slowPart?: number;
  /** It happens so many times as often that an answer takes longer, whatever than. */
  readonly oftenSlow?: number;
  /** Part of answers that are 404 whatever they would have been. */
  readonly notFound?: number;
  /** Part of answers that are 302 whatever they would have been. */
  readonly redirected?: number;
}

export interface Service {
  readonly errors: number;
  readonly clientErrors: number;
  readonly redirects: number;
  /** Milliseconds. */
  readonly median: number;
  /** Of the logarithm. */
  readonly sigma: number;
  /** Thresholds in milliseconds, rising. */
  readonly slow: readonly number[];
}

export const SERVICE: Service = {
  errors: 0.01,
  clientErrors: 0.02,
  redirects: 0.05,
  median: 40,
  sigma: Math.log(3) / 2.3263478740408408,
  slow: [5, 25, 100, 250, 1000, 5000],
};

export interface RunOptions {
  readonly traffic: Traffic;
  readonly effect?: Effect;
  readonly service?: Service;
  /** Of all users. */
  readonly share?: number;
  readonly requests: number;
  /** Times the share of the control group, at most the default's. */
  readonly controlTimes?: number;
}

const TABLE = 8192;
const POOL = 65_536;
/** Users at a time, where each comes for some requests in a row. */
const SESSIONS = 50;
/** So many runs share the order of requests; who the users are and what they meet is drawn for each. */
const RUNS_A_SEQUENCE = 10;
/** Random numbers that one request takes, at most. */
const MOST_DRAWS = 5;

/** One setting of a simulation: what can be worked out before the first run is. */
export class Simulation {
  readonly #random: Random;
  readonly #latencies: Float64Array;
  readonly #propensities: Float32Array;
  readonly #crowd: Weighted | null;
  readonly #sequence: Int32Array;
  #runs = 0;
  /** Side and index of each user; 0 for who is neither of the variant nor of the control. */
  readonly #who: Uint32Array;
  readonly #risks: Float32Array;
  readonly #speeds: Float32Array;
  readonly #rollouts: Rollout[];
  readonly #service: Service;
  readonly #effect: Effect;
  readonly #logThresholds: Float64Array;
  /** By the place in the table of latencies: the thresholds that it passes, and that there is a user. */
  readonly #passedMasks: Uint16Array;
  /** How requests of users without risks of their own end, by 12 random bits; and those that are no error. */
  readonly #endings: Uint16Array;
  readonly #endingsWithoutErrors: Uint16Array;
  #moment = { errors: 0, slower: 1, shift: 0 };
  #ofVariant = 0;
  /** Of this run, by side: requests, and those that failed (where nothing is plain). */
  readonly ended = new Int32Array(3);
  readonly failed = new Int32Array(3);
  /** How often the user whose request failed last still asks again. */
  #retries = 0;
  #retrying = 0;
  readonly pi: number;

  constructor(
    seed: number,
    private readonly options: RunOptions,
  ) {
    const { traffic, share = 0.1, controlTimes = 4, requests } = options;
    this.#random = new Random(seed);
    this.#service = options.service ?? SERVICE;
    this.#effect = options.effect ?? {};
    const control = Math.min(controlTimes * share, 1 - share);
    this.pi = share / (share + control);
    this.#latencies = this.#latencyTable();
    this.#propensities = this.#propensityPool();
    const { users } = traffic;
    const many = users.kind === "zipf" ? users.crowd : requests;
    this.#crowd =
      users.kind === "zipf"
        ? new Weighted(Float64Array.from({ length: many }, (_, rank) => (rank + 1) ** -users.exponent))
        : null;
    this.#sequence = new Int32Array(requests);
    this.#who = new Uint32Array(many);
    this.#risks = new Float32Array(many);
    this.#speeds = new Float32Array(many);
    this.#logThresholds = Float64Array.from(this.#service.slow, Math.log);
    this.#passedMasks = Uint16Array.from(this.#latencies, (time) => {
      const passed = this.#logThresholds.filter((threshold) => time > threshold).length;
      return (SLOW_MASKS[passed] as number) | (1 << USERS);
    });
    this.#endings = this.#endingTable(this.#service.errors);
    this.#endingsWithoutErrors = this.#endingTable(0);
    this.#rollouts = Array.from(
      { length: traffic.envoys ?? 1 },
      () => new Rollout(this.pi, this.#service.slow.length),
    );
  }

  /**
   * One rollout from its begin. `look` is called after each so many requests as `every` says, with what the Envoys have
   * counted, and ends the run when it gives true.
   */
  run(
    every: (requests: number) => number,
    look: (rollouts: readonly Rollout[], requests: number) => boolean,
  ): void {
    const { envoys = 1, moment } = this.options.traffic;
    const { requests: length } = this.options;
    const random = this.#random;
    if (this.#runs++ % RUNS_A_SEQUENCE === 0) this.#drawSequence();
    this.#drawUsers();
    for (const rollout of this.#rollouts) rollout.restart();
    this.#ofVariant = 0;
    this.ended.fill(0);
    this.failed.fill(0);
    this.#retries = 0;
    for (let from = 0; from < length;) {
      const to = Math.min(length, from + every(from));
      if (moment !== undefined) this.#moment = moment(from / length);
      // A period of one Envoy's own, every 20,000 requests.
      if (envoys > 1 && random.next() < (TWO_32 * (to - from)) / 20_000) {
        this.#rollouts[random.next() % envoys]?.begin();
      }
      if (this.#isPlain) this.#servePlain(from, to);
      else this.#serve(from, to);
      from = to;
      for (const rollout of this.#rollouts) {
        // What a user has met is of the period before.
        if (rollout.tick()) this.#who.forEach((packed, user, who) => (who[user] = packed & 0x3ffff));
      }
      if (look(this.#rollouts, to)) return;
    }
  }

  /** Nothing is different for the variant, at times, or in users' speed. */
  get #isPlain(): boolean {
    const { traffic } = this.options;
    const { moment, retries, speeds, coldStart, warmUp, envoys } = traffic;
    const others = [moment, retries, speeds, coldStart, warmUp, envoys, ...Object.values(this.#effect)];
    return others.every((one) => one === undefined);
  }

  #servePlain(from: number, to: number): void {
    const [who, risks, sequence] = [this.#who, this.#risks, this.#sequence];
    const [passedMasks, endings, others] = [this.#passedMasks, this.#endings, this.#endingsWithoutErrors];
    const hasRisks = this.#hasRisks;
    const rollout = this.#rollouts[0] as Rollout;
    const random = this.#random;
    const block = random.block;
    let [ofVariant, ofControl] = [0, 0];
    let at = random.reserve(to - from);
    for (let request = from; request < to; request++) {
      const user = sequence[request] as number;
      const packed = who[user] as number;
      if (packed === 0) continue;
      if (((packed >>> 16) & 3) === VARIANT) ofVariant++;
      else ofControl++;
      // The upper 19 bits say how the request ends, the lower 13 how long it takes.
      const drawn = block[at++] as number;
      let ending: number;
      if (!hasRisks) ending = endings[drawn >>> 20] as number;
      else if (drawn / TWO_32 < (risks[user] as number)) ending = 1 << ERRORS;
      else ending = others[(drawn >>> 13) & 4095] as number;
      const mask = ending | (passedMasks[drawn & (TABLE - 1)] as number);
      const met = packed >>> 18;
      if ((mask & ~met) === 0) continue;
      rollout.meet(packed & 0xffff, (packed >>> 16) & 3, mask);
      // What this user has met needs no look at the bitmap any more; a new period begins all of it anew.
      who[user] = (packed & 0x3ffff) | ((met | mask) << 18);
    }
    this.#addEnded(ofVariant, ofControl);
    random.used(at);
  }

  #addEnded(ofVariant: number, ofControl: number): void {
    this.ended[VARIANT] = (this.ended[VARIANT] as number) + ofVariant;
    this.ended[CONTROL] = (this.ended[CONTROL] as number) + ofControl;
  }

  #serve(from: number, to: number): void {
    const { retries, coldStart = 0, warmUp = 0, envoys = 1 } = this.options.traffic;
    const [who, risks, speeds, sequence] = [this.#who, this.#risks, this.#speeds, this.#sequence];
    const [latencies, passedMasks, logThresholds] = [this.#latencies, this.#passedMasks, this.#logThresholds];
    const others = this.#endingsWithoutErrors;
    const { errors } = this.#service;
    const effect = this.#effect;
    const [notFound, redirected] = [effect.notFound ?? 0, effect.redirected ?? 0];
    const slower = Math.log(effect.slower ?? 1);
    const slowPart = effect.slowPart ?? 1;
    const often = effect.oftenSlow ?? 1;
    const { errors: excess, slower: slowness, shift } = this.#moment;
    const logSlowness = Math.log(slowness);
    // Where time depends on the place in the table alone, how many thresholds it passes does too.
    const isControlPlain = this.options.traffic.speeds === undefined && slowness === 1;
    const isVariantPlain = isControlPlain && coldStart === 0 && slower === 0 && often === 1;
    const hasRisks = this.#hasRisks;
    const random = this.#random;
    const block = random.block;
    let at = random.reserve((to - from) * MOST_DRAWS);
    let again = this.#retries;
    let user = this.#retrying;
    const later = effect.laterErrors;
    const ofVariantBefore = this.#ofVariant;
    let ofControl = 0;
    for (let request = from; request < to; request++) {
      const isRetry = again > 0;
      if (isRetry) again--;
      else {
        user = sequence[request] as number;
        if (shift > 0) user = (user + shift) % who.length;
      }
      const packed = who[user] as number;
      if (packed === 0) continue;
      const isVariant = ((packed >>> 16) & 3) === VARIANT;
      const drawn = block[at++] as number;
      let own =
        isRetry && retries !== undefined ? retries.fails : hasRisks ? (risks[user] as number) : errors;
      if (later !== undefined && isVariant && request >= later.from) own *= later.times;
      let mask: number;
      if (
        isVariant &&
        notFound + redirected > 0 &&
        (block[at++] as number) / TWO_32 < notFound + redirected
      ) {
        mask =
          notFound > 0 ? (1 << USERS) | (1 << CLIENT_ERRORS) : (1 << USERS) | (1 << REDIRECTS) | (1 << OK);
      } else if (drawn / TWO_32 < own + excess) {
        mask = 1 << ERRORS;
        const side = isVariant ? VARIANT : CONTROL;
        this.failed[side] = (this.failed[side] as number) + 1;
        if (retries !== undefined && !isRetry) again = retries.most;
      } else {
        mask = others[(block[at++] as number) >>> 20] as number;
        again = 0;
      }
      if (request >= warmUp) {
        let place = drawn & (TABLE - 1);
        if (isVariant ? isVariantPlain : isControlPlain) mask |= passedMasks[place] as number;
        else {
          if (isVariant && often !== 1) place = TABLE - 1 - Math.trunc((TABLE - 1 - place) / often);
          let time = (latencies[place] as number) + (speeds[user] as number) + logSlowness;
          if (isVariant) {
            if (this.#ofVariant < coldStart) time += Math.LN2;
            if (slower !== 0 && (slowPart === 1 || (block[at++] as number) / TWO_32 < slowPart))
              time += slower;
          }
          let passed = 0;
          while (passed < logThresholds.length && time > (logThresholds[passed] as number)) passed++;
          mask |= SLOW_MASKS[passed] as number;
        }
      }
      mask |= 1 << USERS;
      if (isVariant) this.#ofVariant++;
      else ofControl++;
      const envoy = envoys > 1 ? (block[at++] as number) % envoys : 0;
      (this.#rollouts[envoy] as Rollout).meet(packed & 0xffff, isVariant ? VARIANT : CONTROL, mask);
    }
    this.#retries = again;
    this.#retrying = user;
    this.#addEnded(this.#ofVariant - ofVariantBefore, ofControl);
    random.used(at);
  }

  /** Whether users have risks of their own; else all have the service's. */
  get #hasRisks(): boolean {
    return (this.options.traffic.errors ?? "alike") !== "alike" || (this.#effect.errors ?? 1) !== 1;
  }

  /** Whose requests they are, by the number of the user. */
  #drawSequence(): void {
    const { users } = this.options.traffic;
    const sequence = this.#sequence;
    const random = this.#random;
    if (users.kind === "fresh") {
      for (let request = 0; request < sequence.length; request++) sequence[request] = request;
    } else if (users.kind === "zipf") {
      const crowd = this.#crowd as Weighted;
      for (let request = 0; request < sequence.length; request++) sequence[request] = crowd.at(random.next());
    } else {
      const open = Int32Array.from({ length: SESSIONS }, (_, place) => place);
      const left = new Int32Array(SESSIONS).fill(users.requests);
      let next = SESSIONS;
      for (let request = 0; request < sequence.length; request++) {
        const place = random.next() % SESSIONS;
        if (left[place] === 0) {
          open[place] = next++;
          left[place] = users.requests;
        }
        left[place] = (left[place] as number) - 1;
        sequence[request] = open[place] as number;
      }
    }
  }

  /** Who the users are this time: the variant by the bucket hash, the control by a hash of its own. */
  #drawUsers(): void {
    const { traffic, share = 0.1, controlTimes = 4 } = this.options;
    const random = this.#random;
    const ofVariant = share * TWO_32;
    const ofRest = (Math.min(controlTimes * share, 1 - share) / (1 - share)) * TWO_32;
    const [who, risks, speeds] = [this.#who, this.#risks, this.#speeds];
    const factor = this.#effect.errors ?? 1;
    const differ = traffic.errors !== undefined && traffic.errors !== "alike";
    const hasRisks = this.#hasRisks;
    for (let user = 0; user < who.length; user++) {
      const hash = random.next();
      const side = hash < ofVariant ? VARIANT : random.next() < ofRest ? CONTROL : NOBODY;
      // As the filter does: the golden ratio spreads a range of hashes more evenly than chance.
      who[user] = side === NOBODY ? 0 : (side << 16) | (Math.imul(hash, 0x9e3779b1) >>> 16);
      if (side === NOBODY) continue;
      if (hasRisks) {
        const risk = differ
          ? (this.#propensities[random.next() & (POOL - 1)] as number)
          : this.#service.errors;
        risks[user] = this.#riskOf(risk, side === VARIANT ? factor : 1);
      }
      if (traffic.speeds !== undefined) speeds[user] = normal(random) * traffic.speeds;
    }
  }

  /** Of users who always fail there are `factor` times as many, others fail `factor` times as often. */
  #riskOf(risk: number, factor: number): number {
    if (this.options.traffic.errors !== "broken" || factor === 1) return Math.min(1, risk * factor);
    const { errors } = this.#service;
    return risk === 1 || this.#random.next() / TWO_32 < ((factor - 1) * errors) / (1 - errors) ? 1 : 0;
  }

  #endingTable(errors: number): Uint16Array {
    const { clientErrors, redirects } = this.#service;
    return Uint16Array.from({ length: 4096 }, (_, step) => {
      const place = (step + 0.5) / 4096;
      const other = (place - errors) / (1 - errors);
      if (place < errors) return 1 << ERRORS;
      if (other < clientErrors) return 1 << CLIENT_ERRORS;
      return other < clientErrors + redirects ? (1 << REDIRECTS) | (1 << OK) : 1 << OK;
    });
  }

  #propensityPool(): Float32Array {
    const { errors } = this.#service;
    if (this.options.traffic.errors === "broken") {
      return Float32Array.from({ length: POOL }, (_, i) => (i < errors * POOL ? 1 : 0));
    }
    if (this.options.traffic.errors !== "differ") return new Float32Array(1);
    // Of users' risks an intra-class correlation of 0.1: a + b = 1 / 0.1 - 1.
    return Float32Array.from({ length: POOL }, () => beta(this.#random, 9 * errors, 9 * (1 - errors)));
  }

  /** Logarithms of latencies at evenly spaced parts of the distribution. */
  #latencyTable(): Float64Array {
    const { median, sigma } = this.#service;
    return Float64Array.from({ length: TABLE }, (_, step) => {
      const place = (step + 0.5) / TABLE;
      // Pareto's: the median as it is, and a chance of x^-1.1 to take x times as long.
      if (this.options.traffic.heavy === true)
        return Math.log(median) - (Math.log(1 - place) + Math.LN2) / 1.1;
      return Math.log(median) + sigma * normalQuantile(place);
    });
  }
}

/** Quantile of the normal distribution: by bisection of its distribution function, which is slow and sure. */
function normalQuantile(part: number): number {
  let [low, high] = [-9, 9];
  for (let i = 0; i < 50; i++) {
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
