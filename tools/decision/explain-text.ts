// What the filter decided about one request, in words for people.

import { itemsOf, member, membersOf, textOf, type OrderedJson } from "../terminal/ordered-json.ts";
import { exactPercent } from "../terminal/numbers.ts";
import { describeMatchEntry } from "./match-text.ts";
import type { Colors } from "../terminal/terminal.ts";

/** One decided request: everything that the words are made of. */
export interface Explained {
  readonly method: string;
  readonly url: string;
  readonly decision: OrderedJson;
  readonly explanation: OrderedJson;
  /** The policy as the filter read it: names what the explanation only numbers. */
  readonly policy: OrderedJson;
}

const SPACE = 4294967296;
const LABEL_WIDTH = 11;

/** The whole explanation, with a line break at its end. */
export function explainInWords(explained: Explained, colors: Colors): string {
  const words = new Words(explained, colors);
  return `${[
    `${colors.bold(explained.method)} ${explained.url}`,
    ...words.identity(),
    ...words.rollouts(),
    ...words.flags(),
    ...words.shadows(),
    ...words.effects(),
  ].join("\n")}\n`;
}

class Words {
  constructor(
    private readonly explained: Explained,
    private readonly colors: Colors,
  ) {}

  identity(): string[] {
    return [
      "",
      this.#line("identity", this.#identityWords(member(this.explained.explanation, "identity")), 0),
    ];
  }

  /** First those that apply, then those that do not; both in the policy's order. */
  rollouts(): string[] {
    const all = membersOf(member(this.explained.explanation, "rollouts"));
    if (all.length === 0) return ["", this.colors.dim("The policy has no rollouts.")];
    const applying = all.filter(([, rollout]) => member(rollout, "applies") === true);
    const others = all.filter(([, rollout]) => member(rollout, "applies") !== true);
    return [
      ...applying.flatMap(([name, rollout]) => this.#applying(name, rollout)),
      ...others.flatMap(([name, rollout]) => this.#notApplying(name, rollout)),
    ];
  }

  flags(): string[] {
    return membersOf(member(this.explained.decision, "flags")).flatMap(([key, flag]) => [
      "",
      `flag ${this.colors.bold(key)} ${this.colors.dim("->")} ${this.colors.green(textOf(member(flag, "variant")) ?? "no variant")}`,
      ...(member(flag, "value") === undefined ? [] : [this.#line("value", jsonText(member(flag, "value")))]),
      this.#line("why", this.#flagWords(flag)),
      ...this.#steps(key),
    ]);
  }

  #flagWords(flag: OrderedJson): string {
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
      ERROR: `evaluation failed (${code ?? "GENERAL"}): applications use their own default`,
    };
    return `${words[reason] ?? reason} ${this.colors.dim(`[${reason}]`)}`;
  }

  /** What the flag's targeting read, in order: variables with their values, conditions with their JSON Pointers. */
  #steps(key: string): string[] {
    const explained = member(member(this.explained.explanation, "flags"), key);
    return itemsOf(member(explained, "steps")).map((step, index) => {
      const pointer = textOf(member(step, "if"));
      const words =
        pointer === undefined
          ? `${textOf(member(step, "var"))} = ${jsonText(member(step, "value"))}`
          : `${pointer} is ${member(step, "holds") === true ? this.colors.green("true") : "false"}`;
      return this.#line(index === 0 ? "steps" : "", words);
    });
  }

  /** As rollouts: first those that apply. */
  shadows(): string[] {
    const all = membersOf(member(this.explained.explanation, "shadows"));
    const applying = all.filter(([, shadow]) => member(shadow, "applies") === true);
    const others = all.filter(([, shadow]) => member(shadow, "applies") !== true);
    return [
      ...applying.flatMap(([name, shadow]) => this.#drawing(name, shadow)),
      ...others.flatMap(([name, shadow]) => this.#notConcerned(name, shadow)),
    ];
  }

  #drawing(name: string, shadow: OrderedJson): string[] {
    const { colors } = this;
    const isDrawn = member(shadow, "drawn") === true;
    const isTooLarge = member(shadow, "tooLarge") === true;
    const isCopied = isDrawn && !isTooLarge;
    const own =
      member(this.#shadowPolicy(name), "identity") === undefined ? undefined : member(shadow, "identity");
    return [
      "",
      `shadow ${colors.bold(name)} ${colors.dim("->")} ${isCopied ? colors.green("copied") : colors.cyan("not copied")}`,
      this.#line("match", matchWords(shadow, this.#shadowPolicy(name), "every request with its methods")),
      ...(own === undefined ? [] : [this.#line("identity", this.#identityWords(own))]),
      ...this.#drawWords(name, shadow, isDrawn),
      ...(isTooLarge ? [this.#line("body", this.#tooLargeWords(shadow))] : []),
      ...(isCopied ? [this.#line("copy to", this.#copyWords(shadow))] : []),
    ];
  }

  #drawWords(name: string, shadow: OrderedJson, isDrawn: boolean): string[] {
    const share = member(this.#shadowPolicy(name), "percent") ?? 0;
    const sampled = isDrawn ? "sampled" : "not sampled";
    if (textOf(member(shadow, "sample")) !== "identity") {
      const isCertain = share === 0 || share === 100;
      const requests = `${jsonText(share)}% of requests`;
      const words = isCertain ? requests : `${requests} at random; the next one like it may differ`;
      return [this.#line("why", `request ${sampled}: ${words}`)];
    }
    const hash = member(shadow, "hash");
    if (typeof hash !== "number") {
      return [this.#line("why", "users are sampled, and the request is anonymous (no identity found)")];
    }
    const at = this.colors.bold(exactPercent(hash / SPACE));
    return [
      this.#line(
        "why",
        `user ${sampled}: bucket ${at} is ${isDrawn ? "below" : "not below"} ${jsonText(share)}%`,
      ),
      this.#line("", this.colors.dim(`bucket = murmur3("shadow/${name}/<identity>")`)),
    ];
  }

  #tooLargeWords(shadow: OrderedJson): string {
    const most = member(shadow, "maxBodyBytes");
    const unknown = textOf(member(shadow, "dispatch")) === "mirror" ? " or of unknown length" : "";
    return this.colors.yellow(`larger than ${jsonText(most)} bytes${unknown}: counted as too_large`);
  }

  #copyWords(shadow: OrderedJson): string {
    const how: Record<string, string> = {
      call: "sent by the filter if the budget allows; answers are compared",
      mirror: "sent by Envoy if the route has a mirror policy",
    };
    const dispatch = textOf(member(shadow, "dispatch")) ?? "";
    return `${textOf(member(shadow, "cluster"))} ${this.colors.dim(`(${dispatch}: ${how[dispatch] ?? ""})`)}`;
  }

  #notConcerned(name: string, shadow: OrderedJson): string[] {
    const { colors } = this;
    const policy = this.#shadowPolicy(name);
    const methods = itemsOf(member(policy, "methods")).map(textOf);
    const wanted = methods.length === 0 ? "GET, HEAD, OPTIONS (the default)" : methods.join(", ");
    return [
      "",
      `shadow ${colors.bold(name)} ${colors.dim("does not apply")}`,
      ...(member(shadow, "upgrade") === true
        ? [this.#line("upgrade", colors.yellow("upgrades and CONNECT are never copied"))]
        : []),
      ...(member(shadow, "method") === false
        ? [this.#line("method", `${colors.yellow(this.explained.method)} is not one of ${wanted}`)]
        : []),
      ...this.#failures(shadow, policy),
    ];
  }

  effects(): string[] {
    const { decision } = this.explained;
    const request = member(decision, "request");
    const lines = [
      ...itemsOf(member(request, "remove")).map((name) =>
        this.colors.red(`- ${textOf(name)}   ${this.colors.dim("(forged by the client: removed)")}`),
      ),
      ...membersOf(member(request, "set")).map(([name, value]) =>
        this.colors.green(`+ ${name}: ${textOf(value)}`),
      ),
      ...membersOf(member(request, "filterState")).map(([name, value]) =>
        this.colors.green(`+ filter state ${name} = ${textOf(value)}`),
      ),
    ];
    const cookies = itemsOf(member(member(decision, "response"), "set-cookie")).map((cookie) =>
      this.colors.green(`+ set-cookie: ${textOf(cookie)}`),
    );
    const nothing = this.colors.dim("unchanged");
    return [
      "",
      "request",
      ...(lines.length === 0 ? [nothing] : lines).map((line) => `  ${line}`),
      "response",
      ...(cookies.length === 0 ? [nothing] : cookies).map((line) => `  ${line}`),
    ];
  }

  #applying(name: string, rollout: OrderedJson): string[] {
    const { colors } = this;
    const variant = textOf(member(rollout, "variant")) ?? "";
    const isDefault = variant === textOf(member(this.#policyOf(name), "default"));
    const cluster = textOf(member(rollout, "cluster"));
    const own =
      member(this.#policyOf(name), "identity") === undefined ? undefined : member(rollout, "identity");
    return [
      "",
      `rollout ${colors.bold(name)} ${colors.dim("->")} ${isDefault ? colors.cyan(variant) : colors.green(variant)}` +
        (isDefault ? colors.dim(" (default)") : ""),
      this.#line("match", matchWords(rollout, this.#policyOf(name), "every request")),
      ...(own === undefined ? [] : [this.#line("identity", this.#identityWords(own))]),
      ...this.#why(name, rollout, variant, isDefault),
      this.#line("cluster", cluster ?? colors.dim("the route's own (the variant names none)")),
    ];
  }

  #why(name: string, rollout: OrderedJson, variant: string, isDefault: boolean): string[] {
    const reason = textOf(member(rollout, "reason")) ?? "";
    const forcedBy = textOf(member(rollout, "forcedBy"));
    const tag = this.colors.dim(`[${reason}]`);
    if (reason === "DISABLED") return [this.#line("why", `the rollout is disabled (state: DISABLED) ${tag}`)];
    if (forcedBy !== undefined) {
      const source = textOf(member(member(this.#policyOf(name), "force"), forcedBy)) ?? "";
      return [this.#line("why", `forced by ${forcedBy} ${source}: ${variant} ${tag}`)];
    }
    const hash = member(rollout, "hash");
    if (typeof hash !== "number") {
      return [this.#line("why", `the request is anonymous (no identity found) ${tag}`)];
    }
    const at = exactPercent(hash / SPACE);
    const isRolledBack = member(rollout, "guard") !== undefined;
    const verdict = isRolledBack
      ? `in the slot of a variant that the guard has rolled back: the default ${variant}`
      : isDefault
        ? `outside all slots: the default ${variant}`
        : `in the slot of ${variant}`;
    const slots = itemsOf(member(rollout, "slots")).map((slot) => this.#slotWords(slot, hash));
    return [
      this.#line("why", `bucket ${this.colors.bold(at)} is ${verdict} ${tag}`),
      this.#line("", this.colors.dim(`bucket = murmur3("${textOf(member(rollout, "salt"))}/<identity>")`)),
      ...slots.map((slot, index) => this.#line(index === 0 ? "slots" : "", slot)),
    ];
  }

  #slotWords(slot: OrderedJson, hash: number): string {
    const begin = Number(member(slot, "begin"));
    const end = Number(member(slot, "end"));
    const variant = textOf(member(slot, "variant")) ?? "";
    if (begin === end) return this.colors.dim(`${variant}: empty`);
    const words = `${variant}: ${exactPercent(begin / SPACE)} to ${exactPercent(end / SPACE)}`;
    return hash >= begin && hash < end ? this.colors.green(`${words}  <- this user`) : words;
  }

  #notApplying(name: string, rollout: OrderedJson): string[] {
    return [
      "",
      `rollout ${this.colors.bold(name)} ${this.colors.dim("does not apply")}`,
      ...this.#failures(rollout, this.#policyOf(name)),
    ];
  }

  /** What each entry failed on, and whether the rule did, of a rollout or a shadow that does not apply. */
  #failures(explained: OrderedJson, policy: OrderedJson | undefined): string[] {
    const entries = itemsOf(member(explained, "entries")).map((condition, index) => {
      const failed = textOf(condition);
      const words = failed === undefined ? "matches:" : `no match on ${this.colors.yellow(failed)}: expected`;
      return this.#line(`entry ${index + 1}`, `${words} ${entryWords(policy, index)}`);
    });
    const rule =
      member(explained, "when") === false ? [this.#line("when", this.colors.yellow("is false"))] : [];
    return [...entries, ...rule];
  }

  #identityWords(identity: OrderedJson | undefined): string {
    const value = textOf(member(identity, "value"));
    if (value === undefined) return this.colors.dim("none (anonymous request)");
    const source = textOf(member(identity, "source")) ?? "";
    const name = textOf(member(identity, "name"));
    const issued = source === "issueCookie" ? "issued now in cookie" : source;
    return `${this.colors.bold(value)} ${this.colors.dim(`(${issued}${name === undefined ? "" : ` ${name}`})`)}`;
  }

  #policyOf(rollout: string): OrderedJson | undefined {
    return member(member(this.explained.policy, "rollouts"), rollout);
  }

  #shadowPolicy(shadow: string): OrderedJson | undefined {
    return member(member(this.explained.policy, "shadows"), shadow);
  }

  #line(label: string, words: string, indent = 2): string {
    return `${" ".repeat(indent)}${this.colors.dim(label.padEnd(LABEL_WIDTH - indent))}${words}`;
  }
}

/** Which match entry made a rollout or a shadow apply. */
function matchWords(explained: OrderedJson, policy: OrderedJson | undefined, all: string): string {
  const entry = member(explained, "entry");
  const count = itemsOf(member(policy, "match")).length;
  return typeof entry === "number"
    ? `entry ${entry + 1} of ${count}: ${entryWords(policy, entry)}`
    : `${all} (no match in the policy)`;
}

function entryWords(policy: OrderedJson | undefined, index: number): string {
  return describeMatchEntry(itemsOf(member(policy, "match"))[index]);
}

function jsonText(value: OrderedJson | undefined): string {
  if (value instanceof Map) {
    return `{${membersOf(value)
      .map(([name, inner]) => `${JSON.stringify(name)}:${jsonText(inner)}`)
      .join(",")}}`;
  }
  if (Array.isArray(value)) return `[${value.map(jsonText).join(",")}]`;
  return JSON.stringify(value ?? null);
}
