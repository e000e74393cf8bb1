// Rules over the request that is being decided.

import { NONE } from "../../bytes/slice";
import { Decision } from "../decision";
import { identify } from "../identity";
import { Rule } from "../rule-plan";
import { view } from "../view";
import { run, setFractional } from "./machine";
import { RuleError } from "./opcodes";
import { isTruthy } from "./value";
import { seeRequest } from "./variables";

/** What a rule, or a condition, says of a request: that it holds, that it does not, that the client's address has to be given first. */
export const enum Truth {
  False,
  True,
  Unknown,
}

/** Finds out what a rule looks at, so that it can run. @returns false when the client's address has to be given first */
export function isPrepared(decision: Decision, rule: Rule): bool {
  if (rule.usesAddress && !view.addressGiven) return false;
  const identity = decision.plan.identity;
  if (rule.usesKey && identity && !identify(decision, identity, true)) return false;
  seeRequest(decision);
  return true;
}

/** Runs a rule; its result is the first value of the stack. @returns RuleError */
export function runRule(decision: Decision, rule: Rule): RuleError {
  const error = run(rule.program, decision.stack.at(0));
  rule.ended = error;
  if (error == RuleError.Work) decision.workErrors++;
  return error;
}

/**
 * Runs a rule over the request; one that fails does not hold, and is counted in `ruleErrors` or `workErrors`.
 * @returns Truth.True when its result is truthy, Truth.False, or Truth.Unknown
 */
export function holds(decision: Decision, rule: Rule): Truth {
  if (!isPrepared(decision, rule)) return Truth.Unknown;
  const plan = decision.plan;
  setFractional(NONE, plan.generation, plan.targetingKey);
  const error = runRule(decision, rule);
  if (error == RuleError.None) return isTruthy(decision.stack.at(0)) ? Truth.True : Truth.False;
  if (error != RuleError.Work) decision.ruleErrors++;
  return Truth.False;
}
