// What a path of `var` means in the proxy, decided when the policy is loaded.

import { take } from "../bytes/arena";
import { addressOf, isWord, lengthOf, NONE, sameText, Slice, sliceOf, startsWithWord } from "../bytes/slice";
import { ABSENT, find, insert } from "../bytes/table";
import {
  NAME_ADDRESS,
  NAME_CLAIM,
  NAME_COOKIE,
  NAME_FLAG_KEY,
  NAME_HEADER,
  NAME_HOST,
  NAME_METHOD,
  NAME_NOTHING,
  NAME_PATH,
  NAME_QUERY,
  NAME_SCHEME,
  NAME_STATIC,
  NAME_TARGETING_KEY,
  NAME_TIMESTAMP,
  Variable,
} from "../core/logic/variables";
import { Value, valueOnPath } from "../core/logic/value";
import { NO_SLOT } from "../core/plan";
import { Node } from "./node";
import { kept, keptLower, plan, slotFor } from "./build";

/** The Variable of a path, one for each path of the plan; address 0 without memory. */
export function variableFor(path: Slice): usize {
  const found = find(plan.variables, path);
  if (found != ABSENT) return found;
  const address = take(plan.arena, offsetof<Variable>());
  if (address == 0) return 0;
  const variable = changetype<Variable>(address);
  variable.path = kept(path);
  variable.slot = NO_SLOT;
  if (plan.arena.failed || !insert(plan.arena, plan.variables, variable.path, address as u32)) return 0;
  name(variable);
  return address;
}

function name(variable: Variable): void {
  const path = variable.path;
  const inputs = plan.inputs;
  if (startsWithWord(path, "headers.")) {
    variable.kind = NAME_HEADER;
    variable.name = keptLower(behind(path, 8));
    variable.slot = slotFor(inputs.headers, variable.name);
  } else if (startsWithWord(path, "cookies.")) {
    variable.kind = NAME_COOKIE;
    variable.name = behind(path, 8);
    variable.slot = slotFor(inputs.cookies, variable.name);
  } else if (startsWithWord(path, "query.")) {
    variable.kind = NAME_QUERY;
    variable.name = behind(path, 6);
    variable.slot = slotFor(inputs.params, variable.name);
  } else if (startsWithWord(path, "jwt.")) {
    variable.kind = NAME_CLAIM;
    variable.name = behind(path, 4);
    variable.slot = slotFor(inputs.claims, variable.name);
  } else {
    variable.kind = kindOf(path);
    variable.name = NONE;
    if (variable.kind == NAME_NOTHING) nameStatic(variable);
  }
  variable.isNumber = isTyped(path);
}

/** What is no name of the request may be one of `flagd.context`. */
function nameStatic(variable: Variable): void {
  if (plan.context == 0) return;
  const found = valueOnPath(changetype<Value>(plan.context), variable.path);
  if (changetype<usize>(found) == 0) return;
  variable.kind = NAME_STATIC;
  variable.constant = changetype<usize>(found);
}

let types: usize = 0;

/** `flagd.types`, before any rule is compiled; 0 without. */
export function setTypes(node: usize): void {
  types = node;
}

/** Whether `flagd.types` calls the path a number. */
function isTyped(path: Slice): bool {
  if (types == 0) return false;
  for (let at = changetype<Node>(types).first; at != 0; at = changetype<Node>(at).next) {
    if (sameText(changetype<Node>(at).key, path)) return isWord(changetype<Node>(at).text, "number");
  }
  return false;
}

function kindOf(path: Slice): u32 {
  if (isWord(path, "targetingKey")) return NAME_TARGETING_KEY;
  if (isWord(path, "method")) return NAME_METHOD;
  if (isWord(path, "scheme")) return NAME_SCHEME;
  if (isWord(path, "host")) return NAME_HOST;
  if (isWord(path, "path")) return NAME_PATH;
  if (isWord(path, "sourceAddress")) return NAME_ADDRESS;
  if (isWord(path, "$flagd.flagKey")) return NAME_FLAG_KEY;
  return isWord(path, "$flagd.timestamp") ? NAME_TIMESTAMP : NAME_NOTHING;
}

function behind(path: Slice, length: u32): Slice {
  return sliceOf(addressOf(path) + length, lengthOf(path) - length);
}
