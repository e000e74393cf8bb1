// What a path of `var` means in the proxy, decided when the policy is loaded.

import * as ascii from "../bytes/ascii";
import { take } from "../bytes/arena";
import { addressOf, isWord, lengthOf, NONE, sameText, Slice, sliceOf, startsWithWord } from "../bytes/slice";
import { nextOf } from "../bytes/records";
import { ABSENT, find, insert, newTable, Table } from "../bytes/table";
import { Variable, VariableKind } from "../core/logic/variable";
import { Value, valueOnPath } from "../core/logic/value";
import { NO_SLOT } from "../core/plan";
import { kept, keptLower, build, record, slotFor } from "./build";
import { Node } from "./node";

/** The Variable of a path, one for each path of the plan; null without memory. */
export function variableFor(path: Slice): Variable | null {
  const found = find(build.plan.variables, path);
  if (found != ABSENT) return changetype<Variable>(found);
  const variable = record<Variable>();
  if (!variable) return null;
  variable.path = kept(path);
  variable.slot = NO_SLOT;
  const address = changetype<usize>(variable) as u32;
  if (build.plan.arena.failed || !insert(build.plan.arena, build.plan.variables, variable.path, address))
    return null;
  const source = sourceOf(path);
  name(variable, kept(source));
  variable.isNumber = isNumber(path) || isNumber(source);
  return variable;
}

/** Says what a Variable is. `path` is the proxy's name for it, and lives as long as the plan. */
function name(variable: Variable, path: Slice): void {
  const inputs = build.plan.inputs;
  if (startsWithWord(path, "headers.")) {
    variable.kind = VariableKind.Header;
    variable.name = keptLower(behind(path, 8));
    variable.slot = slotFor(inputs.headers, variable.name);
  } else if (startsWithWord(path, "cookies.")) {
    variable.kind = VariableKind.Cookie;
    variable.name = behind(path, 8);
    variable.slot = slotFor(inputs.cookies, variable.name);
  } else if (startsWithWord(path, "query.")) {
    variable.kind = VariableKind.Query;
    variable.name = behind(path, 6);
    variable.slot = slotFor(inputs.params, variable.name);
  } else if (startsWithWord(path, "jwt.")) {
    variable.kind = VariableKind.Claim;
    variable.name = behind(path, 4);
    variable.claim = record<Value>();
  } else {
    variable.kind = kindOf(path);
    variable.name = NONE;
    if (variable.kind == VariableKind.Nothing) nameStatic(variable);
  }
}

/** A name that is not one of the request's may be one of `flagd.context`. */
function nameStatic(variable: Variable): void {
  const context = build.plan.context;
  const found = context ? valueOnPath(context, variable.path) : null;
  if (!found) return;
  variable.kind = VariableKind.Static;
  variable.constant = found;
}

/** Paths that `flagd.types` declares as numbers; set before any rule is compiled. */
let numbers: Table = changetype<Table>(0);
/** `flagd.contextFrom`, at most `limits.CONTEXT` names; likewise. */
let sources: Node | null = null;

export function beginNames(): void {
  numbers = newTable(build.reading);
  sources = null;
}

/** From now on the names of this object's members stand for the proxy's values that they name. */
export function setSources(contextFrom: Node): void {
  sources = contextFrom;
}

/**
 * The proxy's name for a path of `flagd.contextFrom`, or below one: with `user: jwt.user`, `user.plan` is
 * `jwt.user.plan`. NONE when the path is not one of those.
 */
function sourceFor(path: Slice): Slice {
  const object = sources;
  let nearest: Node | null = null;
  for (let member = object ? object.first : null; member; member = nextOf(member)) {
    if (sameText(member.key, path)) return member.text;
    const isLonger = !nearest || lengthOf(member.key) > lengthOf(nearest.key);
    if (isLonger && isBelow(path, member.key)) nearest = member;
  }
  // Only a claim can be an object.
  if (!nearest || !startsWithWord(nearest.text, "jwt.")) return NONE;
  return joined(nearest.text, behind(path, lengthOf(nearest.key)));
}

/** Whether a path leads into what `name` stands for. */
function isBelow(path: Slice, name: Slice): bool {
  const length = lengthOf(name);
  if (lengthOf(path) <= length || load<u8>(addressOf(path) + length) != ascii.DOT) return false;
  return sameText(sliceOf(addressOf(path), length), name);
}

/** The proxy's name for the value that a path stands for: the path's own, unless `flagd.contextFrom` says another. */
export function sourceOf(path: Slice): Slice {
  const source = sourceFor(path);
  return source == NONE ? path : source;
}

/** Two texts as one, for as long as the policy is read. */
function joined(first: Slice, second: Slice): Slice {
  const to = take(build.reading, lengthOf(first) + lengthOf(second));
  if (to == 0) return NONE;
  memory.copy(to, addressOf(first), lengthOf(first));
  memory.copy(to + lengthOf(first), addressOf(second), lengthOf(second));
  return sliceOf(to, lengthOf(first) + lengthOf(second));
}

/** Whether the proxy itself gives the path a meaning, whatever the policy says. */
export function isOfRequest(path: Slice): bool {
  return (
    startsWithWord(path, "headers.") ||
    startsWithWord(path, "cookies.") ||
    startsWithWord(path, "query.") ||
    startsWithWord(path, "jwt.") ||
    startsWithWord(path, "$flagd.") ||
    kindOf(path) != VariableKind.Nothing
  );
}

/** Whether `flagd.types` declares the path as a number. */
export function isNumber(path: Slice): bool {
  return find(numbers, path) != ABSENT;
}

export function setNumber(path: Slice): void {
  insert(build.reading, numbers, path, 0);
}

function kindOf(path: Slice): VariableKind {
  if (isWord(path, "targetingKey")) return VariableKind.TargetingKey;
  if (isWord(path, "method")) return VariableKind.Method;
  if (isWord(path, "scheme")) return VariableKind.Scheme;
  if (isWord(path, "host")) return VariableKind.Host;
  if (isWord(path, "path")) return VariableKind.Path;
  if (isWord(path, "sourceAddress")) return VariableKind.Address;
  if (isWord(path, "$flagd.flagKey")) return VariableKind.FlagKey;
  return isWord(path, "$flagd.timestamp") ? VariableKind.Timestamp : VariableKind.Nothing;
}

function behind(path: Slice, length: u32): Slice {
  return sliceOf(addressOf(path) + length, lengthOf(path) - length);
}
