// Flags as the plan has them.

import { Run } from "../bytes/records";
import { Slice } from "../bytes/slice";
import { Value } from "./logic/value";
import { Rule } from "./rule-plan";

/** One variant of a flag. */
@unmanaged
export class FlagVariant {
  name: Slice;
  value: Value;
  /** The counter's id on this worker; 0 when the flag is not counted. */
  metric: u32;
}

/** One flag. */
@unmanaged
export class Flag {
  key: Slice;
  /** The key as an RFC 9651 dictionary has it; NONE when the flag is not exposed. */
  dictionaryKey: Slice;
  /** Its number among the plan's flags. */
  index: u32;
  disabled: bool;
  /** metadata `serin.count`. */
  counted: bool;
  /** Whether something uses it: exposed, counted, or asked by a match. */
  isUsed: bool;
  variants: Run<FlagVariant>;
  variantCount: u32;
  /** Index of the default variant; NO_SLOT without one. */
  fallback: u32;
  targeting: Rule | null;
  /** Its metadata, the set's overlaid by its own. */
  metadata: Value | null;
  /** Next one that is evaluated for every request: exposed or counted. */
  nextWatched: Flag | null;
  /** Next one that is used. */
  nextUsed: Flag | null;

  // @ts-ignore: decorator
  @inline
  variant(index: u32): FlagVariant {
    return this.variants.at(index);
  }
}

/** What a match asks of a flag: that it gives the variant of this name, or of this value. */
@unmanaged
export class FlagCondition {
  flag: Flag;
  value: Value;
  next: FlagCondition | null;
}
