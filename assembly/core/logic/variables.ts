// What `var` names: in the proxy the request, read as late and as seldom as can be; in `serin evaluate` any JSON.

import { isWord, lengthOf, NONE, Slice, startsWithWord } from "../../bytes/slice";
import { ABSENT, find } from "../../bytes/table";
import { readCookies } from "../cookies";
import { claimBytes, claimValue } from "../jwt";
import { Decision, decision } from "../decision";
import { Plan } from "../plan";
import { readParams } from "../query";
import { hostOf, view } from "../view";
import { readNumber } from "./number-work";
import { Variable, VariableKind } from "./variable";
import { copyValue, setNull, setNumber, setText, Tag, Value, valueOnPath } from "./value";
import { isSpent, spend, spendBytes } from "./work";

/** The request, when rules are evaluated in the proxy. */
let request: Decision = decision;
/** The context as JSON, for `serin evaluate`; null in the proxy. */
let root: Value | null = null;
/** `flagd.context`, behind `root`. */
let fallback: Value | null = null;
let flagKey: Slice = NONE;
let timestamp: f64 = 0;

/** Rules see this request from now on. */
export function seeRequest(decision: Decision): void {
  request = decision;
  root = null;
  flagKey = NONE;
  timestamp = (decision.nowNs / 1000000000) as f64;
}

/** Rules see this JSON from now on. */
export function seeJson(owner: Plan, context: Value, nowSeconds: f64): void {
  root = context;
  fallback = owner.context;
  flagKey = NONE;
  timestamp = nowSeconds;
}

/** `$flagd.flagKey` from now on. */
export function seeFlag(key: Slice): void {
  flagKey = key;
}

function give(to: Value, text: Slice): void {
  if (text == NONE) setNull(to);
  else setText(to, text);
}

/** Writes the value of a variable; null when it has none. */
export function readVariable(to: Value, variable: Variable): void {
  const context = root;
  if (context) return readJson(to, context, variable.path);
  const kind = variable.kind;
  if (kind == VariableKind.Header) {
    give(to, request.valueOf(variable.slot));
  } else if (kind == VariableKind.Cookie) {
    if (view.cookiesRead || affords(lengthOf(view.block))) readCookies(request);
    give(to, request.valueOf(variable.slot));
  } else if (kind == VariableKind.Query) {
    if (view.paramsRead || affords(lengthOf(view.query) << 1)) readParams(request);
    give(to, request.valueOf(variable.slot));
  } else if (kind == VariableKind.Claim) {
    readClaim(to, variable);
  } else if (kind == VariableKind.Static) {
    copyOrNull(to, variable.constant);
  } else {
    readNamed(to, kind);
  }
  if (variable.isNumber) becomeNumber(to);
}

/** The token is read once a request, and so is each claim. */
function readClaim(to: Value, variable: Variable): void {
  const value = variable.claim;
  if (!value) return setNull(to);
  if (variable.stamp != request.stamp) {
    setNull(to);
    if (!affords(claimBytes(variable.name))) return;
    claimValue(value, variable.name);
    variable.stamp = request.stamp;
  }
  copyValue(to, value);
}

/** Spends the reading of so many bytes, once a request each. @returns whether there was so much left */
function affords(bytes: u32): bool {
  spendBytes(bytes);
  return !isSpent();
}

/** Names with a fixed meaning. */
function readNamed(to: Value, kind: VariableKind): void {
  if (kind == VariableKind.TargetingKey) {
    give(to, request.identityOf(request.plan.identity));
  } else if (kind == VariableKind.Method) {
    give(to, view.method);
  } else if (kind == VariableKind.Scheme) {
    give(to, view.scheme);
  } else if (kind == VariableKind.Host) {
    if (!view.hostRead) spendBytes(lengthOf(view.authority));
    give(to, hostOf());
  } else if (kind == VariableKind.Path) {
    give(to, view.path);
  } else if (kind == VariableKind.Address) {
    give(to, view.address);
  } else if (kind == VariableKind.FlagKey) {
    give(to, flagKey);
  } else if (kind == VariableKind.Timestamp) {
    setNumber(to, timestamp);
  } else {
    setNull(to);
  }
}

/** A string that `flagd.types` declares as a number; null when it is not one. */
function becomeNumber(to: Value): void {
  if (to.tag != Tag.Text) return;
  const number = lengthOf(to.bits) == 0 ? NaN : readNumber(to.bits);
  if (number == number) setNumber(to, number);
  else setNull(to);
}

function copyOrNull(to: Value, from: Value | null): void {
  if (from) copyValue(to, from);
  else setNull(to);
}

function readJson(to: Value, context: Value, path: Slice): void {
  if (startsWithWord(path, "$flagd.")) {
    if (isWord(path, "$flagd.flagKey")) return give(to, flagKey);
    if (isWord(path, "$flagd.timestamp")) return setNumber(to, timestamp);
    return setNull(to);
  }
  let found = valueOnPath(context, path);
  // The policy's own variables come after those of the request.
  const shared = fallback;
  if (!found && shared) found = valueOnPath(shared, path);
  copyOrNull(to, found);
}

/** As `readVariable`, for a path that a rule made while it ran: nothing was prepared for it. */
export function readPath(to: Value, path: Slice): void {
  const context = root;
  if (context) return readJson(to, context, path);
  // The plan has slots only for names that the policy mentions.
  const variables = request.plan.variables;
  spend(variables.longestRow >> 3);
  const known = find(variables, path);
  if (known == ABSENT) setNull(to);
  else readVariable(to, changetype<Variable>(known));
}
