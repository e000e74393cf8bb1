// The records about evidence in the host's shared data, by which the VMs of one `vm_id` work together. Little-endian
// integers; the first is the number of the format, so that a module recognises a later one.

/** The format that this module reads and writes. A record with a higher one is not touched. */
export const FORMAT: u32 = 1;

/** The phase of a rollout's evidence. */
export const enum Phase {
  /** No evidence. */
  NONE = 0,
  /** Workers whose policy has the period's signature count. */
  OPEN = 1,
  /** No worker counts any more. */
  CLOSING = 2,
  /** The judge is setting the gauges to 0. */
  CLAIMED = 3,
}

/** `serin/<rollout>` */
@unmanaged
export class PeriodRecord {
  format: u32;
  phase: Phase;
  /** The number of the period, 1, 2, 3 …; without a period, that of the last one. */
  number: u32;
  /** Bits of the bitmaps as a power of two; 0 where each request is a user. */
  bits: u32;
  /** The signature of the rules that the period is for: core/plan.ts. */
  signature: u64;
  /** The signature of its shares. */
  shares: u64;
  /** Wall clock in nanoseconds: when the shares changed, when the phase did. */
  sharesNs: u64;
  phaseNs: u64;
  /** 1 once a guard of the rollout has acted: the records of its guards say on which variants (core/guard.ts). */
  acted: u32;
}

/** `serin`: who judges. */
@unmanaged
export class LeaseRecord {
  format: u32;
  /** Rises with each change of a PeriodRecord: a worker that has seen this number need not read them. */
  sequence: u32;
  /** The judge's random number. */
  holder: u64;
  renewedNs: u64;
  /** When its policy was loaded. */
  configuredNs: u64;
}

/** In front of each piece of bitmaps, `serin/<rollout>/<piece>`. */
@unmanaged
export class PieceHeader {
  format: u32;
  /** The period of its bits: in another period the piece counts as empty. */
  number: u32;
}

/** Nanoseconds after which a lease that was not renewed has expired. */
const LEASE_NS: u64 = 3000000000;
/** Nanoseconds that all workers have to learn that a period closes. */
const CLOSING_NS: u64 = 1000000000;

/** Whether that much time has passed; also true if the clock was set back. */
function isPast(sinceNs: u64, nowNs: u64, spanNs: u64): bool {
  return nowNs < sinceNs || nowNs - sinceNs >= spanNs;
}

/** Whether a VM whose policy was loaded at `configuredNs` may judge. */
export function mayJudge(lease: LeaseRecord, vm: u64, configuredNs: u64, nowNs: u64): bool {
  if (lease.format > FORMAT) return false;
  return lease.holder == vm || configuredNs > lease.configuredNs || isPast(lease.renewedNs, nowNs, LEASE_NS);
}

/** Whether the next period may follow one that is closing, or that was claimed by a judge that is gone. */
export function mayFollow(phase: Phase, phaseNs: u64, nowNs: u64): bool {
  if (phase == Phase.CLOSING) return isPast(phaseNs, nowNs, CLOSING_NS);
  if (phase == Phase.CLAIMED) return isPast(phaseNs, nowNs, LEASE_NS);
  return phase == Phase.NONE;
}
