// The evaluation of a flag, as flagd does it (docs/flags.md has the rules and where implementations differ).

import { NONE, sameText, Slice } from "../bytes/slice";
import { put, restartText, textOf, Writer } from "../bytes/writer";
import { putNumberText } from "../bytes/number-text";
import { DECIDED } from "./identity";
import { prepare, runRule } from "./logic/evaluate";
import { setFractional } from "./logic/machine";
import { ERROR_GENERAL, ERROR_NONE } from "./logic/opcodes";
import { isSame, numberOf, TAG_FALSE, TAG_NULL, TAG_NUMBER, TAG_TEXT, TAG_TRUE, Value } from "./logic/value";
import { seeFlag, Variable } from "./logic/variables";
import {
  Flag,
  FLAG_DEFAULT,
  FLAG_DISABLED,
  FLAG_ERROR,
  FLAG_STATIC,
  FLAG_TARGETING_MATCH,
  FLAG_VARIANT_BYTES,
  FlagCondition,
  FlagVariant,
  NO_SLOT,
  Plan,
} from "./plan";

const name: Writer = changetype<Writer>(memory.data(32, 8));

export function flagVariant(flag: Flag, index: u32): FlagVariant {
  return changetype<FlagVariant>(flag.variants + index * FLAG_VARIANT_BYTES);
}

/**
 * Evaluates a flag for the request, once; the answer is in its memo.
 * @returns DECIDED, or what the filter has to give first
 */
export function evaluateFlag(plan: Plan, flag: Flag): u32 {
  if (flag.stamp == plan.stamp) return DECIDED;
  if (flag.targeting != 0 && !flag.disabled) {
    const needs = prepare(plan, flag.targeting);
    if (needs != DECIDED) return needs;
  }
  flag.stamp = plan.stamp;
  answer(plan, flag);
  return DECIDED;
}

/** Works out the answer; whatever the targeting looks at is there. */
export function answer(plan: Plan, flag: Flag): void {
  flag.given = NO_SLOT;
  flag.error = ERROR_NONE;
  if (flag.disabled) {
    flag.reason = FLAG_DISABLED;
    return;
  }
  if (flag.targeting == 0) return giveFallback(flag, FLAG_STATIC);
  seeFlag(flag.key);
  setFractional(flag.key, plan.generation, changetype<Variable>(plan.targetingKey));
  const error = runRule(plan, flag.targeting);
  if (error != ERROR_NONE) return failFlag(flag, error);
  const result = changetype<Value>(plan.ruleStack);
  if (result.tag == TAG_NULL) return giveFallback(flag, FLAG_DEFAULT);
  const chosen = variantName(result);
  // An array or an object chooses nothing (JavaScript's join would).
  if (chosen == NONE) return failFlag(flag, ERROR_GENERAL);
  for (let i: u32 = 0; i < flag.variantCount; i++) {
    if (!sameText(flagVariant(flag, i).name, chosen)) continue;
    flag.given = i;
    flag.reason = FLAG_TARGETING_MATCH;
    return;
  }
  failFlag(flag, ERROR_GENERAL);
}

function giveFallback(flag: Flag, reason: u32): void {
  flag.given = flag.fallback;
  // Without a default variant the answer is the caller's own default.
  flag.reason = flag.fallback == NO_SLOT ? FLAG_DEFAULT : reason;
}

function failFlag(flag: Flag, error: u32): void {
  flag.reason = FLAG_ERROR;
  flag.error = error;
}

/** The variant's name that a result is; NONE when it is none. */
function variantName(result: Value): Slice {
  const tag = result.tag;
  if (tag == TAG_TEXT) return result.bits;
  restartText(name);
  if (tag == TAG_TRUE) put(name, "true");
  else if (tag == TAG_FALSE) put(name, "false");
  else if (tag == TAG_NUMBER) putNumberText(name, numberOf(result));
  else return NONE;
  return textOf(name);
}

/** Whether an evaluated flag gives what a match asks for. */
export function flagHolds(condition: FlagCondition): bool {
  const flag = changetype<Flag>(condition.flag);
  if (flag.given == NO_SLOT) return false;
  const wanted = changetype<Value>(condition.value);
  const given = flagVariant(flag, flag.given);
  if (wanted.tag == TAG_TEXT && sameText(given.name, wanted.bits)) return true;
  return isSame(changetype<Value>(given.value), wanted);
}
