// Identities as the plan has them: lists of sources, and the cookies that Serin issues.

import { Run } from "../bytes/records";
import { Slice } from "../bytes/slice";
import { TokenPlace } from "./token-plan";

/** Where an identity may come from. */
export const enum SourceKind {
  Cookie,
  Header,
  Query,
  Jwt,
  Address,
  Issue,
  Random,
}

/** One source of an identity list. */
@unmanaged
export class Source {
  kind: SourceKind;
  /** Its place in the list. */
  index: u32;
  /** The input's slot; NO_SLOT for the kinds that have none. */
  slot: u32;
  /** The name that the person wrote: cookie, header, parameter, claim. */
  name: Slice;
  /** Whether a cookie's or a header's value is percent-decoded. */
  decodes: bool;
  /** SourceKind.Jwt: where the token stands; null for the bearer token. */
  token: TokenPlace | null;
  /** SourceKind.Issue: the cookie. */
  issue: IssueCookie | null;
}

/** A list of sources. */
@unmanaged
export class Identity {
  sources: Run<Source>;
  count: u32;
  /** Its number among the plan's identities. */
  index: u32;
  /** The source that is looked at before all others, an issued cookie that a user keeps; null without one. */
  kept: Source | null;

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
  secure: Secure;
  /** Whether it is set on responses too that shared caches may store. */
  always: bool;
  /** `; Max-Age=…; Path=/; HttpOnly; SameSite=Lax`: all but Secure. */
  attributes: Slice;
  /** Its number among the plan's cookies. */
  index: u32;
  next: IssueCookie | null;
}

/** When an issued cookie is Secure. */
export const enum Secure {
  /** As the request's scheme. */
  Auto,
  Always,
  Never,
}
