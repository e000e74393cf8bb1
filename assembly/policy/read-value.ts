// Any JSON as a JsonLogic value.

import { Arena } from "../bytes/arena";
import { Slice } from "../bytes/slice";
import { constantOf } from "./constants";
import { Node } from "./node";
import { beginProblems } from "./problems";
import { readTree } from "./tree";

/** The address of the text's Value in the arena; 0 when it is no JSON, or without memory. */
export function readValue(arena: Arena, text: Slice): usize {
  beginProblems(text);
  const root = readTree(arena, text);
  return root == 0 ? 0 : constantOf(arena, arena, changetype<Node>(root));
}
