// Rules as the plan has them, and what explanations say of them.

import { Slice } from "../bytes/slice";
import { RuleError } from "./logic/opcodes";

/** A compiled JsonLogic rule (core/logic/). */
@unmanaged
export class Rule {
  /** Address of its first instruction. */
  program: usize;
  /** Values that its stack may hold. */
  depth: u32;
  /** Whether it looks at targetingKey, sourceAddress: what has to be known before it runs. */
  usesKey: bool;
  usesAddress: bool;
  /** How it ended when it last ran, for explanations: written by each request. */
  ended: RuleError;
}

/** Where the policy has the condition of an `if`: for explanations. */
@unmanaged
export class Mark {
  /** Address of the instruction that looks at the condition. */
  at: usize;
  /** JSON Pointer, escaped for a JSON string. */
  pointer: Slice;
  next: Mark | null;
}
