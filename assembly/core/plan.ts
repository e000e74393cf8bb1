// The plan: a policy compiled into flat records of one arena. Nothing here knows a host; all texts are slices of the
// arena. It is written when the policy is loaded and only read afterwards (but for the count of its streams): what
// belongs to a request is in core/decision.ts.

import { Arena } from "../bytes/arena";
import { Run } from "../bytes/records";
import { Slice } from "../bytes/slice";
import { Table } from "../bytes/table";
import { Effect } from "./effect-plan";
import { Expression } from "./expression";
import { Flag } from "./flag-plan";
import { Goal, GoalPair } from "./goal-plan";
import { Identity, IssueCookie } from "./identity-plan";
import { Value } from "./logic/value";
import { Variable } from "./logic/variable";
import { Entry, Index } from "./match-plan";
import { Prefix } from "./murmur3";
import { Ramp } from "./ramp";
import { Mark, Rule } from "./rule-plan";
import { Shadow } from "./shadow-plan";
import { TokenPlace } from "./token-plan";

/** How a decision reaches the router. */
export const enum Steer {
  Header,
  FilterState,
}

/** No such slot, no such condition. */
export const NO_SLOT: u32 = 0xffffffff;

/** One variant of a rollout. Holds [begin, end) of the space; both 0 when it holds nothing. */
@unmanaged
export class Variant {
  name: Slice;
  /** What the steering header reads: the name, or `<name>.<secret>` in a rollout with a `headerSecret`. */
  headerValue: Slice;
  cluster: Slice;
  begin: u64;
  end: u64;
  /** Thousandths of a percent asked for; the default has the remainder. */
  share: u32;
  /** Thousandths of a percent, or NO_CEILING. */
  ceiling: u32;
  /** The shares that it takes one after the other, if it does. */
  ramp: Ramp | null;
  /** The filter's record of stat ids (filter/stats.ts); 0 when there is none. */
  stats: usize;
  /** Its place among those whom the evidence compares; NO_SLOT for the default, and without a share. */
  slot: u32;
  /** Whether a guard has taken it back: written by the tick (filter/evidence/guard.ts), read by every request. */
  isRolledBack: bool;
  /** `fallback`: after so many answers in a row that Envoy had to give, its users get the default; 0 without. */
  fallbackAfter: u32;
  /** For so long, in nanoseconds, before one request a second tries. */
  fallbackForNs: u64;
  /** The filter's record (filter/fallback.ts); 0 when there is none. */
  fallbackState: usize;
}
export const NO_CEILING: u32 = 0xffffffff;

/** What is counted of a rollout's requests. */
export const enum Signals {
  /** Every stream of every variant is counted to its end. */
  Full,
  /** So are the variants but the default, and of the default a control group. */
  Matched,
  /** Only requests are counted. */
  Count,
}

/** What a rollout's guard does about a variant that makes things worse. */
export const enum GuardAction {
  /** There is no guard. */
  None,
  Alarm,
  Rollback,
}

/** One rollout. */
@unmanaged
export class Rollout {
  name: Slice;
  /** `x-serin-<name>` */
  header: Slice;
  /** `serin.<name>` */
  state: Slice;
  salt: Slice;
  /** `<salt>/` */
  salted: Prefix;
  variants: Run<Variant>;
  variantCount: u32;
  /** Index of the default variant. */
  fallback: u32;
  disabled: bool;
  /** Whether the clock moves some variant's share. */
  isRamped: bool;
  announceAll: bool;
  /** How much is counted. */
  signals: Signals;
  /** Whether requests that Envoy retries are counted. */
  countsRetries: bool;
  /** Thresholds of `slow`, in milliseconds, rising. */
  slow: Run<u32>;
  slowCount: u32;
  /** Milliseconds for which slowness is no evidence after the shares changed. */
  warmupMs: u32;
  /** Raised by the person who puts something else behind a variant. */
  epoch: u32;
  /** The guard: what it does, its promise of false alarms (0 to 1), and whether it passes over short bursts. */
  guard: GuardAction;
  falseAlarm: f64;
  ignoresBursts: bool;
  /** The variants but the default that have a share, and the control group: whom the evidence compares; 0 without any.
   * What of each is counted: core/evidence.ts. */
  slots: u32;
  stats: u32;
  /** The goals that are counted for it: a chain by `nextOfRollout`. They are the last of the stats. */
  goals: GoalPair | null;
  goalCount: u32;
  /** The control group's; NO_SLOT without one. */
  controlSlot: u32;
  /** Whether each request is a user. */
  isRandom: bool;
  /** Hashes of all that begins an evidence period, and of the shares alone. */
  signature: u64;
  shares: u64;
  /** A hash of all but the shares. */
  terms: u64;
  /** The filter's record (filter/evidence/record.ts); 0 when there is none. */
  evidence: usize;
  /** The default's users whose hash is below it are the control group; its share of all, and its stats. */
  controlBelow: u64;
  controlShare: u32;
  controlStats: usize;
  /** `control/<salt>/` */
  controlSalted: Prefix;
  /** The rules of `when` and `force.when`. */
  when: Rule | null;
  forceWhen: Rule | null;
  forceHeader: u32;
  forceCookie: u32;
  forceHeaderName: Slice;
  forceCookieName: Slice;
  /** Its own or the policy's. */
  identity: Identity | null;
  /** Its match entries in document order; none without `match`. */
  entries: Entry | null;

  // @ts-ignore: decorator
  @inline
  variant(index: u32): Variant {
    return this.variants.at(index);
  }

  /** Whether this is the default variant. */
  // @ts-ignore: decorator
  @inline
  isFallback(variant: Variant): bool {
    return variant == this.variants.at(this.fallback);
  }
}

/** The inputs that the plan reads from requests: name -> slot, per kind; one numbering for all kinds. */
@unmanaged
export class Inputs {
  headers: Table;
  cookies: Table;
  params: Table;
  claims: Table;
  count: u32;
}


@unmanaged
export class Plan {
  arena: Arena;
  /** Streams that began with this plan and are not over. */
  streams: u32;
  /** When it was loaded: wall clock in nanoseconds. */
  loadedNs: u64;
  /** The first 48 bits of the SHA-256 of its text. */
  digest: u64;
  /** Set when its root is gone or has a newer plan: it goes with its last stream. */
  retired: bool;
  steer: Steer;
  /** Whether the decision is written for access logs. */
  observes: bool;
  /** Whether some entry of a match looks at the client's address. */
  hasRanges: bool;
  /** Whether a decision may need random bytes. */
  drawsRandom: bool;
  /** The policy's own identity. */
  identity: Identity | null;
  identityCount: u32;
  rollouts: Run<Rollout>;
  rolloutCount: u32;
  /** Whether some of them are ramped by the clock, and whether some variant has a fallback. */
  isRamped: bool;
  hasFallback: bool;
  inputs: Inputs;
  index: Index;
  /** The cookies and headers that hold tokens. */
  tokens: TokenPlace | null;
  /** The regular expressions of matches. */
  expressions: Expression | null;
  flags: Run<Flag>;
  flagCount: u32;
  /** Key -> number of the Flag. */
  flagKeys: Table;
  /** The flags that are evaluated for every request, in document order. */
  watched: Flag | null;
  /** The flags that something uses. */
  used: Flag | null;
  /** The set's metadata, and `flagd.context`. */
  metadata: Value | null;
  context: Value | null;
  /** flagd's generation of `fractional`: 1, 2 or 3. */
  generation: u32;
  /** Steps that the rules of one request may take in all. */
  work: u32;
  /** The Variable `targetingKey`. */
  targetingKey: Variable;
  /** Path -> address of the Variable that rules name so. */
  variables: Table;
  marks: Mark | null;
  /** Values that the stack of the deepest rule may hold. */
  ruleDepth: u32;
  issues: IssueCookie | null;
  issueCount: u32;
  shadows: Run<Shadow>;
  shadowCount: u32;
  /** What the mark of a shadow's request has to end with; NONE without (core/shadow-mark.ts). */
  shadowSecret: Slice;
  goals: Run<Goal>;
  goalCount: u32;
  goalPairCount: u32;
  effects: Run<Effect>;
  effectCount: u32;

  // @ts-ignore: decorator
  @inline
  rollout(index: u32): Rollout {
    return this.rollouts.at(index);
  }

  // @ts-ignore: decorator
  @inline
  flag(index: u32): Flag {
    return this.flags.at(index);
  }

  // @ts-ignore: decorator
  @inline
  shadow(index: u32): Shadow {
    return this.shadows.at(index);
  }

  // @ts-ignore: decorator
  @inline
  goal(index: u32): Goal {
    return this.goals.at(index);
  }

  // @ts-ignore: decorator
  @inline
  effect(index: u32): Effect {
    return this.effects.at(index);
  }
}
