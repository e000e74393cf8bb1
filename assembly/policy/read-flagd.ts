// `flagd`: what a flagd flag file leaves open.

import { Token } from "../bytes/json-reader";
import { nextOf } from "../bytes/records";
import { put, putString } from "../bytes/writer";
import { valueOnPath } from "../core/logic/value";
import { VariableKind } from "../core/logic/variable";
import { isWord, lengthOf } from "../bytes/slice";
import * as limits from "../vocabulary/limits";
import * as codes from "../vocabulary/problems";
import { build } from "./build";
import { isKnownName, putUnknownName } from "./check-names";
import { constantOf } from "./constants";
import { nextBelow, Node } from "./node";
import {
  beginMessage,
  errorCount,
  fail,
  isKind,
  message,
  putOverLimit,
  report,
  reportKey,
  unknownKey,
} from "./problems";
import { isOfRequest, setNumber, setSources, variableFor } from "./variable-names";

const KNOWN_FLAGD = "fractional context contextFrom types";

/** Reads the settings, before any rule is compiled. */
export function readFlagd(object: Node): void {
  if (!isKind(object, Token.Object)) return;
  let from: Node | null = null;
  for (let node = object.first; node; node = nextOf(node)) {
    if (isWord(node.key, "fractional")) {
      if (!isKind(node, Token.String)) continue;
      if (isWord(node.text, "v1")) build.plan.generation = 1;
      else if (isWord(node.text, "v3")) build.plan.generation = 3;
      else if (!isWord(node.text, "v2")) fail(node, codes.VALUE, "must be v1, v2 or v3");
    } else if (isWord(node.key, "context")) {
      if (isKind(node, Token.Object)) readContext(node);
    } else if (isWord(node.key, "contextFrom")) {
      from = node;
    } else if (isWord(node.key, "types")) {
      readTypes(node);
    } else {
      unknownKey(node, KNOWN_FLAGD);
    }
  }
  // Its names depend on the others, wherever they are written.
  if (from) readContextFrom(from);
}

/** Names that flags use, each with the proxy's name for the same value. */
function readContextFrom(object: Node): void {
  if (!isKind(object, Token.Object)) return;
  if (object.count > (limits.CONTEXT as u32)) {
    putOverLimit(limits.CONTEXT, " members");
    return report(object, codes.LIMIT);
  }
  const errors = errorCount();
  for (let node = object.first; node; node = nextOf(node)) {
    checkName(node);
    checkSource(node);
  }
  if (errorCount() != errors) return;
  setSources(object);
  // So that a path that a rule makes while it runs finds them too.
  for (let node = object.first; node; node = nextOf(node)) variableFor(node.key);
}

function checkName(member: Node): void {
  const context = build.plan.context;
  beginMessage();
  if (lengthOf(member.key) == 0) {
    put(message, "a name may not be empty");
    return reportKey(member, codes.NAME);
  }
  if (isOfRequest(member.key)) {
    putString(message, member.key);
    put(message, " is what the proxy calls a value of the request: choose the name that the flags use");
    reportKey(member, codes.CONFLICT);
  } else if (context && valueOnPath(context, member.key)) {
    putString(message, member.key);
    put(message, " has a value in flagd.context already");
    reportKey(member, codes.CONFLICT);
  }
}

function checkSource(node: Node): void {
  if (!isKind(node, Token.String)) return;
  const source = variableFor(node.text);
  if (!source) return;
  const isNamed = lengthOf(node.text) != 0;
  if (isNamed && source.kind != VariableKind.Static && isKnownName(source)) return;
  beginMessage();
  if (isNamed) putUnknownName(source);
  else put(message, "must name a value of the request, such as headers.x-user-email");
  report(node, codes.REFERENCE);
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
