// Any JSON as a JsonLogic value.

import { Arena } from "../bytes/arena";
import { Slice } from "../bytes/slice";
import { Value } from "../core/logic/value";
import { constantOf } from "./constants";
import { beginProblems } from "./problems";
import { readTree } from "./tree";

/** The text's value in the arena; null when it is not JSON, or without memory. */
export function readValue(arena: Arena, text: Slice): Value | null {
  beginProblems(text);
  const root = readTree(arena, text);
  return root ? constantOf(arena, arena, root) : null;
}
