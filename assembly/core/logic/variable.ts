// A path that rules name, as the plan has it.

import { Slice } from "../../bytes/slice";
import { Value } from "./value";

/** What a Variable is, resolved when the policy is loaded. */
export const enum VariableKind {
  Nothing,
  Header,
  Cookie,
  Query,
  Claim,
  TargetingKey,
  Method,
  Scheme,
  Host,
  Path,
  Address,
  FlagKey,
  Timestamp,
  Static,
}

/** A path that a rule names. */
@unmanaged
export class Variable {
  path: Slice;
  kind: u32;
  slot: u32;
  /** The part behind `headers.` and the like. */
  name: Slice;
  /** That the proxy does not know it has been said. */
  isDoubted: bool;
  /** `flagd.types` says that it is a number. */
  isNumber: bool;
  /** VariableKind.Static: what it is. */
  constant: Value | null;
  /** VariableKind.Claim: what it is for the request of this number; written by each request that asks for it. */
  claim: Value | null;
  stamp: u32;
}
