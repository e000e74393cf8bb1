// The plan: a policy compiled into flat records of one arena. Nothing here knows a host; all texts are slices of the
// arena. What a request is decided with is written at load and only read afterwards, but for the memo fields that are
// named so: a plan serves one request at a time.

import { Arena } from "../bytes/arena";
import { Slice } from "../bytes/slice";
import { Table } from "../bytes/table";
import { Prefix } from "./murmur3";

export const STEER_HEADER: u32 = 0;
export const STEER_FILTER_STATE: u32 = 1;

/** Where an identity may come from. */
export const SOURCE_COOKIE: u32 = 0;
export const SOURCE_HEADER: u32 = 1;
export const SOURCE_QUERY: u32 = 2;
export const SOURCE_JWT: u32 = 3;
export const SOURCE_ADDRESS: u32 = 4;
export const SOURCE_ISSUE: u32 = 5;
export const SOURCE_RANDOM: u32 = 6;

/** No such slot, no such condition. */
export const NO_SLOT: u32 = 0xffffffff;

/** One source of an identity list. */
@unmanaged
export class Source {
  kind: u32;
  /** The input's slot; NO_SLOT for the kinds that have none. */
  slot: u32;
  /** The name that the person wrote: cookie, header, parameter, claim. */
  name: Slice;
  /** SOURCE_ISSUE: the address of its IssueCookie. */
  issue: usize;
}
export const SOURCE_BYTES: u32 = offsetof<Source>() as u32;

/** A list of sources, with the request's answer. */
@unmanaged
export class Identity {
  sources: usize;
  count: u32;
  /** Memo: the request that `value` and `found` belong to, and whether issuing was allowed then. */
  stamp: u32;
  /** Memo: index of the source that yielded. */
  found: u32;
  /** Memo: the identity; NONE when the request is anonymous. */
  value: Slice;
}

/** A cookie that Serin issues. */
@unmanaged
export class IssueCookie {
  name: Slice;
  slot: u32;
  /** 0: as the request's scheme, 1: always, 2: never. */
  secure: u32;
  /** `; Max-Age=…; Path=/; HttpOnly; SameSite=Lax`: all but Secure. */
  attributes: Slice;
  /** Memo: the request that `id` was drawn for. */
  stamp: u32;
  /** Memo: the drawn id, 32 hexadecimal digits in scratch memory. */
  id: Slice;
  /** Next one of the plan. */
  next: usize;
}

export const SECURE_AUTO: u32 = 0;
export const SECURE_ALWAYS: u32 = 1;
export const SECURE_NEVER: u32 = 2;

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
  /** The filter's record of stat ids (filter/stats.ts); 0 when there is none. */
  stats: usize;
  /** Where the policy says `percent` (an offset in its text), for problems. */
  percentNode: usize;
}
export const VARIANT_BYTES: u32 = offsetof<Variant>() as u32;
export const NO_CEILING: u32 = 0xffffffff;

/** A compiled JsonLogic rule (core/logic/). */
@unmanaged
export class Rule {
  /** Address of its first instruction. */
  program: usize;
  /** Values that its stack may hold. */
  depth: u32;
  /** Whether it looks at targetingKey, sourceAddress: what has to be known before it runs. */
  usesKey: bool;
  usesAddress: bool;
}

/** Where the policy has the condition of an `if`: for explanations. */
@unmanaged
export class Mark {
  /** Address of the instruction that looks at the condition. */
  at: usize;
  /** JSON Pointer, escaped for a JSON string. */
  pointer: Slice;
  next: usize;
}

/** One variant of a flag. */
@unmanaged
export class FlagVariant {
  name: Slice;
  /** Address of its Value. */
  value: usize;
  /** The counter's id on this worker; 0 when the flag is not counted. */
  metric: u32;
}
export const FLAG_VARIANT_BYTES: u32 = offsetof<FlagVariant>() as u32;

/** One flag, with the request's answer. */
@unmanaged
export class Flag {
  key: Slice;
  /** The key as an RFC 9651 dictionary has it; NONE when the flag is not exposed. */
  dictionaryKey: Slice;
  disabled: bool;
  /** metadata `serin.count`. */
  counted: bool;
  variants: usize;
  variantCount: u32;
  /** Index of the default variant; NO_SLOT without one. */
  fallback: u32;
  /** Its Rule; 0 without targeting. */
  targeting: usize;
  /** Address of the Value that is its metadata, the set's overlaid by its own; 0 without. */
  metadata: usize;
  /** Whether something uses it: exposed, counted, or asked by a match. */
  isUsed: bool;
  /** Next one that is evaluated for every request: exposed or counted. */
  nextWatched: usize;
  /** Next one that is used. */
  nextUsed: usize;
  /** Memo: the request that the answer belongs to. */
  stamp: u32;
  /** Memo: index of the variant; NO_SLOT when the answer is the caller's default. */
  given: u32;
  /** Memo: FLAG_*, and ERROR_* of core/logic/opcodes.ts when it is FLAG_ERROR. */
  reason: u32;
  error: u32;
}
export const FLAG_BYTES: u32 = offsetof<Flag>() as u32;

export const FLAG_DISABLED: u32 = 0;
export const FLAG_STATIC: u32 = 1;
export const FLAG_DEFAULT: u32 = 2;
export const FLAG_TARGETING_MATCH: u32 = 3;
export const FLAG_ERROR: u32 = 4;

/** What a match asks of a flag: that it gives the variant of this name, or of this value. */
@unmanaged
export class FlagCondition {
  flag: usize;
  value: usize;
  next: usize;
}

/** Every stream of every variant is counted to its end. */
export const SIGNALS_FULL: u32 = 0;
/** So are the variants but the default, and of the default a control group. */
export const SIGNALS_MATCHED: u32 = 1;
/** Requests alone are counted. */
export const SIGNALS_COUNT: u32 = 2;

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
  variants: usize;
  variantCount: u32;
  /** Index of the default variant. */
  fallback: u32;
  disabled: bool;
  announceAll: bool;
  /** How much is counted: SIGNALS_*. */
  signals: u32;
  /** Thresholds of `slow`, in milliseconds, rising: addresses of u32. */
  slow: usize;
  slowCount: u32;
  /** Milliseconds for which slowness is no evidence after the shares changed. */
  warmupMs: u32;
  /** Raised by whoever puts something else behind a variant. */
  epoch: u32;
  /** SIGNALS_MATCHED: the default's users whose hash is below it are the control group; its share of all, and its stats. */
  controlBelow: u64;
  controlShare: u32;
  controlStats: usize;
  /** `control/<salt>/` */
  controlSalted: Prefix;
  /** The rules of `when` and `force.when`; 0 without. */
  when: usize;
  forceWhen: usize;
  forceHeader: u32;
  forceCookie: u32;
  forceHeaderName: Slice;
  forceCookieName: Slice;
  /** Its own Identity or the policy's; 0 when there is none. */
  identity: usize;
  /** Its match entries: a chain of Entry in document order; 0 without `match`. */
  entries: usize;
}
export const ROLLOUT_BYTES: u32 = offsetof<Rollout>() as u32;

/** One text condition: the input of `slot` is there, or equals `value`. */
@unmanaged
export class Condition {
  slot: u32;
  /** 0 Exact, 1 Present. */
  present: u32;
  value: Slice;
}
export const CONDITION_BYTES: u32 = offsetof<Condition>() as u32;

/** One entry of a `match`: all that it names must hold. */
@unmanaged
export class Entry {
  /** Whose it is: the number of a rollout, or behind all rollouts that of a shadow. */
  target: u32;
  /** Its place in the list. */
  index: u32;
  /** Its hosts as a chain of Host; 0 = any. */
  hosts: usize;
  /** NONE = any. */
  path: Slice;
  pathIsPrefix: bool;
  method: Slice;
  headers: usize;
  headerCount: u32;
  params: usize;
  paramCount: u32;
  /** A chain of FlagCondition. */
  flags: usize;
  next: usize;
}
export const ENTRY_BYTES: u32 = offsetof<Entry>() as u32;

/** A host of an entry, in lower case: `shop.example.com`, or `.example.com` for `*.example.com`. */
@unmanaged
export class Host {
  text: Slice;
  next: usize;
}

/** An Entry in the chain of one (host, path). */
@unmanaged
export class Filed {
  entry: usize;
  next: usize;
}

/** A (host number, path number) and its chain of Filed; open addressing, `chain` 0 is an empty cell. */
@unmanaged
export class PairCell {
  key: u64;
  chain: usize;
}

/** Entries by host and path, so that a request meets only those that can hold. */
@unmanaged
export class Index {
  /** Host text -> number from 1; 0 is "any". */
  hosts: Table;
  /** Wildcard text (`.example.com`) -> number, in the same numbering. */
  suffixes: Table;
  /** Exact path -> number from 1; 0 is "any". */
  paths: Table;
  /** Path prefix without trailing slashes -> number, in the same numbering. */
  prefixes: Table;
  hostCount: u32;
  pathCount: u32;
  pairs: usize;
  pairMask: u32;
  pairCount: u32;
}

/** The inputs that the plan reads from requests: name -> slot, per kind; one numbering for all kinds. */
@unmanaged
export class Inputs {
  headers: Table;
  cookies: Table;
  params: Table;
  claims: Table;
  count: u32;
  /** Memo: a Slot for each. */
  slots: usize;
}

/** The request's value of one input. */
@unmanaged
export class Slot {
  /** The first non-empty occurrence, trimmed; empty when all are. */
  value: Slice;
  /** The request that it belongs to. */
  stamp: u32;
}
export const SLOT_BYTES: u32 = offsetof<Slot>() as u32;

/** What one rollout gave: written by `decide`. */
@unmanaged
export class Given {
  rollout: usize;
  variant: usize;
  /** One of GIVEN_*. */
  reason: u32;
  hash: u32;
  /** Whether the request is one of the control group. */
  isControl: bool;
}
export const GIVEN_BYTES: u32 = offsetof<Given>() as u32;

export const GIVEN_DISABLED: u32 = 0;
export const GIVEN_FORCED_BY_HEADER: u32 = 1;
export const GIVEN_FORCED_BY_COOKIE: u32 = 2;
export const GIVEN_DEFAULT: u32 = 3;
export const GIVEN_SPLIT: u32 = 4;


@unmanaged
export class Plan {
  arena: Arena;
  /** Streams that began with this plan and are not over. */
  streams: u32;
  /** Set when its root is gone or has a newer plan: it goes with its last stream. */
  retired: bool;
  steer: u32;
  /** Whether the decision is written for access logs. */
  observes: bool;
  identity: usize;
  rollouts: usize;
  rolloutCount: u32;
  inputs: Inputs;
  index: Index;
  flags: usize;
  flagCount: u32;
  /** Key -> address of the Flag. */
  flagKeys: Table;
  /** The flags that are evaluated for every request: a chain in document order. */
  watched: usize;
  /** The flags that something uses: a chain. */
  used: usize;
  /** Address of the Value that is the set's metadata, and of `flagd.context`; 0 without. */
  metadata: usize;
  context: usize;
  /** flagd's generation of `fractional`: 1, 2 or 3. */
  generation: u32;
  /** The Variable `targetingKey`. */
  targetingKey: usize;
  /** Memo: what a flag of a match has to be given first. */
  needs: u32;
  /** Path -> address of the Variable that rules name so. */
  variables: Table;
  /** A chain of Mark. */
  marks: usize;
  /** Room for the stack of the deepest rule. */
  ruleStack: usize;
  ruleDepth: u32;
  /** Wall clock of the request, nanoseconds: set by the filter. */
  nowNs: u64;
  /** Rules of this request that failed: counted by the filter. */
  ruleErrors: u32;
  issues: usize;
  issueCount: u32;
  drawsRandom: bool;
  /** Memo: the number of the request being decided; slots and memos of another number are stale. */
  stamp: u32;
  /** The shadows, core/shadow-plan.ts. */
  shadows: usize;
  shadowCount: u32;
  /** Memo: room for a Drawn of each shadow. */
  drawn: usize;
  drawnCount: u32;
  /** Memo: a bit for each rollout, then for each shadow, whose match holds, and one for each 64 that are not zero. */
  matched: usize;
  summary: usize;
  /** Memo: room for a Given of each rollout. */
  given: usize;
  givenCount: u32;
  /** Random bytes ahead of the request: filled by the filter, used from the front. */
  random: usize;
  randomBytes: u32;
  randomUsed: u32;
}
