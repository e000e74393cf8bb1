// Effects of an explanation: which one a call like this meets, and what becomes of it.

import { member, membersOf, textOf, type OrderedJson } from "../terminal/ordered-json.ts";
import { shortLines } from "./explain-rollouts.ts";
import { matchWords, type Words } from "./explain-words.ts";

/** All effects: those whose match does not hold in one line each, or in full. */
export function shadowEffectLines(words: Words, inFull: boolean): string[] {
  const all = membersOf(member(words.explained.explanation, "effects"));
  const matching = all.filter(([, effect]) => member(effect, "applies") === true);
  const others = all.filter(([, effect]) => member(effect, "applies") !== true);
  return [
    ...matching.flatMap(([name, effect]) => matchingLines(words, name, effect)),
    ...(inFull
      ? others.flatMap(([name, effect]) => otherLines(words, name, effect))
      : shortLines(
          words,
          "effect",
          others.map(([name, effect]) => [name, words.shortReason(effect)]),
        )),
  ];
}

function matchingLines(words: Words, name: string, effect: OrderedJson): string[] {
  const { colors } = words;
  return [
    "",
    `effect ${colors.bold(name)} ${colors.dim("->")} ${outcome(words, effect)}`,
    words.line("match", matchWords(effect, policyOf(words, name), "every request")),
  ];
}

function outcome({ colors }: Words, effect: OrderedJson): string {
  const shadow = textOf(member(effect, "shadow"));
  if (member(effect, "first") !== true) return colors.cyan("an effect before it counts");
  const answers = member(effect, "answers") === true;
  if (shadow === undefined) {
    return `${colors.green("sent")}: production's; a shadow's would be ${answers ? "answered, not sent" : "sent and counted"}`;
  }
  return answers
    ? `${colors.yellow("answered, not sent")}: of shadow ${shadow}`
    : `${colors.green("sent")}, counted: of shadow ${shadow}`;
}

function otherLines(words: Words, name: string, effect: OrderedJson): string[] {
  return [
    "",
    `effect ${words.colors.bold(name)} ${words.colors.dim("does not apply")}`,
    ...words.entries(effect, policyOf(words, name)),
  ];
}

function policyOf(words: Words, effect: string): OrderedJson | undefined {
  return member(member(words.explained.policy, "effects"), effect);
}
