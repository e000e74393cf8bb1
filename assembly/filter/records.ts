// The filter's records and what points at what: roots, streams, and all that hangs on a stream. They point at each other,
// so they are in one file; what is done with them is in the file of its subject.

import { Chain } from "../bytes/chain";
import { Hash64 } from "../bytes/hash64";
import { bytesOf, Run, within } from "../bytes/records";
import { Slice, sliceOf } from "../bytes/slice";
import { Codings } from "../core/content-coding";
import { IssueCookie } from "../core/identity-plan";
import { Plan } from "../core/plan";
import { Shadow } from "../core/shadow-plan";
import * as limits from "../vocabulary/limits";

/** What the host has an id for: a root or a stream. */
@unmanaged
export class Context {
  isRoot: bool;
}

/** One root: a plugin configuration on this worker. */
@unmanaged
export class Root extends Context {
  /** Whether it is loaded on a shadow's cluster: filter/shadow/observe.ts. */
  isUpstream: bool;
  /** Envoy is done with it, and waits until its calls are answered. */
  isWaiting: bool;
  id: u32;
  plan: Plan | null;
  /** HTTP calls that are under way: they belong to it. */
  calls: u32;
  /** In the list of free ones. */
  next: Root | null;
}

/** What is known of one stream, from its creation to its end. */
@unmanaged
export class Stream extends Context {
  /** The plan that it began with. */
  plan: Plan;
  root: Root;
  /** In the list of free ones. */
  next: Stream | null;
  begunNs: u64;
  isConnect: bool;
  isGrpc: bool;
  isGrpcWeb: bool;
  /** The gRPC status of the response's trailers, and 1 more; 0 while none has passed. */
  grpcStatus: u32;
  /** Whether some rollout counts whether it was sent to an upstream more than once. */
  countsRetries: bool;
  responseBegun: bool;
  responseEnded: bool;
  /** Bytes of the response's body that passed. */
  responseBytes: u64;
  /** The variants that it was given: filter/stats.ts. */
  variants: VariantCell | null;
  /** Whose evidence it is: a chain of addresses (filter/evidence/users.ts). */
  users: usize;
  /** The goals that its request reaches if the answer is a success: likewise (filter/evidence/goals.ts). */
  goals: usize;
  /** The fallback of the variant whose cluster answers it (filter/fallback.ts); 0 without one. */
  fallback: usize;
  /** Whether the client wants an event stream. */
  wantsEvents: bool;
  /** The cookies that its response sets: filter/effects.ts. */
  issued: IssuedCookie | null;
  /** Its call, if an effect names it (filter/side-effects/calls.ts); 0 without. */
  effect: usize;
  /** The copies of its request: a chain by `nextOfStream`, filter/shadow/copies.ts. */
  copies: Copy | null;
  /** Of an upstream filter's stream: the copy that it is. */
  observed: Copy | null;
  /** What is still to be counted of copies that gave their places back before production's answer ended. */
  remainders: Remainder | null;
}

/** The metric ids of one variant on this worker. */
@unmanaged
export class VariantStats {
  total: u32;
  /** rq_1xx to rq_5xx, then rq_reset and rq_left. */
  ended1: u32;
  ended2: u32;
  ended3: u32;
  ended4: u32;
  ended5: u32;
  endedReset: u32;
  endedLeft: u32;
  share: u32;
  time: u32;
  active: u32;
  overflow: u32;
  grpcOk: u32;
  grpcError: u32;
  /** `rollout.variant` */
  key: Slice;
  /** Only for a rollout that counts retries. */
  retried: u32;
  /** Whether all of them are defined, not only `total` and `share`. The control group may have only `share`. */
  isFull: bool;
  /** Plans of this worker that have the variant. */
  plans: u32;
  /** The last time that filter/kept-stats.ts listed it. */
  listed: u32;

  /** The counter of an ending: 1 to 5 for the class of the answer, 6 for rq_reset. */
  // @ts-ignore: decorator
  @inline
  endedBy(ending: u32): u32 {
    // The six follow `total`, in this order.
    return changetype<Run<u32>>(this).at(ending);
  }
}

/** A stream's variants, some in a cell: the addresses of CELL_ROOM VariantStats follow. */
@unmanaged
export class VariantCell {
  next: VariantCell | null;
  count: u32;
  /** A bit for each whose retries are counted. */
  retries: u32;

  // @ts-ignore: decorator
  @inline
  private get room(): Run<usize> {
    return changetype<Run<usize>>(changetype<usize>(this) + offsetof<VariantCell>());
  }

  // @ts-ignore: decorator
  @inline
  at(index: u32): VariantStats {
    return changetype<VariantStats>(this.room.at(index));
  }

  // @ts-ignore: decorator
  @inline
  add(stats: VariantStats, retries: bool): void {
    this.room.set(this.count, changetype<usize>(stats));
    this.retries |= (retries as u32) << this.count;
    this.count++;
  }
}

export const CELL_ROOM: u32 = 13;
export const CELL_BYTES: usize = offsetof<VariantCell>() + bytesOf<usize>(CELL_ROOM);

/** A cookie that the stream's response has to set: the digits of its id follow. */
@unmanaged
export class IssuedCookie {
  next: IssuedCookie | null;
  /** Of the stream's plan, which outlives the stream. */
  issue: IssueCookie;
  isSecure: bool;

  // @ts-ignore: decorator
  @inline
  get id(): Slice {
    return sliceOf(changetype<usize>(this) + offsetof<IssuedCookie>(), ID_BYTES);
  }
}

/** 32 hexadecimal digits. */
export const ID_BYTES: u32 = 32;
export const ISSUED_BYTES: usize = offsetof<IssuedCookie>() + ID_BYTES;

/** What this worker keeps of a shadow beyond any policy. */
@unmanaged
export class ShadowState {
  sent: u32;
  overBudget: u32;
  tooLarge: u32;
  unavailable: u32;
  match: u32;
  mismatchStatus: u32;
  mismatchHeaders: u32;
  mismatchBody: u32;
  timeout: u32;
  reset: u32;
  noise: u32;
  /** With a second instance: of noise, where nothing else was compared; of mismatches, where it gave no answer; and where it
   * differed from production and the shadow did not. NO_METRIC without. */
  noiseWhole: u32;
  noiseMissing: u32;
  noiseOnly: u32;
  incomparable: u32;
  time: u32;
  productionTime: u32;
  /** Whether it was logged that its cluster, or that of its noise, is unreachable. */
  saidUnavailable: bool;
  saidNoiseUnavailable: bool;
  /** When that was logged last; 0 when never under the current policy. */
  saidNs: u64;
  /** Open copies: a list, oldest first. */
  first: Copy | null;
  last: Copy | null;
  inFlight: u32;
  /** Those of them that wait for their requests' bodies. */
  collecting: u32;
  /** The token bucket: nanoseconds times `perSecond`, a copy costs one second. */
  credit: u64;
  /** The same for what answers have over `maxBodyBytes`, 64 KiB for a copy; below 0 when it is overdrawn. */
  allowance: i64;
  /** What the last answer took of it: what the next one is taken for while it is under way. In parts of 64 KiB. */
  expected: u32;
  /** When both were filled last. */
  filledNs: u64;
  isFilled: bool;
  /** Mismatches written within the second that began at `sampledNs`. */
  sampled: u32;
  /** The same of those that cannot be compared. */
  sampledIncomparable: u32;
  sampledNs: u64;
  /** Every state of this worker is in one list. */
  next: ShadowState | null;
  /** No open copy is overdue before this; 0 when none waits for an answer. */
  dueNs: u64;
  /** No copy has waited for production alone for longer than its timeout before this; 0 when none is known to wait. */
  idleNs: u64;
  /** Where bodies differed; null before the first. */
  places: Places | null;
}

/** A place that has a stat. */
@unmanaged
export class Place {
  hash: u64;
  /** Defined once it is met on this worker. */
  metric: u32;
}

/** The places of one shadow. */
@unmanaged
export class Places {
  count: u32;
  /** The stat of those past them. */
  other: u32;
  /** Room for MOST_PLACES. */
  all: Run<Place>;
}

/** What is known of one of the answers. */
export const enum AnswerState {
  None,
  Pending,
  Whole,
  Cut,
  Late,
}

/** An answer has no gRPC status. */
export const NO_GRPC_STATUS: i32 = -1;

/** One of the answers; its hash, its body and its headers follow it in memory. */
@unmanaged
export class Answer {
  outcome: AnswerState;
  /** Whether its headers are there: `status` and `header` are known. */
  isBegun: bool;
  status: u32;
  /** Whether it is of gRPC, which says at the end how it went. */
  isGrpc: bool;
  /** What gRPC says, in headers or trailers; NO_GRPC_STATUS without. */
  grpcStatus: i32;
  /** Bytes of its body, of the first of which `hash` is. */
  bytes: u64;
  /** How its body is encoded, and not decoded yet. */
  codings: Codings;
  /** Whether `body` is all of it, as it came. */
  isKept: bool;
  /** The body decoded, until the callback ends; NONE where it came so (filter/shadow/decoded.ts). */
  text: Slice;
  /** When its last byte had come. */
  endedNs: u64;

  // @ts-ignore: decorator
  @inline
  get hash(): Hash64 {
    return within<Answer, Hash64>(this, ANSWER_HASH);
  }

  /** The body, if it is kept. */
  // @ts-ignore: decorator
  @inline
  get body(): Chain {
    return within<Answer, Chain>(this, ANSWER_BODY);
  }

  /** What the values of the compared header `index` hash to; 0 where it is absent. */
  // @ts-ignore: decorator
  @inline
  get headers(): Run<u64> {
    return within<Answer, Run<u64>>(this, ANSWER_HEADERS);
  }
}

const ANSWER_HASH: usize = wholeWords(offsetof<Answer>());
const ANSWER_BODY: usize = ANSWER_HASH + wholeWords(offsetof<Hash64>());
const ANSWER_HEADERS: usize = ANSWER_BODY + wholeWords(offsetof<Chain>());
const ANSWER_BYTES: usize = ANSWER_HEADERS + bytesOf<u64>(limits.COMPARED_HEADERS);

/** One copy; its answers, what it was sent with and its line follow it in memory. */
@unmanaged
export class Copy {
  /** In the list of the shadow's open copies; `next` also in the list of free ones. */
  next: Copy | null;
  before: Copy | null;
  plan: Plan;
  shadow: Shadow;
  state: ShadowState;
  /** Production's stream, while it lasts, and its next copy. */
  stream: Stream | null;
  nextOfStream: Copy | null;
  /** The shadow's stream at the upstream filter (mirror), while it lasts. */
  observer: Stream | null;
  /** Whether the request's end has not passed yet. */
  isCollecting: bool;
  /** When its request began. */
  begunNs: u64;
  /** mirror: what x-request-id hashes to. */
  key: u64;
  sentNs: u64;
  /** Where the shadow samples users: the Evidence (filter/evidence/record.ts), 0 for none; the number of the period in which
   * the copy began, 0 for none; and the hash that drew its user. */
  evidence: usize;
  period: u32;
  user: u32;
  /** The calls that are under way. */
  call: Call | null;
  noiseCall: Call | null;
  lineBytes: u32;

  // @ts-ignore: decorator
  @inline
  get ours(): Answer {
    return within<Copy, Answer>(this, COPY_OURS);
  }

  // @ts-ignore: decorator
  @inline
  get theirs(): Answer {
    return within<Copy, Answer>(this, COPY_THEIRS);
  }

  /** Of production's second instance. */
  // @ts-ignore: decorator
  @inline
  get other(): Answer {
    return within<Copy, Answer>(this, COPY_OTHER);
  }

  /** The copy's headers (a block of pairs), until it is sent. */
  // @ts-ignore: decorator
  @inline
  get head(): Chain {
    return within<Copy, Chain>(this, COPY_HEAD);
  }

  /** The request's body, until it is sent. */
  // @ts-ignore: decorator
  @inline
  get body(): Chain {
    return within<Copy, Chain>(this, COPY_BODY);
  }

  /** `GET /path`, cut: LINE_BYTES at the most. */
  // @ts-ignore: decorator
  @inline
  get line(): Slice {
    return sliceOf(changetype<usize>(this) + COPY_LINE, this.lineBytes);
  }
}

export const LINE_BYTES: u32 = 512;
const COPY_OURS: usize = wholeWords(offsetof<Copy>());
const COPY_THEIRS: usize = COPY_OURS + ANSWER_BYTES;
const COPY_OTHER: usize = COPY_THEIRS + ANSWER_BYTES;
const COPY_HEAD: usize = COPY_OTHER + ANSWER_BYTES;
const COPY_BODY: usize = COPY_HEAD + wholeWords(offsetof<Chain>());
const COPY_LINE: usize = COPY_BODY + wholeWords(offsetof<Chain>());
/** A copy and all that follows it in memory. */
export const COPY_BYTES: usize = COPY_LINE + LINE_BYTES;

/** Milliseconds between two ticks of a root, whatever it ticks for. */
export const TICK_MS: u32 = 500;

/** So many bytes and what is missing to whole words of eight. */
// @ts-ignore: decorator
@inline
export function wholeWords(bytes: usize): usize {
  return (bytes + 7) & ~7;
}

/** A copy that gave its place back while production's answer goes on. */
@unmanaged
export class Remainder {
  /** Of the same stream, or in the list of free ones. */
  next: Remainder | null;
  state: ShadowState;
  sentNs: u64;
  /** When the shadow's answer had come, or was given up. */
  endedNs: u64;
  /** Whether it is a match if production's answer comes to its end, and a reset if not; else it has its verdict. */
  isOpen: bool;
  /** Of an open one: what its user has met then, a bit for each MetCopy. */
  met: u32;
  /** Those of the copy. */
  evidence: usize;
  period: u32;
  user: u32;
}

/** One HTTP call under way. */
@unmanaged
export class Call {
  /** In its bucket, or in the list of free ones. */
  next: Call | null;
  token: u32;
  isNoise: bool;
  /** What was reserved for its answer (filter/shadow/budget.ts). */
  reserved: u32;
  copy: Copy;
  root: Root;
}
