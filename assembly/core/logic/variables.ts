// What `var` names: in the proxy the request, read as late and as seldom as can be; in `serin evaluate` any JSON.

import { isWord, lengthOf, NONE, Slice, startsWithWord } from "../../bytes/slice";
import { parseDecimal } from "../../bytes/number-parse";
import { ABSENT, find } from "../../bytes/table";
import { readCookies } from "../cookies";
import { claimOf } from "../jwt";
import { Identity, Plan } from "../plan";
import { readParams } from "../query";
import { hostOf, slotValue, view } from "../view";
import { copyValue, setNull, setNumber, setText, TAG_TEXT, Value, valueOnPath } from "./value";

/** What a Variable is, resolved when the policy is loaded. */
export const NAME_NOTHING: u32 = 0;
export const NAME_HEADER: u32 = 1;
export const NAME_COOKIE: u32 = 2;
export const NAME_QUERY: u32 = 3;
export const NAME_CLAIM: u32 = 4;
export const NAME_TARGETING_KEY: u32 = 5;
export const NAME_METHOD: u32 = 6;
export const NAME_SCHEME: u32 = 7;
export const NAME_HOST: u32 = 8;
export const NAME_PATH: u32 = 9;
export const NAME_ADDRESS: u32 = 10;
export const NAME_FLAG_KEY: u32 = 11;
export const NAME_TIMESTAMP: u32 = 12;
export const NAME_STATIC: u32 = 13;

/** A path that a rule names. */
@unmanaged
export class Variable {
  path: Slice;
  kind: u32;
  slot: u32;
  /** The part behind `headers.` and the like. */
  name: Slice;
  /** `flagd.types` says that it is a number. */
  isNumber: bool;
  /** NAME_STATIC: the address of its Value. */
  constant: usize;
}

/** The request, when rules are evaluated in the proxy; address 0 when `root` is the context. */
let plan: Plan = changetype<Plan>(0);
/** The context as JSON, for `serin evaluate`; address 0 in the proxy. */
let root: Value = changetype<Value>(0);
/** `flagd.context`, behind `root`; 0 without. */
let fallback: usize = 0;
let flagKey: Slice = NONE;
let timestamp: f64 = 0;

/** Rules see this request from now on. `nowNs` is the wall clock. */
export function seeRequest(owner: Plan, nowNs: u64): void {
  plan = owner;
  root = changetype<Value>(0);
  flagKey = NONE;
  timestamp = (nowNs / 1000000000) as f64;
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

/** Writes what a variable names; null for what is not there. */
export function readVariable(to: Value, variable: Variable): void {
  if (changetype<usize>(root) != 0) return readJson(to, variable.path);
  const kind = variable.kind;
  if (kind == NAME_HEADER) {
    give(to, slotValue(plan, variable.slot));
  } else if (kind == NAME_COOKIE) {
    readCookies(plan);
    give(to, slotValue(plan, variable.slot));
  } else if (kind == NAME_QUERY) {
    readParams(plan);
    give(to, slotValue(plan, variable.slot));
  } else if (kind == NAME_CLAIM) {
    give(to, claimOf(plan, variable.slot, variable.name));
  } else if (kind == NAME_STATIC) {
    copyValue(to, changetype<Value>(variable.constant));
  } else {
    readNamed(to, kind);
  }
  if (variable.isNumber) becomeNumber(to);
}

/** The names that stand for one thing each. */
function readNamed(to: Value, kind: u32): void {
  if (kind == NAME_TARGETING_KEY) {
    give(to, plan.identity == 0 ? NONE : changetype<Identity>(plan.identity).value);
  } else if (kind == NAME_METHOD) {
    give(to, view.method);
  } else if (kind == NAME_SCHEME) {
    give(to, view.scheme);
  } else if (kind == NAME_HOST) {
    give(to, hostOf());
  } else if (kind == NAME_PATH) {
    give(to, view.path);
  } else if (kind == NAME_ADDRESS) {
    give(to, view.address);
  } else if (kind == NAME_FLAG_KEY) {
    give(to, flagKey);
  } else if (kind == NAME_TIMESTAMP) {
    setNumber(to, timestamp);
  } else {
    setNull(to);
  }
}

/** A text that `flagd.types` calls a number; null when it is none. */
function becomeNumber(to: Value): void {
  if (to.tag != TAG_TEXT) return;
  const number = lengthOf(to.bits) == 0 ? NaN : parseDecimal(to.bits);
  if (number == number) setNumber(to, number);
  else setNull(to);
}

function readJson(to: Value, path: Slice): void {
  if (startsWithWord(path, "$flagd.")) {
    if (isWord(path, "$flagd.flagKey")) return give(to, flagKey);
    if (isWord(path, "$flagd.timestamp")) return setNumber(to, timestamp);
    return setNull(to);
  }
  let found = valueOnPath(root, path);
  // What the policy says of every request stands behind what this one says.
  if (changetype<usize>(found) == 0 && fallback != 0) found = valueOnPath(changetype<Value>(fallback), path);
  if (changetype<usize>(found) == 0) setNull(to);
  else copyValue(to, found);
}

/** As `readVariable`, for a path that a rule made while it ran: nothing was prepared for it. */
export function readPath(to: Value, path: Slice): void {
  if (changetype<usize>(root) != 0) return readJson(to, path);
  // The plan's slots know only the names that stand in the policy.
  const known = find(plan.variables, path);
  if (known == ABSENT) setNull(to);
  else readVariable(to, changetype<Variable>(known));
}
