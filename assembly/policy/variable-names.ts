// What a path of `var` means in the proxy, decided when the policy is loaded.

import { addressOf, isWord, lengthOf, NONE, Slice, sliceOf, startsWithWord } from "../bytes/slice";
import { ABSENT, find, insert, newTable, Table } from "../bytes/table";
import { Variable, VariableKind } from "../core/logic/variable";
import { valueOnPath } from "../core/logic/value";
import { NO_SLOT } from "../core/plan";
import { kept, keptLower, build, record, slotFor } from "./build";

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
  name(variable);
  return variable;
}

function name(variable: Variable): void {
  const path = variable.path;
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
    variable.slot = slotFor(inputs.claims, variable.name);
  } else {
    variable.kind = kindOf(path);
    variable.name = NONE;
    if (variable.kind == VariableKind.Nothing) nameStatic(variable);
  }
  variable.isNumber = isNumber(path);
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

export function beginTypes(): void {
  numbers = newTable(build.reading);
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
