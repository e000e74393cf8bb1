// The workers of one Envoy on the emulator: VMs that share stats, shared data and a clock, with policies that reach them
// one after the other. Time stands still until a test moves it.

import assert from "node:assert/strict";

import {
  LogLevel,
  Metrics,
  SharedData,
  Vm,
  type LogLine,
  type Root,
  type Stream,
  type StreamEnd,
} from "../../tools/emulator/index.ts";
import { filterModule } from "../support/filter.ts";
import type { Random } from "../support/random.ts";

const MILLISECOND = 1_000_000n;
/** The host calls by which a worker knows of others. */
const SHARED = /shared_data$|metric$/;
const START = 1_795_000_000_000_000_000n;

/** What a request of a test says besides its user. */
export interface Sent {
  readonly headers?: [name: string, value: string][];
  readonly method?: string;
  readonly path?: string;
  readonly status?: number;
  readonly response?: [name: string, value: string][];
  /** Milliseconds until it ends. */
  readonly takes?: number;
  readonly end?: StreamEnd;
}

export class Worker {
  readonly vm: Vm;
  root: Root | null = null;
  /** The policy that it was given last. */
  #policy: object = {};

  constructor(
    private readonly fleet: Workers,
    readonly lines: LogLine[],
  ) {
    this.vm = Vm.load(filterModule(), {
      metrics: fleet.metrics,
      sharedData: fleet.sharedData,
      clock: () => fleet.now,
      logLevel: fleet.logLevel,
      onLog: (line) => void lines.push(line),
      answer: (call) => {
        fleet.meanwhile(this, call);
        return null;
      },
    });
  }

  /** An update: the old root goes when its streams have. */
  configure(policy: object): void {
    const { root, accepted, problems } = this.vm.configure(JSON.stringify(policy));
    assert.ok(accepted, JSON.stringify(problems));
    if (this.root !== null) this.vm.retire(this.root);
    this.root = root;
    this.#policy = policy;
  }

  /** The same policy once more: the youngest of all judges from its next tick on. */
  reconfigure(): void {
    this.configure(this.#policy);
  }

  open(user: string | null, { headers = [], method = "GET", path = "/" }: Sent = {}): Stream {
    assert.ok(this.root);
    const cookie: [string, string][] = user === null ? [] : [["cookie", `uid=${user}`]];
    return this.vm.request(this.root, {
      headers: [[":method", method], [":path", path], [":authority", "a"], ...cookie, ...headers],
    });
  }

  /** A whole request. Its time passes for all workers. */
  send(user: string | null, sent: Sent = {}): void {
    const stream = this.open(user, sent);
    if (sent.takes !== undefined) this.fleet.pass(sent.takes);
    finish(stream, sent);
  }
}

/** Ends a stream with an answer. */
export function finish(stream: Stream, { status = 200, response = [], end = {} }: Sent = {}): void {
  stream.onResponseHeaders([[":status", String(status)], ...response], true).done(end);
}

export class Workers {
  readonly lines: LogLine[] = [];
  readonly all: Worker[] = [];
  now = START;
  /** What other workers do before a host call of one, which is in the midst of a callback; nothing by itself. */
  meanwhile: (worker: Worker, call: string) => void = () => undefined;

  constructor(
    count: number,
    readonly sharedData = new SharedData(),
    readonly metrics = new Metrics(),
    readonly logLevel: LogLevel = LogLevel.Info,
  ) {
    for (let i = 0; i < count; i++) this.all.push(new Worker(this, this.lines));
  }

  /** One more VM under the same `vm_id`: a worker, or the first of another .wasm. */
  add(): Worker {
    const worker = new Worker(this, this.lines);
    this.all.push(worker);
    return worker;
  }

  /** As the main thread hands an update on, a millisecond apart. */
  configure(policy: object): void {
    for (const worker of this.all) {
      worker.configure(policy);
      this.pass(1);
    }
  }

  /**
   * From now on, before one of so many host calls by which workers know of each other, another worker acts, which is not
   * itself in the midst of a callback.
   */
  interleave(random: Random, often: number, act: (worker: Worker) => void): void {
    const busy = new Set<Worker>();
    this.meanwhile = (worker, call) => {
      if (!SHARED.test(call) || random.next() % often !== 0) return;
      const free = this.all.filter((other) => other !== worker && !busy.has(other));
      const other = free[random.next() % free.length];
      if (other === undefined) return;
      busy.add(worker);
      act(other);
      busy.delete(worker);
    };
  }

  /** Each callback is whole again before the next. */
  inTurn(): void {
    this.meanwhile = () => undefined;
  }

  /** Time without a tick. */
  pass(milliseconds: number): void {
    this.now += BigInt(milliseconds) * MILLISECOND;
  }

  /** Time in which every VM ticks as its timers say. */
  run(milliseconds: number): void {
    const step = 50;
    for (let left = milliseconds; left > 0; left -= step) {
      this.pass(Math.min(step, left));
      for (const { vm } of this.all) if (vm.trap === null) vm.runTicks();
    }
  }

  /** Long enough for a period to end and the next to begin on all workers. */
  settle(): void {
    this.run(4_000);
  }

  worker(index: number): Worker {
    return this.all[index % this.all.length] as Worker;
  }

  /** A gauge of the rollout `checkout`, by what stands behind its name; 0 when it is not defined. */
  gauge(leaf: string, rollout = "checkout"): number {
    return Number(this.metrics.read(`serin.rollout.${rollout}.${leaf}`) ?? 0n);
  }

  /** All gauges of users of the rollout that are not 0. */
  users(rollout = "checkout"): Record<string, number> {
    const prefix = `serin.rollout.${rollout}.`;
    return Object.fromEntries(
      this.metrics
        .all()
        .filter(({ name, value }) => name.startsWith(prefix) && name.includes(".users") && value !== 0n)
        .map(({ name, value }) => [name.slice(prefix.length), Number(value)]),
    );
  }
}
