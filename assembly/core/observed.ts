// The decision as one line for access logs: an RFC 9651 dictionary, rollouts as tokens with their reason, then the
// exposed flags. `checkout=canary;reason=SPLIT, search=stable;reason=DEFAULT, new-checkout`

import * as ascii from "../bytes/ascii";
import { addressOf, Slice } from "../bytes/slice";
import { put, putByte, putSlice, putString, Writer } from "../bytes/writer";
import { reasonOf } from "./decision-line";
import { anyExposed, putDictionary } from "./dictionary";
import { Decision } from "./decision";

function beginsWithLetter(label: Slice): bool {
  return load<u8>(addressOf(label)) >= ascii.LOWER_A;
}

/** Puts the line; nothing when no rollout applies and no flag is exposed. */
export function putObserved(writer: Writer, decision: Decision): void {
  for (let i: u32 = 0; i < decision.givenCount; i++) {
    const given = decision.given.at(i);
    if (i != 0) put(writer, ", ");
    const name = given.rollout.name;
    // A key may not begin with a digit (section 3.1.2), nor may a Token (section 3.3.4).
    if (!beginsWithLetter(name)) putByte(writer, ascii.ASTERISK);
    putSlice(writer, name);
    putByte(writer, ascii.EQUALS);
    const variant = given.variant.name;
    if (beginsWithLetter(variant)) putSlice(writer, variant);
    else putString(writer, variant);
    put(writer, ";reason=");
    put(writer, reasonOf(given.reason));
  }
  if (!anyExposed(decision)) return;
  if (decision.givenCount != 0) put(writer, ", ");
  putDictionary(writer, decision);
}
