// Shadows of an explanation, as rollouts: first those that apply.

import { exactPercent } from "../terminal/numbers.ts";
import { itemsOf, member, membersOf, textOf, type OrderedJson } from "../terminal/ordered-json.ts";
import { shortLines } from "./explain-rollouts.ts";
import { jsonText, matchWords, type Words } from "./explain-words.ts";

const SPACE = 4294967296;

/** All shadows: those that do not apply in one line each, or in full. */
export function shadowLines(words: Words, inFull: boolean): string[] {
  const all = membersOf(member(words.explained.explanation, "shadows"));
  const applying = all.filter(([, shadow]) => member(shadow, "applies") === true);
  const others = all.filter(([, shadow]) => member(shadow, "applies") !== true);
  return [
    ...applying.flatMap(([name, shadow]) => applyingLines(words, name, shadow)),
    ...(inFull
      ? others.flatMap(([name, shadow]) => notApplyingLines(words, name, shadow))
      : shortLines(
          words,
          "shadow",
          others.map(([name, shadow]) => [name, shortReason(words, name, shadow)]),
        )),
  ];
}

function applyingLines(words: Words, name: string, shadow: OrderedJson): string[] {
  const { colors } = words;
  const policy = policyOf(words, name);
  const isDrawn = member(shadow, "drawn") === true;
  const isTooLarge = member(shadow, "tooLarge") === true;
  const isCopied = isDrawn && !isTooLarge;
  const own = member(policy, "identity") === undefined ? undefined : member(shadow, "identity");
  return [
    "",
    `shadow ${colors.bold(name)} ${colors.dim("->")} ${isCopied ? colors.green("copied") : colors.cyan("not copied")}`,
    words.line("match", matchWords(shadow, policy, "every request with its methods")),
    ...words.rule("when", shadow, member(policy, "when")),
    ...(own === undefined ? [] : [words.line("identity", words.identity(own, member(policy, "identity")))]),
    ...drawLines(words, name, shadow, isDrawn),
    ...(isTooLarge ? [words.line("body", tooLargeWords(words, shadow))] : []),
    ...(isCopied ? [words.line("copy to", copyWords(words, shadow))] : []),
  ];
}

function drawLines(words: Words, name: string, shadow: OrderedJson, isDrawn: boolean): string[] {
  const { colors } = words;
  const share = member(policyOf(words, name), "percent") ?? 0;
  const sampled = isDrawn ? "sampled" : "not sampled";
  if (textOf(member(shadow, "sample")) !== "identity") {
    const isCertain = share === 0 || share === 100;
    const requests = `${jsonText(share)}% of requests`;
    const chance = isCertain ? requests : `${requests} at random; the next one like it may differ`;
    return [words.line("why", `request ${sampled}: ${chance}`)];
  }
  const hash = member(shadow, "hash");
  if (typeof hash !== "number") {
    return [words.line("why", "users are sampled, and the request is anonymous (no identity found)")];
  }
  const at = colors.bold(exactPercent(hash / SPACE));
  return [
    words.line(
      "why",
      `user ${sampled}: bucket ${at} is ${isDrawn ? "below" : "not below"} ${jsonText(share)}%`,
    ),
    words.line("", colors.dim(`bucket = murmur3("shadow/${name}/<identity>")`)),
  ];
}

function tooLargeWords({ colors }: Words, shadow: OrderedJson): string {
  const most = member(shadow, "maxBodyBytes");
  const unknown = textOf(member(shadow, "dispatch")) === "mirror" ? " or of unknown length" : "";
  return colors.yellow(`larger than ${jsonText(most)} bytes${unknown}: counted as too_large`);
}

function copyWords({ colors }: Words, shadow: OrderedJson): string {
  const how: Record<string, string> = {
    call: "sent by the filter if the budget allows; answers are compared",
    mirror: "sent by Envoy if the route has a mirror policy",
  };
  const dispatch = textOf(member(shadow, "dispatch")) ?? "";
  return `${textOf(member(shadow, "cluster"))} ${colors.dim(`(${dispatch}: ${how[dispatch] ?? ""})`)}`;
}

const NEVER_COPIED = "upgrades and CONNECT are never copied";

function notApplyingLines(words: Words, name: string, shadow: OrderedJson): string[] {
  const { colors } = words;
  const policy = policyOf(words, name);
  return [
    "",
    `shadow ${colors.bold(name)} ${colors.dim("does not apply")}`,
    ...(member(shadow, "upgrade") === true ? [words.line("upgrade", colors.yellow(NEVER_COPIED))] : []),
    ...(member(shadow, "method") === false ? [words.line("method", methodWords(words, policy))] : []),
    ...words.entries(shadow, policy),
    ...words.rule("when", shadow, member(policy, "when")),
  ];
}

function shortReason(words: Words, name: string, shadow: OrderedJson): string {
  if (member(shadow, "upgrade") === true) return NEVER_COPIED;
  if (member(shadow, "method") === false) return methodWords(words, policyOf(words, name));
  return words.shortReason(shadow);
}

function methodWords({ colors, explained }: Words, policy: OrderedJson | undefined): string {
  const methods = itemsOf(member(policy, "methods")).map(textOf);
  const wanted = methods.length === 0 ? "GET, HEAD, OPTIONS (the default)" : methods.join(", ");
  return `${colors.yellow(explained.method)} is not one of ${wanted}`;
}

function policyOf(words: Words, shadow: string): OrderedJson | undefined {
  return member(member(words.explained.policy, "shadows"), shadow);
}
