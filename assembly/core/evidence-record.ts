// What VMs of one `vm_id` tell each other of evidence, as it stands in the host's shared data: records of little-endian
// integers, with the number of their format in front, so that a later one is told from this.

/** The format that this module reads and writes. A higher one is left alone. */
export const FORMAT: u32 = 1;

/** Where the evidence of a rollout stands. */
export const enum Phase {
  /** No evidence. */
  NONE = 0,
  /** Who has the period's signature counts. */
  OPEN = 1,
  /** Nobody counts any more. */
  CLOSING = 2,
  /** The judge is setting the gauges to 0. */
  CLAIMED = 3,
}

/** `serin/<rollout>` */
@unmanaged
export class PeriodRecord {
  format: u32;
  phase: Phase;
  /** The period's number, 1, 2, 3 …; of the last one when there is none. */
  number: u32;
  /** Bits of the bitmaps as a power of two; 0 where each request is a user. */
  bits: u32;
  /** What the period is of: core/plan.ts. */
  signature: u64;
  /** What its shares are. */
  shares: u64;
  /** Wall clock in nanoseconds: when the shares changed, when the phase did. */
  sharesNs: u64;
  phaseNs: u64;
  /** 1 once a guard of the rollout has acted: the records of its guards say on whom (core/guard.ts). */
  acted: u32;
}

/** `serin`: who judges. */
@unmanaged
export class LeaseRecord {
  format: u32;
  /** Counts up with each change of a PeriodRecord: who has seen this number knows them all. */
  sequence: u32;
  /** The judge's number, drawn at random. */
  holder: u64;
  renewedNs: u64;
  /** When its policy was loaded. */
  configuredNs: u64;
}

/** In front of each piece of bitmaps, `serin/<rollout>/<piece>`. */
@unmanaged
export class PieceHeader {
  format: u32;
  /** The period that its bits are of: a piece of another one is empty. */
  number: u32;
}

/** A judge that has not renewed its lease for so long is gone, in nanoseconds. */
const LEASE_NS: u64 = 3000000000;
/** How long all workers have to learn that a period closes. */
const CLOSING_NS: u64 = 1000000000;

/** Whether something was so long ago; a clock that was put back makes it so too. */
function isPast(sinceNs: u64, nowNs: u64, spanNs: u64): bool {
  return nowNs < sinceNs || nowNs - sinceNs >= spanNs;
}

/** Whether a VM whose policy was loaded at `configuredNs` may judge. */
export function mayJudge(lease: LeaseRecord, vm: u64, configuredNs: u64, nowNs: u64): bool {
  if (lease.format > FORMAT) return false;
  return lease.holder == vm || configuredNs > lease.configuredNs || isPast(lease.renewedNs, nowNs, LEASE_NS);
}

/** Whether a period that is closing, or claimed by a judge who went, may be followed by the next. */
export function mayFollow(phase: Phase, phaseNs: u64, nowNs: u64): bool {
  if (phase == Phase.CLOSING) return isPast(phaseNs, nowNs, CLOSING_NS);
  if (phase == Phase.CLAIMED) return isPast(phaseNs, nowNs, LEASE_NS);
  return phase == Phase.NONE;
}
