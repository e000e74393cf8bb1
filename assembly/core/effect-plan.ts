// An effect as the plan has it: calls of shadows that are answered in the proxy, or only counted, and compared with
// production's.

import { Slice } from "../bytes/slice";
import { Entry } from "./match-plan";
import { Shadow } from "./shadow-plan";

/** One effect. */
@unmanaged
export class Effect {
  name: Slice;
  /** Its match entries; none without `match`. */
  entries: Entry | null;
  /** Whether the proxy answers in place of the service. */
  answers: bool;
  /** The answer: its status, its headers as a block of pairs (bytes/pairs.ts), its body. */
  status: u32;
  headers: Slice;
  body: Slice;
  /** What of the calls' bodies is compared: the part of a shadow's record that says so. */
  rules: Shadow;
  /** Whether path and query are compared too. */
  comparesPath: bool;
  /** The filter's record of stats (filter/side-effects/state.ts); 0 without memory. */
  state: usize;
}
