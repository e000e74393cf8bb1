// Rules over the request that is being decided.

import { NONE } from "../../bytes/slice";
import { Decision } from "../decision";
import { identify } from "../identity";
import { Rule } from "../rule-plan";
import { view } from "../view";
import { run, setFractional } from "./machine";
import { ERROR_NONE } from "./opcodes";
import { isTruthy } from "./value";
import { seeRequest } from "./variables";

/** What a rule, or a condition, says of a request: that it holds, that it does not, that the client's address has to be given first. */
export const FALSE: u32 = 0;
export const TRUE: u32 = 1;
export const UNKNOWN: u32 = 2;

/** Finds out what a rule looks at, so that it can run. @returns false when the client's address has to be given first */
export function isPrepared(decision: Decision, rule: Rule): bool {
  if (rule.usesAddress && !view.addressGiven) return false;
  const identity = decision.plan.identity;
  if (rule.usesKey && identity && !identify(decision, identity, true)) return false;
  seeRequest(decision);
  return true;
}

/** Runs a rule; its result is the first value of the stack. @returns ERROR_* */
export function runRule(decision: Decision, rule: Rule): u32 {
  return run(rule.program, decision.stack.at(0));
}

/**
 * Runs a rule over the request; one that fails does not hold, and is counted in `ruleErrors`.
 * @returns TRUE when its result is truthy, FALSE, or UNKNOWN
 */
export function holds(decision: Decision, rule: Rule): u32 {
  if (!isPrepared(decision, rule)) return UNKNOWN;
  const plan = decision.plan;
  setFractional(NONE, plan.generation, plan.targetingKey);
  if (runRule(decision, rule) == ERROR_NONE) return isTruthy(decision.stack.at(0)) ? TRUE : FALSE;
  decision.ruleErrors++;
  return FALSE;
}
