// A path that rules name, as the plan has it.

import { Slice } from "../../bytes/slice";
import { Value } from "./value";

/** What a Variable is, resolved when the policy is loaded. */
export const NAME_NOTHING: u32 = 0;
export const NAME_HEADER: u32 = 1;
export const NAME_COOKIE: u32 = 2;
export const NAME_QUERY: u32 = 3;
export const NAME_CLAIM: u32 = 4;
export const NAME_TARGETING_KEY: u32 = 5;
export const NAME_METHOD: u32 = 6;
export const NAME_SCHEME: u32 = 7;
export const NAME_HOST: u32 = 8;
export const NAME_PATH: u32 = 9;
export const NAME_ADDRESS: u32 = 10;
export const NAME_FLAG_KEY: u32 = 11;
export const NAME_TIMESTAMP: u32 = 12;
export const NAME_STATIC: u32 = 13;

/** A path that a rule names. */
@unmanaged
export class Variable {
  path: Slice;
  kind: u32;
  slot: u32;
  /** The part behind `headers.` and the like. */
  name: Slice;
  /** `flagd.types` says that it is a number. */
  isNumber: bool;
  /** NAME_STATIC: what it is. */
  constant: Value | null;
}
