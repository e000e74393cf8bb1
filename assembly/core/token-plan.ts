// Tokens as the plan has them: where they stand, and what a request's says.

import { Token } from "../bytes/json-reader";
import { Slice } from "../bytes/slice";

/** A top-level member of a token's payload (core/jwt.ts), in scratch memory. */
@unmanaged
export class Member {
  name: Slice;
  /** The inside of a string as it is written; the JSON text of anything else. */
  text: Slice;
  kind: Token;
  /** Whether a string holds escapes. */
  hasEscape: bool;
  /** The one before it. */
  earlier: Member | null;
}

/** A token's payload, once a claim was asked for. */
@unmanaged
export class Payload {
  /** As JSON; NONE when it is no JSON object. */
  json: Slice;
  /** Its last top-level member, and how many there are. */
  member: Member | null;
  memberCount: u32;
}

/** A header or cookie that holds a token. */
@unmanaged
export class TokenPlace extends Payload {
  /** The input's slot, and whether that is a cookie's. */
  slot: u32;
  isCookie: bool;
  /** The request that its payload is of. */
  stamp: u32;
  next: TokenPlace | null;
}
