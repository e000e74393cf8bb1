import { MetricType, Status } from "./abi.ts";

/** What a metric holds: a counter's or gauge's value, or the values that a histogram was given. */
export interface Metric {
  readonly type: MetricType;
  readonly name: string;
  value: bigint;
  readonly recorded: bigint[];
}

const ID_STEP = 4;
const U64 = (1n << 64n) - 1n;
/** A histogram keeps its latest values alone, so that a million requests do not fill the host. */
const RECORDED_MAX = 10_000;

/**
 * Envoy's stats as a guest reaches them. One registry may serve several VMs, as the workers of one Envoy share
 * theirs. Each definition has an id of its own; the same name and type is the same metric.
 */
export class Metrics {
  readonly #byName = new Map<string, Metric>();

  /** The value of a counter or gauge as Envoy's `/stats` would show it; null when nobody defined it. */
  read(name: string): bigint | null {
    return (
      this.#byName.get(`${MetricType.Counter}${name}`)?.value ??
      this.#byName.get(`${MetricType.Gauge}${name}`)?.value ??
      null
    );
  }

  /** The values that a histogram was given (the latest 10,000), or null when nobody defined it. */
  recorded(name: string): readonly bigint[] | null {
    return this.#byName.get(`${MetricType.Histogram}${name}`)?.recorded ?? null;
  }

  /** Every metric that was ever defined, in the order of definition. */
  all(): readonly Metric[] {
    return [...this.#byName.values()];
  }

  /** The metric of that type and name, made when it is new. */
  define(type: MetricType, name: string): Metric {
    const key = `${type}${name}`;
    let metric = this.#byName.get(key);
    if (metric === undefined) {
      metric = { type, name, value: 0n, recorded: [] };
      this.#byName.set(key, metric);
    }
    return metric;
  }
}

/** The ids that one VM was given: they are the VM's own, the metrics behind them are the process's. */
export class MetricIds {
  readonly #byId = new Map<number, Metric>();
  readonly #last: [number, number, number] = [MetricType.Counter, MetricType.Gauge, MetricType.Histogram];

  constructor(private readonly metrics: Metrics) {}

  /** How many ids were handed out. */
  get count(): number {
    return this.#byId.size;
  }

  /** A new id for that metric, or null for a type that is none. */
  define(type: number, name: string): number | null {
    if (type !== MetricType.Counter && type !== MetricType.Gauge && type !== MetricType.Histogram)
      return null;
    const id = (this.#last[type] += ID_STEP);
    this.#byId.set(id, this.metrics.define(type, name));
    return id;
  }

  /** As Envoy: a counter only rises, a histogram cannot be incremented. */
  increment(id: number, offset: bigint): Status {
    const type = id & 3;
    if (type !== MetricType.Counter && type !== MetricType.Gauge) return Status.BadArgument;
    const metric = this.#byId.get(id);
    if (metric === undefined) return Status.NotFound;
    if (type === MetricType.Counter && offset <= 0n) return Status.BadArgument;
    metric.value = (metric.value + offset) & U64;
    return Status.Ok;
  }

  /** As Envoy: a counter is added to, a gauge set, a histogram given one more value. */
  record(id: number, value: bigint): Status {
    const metric = this.#byId.get(id);
    if (metric === undefined) return Status.NotFound;
    const unsigned = value & U64;
    if (metric.type === MetricType.Counter) metric.value = (metric.value + unsigned) & U64;
    else if (metric.type === MetricType.Gauge) metric.value = unsigned;
    else {
      if (metric.recorded.length >= RECORDED_MAX) metric.recorded.shift();
      metric.recorded.push(unsigned);
    }
    return Status.Ok;
  }

  /** A counter's or gauge's value; a histogram cannot be read. */
  get(id: number): bigint | Status {
    const type = id & 3;
    if (type !== MetricType.Counter && type !== MetricType.Gauge) return Status.BadArgument;
    return this.#byId.get(id)?.value ?? Status.NotFound;
  }
}
