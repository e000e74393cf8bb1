// A shadow as the plan has it: a copy of requests for a service under test.

import { Slice } from "../bytes/slice";
import { Prefix } from "./murmur3";

/** Who sends the copies. */
export const DISPATCH_CALL: u32 = 0;
export const DISPATCH_MIRROR: u32 = 1;

/** How bodies are compared. */
export const BODY_IGNORED: u32 = 0;
export const BODY_BYTES: u32 = 1;
export const BODY_JSON: u32 = 2;

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
export const HEADER_CHANGE_BYTES: u32 = offsetof<HeaderChange>() as u32;

/** One shadow. */
@unmanaged
export class Shadow {
  name: Slice;
  /** `x-serin-shadow-<name>` */
  header: Slice;
  cluster: Slice;
  dispatch: u32;
  /** Its match entries: a chain of Entry; 0 without `match`. */
  entries: usize;
  /** The rule of `when`; 0 without. */
  when: usize;
  /** Addresses of `methodCount` Slices; 0: GET, HEAD and OPTIONS. */
  methods: usize;
  methodCount: u32;
  /** Thousandths of a percent, and where they end in [0, 2^32). */
  share: u32;
  below: u64;
  /** Whether visitors are drawn, not requests. */
  byIdentity: bool;
  /** Whether anything of the answers is compared. */
  compares: bool;
  comparesStatus: bool;
  /** Its own Identity or the policy's; 0 without. */
  identity: usize;
  /** `shadow/<name>/` */
  salted: Prefix;
  /** BODY_* */
  body: u32;
  /** core/json-difference.ts: what may differ. */
  ignored: usize;
  ignoredCount: u32;
  /** Mismatches that are written to the log, a second and worker. */
  sample: u32;
  /** The cluster of production's second instance; NONE without. */
  noise: Slice;
  timeoutMs: u32;
  /** Copies a second, copies in flight, bytes of a body: UNLIMITED for none. */
  perSecond: u32;
  inFlight: u32;
  maxBodyBytes: u32;
  /** Addresses of `changeCount` HeaderChange. */
  changes: usize;
  changeCount: u32;
  /** The filter's record of stats and budget (filter/shadow/state.ts); 0 without memory. */
  state: usize;
}
export const SHADOW_BYTES: u32 = offsetof<Shadow>() as u32;

/** What became of a shadow whose match and rule hold. */
@unmanaged
export class Drawn {
  shadow: usize;
  /** DRAWN_* */
  outcome: u32;
  /** Under `sample: identity` the visitor's number. */
  hash: u32;
}
export const DRAWN_BYTES: u32 = offsetof<Drawn>() as u32;

export const DRAWN_NOT: u32 = 0;
export const DRAWN_ANONYMOUS: u32 = 1;
/** Drawn, but the body is too large, or of unknown length where that has to be known. */
export const DRAWN_TOO_LARGE: u32 = 2;
export const DRAWN_COPY: u32 = 3;
