// `flagd`: what a flagd flag file leaves open.

import { Token } from "../bytes/json-reader";
import { nextOf } from "../bytes/records";
import { isWord } from "../bytes/slice";
import * as limits from "../vocabulary/limits";
import * as codes from "../vocabulary/problems";
import { build } from "./build";
import { constantOf } from "./constants";
import { nextBelow, Node } from "./node";
import { fail, isKind, putOverLimit, report, unknownKey } from "./problems";
import { setNumber } from "./variable-names";

const KNOWN_FLAGD = "fractional context types";

/** Reads the settings, before any rule is compiled. */
export function readFlagd(object: Node): void {
  if (!isKind(object, Token.Object)) return;
  for (let node = object.first; node; node = nextOf(node)) {
    if (isWord(node.key, "fractional")) {
      if (!isKind(node, Token.String)) continue;
      if (isWord(node.text, "v1")) build.plan.generation = 1;
      else if (isWord(node.text, "v3")) build.plan.generation = 3;
      else if (!isWord(node.text, "v2")) fail(node, codes.VALUE, "must be v1, v2 or v3");
    } else if (isWord(node.key, "context")) {
      if (isKind(node, Token.Object)) readContext(node);
    } else if (isWord(node.key, "types")) {
      readTypes(node);
    } else {
      unknownKey(node, KNOWN_FLAGD);
    }
  }
}

function readContext(object: Node): void {
  for (let node: Node | null = object; node; node = nextBelow(object, node)) {
    if (node.kind != Token.Object || node.count <= (limits.CONTEXT as u32)) continue;
    putOverLimit(limits.CONTEXT, " members");
    return report(node, codes.LIMIT);
  }
  build.plan.context = constantOf(build.plan.arena, build.reading, object);
}

function readTypes(object: Node): void {
  if (!isKind(object, Token.Object)) return;
  for (let node = object.first; node; node = nextOf(node)) {
    if (!isKind(node, Token.String)) continue;
    if (isWord(node.text, "number")) setNumber(node.key);
    else if (!isWord(node.text, "string")) fail(node, codes.VALUE, "must be number or string");
  }
}
