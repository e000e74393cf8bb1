// What the parts of an explanation are written with: lines with a label, identities, what a rule saw, which entries failed.

import { itemsOf, member, membersOf, textOf, type OrderedJson } from "../terminal/ordered-json.ts";
import { visible } from "../terminal/visible.ts";
import { clip } from "../terminal/table.ts";
import type { Colors } from "../terminal/terminal.ts";
import { describeMatchEntry } from "./match-text.ts";

/** One decided request: everything that the words are made of. */
export interface Explained {
  readonly method: string;
  readonly url: string;
  readonly decision: OrderedJson;
  readonly explanation: OrderedJson;
  /** The policy as the filter read it: names what the explanation only numbers. */
  readonly policy: OrderedJson;
}

const LABEL_WIDTH = 11;
/** A rule that is longer is cut: the policy has it whole. */
const RULE_WIDTH = 120;
/** Values that a rule saw; an iterator may see a hundred. */
const MOST_SEEN = 10;

/** The parts of one explanation are written with one of these. */
export class Words {
  constructor(
    readonly explained: Explained,
    readonly colors: Colors,
  ) {}

  /** A line with its label; further lines of the same label have "". */
  line(label: string, words: string, indent = 2): string {
    // An entry beyond the 99th is as wide as the column.
    const padded = label.padEnd(LABEL_WIDTH - indent - 1);
    return `${" ".repeat(indent)}${this.colors.dim(`${padded} `)}${words}`;
  }

  /** The identity that was found, and where; or where it was looked for. `sources` are those of the policy. */
  identity(identity: OrderedJson | undefined, sources: OrderedJson | undefined): string {
    const value = textOf(member(identity, "value"));
    if (value === undefined) return this.colors.dim(`none (anonymous request): ${lookedFor(sources)}`);
    const source = textOf(member(identity, "source")) ?? "";
    const name = textOf(member(identity, "name"));
    const isDrawn = member(identity, "drawn") === true;
    const issued = source === "issueCookie" ? `${isDrawn ? "issued now in " : ""}cookie` : source;
    return `${this.colors.bold(value)} ${this.colors.dim(`(${issued}${name === undefined ? "" : ` ${name}`})`)}`;
  }

  /** What a rule said of the request and which values it saw; nothing when it did not run. */
  rule(
    label: string,
    explained: OrderedJson | undefined,
    rule: OrderedJson | undefined,
    subject = "",
  ): string[] {
    const held = member(explained, "when");
    if (held === undefined) return [];
    const outcome =
      member(explained, "failed") === true
        ? this.colors.red(
            `${member(explained, "outOfWork") === true ? "took more steps than limits.work" : "failed while it ran"}, so it does not hold (counted in serin.error)`,
          )
        : held === true
          ? this.colors.green("true")
          : this.colors.yellow("false");
    return [
      this.line(label, `${subject}${outcome}: ${clip(jsonText(rule), RULE_WIDTH)}`),
      ...this.seen(explained).map((step) => this.line("", step)),
    ];
  }

  /** The values that a rule saw and the conditions that it came by, each once. */
  seen(explained: OrderedJson | undefined): string[] {
    const steps = [...new Set(itemsOf(member(explained, "steps")).map((step) => this.step(step)))];
    const more = steps.length - MOST_SEEN;
    return more <= 0 ? steps : [...steps.slice(0, MOST_SEEN), `and ${more} more (--json has all)`];
  }

  /** A variable with its value, or the JSON Pointer of a condition with what it was. */
  step(step: OrderedJson): string {
    const pointer = textOf(member(step, "if"));
    if (pointer === undefined) return `${this.#nameOf(step)} = ${jsonText(member(step, "value"))}`;
    return `${pointer} is ${member(step, "holds") === true ? this.colors.green("true") : "false"}`;
  }

  /** The name of a variable, and what it stands for when the policy says so. */
  #nameOf(step: OrderedJson): string {
    const name = textOf(member(step, "var")) ?? "";
    const source = textOf(member(member(member(this.explained.policy, "flagd"), "contextFrom"), name));
    return source === undefined ? name : `${name} (${source})`;
  }

  /** What each entry failed on, of a rollout or a shadow that does not apply. */
  entries(explained: OrderedJson, policy: OrderedJson | undefined): string[] {
    return itemsOf(member(explained, "entries")).map((condition, index) => {
      const failed = textOf(condition);
      const words = failed === undefined ? "matches:" : `no match on ${this.colors.yellow(failed)}: expected`;
      return this.line(`entry ${index + 1}`, `${words} ${entryWords(policy, index)}`);
    });
  }

  /** In a few words why a rule or a match keeps a rollout or a shadow from applying. */
  shortReason(explained: OrderedJson): string {
    const held = member(explained, "when");
    if (held === undefined) {
      const failed = itemsOf(member(explained, "entries")).map((condition) => textOf(condition) ?? "");
      return `no match on ${[...new Set(failed)].join(" or ")}`;
    }
    if (member(explained, "outOfWork") === true) return "when took more steps than limits.work";
    if (member(explained, "failed") === true) return "when failed while it ran";
    const seen = this.seen(explained).join(", ");
    return `when is false${seen === "" ? "" : ` (${seen})`}`;
  }
}

/** Which match entry made a rollout or a shadow apply. */
export function matchWords(
  explained: OrderedJson,
  policy: OrderedJson | undefined,
  everything: string,
): string {
  const entry = member(explained, "entry");
  if (typeof entry === "number") {
    return `entry ${entry + 1} of ${itemsOf(member(policy, "match")).length}: ${entryWords(policy, entry)}`;
  }
  return member(policy, "when") === undefined
    ? `${everything} (no match in the policy)`
    : "no match in the policy: when alone decides";
}

function entryWords(policy: OrderedJson | undefined, index: number): string {
  return describeMatchEntry(itemsOf(member(policy, "match"))[index]);
}

/** The sources of an identity that gave nothing. */
function lookedFor(sources: OrderedJson | undefined): string {
  const words = itemsOf(sources)
    .flatMap(membersOf)
    .filter(([kind]) => kind !== "decode")
    .map(sourceWords);
  return words.length === 0 ? "the policy names no identity" : words.join(", ");
}

function sourceWords([kind, source]: [kind: string, source: OrderedJson]): string {
  if (kind === "sourceAddress") return "no source address";
  if (kind === "random") return "no random identity was needed";
  if (kind === "issueCookie") return `no cookie ${textOf(member(source, "name"))}, and none was needed`;
  if (kind === "jwt" && typeof source !== "string") {
    const place = membersOf(member(source, "from")).map(([where, name]) => ` in ${where} ${textOf(name)}`);
    return `no jwt ${textOf(member(source, "claim"))}${place.join("")}`;
  }
  return `no ${kind} ${typeof source === "string" ? textOf(source) : jsonText(source)}`;
}

/** A value as JSON in one line, members in their order. */
export function jsonText(value: OrderedJson | undefined): string {
  if (value instanceof Map) {
    return `{${membersOf(value)
      .map(([name, inner]) => `${JSON.stringify(name)}:${jsonText(inner)}`)
      .join(",")}}`;
  }
  if (Array.isArray(value)) return `[${value.map(jsonText).join(",")}]`;
  return typeof value === "string" ? visible(JSON.stringify(value)) : JSON.stringify(value ?? null);
}
