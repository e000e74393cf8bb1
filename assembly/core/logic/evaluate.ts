// Rules over the request that is being decided.

import { NONE } from "../../bytes/slice";
import { DECIDED, identify, NEEDS_ADDRESS } from "../identity";
import { Identity, Plan, Rule } from "../plan";
import { view } from "../view";
import { run, setFractional } from "./machine";
import { ERROR_NONE } from "./opcodes";
import { isTruthy, Value } from "./value";
import { seeRequest, Variable } from "./variables";

/** Whether the last rule that `holds` ran was truthy. */
export let held: bool = false;

/** Finds out what a rule looks at, so that it can run. @returns DECIDED, or what has to be given first */
export function prepare(plan: Plan, address: usize): u32 {
  const rule = changetype<Rule>(address);
  if (rule.usesAddress && !view.addressGiven) return NEEDS_ADDRESS;
  if (rule.usesKey && plan.identity != 0) {
    const needs = identify(plan, changetype<Identity>(plan.identity), true);
    if (needs != DECIDED) return needs;
  }
  seeRequest(plan, plan.nowNs);
  return DECIDED;
}

/** Runs a rule; its result is at `plan.ruleStack`. @returns ERROR_* */
export function runRule(plan: Plan, address: usize): u32 {
  return run(changetype<Rule>(address).program, plan.ruleStack);
}

/**
 * Runs a rule over the request and leaves in `held` whether its result is truthy; a rule that fails does not hold, and
 * is counted in `plan.ruleErrors`.
 * @returns DECIDED, or what has to be given first
 */
export function holds(plan: Plan, address: usize): u32 {
  held = false;
  const needs = prepare(plan, address);
  if (needs != DECIDED) return needs;
  setFractional(NONE, plan.generation, changetype<Variable>(plan.targetingKey));
  if (runRule(plan, address) == ERROR_NONE) held = isTruthy(changetype<Value>(plan.ruleStack));
  else plan.ruleErrors++;
  return DECIDED;
}
