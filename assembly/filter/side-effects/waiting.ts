// A call as it waits in shared data for the others of its x-request-id, and the slots that hold them: a fixed table of
// values, since the host deletes no key. See docs/decisions/shadow-effects.md.

import { placeOf, recordAt } from "../../bytes/records";
import { addressOf, lengthOf, Slice, sliceOf } from "../../bytes/slice";
import { SECOND } from "../../host/clock";

/** Slots of the table, and bytes of one at the most. */
export const SLOTS: u32 = 512;
export const SLOT_BYTES: u32 = 65536;
/** Calls of one id wait for each other for so long from the first on. */
export const WINDOW_NS: u64 = 30 * SECOND;

/** Whose call it is. */
export const enum Kind {
  Production,
  /** A shadow's, which an effect names. */
  Shadow,
  /** A shadow's which no effect names: it was seen. */
  Seen,
}

/** What a slot begins with. */
@unmanaged
export class SlotHeader {
  /** FORMAT: another one is read as empty. */
  format: u32;
  unused: u32;
  /** When a call last found no room in it; 0 for never. */
  fullNs: u64;
}

/** Changes whenever the records below do: two modules may meet in one table. */
export const FORMAT: u32 = 0x73650001;
export const HEADER_BYTES: u32 = offsetof<SlotHeader>() as u32;

/** One call; its texts and its body follow it. */
@unmanaged
export class Waiting {
  /** Of the record and all that follows it: a multiple of 8. */
  bytes: u32;
  kind: Kind;
  /** When it came to its end. */
  atNs: u64;
  /** Hashes of the x-request-id, the shadow's name, the effect's name, and of method, path and query. */
  id: u64;
  shadow: u64;
  effect: u64;
  line: u64;
  /** Of its body: all bytes, a hash of the first of them, and whether all of it follows. */
  bodyBytes: u64;
  bodyHash: u64;
  isKept: bool;
  /** Of judging alone: whether it has found its other half, or all was said of it. */
  isPaired: bool;
  isJudged: bool;
  shadowBytes: u32;
  effectBytes: u32;
  lineBytes: u32;
  idBytes: u32;
  keptBytes: u32;

  // @ts-ignore: decorator
  @inline
  private get texts(): usize {
    return placeOf(this) + WAITING_BYTES;
  }

  get shadowName(): Slice {
    return sliceOf(this.texts, this.shadowBytes);
  }

  get effectName(): Slice {
    return sliceOf(this.texts + this.shadowBytes, this.effectBytes);
  }

  /** `POST /charges`, cut. */
  get lineText(): Slice {
    return sliceOf(this.texts + this.shadowBytes + this.effectBytes, this.lineBytes);
  }

  get idText(): Slice {
    return sliceOf(this.texts + this.shadowBytes + this.effectBytes + this.lineBytes, this.idBytes);
  }

  get body(): Slice {
    const before = this.shadowBytes + this.effectBytes + this.lineBytes + this.idBytes;
    return sliceOf(this.texts + before, this.keptBytes);
  }
}
export const WAITING_BYTES: u32 = ((offsetof<Waiting>() as u32) + 7) & ~7;

/** The calls of a slot, one after the other. */
@unmanaged
export class Walk {
  /** The call that `next` came to. */
  at: Waiting;
  private from: usize;
  private end: usize;

  /** Begins at the first call of a slot's value; of anything else there is none. */
  begin(value: Slice): void {
    const begin = addressOf(value);
    const length = lengthOf(value);
    this.from = begin + HEADER_BYTES;
    this.end = isSlot(value) ? begin + length : this.from;
  }

  /** @returns false when there is no other call, or none that is whole */
  next(): bool {
    const from = this.from;
    const room = (this.end - from) as u32;
    if (this.end <= from || room < WAITING_BYTES) return false;
    const call = recordAt<Waiting>(from);
    const bytes = call.bytes;
    if (bytes < WAITING_BYTES || bytes > room || (bytes & 7) != 0) return false;
    this.at = call;
    this.from = from + bytes;
    return true;
  }
}

/** Whether a value of shared data is a slot of this format. */
export function isSlot(value: Slice): bool {
  return lengthOf(value) >= HEADER_BYTES && recordAt<SlotHeader>(addressOf(value)).format == FORMAT;
}
