// Identities as the plan has them: lists of sources, and the cookies that Serin issues.

import { Run } from "../bytes/records";
import { Slice } from "../bytes/slice";

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
  /** The input's slot; NO_SLOT for the kinds that have none. */
  slot: u32;
  /** The name that the person wrote: cookie, header, parameter, claim. */
  name: Slice;
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
