// The gauges that hold how many distinct users met what in an evidence period: their names, and how they are kept apart
// from counters, since they begin anew with each period.

/** Behind `serin.rollout.<rollout>.<variant>.`, and `control.` for the control group. */
export const USERS = "users";
export const USERS_ERROR = "users_error";
export const USERS_OK = "users_ok";
export const USERS_3XX = "users_3xx";
export const USERS_4XX = "users_4xx";
/** `users_slow.<ms>` */
export const USERS_SLOW = "users_slow";
/** `users_goal.<goal>` */
export const USERS_GOAL = "users_goal";
/** Behind `serin.rollout.<rollout>.`; none can be a variant's name, for its underscore. */
export const EVIDENCE_BEGAN = "evidence_began";
export const EVIDENCE_PERIOD = "evidence_period";
export const EVIDENCE_BITS = "evidence_bits";
export const SHARES_BEGAN = "shares_began";

const OF_ROLLOUT: ReadonlySet<string> = new Set([
  EVIDENCE_BEGAN,
  EVIDENCE_PERIOD,
  EVIDENCE_BITS,
  SHARES_BEGAN,
]);

/** Whether a stat is of the rollout itself. */
export function isOfRollout(leaf: string): boolean {
  return OF_ROLLOUT.has(leaf);
}

/** Whether a stat of a variant counts users: `users`, `users_slow.250`. */
export function isOfUsers(leaf: string): boolean {
  return leaf === USERS || leaf.startsWith("users_");
}

/** First setters of one variant or the control, by the last words of their gauges: `users`, `users_slow.250`. */
export type UserBits = ReadonlyMap<string, number>;

/** What a guard has done about a variant, by the value of its gauge. */
export const GUARDS = ["watching", "alarm", "rolled back"] as const;
export type Guard = (typeof GUARDS)[number];

export interface UserSide {
  /** The target share of all users, 0 to 1; null where no gauge says. */
  readonly share: number | null;
  readonly bits: UserBits;
  /** Null where no guard watches. */
  readonly guard: Guard | null;
}

/** What one Envoy has counted of a rollout's users in its present evidence period. */
export interface UserCounts {
  /** For people: its URL, or its label in Prometheus. */
  readonly envoy: string;
  /** 1, 2, 3 … since the process began; 0 while it gathers no evidence. */
  readonly period: number;
  /** Unix seconds; 0 where it is not known. */
  readonly began: number;
  /** When the shares changed last, unix seconds; 0 where it is not known. */
  readonly sharesBegan: number;
  /** Bits of each bitmap; 0 where each request is a user. */
  readonly size: number;
  readonly variants: ReadonlyMap<string, UserSide>;
  readonly control: UserSide | null;
}
