// What the dashboard's server tells its page: JSON in server-sent events.

/** At once on each connection: all that is kept. */
export interface HistoryMessage {
  readonly ranges: readonly RangeHistory[];
}

export interface RangeHistory {
  readonly name: RangeName;
  /** Milliseconds from one point to the next. */
  readonly stepMs: number;
  /** Each point tells of so many milliseconds before it. */
  readonly windowMs: number;
  readonly spanMs: number;
  readonly points: readonly Point[];
}

export type RangeName = "5m" | "1h" | "24h";

/** Each time something was read. */
export interface StateMessage {
  /** Milliseconds since 1970, as are all times here. */
  readonly at: number;
  readonly endpoints: readonly EndpointState[];
  readonly rollouts: readonly RolloutState[];
  readonly shadows: readonly ShadowState[];
  /** Rollouts and shadows that are there but too many to be watched at once. */
  readonly unwatched: number;
  /** The points that have become whole since the last message. */
  readonly points: Readonly<Partial<Record<RangeName, Point>>>;
}

export interface EndpointState {
  readonly name: string;
  /** Null while it answers. */
  readonly failure: string | null;
  /** Since when it answers, or does not. */
  readonly since: number;
}

export type Decision = "pass" | "fail" | "inconclusive";

/** Totals, as far back as they can be compared. */
export interface RolloutState {
  readonly name: string;
  readonly decision: Decision;
  readonly reason: string;
  /** The variant that the others are compared with; null when there is none. */
  readonly baseline: string | null;
  /** `counters`: everything that the Envoys have counted. `shares`: since the shares that are asked for changed. */
  readonly countedFrom: "counters" | "shares";
  readonly seconds: number | null;
  readonly variants: readonly VariantState[];
}

export interface VariantState {
  readonly name: string;
  /** Null for the baseline, and where there is nothing to judge. */
  readonly decision: Decision | null;
  readonly reasons: readonly string[];
  /** 0 to 1; null where no gauge says, or where there were no requests. */
  readonly asked: number | null;
  readonly seen: number | null;
  readonly requests: number;
  readonly ended: number;
  readonly errors: number;
  readonly errorRate: Estimate | null;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  readonly active: number;
}

export interface Estimate {
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
}

export interface ShadowState {
  readonly name: string;
  /** By the last word of their names: `sent`, `match`, … */
  readonly counters: Readonly<Record<string, number>>;
  readonly latency: Quantiles;
  readonly productionLatency: Quantiles;
}

export interface Quantiles {
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
}

/** What happened within one window of time that ends at `at`. Without any rollout and shadow: nobody answered. */
export interface Point {
  readonly at: number;
  readonly rollouts: Readonly<Record<string, Readonly<Record<string, VariantPoint>>>>;
  readonly shadows: Readonly<Record<string, ShadowPoint>>;
}

/** Null where there were no requests to tell it from. */
export interface VariantPoint extends Quantiles {
  readonly asked: number | null;
  readonly seen: number | null;
  /** Requests a second. */
  readonly rate: number;
  readonly errorRate: Estimate | null;
  readonly active: number;
}

export interface ShadowPoint {
  /** Copies a second, by verdict. */
  readonly rates: Readonly<Record<string, number>>;
  readonly latency: Quantiles;
  readonly productionLatency: Quantiles;
}
