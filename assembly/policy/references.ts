// Names in a policy that have to be those of something else in it.

import { put, putString } from "../bytes/writer";
import { Word } from "../bytes/word";
import * as limits from "../vocabulary/limits";
import * as codes from "../vocabulary/problems";
import { putNearestMember } from "./nearest";
import { Node } from "./node";
import { beginMessage, errorCount, message, report } from "./problems";

/** Reports a name that no member of `among` has, with the nearest. @param what the sentence in front of the name */
export function failReference(item: Node, what: Word, among: Node | null): void {
  beginMessage();
  put(message, what);
  putString(message, item.text);
  // Nobody reads more suggestions than there are problems.
  if (errorCount() < (limits.PROBLEMS as u32)) putNearestMember(message, item.text, among);
  report(item, codes.REFERENCE);
}
