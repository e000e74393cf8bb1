// `flagd`: what a flagd flag file leaves open.

import { isWord } from "../bytes/slice";
import { CODE_VALUE } from "../vocabulary/problems";
import { plan, reading } from "./build";
import { constantOf } from "./constants";
import { KIND_OBJECT, KIND_STRING, Node } from "./node";
import { fail, isKind, unknownKey } from "./problems";
import { setTypes } from "./variable-names";

const KNOWN_FLAGD = "fractional context types";

/** Reads the settings, before any rule is compiled. */
export function readFlagd(object: Node): void {
  if (!isKind(object, KIND_OBJECT)) return;
  for (let at = object.first; at != 0; at = changetype<Node>(at).next) {
    const node = changetype<Node>(at);
    if (isWord(node.key, "fractional")) {
      if (!isKind(node, KIND_STRING)) continue;
      if (isWord(node.text, "v1")) plan.generation = 1;
      else if (isWord(node.text, "v3")) plan.generation = 3;
      else if (!isWord(node.text, "v2")) fail(node, CODE_VALUE, "must be v1, v2 or v3");
    } else if (isWord(node.key, "context")) {
      if (isKind(node, KIND_OBJECT)) plan.context = constantOf(plan.arena, reading, node);
    } else if (isWord(node.key, "types")) {
      readTypes(node);
    } else {
      unknownKey(node, KNOWN_FLAGD);
    }
  }
}

function readTypes(object: Node): void {
  if (!isKind(object, KIND_OBJECT)) return;
  for (let at = object.first; at != 0; at = changetype<Node>(at).next) {
    const node = changetype<Node>(at);
    if (!isKind(node, KIND_STRING)) continue;
    if (!isWord(node.text, "number") && !isWord(node.text, "string"))
      fail(node, CODE_VALUE, "must be number or string");
  }
  setTypes(changetype<usize>(object));
}
