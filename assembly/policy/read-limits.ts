// `limits`: how much one request may take.

import { Token } from "../bytes/json-reader";
import { nextOf } from "../bytes/records";
import { isWord } from "../bytes/slice";
import { Plan } from "../core/plan";
import * as limits from "../vocabulary/limits";
import { Node } from "./node";
import { isKind, unknownKey } from "./problems";
import { readWhole } from "./read-number";
import { NOT_WHOLE } from "./scalars";

const KNOWN_LIMITS = "work";

/** Reads the limits; what the policy does not say stays as it is. */
export function readLimits(plan: Plan, object: Node): void {
  if (!isKind(object, Token.Object)) return;
  for (let node = object.first; node; node = nextOf(node)) {
    if (!isWord(node.key, "work")) {
      unknownKey(node, KNOWN_LIMITS);
      continue;
    }
    const steps = readWhole(node, 1, limits.MOST_WORK);
    if (steps != NOT_WHOLE) plan.work = steps;
  }
}
