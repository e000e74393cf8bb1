// Rollouts of an explanation: first those that apply, then the others; both in the policy's order.

import { exactPercent } from "../terminal/numbers.ts";
import { itemsOf, member, membersOf, textOf, type OrderedJson } from "../terminal/ordered-json.ts";
import { matchWords, type Words } from "./explain-words.ts";

const SPACE = 4294967296;

/** All rollouts: those that do not apply in one line each, or in full. */
export function rolloutLines(words: Words, inFull: boolean): string[] {
  const all = membersOf(member(words.explained.explanation, "rollouts"));
  if (all.length === 0) return ["", words.colors.dim("The policy has no rollouts.")];
  const applying = all.filter(([, rollout]) => member(rollout, "applies") === true);
  const others = all.filter(([, rollout]) => member(rollout, "applies") !== true);
  return [
    ...applying.flatMap(([name, rollout]) => applyingLines(words, name, rollout)),
    ...(inFull
      ? others.flatMap(([name, rollout]) => notApplyingLines(words, name, rollout))
      : shortLines(
          words,
          "rollout",
          others.map(([name, rollout]) => [name, words.shortReason(rollout)]),
        )),
  ];
}

/** So many lines for what does not apply; the rest is counted. */
const MOST_SHORT = 20;

/** One line for each rollout or shadow that does not apply. */
export function shortLines(
  words: Words,
  kind: string,
  reasons: readonly (readonly [name: string, reason: string])[],
): string[] {
  if (reasons.length === 0) return [];
  const { colors } = words;
  const lines = reasons
    .slice(0, MOST_SHORT)
    .map(([name, reason]) => `${kind} ${colors.bold(name)} ${colors.dim(`does not apply: ${reason}`)}`);
  const more = reasons.length - MOST_SHORT;
  if (more > 0) lines.push(colors.dim(`and ${more} more that do not apply (--all shows them)`));
  return ["", ...lines];
}

function applyingLines(words: Words, name: string, rollout: OrderedJson): string[] {
  const { colors } = words;
  const policy = policyOf(words, name);
  const variant = textOf(member(rollout, "variant")) ?? "";
  const isDefault = variant === textOf(member(policy, "default"));
  const cluster = textOf(member(rollout, "cluster"));
  const identity = member(rollout, "identity");
  const own = member(policy, "identity") === undefined ? undefined : identity;
  return [
    "",
    `rollout ${colors.bold(name)} ${colors.dim("->")} ${isDefault ? colors.cyan(variant) : colors.green(variant)}` +
      (isDefault ? colors.dim(" (default)") : ""),
    words.line("match", matchWords(rollout, policy, "every request")),
    ...words.rule("when", rollout, member(policy, "when")),
    ...(own === undefined ? [] : [words.line("identity", words.identity(own, member(policy, "identity")))]),
    ...forceLines(words, rollout, policy),
    ...whyLines(words, rollout, policy, variant, isDefault),
    words.line("cluster", cluster ?? colors.dim("the route's own (the variant names none)")),
  ];
}

/** What the request asked for by `force`, where it did not get it; and what `force.when` saw. */
function forceLines(words: Words, rollout: OrderedJson, policy: OrderedJson | undefined): string[] {
  const asked = member(rollout, "force");
  const force = member(policy, "force");
  const variants = membersOf(member(policy, "variants")).map(([name]) => name);
  const lines = (["header", "cookie"] as const).flatMap((source) => {
    const value = textOf(member(asked, source));
    // A header that names a variant is all that is looked at.
    if (value === undefined || textOf(member(rollout, "forcedBy")) === source) return [];
    const place = `${source} ${textOf(member(force, source))}: ${JSON.stringify(value)}`;
    if (variants.includes(value)) {
      if (member(rollout, "forcedBy") !== undefined)
        return [`${place} is not looked at: the header counts first`];
      return [`${place} ${words.colors.yellow("is not allowed: force.when does not hold")}`];
    }
    return [
      `${place} ${words.colors.yellow("is not a variant")}, so it is ignored (variants: ${variants.join(", ")})`,
    ];
  });
  return [
    ...lines.map((line, index) => words.line(index === 0 ? "force" : "", line)),
    ...words.rule(lines.length === 0 ? "force" : "", asked, member(force, "when"), "force.when is "),
  ];
}

function whyLines(
  words: Words,
  rollout: OrderedJson,
  policy: OrderedJson | undefined,
  variant: string,
  isDefault: boolean,
): string[] {
  const { colors } = words;
  const reason = textOf(member(rollout, "reason")) ?? "";
  const forcedBy = textOf(member(rollout, "forcedBy"));
  const tag = colors.dim(`[${reason}]`);
  if (reason === "DISABLED") return [words.line("why", `the rollout is disabled (state: DISABLED) ${tag}`)];
  if (forcedBy !== undefined) {
    const source = textOf(member(member(policy, "force"), forcedBy)) ?? "";
    return [words.line("why", `forced by ${forcedBy} ${source}: ${variant} ${tag}`)];
  }
  const hash = member(rollout, "hash");
  if (member(rollout, "preflight") === true)
    return [words.line("why", `a CORS preflight gets the default everywhere ${tag}`)];
  if (typeof hash !== "number") {
    return [words.line("why", `the request is anonymous (no identity found) ${tag}`)];
  }
  const at = exactPercent(hash / SPACE);
  const verdict =
    member(rollout, "guard") !== undefined
      ? `in the slot of a variant that the guard has rolled back: the default ${variant}`
      : isDefault
        ? `outside all slots: the default ${variant}`
        : `in the slot of ${variant}`;
  const slots = itemsOf(member(rollout, "slots")).map((slot) => slotWords(words, slot, hash));
  return [
    words.line("why", `bucket ${colors.bold(at)} is ${verdict} ${tag}`),
    words.line("", colors.dim(`bucket = murmur3("${textOf(member(rollout, "salt"))}/<identity>")`)),
    ...slots.map((slot, index) => words.line(index === 0 ? "slots" : "", slot)),
  ];
}

function slotWords({ colors }: Words, slot: OrderedJson, hash: number): string {
  const begin = Number(member(slot, "begin"));
  const end = Number(member(slot, "end"));
  const variant = textOf(member(slot, "variant")) ?? "";
  if (begin === end) return colors.dim(`${variant}: empty`);
  const range = `${variant}: ${exactPercent(begin / SPACE)} to ${exactPercent(end / SPACE)}`;
  return hash >= begin && hash < end ? colors.green(`${range}  <- this user`) : range;
}

function notApplyingLines(words: Words, name: string, rollout: OrderedJson): string[] {
  const policy = policyOf(words, name);
  return [
    "",
    `rollout ${words.colors.bold(name)} ${words.colors.dim("does not apply")}`,
    ...words.entries(rollout, policy),
    ...words.rule("when", rollout, member(policy, "when")),
  ];
}

function policyOf(words: Words, rollout: string): OrderedJson | undefined {
  return member(member(words.explained.policy, "rollouts"), rollout);
}
