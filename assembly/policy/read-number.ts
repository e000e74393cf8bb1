// A whole number of the policy, within limits.

import { Token } from "../bytes/json-reader";
import { put, putNumber } from "../bytes/writer";
import * as codes from "../vocabulary/problems";
import { Node } from "./node";
import { beginMessage, message, putFound, report } from "./problems";
import { NOT_WHOLE, wholeNumber } from "./scalars";

/** A whole number from `least` to `most`; NOT_WHOLE for anything else, which is reported. */
export function readWhole(node: Node, least: u32, most: u32): u32 {
  const value = node.kind == Token.Number ? wholeNumber(node.text, most) : NOT_WHOLE;
  if (value != NOT_WHOLE && value >= least) return value;
  beginMessage();
  put(message, "must be a whole number from ");
  putNumber(message, least);
  put(message, " to ");
  putNumber(message, most);
  put(message, ", got ");
  putFound(node);
  report(node, node.kind == Token.Number ? codes.RANGE : codes.TYPE);
  return NOT_WHOLE;
}
