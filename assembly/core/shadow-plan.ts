// A shadow as the plan has it: a copy of requests for a service under test.

import { Run } from "../bytes/records";
import { Slice } from "../bytes/slice";
import { Identity } from "./identity-plan";
import { Ignored } from "./json-difference";
import { Entry } from "./match-plan";
import { Prefix } from "./murmur3";
import { Rule } from "./rule-plan";

/** Who sends the copies. */
export const enum Dispatch {
  Call,
  Mirror,
}

/** How bodies are compared. */
export const enum BodyComparison {
  Ignored,
  Bytes,
  Json,
}

/** No bound of that kind. */
export const UNLIMITED: u32 = 0xffffffff;
/** `maxBodyBytes` unless the policy says more or less. */
export const DEFAULT_BODY_BYTES: u32 = 65536;

/** A header that the copy gets. */
@unmanaged
export class HeaderChange {
  name: Slice;
  /** NONE: taken away. */
  value: Slice;
}

/** One shadow. */
@unmanaged
export class Shadow {
  name: Slice;
  /** `x-serin-shadow-<name>` */
  header: Slice;
  /** What x-serin-shadow of a copy says: the name, or `<name>.<secret>` under a `shadowSecret`. */
  mark: Slice;
  /** `serin-shadow=<mark>`, for its baggage; NONE without a secret. */
  member: Slice;
  cluster: Slice;
  dispatch: Dispatch;
  /** Its match entries; none without `match`. */
  entries: Entry | null;
  /** The rule of `when`. */
  when: Rule | null;
  /** None: GET, HEAD and OPTIONS. */
  methods: Run<Slice>;
  methodCount: u32;
  /** Thousandths of a percent, and where they end in [0, 2^32). */
  share: u32;
  below: u64;
  /** Whether visitors are drawn, not requests. */
  byIdentity: bool;
  /** Whether anything of the answers is compared. */
  compares: bool;
  comparesStatus: bool;
  /** Its own or the policy's. */
  identity: Identity | null;
  /** `shadow/<name>/` */
  salted: Prefix;
  /** Names of the headers that are compared, lower-case: COMPARED_HEADERS at the most. */
  headers: Run<Slice>;
  headerCount: u32;
  body: BodyComparison;
  /** Whether production's client is made to accept gzip alone, of what it accepts. */
  narrowsClient: bool;
  /** What may differ. */
  ignored: Run<Ignored>;
  ignoredCount: u32;
  /** Arrays whose order does not count. */
  unordered: Run<Ignored>;
  unorderedCount: u32;
  /** By which part of the larger two numbers may differ: in units of 1 / WHOLE_PART (bytes/decimal-within.ts). */
  tolerance: u32;
  /** Mismatches that are written to the log, a second and worker. */
  sample: u32;
  /** Whether those lines carry the query string. */
  logsQuery: bool;
  /** The cluster of production's second instance; NONE without. */
  noise: Slice;
  timeoutMs: u32;
  /** Copies a second, copies in flight, bytes of a body: UNLIMITED for none. */
  perSecond: u32;
  inFlight: u32;
  maxBodyBytes: u32;
  changes: Run<HeaderChange>;
  changeCount: u32;
  /** Of `sample: identity` with something to compare: what the evidence of its users is of, a rollout with one slot
   * (core/plan.ts); 0 otherwise. */
  counted: usize;
  /** The filter's record of stats and budget (filter/shadow/state.ts); 0 without memory. */
  state: usize;
}
