// The evaluation of a flag, as flagd does it (docs/flags.md has the rules and where implementations differ).

import { fixed } from "../bytes/records";
import { NONE, sameText, Slice } from "../bytes/slice";
import { put, restartText, textOf, Writer } from "../bytes/writer";
import { Answer, Decision, FlagReason } from "./decision";
import { Flag, FlagCondition, FlagVariant } from "./flag-plan";
import { isPrepared, runRule } from "./logic/evaluate";
import { setFractional } from "./logic/machine";
import { writeNumber } from "./logic/number-work";
import { RuleError } from "./logic/opcodes";
import { isSame, numberOf, Tag, Value } from "./logic/value";
import { seeFlag } from "./logic/variables";
import { spend } from "./logic/work";
import { NO_SLOT } from "./plan";

const name: Writer = fixed<Writer>();

/**
 * Evaluates a flag for the request, once.
 * @returns its answer; null when the client's address has to be given first
 */
export function evaluateFlag(decision: Decision, flag: Flag): Answer | null {
  const answer = decision.answers.at(flag.index);
  if (answer.stamp == decision.stamp) return answer;
  const targeting = flag.targeting;
  if (targeting && !flag.disabled && !isPrepared(decision, targeting)) return null;
  return answerFlag(decision, flag);
}

/** Works out the answer; whatever the targeting looks at is there. */
export function answerFlag(decision: Decision, flag: Flag): Answer {
  const answer = decision.answers.at(flag.index);
  answer.stamp = decision.stamp;
  answer.given = NO_SLOT;
  answer.error = RuleError.None;
  if (flag.disabled) {
    answer.reason = FlagReason.Disabled;
    return answer;
  }
  const targeting = flag.targeting;
  if (!targeting) return giveFallback(answer, flag, FlagReason.Static);
  const plan = decision.plan;
  seeFlag(flag.key);
  setFractional(flag.key, plan.generation, plan.targetingKey);
  const error = runRule(decision, targeting);
  if (error != RuleError.None) return fail(answer, error);
  const result = decision.stack.at(0);
  if (result.tag == Tag.Null) return giveFallback(answer, flag, FlagReason.Default);
  const chosen = variantName(result);
  // Each is looked at.
  spend(flag.variantCount >> 3);
  // An array or an object chooses nothing (JavaScript's join would).
  if (chosen == NONE) return fail(answer, RuleError.General);
  for (let i: u32 = 0; i < flag.variantCount; i++) {
    if (!sameText(flag.variant(i).name, chosen)) continue;
    answer.given = i;
    answer.reason = FlagReason.TargetingMatch;
    return answer;
  }
  return fail(answer, RuleError.General);
}

function giveFallback(answer: Answer, flag: Flag, reason: FlagReason): Answer {
  answer.given = flag.fallback;
  // Without a default variant the answer is the caller's own default.
  answer.reason = flag.fallback == NO_SLOT ? FlagReason.Default : reason;
  return answer;
}

function fail(answer: Answer, error: RuleError): Answer {
  answer.reason = FlagReason.Error;
  answer.error = error;
  return answer;
}

/** The result of targeting as a variant's name; NONE when it cannot be one. */
function variantName(result: Value): Slice {
  const tag = result.tag;
  if (tag == Tag.Text) return result.bits;
  restartText(name);
  if (tag == Tag.True) put(name, "true");
  else if (tag == Tag.False) put(name, "false");
  else if (tag == Tag.Number) writeNumber(name, numberOf(result));
  else return NONE;
  return textOf(name);
}

/** Whether a variant of the flag is what a match asks for. */
export function isWanted(condition: FlagCondition, variant: FlagVariant): bool {
  const wanted = condition.value;
  if (wanted.tag == Tag.Text && sameText(variant.name, wanted.bits)) return true;
  return isSame(variant.value, wanted);
}
