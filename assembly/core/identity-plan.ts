// Identities as the plan has them: lists of sources, and the cookies that Serin issues.

import { Run } from "../bytes/records";
import { Slice } from "../bytes/slice";

/** Where an identity may come from. */
export const SOURCE_COOKIE: u32 = 0;
export const SOURCE_HEADER: u32 = 1;
export const SOURCE_QUERY: u32 = 2;
export const SOURCE_JWT: u32 = 3;
export const SOURCE_ADDRESS: u32 = 4;
export const SOURCE_ISSUE: u32 = 5;
export const SOURCE_RANDOM: u32 = 6;

/** One source of an identity list. */
@unmanaged
export class Source {
  kind: u32;
  /** The input's slot; NO_SLOT for the kinds that have none. */
  slot: u32;
  /** The name that the person wrote: cookie, header, parameter, claim. */
  name: Slice;
  /** SOURCE_ISSUE: the cookie. */
  issue: IssueCookie | null;
}

/** A list of sources. */
@unmanaged
export class Identity {
  sources: Run<Source>;
  count: u32;
  /** Its number among the plan's identities. */
  index: u32;

  // @ts-ignore: decorator
  @inline
  source(index: u32): Source {
    return this.sources.at(index);
  }
}

/** A cookie that Serin issues. */
@unmanaged
export class IssueCookie {
  name: Slice;
  slot: u32;
  /** SECURE_* */
  secure: u32;
  /** `; Max-Age=…; Path=/; HttpOnly; SameSite=Lax`: all but Secure. */
  attributes: Slice;
  /** Its number among the plan's cookies. */
  index: u32;
  next: IssueCookie | null;
}

/** As the request's scheme. */
export const SECURE_AUTO: u32 = 0;
export const SECURE_ALWAYS: u32 = 1;
export const SECURE_NEVER: u32 = 2;
