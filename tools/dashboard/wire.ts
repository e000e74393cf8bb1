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

/** A rollout that the policy has. Its evidence is that of the present period, its requests as far back as they can be compared. */
export interface RolloutState {
  readonly name: string;
  /** Null for one that is left out of the verdict: nothing is compared there. */
  readonly decision: Decision | null;
  readonly reason: string;
  /** The variant that the others are compared with; null when there is none. */
  readonly baseline: string | null;
  /** The newest evidence period of any Envoy; null where no user is counted. `began`: unix seconds, 0 if it is not known. */
  readonly period: { readonly number: number; readonly began: number; readonly envoys: number } | null;
  /** Of the sample ratio; null while nothing is known. */
  readonly ratio: Sure | null;
  /** `counters`: everything that the Envoys have counted. `shares`: since the shares that are asked for changed. */
  readonly countedFrom: "counters" | "shares";
  readonly seconds: number | null;
  readonly variants: readonly VariantState[];
  /** What the guard does, in words, and what matters most of it; null where there is none. */
  readonly guard: { readonly word: GuardWord; readonly words: string } | null;
}

export type GuardWord = "rolled back" | "alarm" | "off" | "watching";

/** An e-value: 1 says nothing, at the limit it is decided. */
export interface Sure {
  readonly eValue: number;
  readonly limit: number;
}

export interface VariantState {
  readonly name: string;
  /** Null for the baseline, and where there is nothing to judge. */
  readonly decision: Decision | null;
  readonly reasons: readonly string[];
  /** What the guard does with it; null where there is none. */
  readonly guard: GuardWord | null;
  /** Of users; of the control group for the baseline. Null where none are compared. */
  readonly users: UsersState | null;
  /** 0 to 1; null where no gauge says, or where there were no requests. */
  readonly asked: number | null;
  readonly seen: number | null;
  readonly requests: number;
  readonly ended: number;
  /** Parts of the requests that have ended, by class: `rq_2xx`, `rq_reset`. Empty without any. */
  readonly classes: Readonly<Record<string, number>>;
  readonly errors: number;
  readonly errorRate: Estimate | null;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  readonly active: number;
}

/** Parts of users who met something, 0 to 1; null without users. */
export interface UsersState {
  readonly count: number;
  readonly target: number | null;
  readonly actual: number | null;
  readonly errors: number | null;
  readonly clientErrors: number | null;
  readonly redirects: number | null;
  /** By threshold, in milliseconds. */
  readonly slow: readonly (readonly [threshold: number, part: number | null])[];
  /** By goal. */
  readonly goals: readonly GoalState[];
  /** How sure it is that the variant is worse, by what its users meet; empty for the baseline. */
  readonly sure: readonly (Sure & { readonly measure: string })[];
}

export interface GoalState {
  readonly name: string;
  /** Users who reached it, whether or not they met the rollout. */
  readonly count: number;
  /** Of users, 0 to 1; null without any. */
  readonly part: number | null;
  /**
   * How many times as many as of the baseline's, at a level of 99%; null for the baseline, and while nobody did. In it null
   * is beyond any number: none of the baseline's did.
   */
  readonly ratio: {
    readonly value: number | null;
    readonly lower: number;
    readonly upper: number | null;
  } | null;
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
  /** As `serin report` judges it; null where nothing is compared. */
  readonly decision: Decision | null;
  readonly by: "users" | "copies";
  /** Users, or copies, that were compared, and those of them with a mismatch. */
  readonly mismatch: { readonly count: number; readonly of: number };
  /** What decided first. */
  readonly reasons: readonly string[];
  /** Differences by place, most frequent first. */
  readonly places: readonly { readonly pointer: string; readonly count: number }[];
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
  /** Parts of the requests that ended. */
  readonly redirects: number | null;
  readonly clientErrors: number | null;
  readonly active: number;
}

export interface ShadowPoint {
  /** Copies a second, by verdict. */
  readonly rates: Readonly<Record<string, number>>;
  readonly latency: Quantiles;
  readonly productionLatency: Quantiles;
}
