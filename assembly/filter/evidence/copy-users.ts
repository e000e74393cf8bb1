// What is counted of the user of a copy, where a shadow samples users: that a copy was compared, and what it came to.

import { indexOfUser } from "../../core/evidence";
import { Copy } from "../records";
import { note } from "./notes";
import { evidenceAt } from "./record";
import { countedOf } from "./serving";

/** The copy is one of this user's: notes the evidence period in which it begins. @param hash that drew the user */
export function beginCopyUser(copy: Copy, hash: u32): void {
  const counted = countedOf(copy.shadow);
  if (!counted) return;
  const evidence = evidenceAt(counted.evidence);
  if (!evidence || evidence.signature != counted.signature) return;
  copy.evidence = counted.evidence;
  copy.period = evidence.period;
  copy.user = hash;
}

/**
 * A copy of a user was compared: counts what it met (a bit for each MetCopy), if the period in which it began is still open.
 * @param address the copy's `evidence`
 */
export function countCopyUser(address: usize, period: u32, user: u32, met: u32): void {
  const evidence = evidenceAt(address);
  if (!evidence || period == 0 || evidence.period != period) return;
  note(evidence, indexOfUser(user, evidence.bits), 0, met);
}
