// Goals of an explanation: first those whose match holds, with the variants that the request counts for, or why it does not.

import { exactPercent } from "../terminal/numbers.ts";
import { itemsOf, member, membersOf, textOf, type OrderedJson } from "../terminal/ordered-json.ts";
import { shortLines } from "./explain-rollouts.ts";
import { jsonText, matchWords, type Words } from "./explain-words.ts";

const SPACE = 4294967296;

/** All goals: those whose match does not hold in one line each, or in full. */
export function goalLines(words: Words, inFull: boolean): string[] {
  const all = membersOf(member(words.explained.explanation, "goals"));
  const matching = all.filter(([, goal]) => member(goal, "applies") === true);
  const others = all.filter(([, goal]) => member(goal, "applies") !== true);
  return [
    ...matching.flatMap(([name, goal]) => matchingLines(words, name, goal)),
    ...(inFull
      ? others.flatMap(([name, goal]) => otherLines(words, name, goal))
      : shortLines(
          words,
          "goal",
          others.map(([name, goal]) => [name, words.shortReason(goal)]),
        )),
  ];
}

function matchingLines(words: Words, name: string, goal: OrderedJson): string[] {
  const { colors } = words;
  const rollouts = membersOf(member(goal, "rollouts"));
  const counts = rollouts.filter(([, one]) => member(one, "counts") === true);
  const statuses = itemsOf(member(goal, "status")).map((status) => textOf(status) ?? jsonText(status));
  const all = textOf(member(goal, "not"));
  const others = rollouts.filter(([, one]) => member(one, "counts") !== true);
  const outcome = counts.length === 0 ? colors.cyan("not counted") : colors.green("counted");
  return [
    "",
    `goal ${colors.bold(name)} ${colors.dim("->")} ${outcome}` +
      (counts.length === 0 ? "" : ` if the whole answer has ${listOf(statuses)}`),
    words.line("match", matchWords(goal, policyOf(words, name), "every request")),
    ...counts.map(([rollout, one], index) =>
      words.line(index === 0 ? "for" : "", countedWords(words, rollout, one)),
    ),
    ...(all === undefined
      ? others.map(([rollout, one], index) =>
          words.line(
            index === 0 ? "not for" : "",
            `${colors.bold(rollout)}: ${whyNot(textOf(member(one, "not")), one)}`,
          ),
        )
      : [words.line("why", whyNot(all, goal))]),
    ...(rollouts.length === 0 ? [words.line("why", "there is no rollout whose users could reach it")] : []),
  ];
}

/** `canary of checkout: bucket 3.25%`; of a user of the default, the control group. */
function countedWords({ colors }: Words, rollout: string, one: OrderedJson): string {
  const variant = textOf(member(one, "variant")) ?? "";
  const group = member(one, "control") === true ? `the control group of ${variant}` : variant;
  return `${colors.green(group)} of ${colors.bold(rollout)}: ${bucketWords(one)}`;
}

function bucketWords(one: OrderedJson): string {
  return `bucket ${exactPercent(Number(member(one, "hash")) / SPACE)}`;
}

function whyNot(reason: string | undefined, one: OrderedJson): string {
  const variant = textOf(member(one, "variant")) ?? "";
  const words: Record<string, string> = {
    preflight: "a CORS preflight reaches no goal",
    copy: "a shadow's copy (x-serin-shadow) reaches no goal",
    forced: "the request forces a variant: requests of testers reach no goal",
    anonymous: "the request is anonymous (no identity found)",
    issued: "the identity was issued with this request: it counts once it comes back",
    noShare: "the rollout is disabled, or none of its variants has a share",
    rolledBack: `the guard has rolled ${variant} back: its users are no longer counted`,
    noControl: `${bucketWords(one)} gets the default ${variant}, outside of the control group`,
  };
  return words[reason ?? ""] ?? reason ?? "";
}

/** `2xx or 303`, `2xx, 301 or 303` */
function listOf(texts: readonly string[]): string {
  return texts.length < 2 ? texts.join("") : `${texts.slice(0, -1).join(", ")} or ${texts.at(-1)}`;
}

function otherLines(words: Words, name: string, goal: OrderedJson): string[] {
  return [
    "",
    `goal ${words.colors.bold(name)} ${words.colors.dim("does not apply")}`,
    ...words.entries(goal, policyOf(words, name)),
  ];
}

function policyOf(words: Words, goal: string): OrderedJson | undefined {
  return member(member(words.explained.policy, "goals"), goal);
}
