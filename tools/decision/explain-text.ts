// What the filter decided about one request, in words for people.

import { itemsOf, member, membersOf, textOf, type OrderedJson } from "../terminal/ordered-json.ts";
import type { Colors } from "../terminal/terminal.ts";
import { shadowEffectLines } from "./explain-effects.ts";
import { goalLines } from "./explain-goals.ts";
import { rolloutLines } from "./explain-rollouts.ts";
import { shadowLines } from "./explain-shadows.ts";
import { jsonText, Words, type Explained } from "./explain-words.ts";

/**
 * The whole explanation, with a line break at its end. What does not apply is one line each, or told `inFull`.
 */
export function explainInWords(explained: Explained, colors: Colors, inFull = false): string {
  const words = new Words(explained, colors);
  return `${[
    `${colors.bold(explained.method)} ${explained.url}`,
    "",
    words.line(
      "identity",
      words.identity(member(explained.explanation, "identity"), member(explained.policy, "identity")),
      0,
    ),
    ...rolloutLines(words, inFull),
    ...flagLines(words),
    ...shadowLines(words, inFull),
    ...goalLines(words, inFull),
    ...shadowEffectLines(words, inFull),
    ...effectLines(words),
  ].join("\n")}\n`;
}

function flagLines(words: Words): string[] {
  const { colors, explained } = words;
  return membersOf(member(explained.decision, "flags")).flatMap(([key, flag]) => [
    "",
    `flag ${colors.bold(key)} ${colors.dim("->")} ${colors.green(textOf(member(flag, "variant")) ?? "no variant")}`,
    ...(member(flag, "value") === undefined ? [] : [words.line("value", jsonText(member(flag, "value")))]),
    words.line("why", flagWords(words, flag, member(member(explained.explanation, "flags"), key))),
    // What its targeting read, in order: variables with their values, conditions with their JSON Pointers.
    ...itemsOf(member(member(member(explained.explanation, "flags"), key), "steps")).map((step, index) =>
      words.line(index === 0 ? "steps" : "", words.step(step)),
    ),
  ]);
}

function flagWords({ colors }: Words, flag: OrderedJson, explained: OrderedJson | undefined): string {
  const reason = textOf(member(flag, "reason")) ?? "";
  const code = textOf(member(flag, "errorCode"));
  const words: Record<string, string> = {
    DISABLED: "the flag is disabled: applications use their own default",
    STATIC: "no targeting: the default variant",
    DEFAULT:
      member(flag, "variant") === undefined
        ? "targeting chose no variant and there is no default variant: applications use their own default"
        : "targeting chose no variant: the default variant",
    TARGETING_MATCH: "chosen by targeting",
    ERROR:
      member(explained, "outOfWork") === true
        ? "its targeting took more steps than limits.work: applications use their own default"
        : `evaluation failed (${code ?? "GENERAL"}): applications use their own default`,
  };
  return `${words[reason] ?? reason} ${colors.dim(`[${reason}]`)}`;
}

/** What changes in the request and in its response. */
function effectLines({ colors, explained }: Words): string[] {
  const { decision } = explained;
  const request = member(decision, "request");
  const lines = [
    ...itemsOf(member(request, "remove")).map((name) =>
      colors.red(`- ${textOf(name)}   ${colors.dim("(forged by the client: removed)")}`),
    ),
    ...membersOf(member(request, "set")).map(([name, value]) => colors.green(`+ ${name}: ${textOf(value)}`)),
    ...membersOf(member(request, "filterState")).map(([name, value]) =>
      colors.green(`+ filter state ${name} = ${textOf(value)}`),
    ),
  ];
  const cookies = itemsOf(member(member(decision, "response"), "set-cookie")).map((cookie) =>
    colors.green(`+ set-cookie: ${textOf(cookie)}`),
  );
  const nothing = colors.dim("unchanged");
  return [
    "",
    "request",
    ...(lines.length === 0 ? [nothing] : lines).map((line) => `  ${line}`),
    "response",
    ...(cookies.length === 0 ? [nothing] : cookies).map((line) => `  ${line}`),
  ];
}
