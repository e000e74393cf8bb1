// The percent editor: what it changes in files as people write them, what it refuses, and that the filter reads what it
// should of the outcome.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { checkPolicy } from "../../tools/policy/check-policy.ts";
import { loadFilter } from "../../tools/policy/filter-module.ts";
import { readPolicySource } from "../../tools/policy/policy-source.ts";
import { EditRefusal } from "../../tools/release/edit-member.ts";
import { editPolicy, type Edit } from "../../tools/release/edit-policy.ts";
import { slotsOf, SPACE } from "../../tools/release/slots.ts";
import { parseOrdered } from "../../tools/terminal/ordered-json.ts";
import { seeded, type Random } from "../support/random.ts";

// In full: SERIN_EDIT_FILES=10000 SERIN_EDIT_SEED=… npx tsx --test test/release/edit-policy.test.ts
const FILES = Number(process.env["SERIN_EDIT_FILES"] ?? 200);
const SEED = Number(process.env["SERIN_EDIT_SEED"] ?? 16);

const module = loadFilter();

/** A policy as a value, and as a file of some style. */
interface Generated {
  readonly file: string;
  readonly text: string;
  /** The variant's percent before; null where it has not begun. */
  readonly percent: number | null;
}

const STEPS = [0.5, 1, 5, 25, 50];

function generate(random: Random): Generated {
  const percent = random.pick([null, 0, 0.5, 1, 5, 25]);
  const canary: Record<string, unknown> = {
    ...(random.below(2) === 0 ? { cluster: "checkout-v2" } : {}),
    ...(percent === null ? {} : { percent }),
    ...(random.below(3) === 0 ? { max: 50 } : {}),
    ramp: { steps: STEPS, every: "30m", ...(random.below(4) === 0 ? { paused: false } : {}) },
  };
  const names = random.below(2) === 0 ? Object.keys(canary) : Object.keys(canary).reverse();
  const rollout = {
    default: "stable",
    variants: { stable: {}, canary: Object.fromEntries(names.map((name) => [name, canary[name]])) },
    ...(random.below(2) === 0 ? { guard: { action: "rollback" } } : {}),
  };
  const flag = {
    state: "ENABLED",
    defaultVariant: "on",
    variants: { on: true, off: false },
    targeting: { if: [{ "==": [{ var: "headers.x-plan" }, "percent: 5"] }, "off", "on"] },
  };
  const policy = {
    identity: [{ cookie: "uid" }],
    ...(random.below(2) === 0 ? { flags: { "new-page": flag } } : {}),
    rollouts: {
      ...(random.below(2) === 0 ? { search: { default: "a", variants: { a: {}, b: { percent: 5 } } } } : {}),
      checkout: rollout,
    },
  };
  const style = random.below(4);
  if (style === 0) {
    const indent = random.pick([2, 4, "\t", 0]);
    const json = JSON.stringify(policy, null, indent);
    return { file: "policy.json", text: dressed(json, random), percent };
  }
  const yaml = new Writer(random).print(policy);
  return { file: "policy.yaml", text: dressed(yaml, random), percent };
}

/** Line ends and a byte order mark, as some editors leave them. */
function dressed(text: string, random: Random): string {
  const lines = random.below(3) === 0 ? text.replaceAll("\n", "\r\n") : text;
  return (random.below(6) === 0 ? "\uFEFF" : "") + lines;
}

/** YAML as different people write it: comments, quotes, flow style, anchors that nobody uses or that a scalar has. */
class Writer {
  #anchors = 0;
  constructor(private readonly random: Random) {}

  print(value: object): string {
    return `${this.#comment("")}${this.#block(value, "")}`;
  }

  #block(value: object, indent: string): string {
    const deeper = indent + " ".repeat(this.random.pick([2, 2, 4]));
    return Object.entries(value)
      .map(([key, inner]) => {
        const name = `${this.#comment(indent)}${indent}${this.#key(key)}:`;
        const isObject = typeof inner === "object" && inner !== null && !Array.isArray(inner);
        if (isObject && Object.keys(inner as object).length > 0 && this.random.below(3) !== 0) {
          return `${name}${this.#anchor()}${this.#tail()}\n${this.#block(inner as object, deeper)}`;
        }
        return `${name}${this.#anchor()} ${this.#flow(inner, deeper)}${this.#tail()}\n`;
      })
      .join("");
  }

  #flow(value: unknown, indent: string): string {
    const isLong = this.random.below(4) === 0;
    const [open, between, close] = isLong
      ? [`\n${indent}  `, `,\n${indent}  `, `\n${indent}`]
      : [this.random.pick(["", " "]), ", ", " "];
    if (Array.isArray(value)) return `[${value.map((item) => this.#flow(item, indent)).join(", ")}]`;
    if (typeof value === "object" && value !== null) {
      const members = Object.entries(value).map(
        ([key, inner]) => `${this.#key(key)}: ${this.#flow(inner, `${indent}  `)}`,
      );
      return members.length === 0 ? "{}" : `{${open}${members.join(between)}${close}}`;
    }
    if (typeof value !== "string") return String(value);
    return /^[\w-]+$/.test(value) && this.random.below(2) === 0 ? value : JSON.stringify(value);
  }

  #key(key: string): string {
    return /^[\w-]+$/.test(key) && this.random.below(5) !== 0 ? key : JSON.stringify(key);
  }

  #anchor(): string {
    return this.random.below(8) === 0 ? ` &a${this.#anchors++}` : "";
  }

  #tail(): string {
    return this.random.below(6) === 0 ? "   # percent: 7" : "";
  }

  #comment(indent: string): string {
    return this.random.below(6) === 0 ? `${indent}# percent: 3, as ${indent.length} people said\n` : "";
  }
}

function shareOf(file: string, text: string): number {
  const source = readPolicySource(file, Buffer.from(text));
  const { filter, problems } = checkPolicy(source, module);
  assert.ok(filter !== null, `${JSON.stringify(problems)}\n${text}`);
  const json = Buffer.from(source.json as Uint8Array)
    .toString("utf8")
    .replace("\uFEFF", "");
  const segments = slotsOf(parseOrdered(json), module).get("checkout") ?? [];
  const own = segments.filter(({ gets }) => gets === "canary");
  return own.reduce((sum, { begin, end }) => sum + end - begin, 0) / SPACE;
}

/** What is between the text that both begin with and the one that both end with. */
function changeBetween(before: string, after: string): { from: string; to: string } {
  let start = 0;
  while (start < before.length && before[start] === after[start]) start++;
  let end = 0;
  const most = Math.min(before.length, after.length) - start;
  while (end < most && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  return { from: before.slice(start, before.length - end), to: after.slice(start, after.length - end) };
}

describe(`${FILES} generated files`, () => {
  test("an edit is one number, or one line for the first step, and the filter reads what was meant", () => {
    const random = seeded(SEED);
    const kinds = { number: 0, line: 0, inFlow: 0 };
    for (let i = 0; i < FILES; i++) {
      const { file, text, percent } = generate(random);
      const to = random.pick(STEPS.filter((step) => step !== percent));
      const edit: Edit = { kind: "percent", rollout: "checkout", variant: "canary", percent: to };
      const edited = editPolicy(file, Buffer.from(text), edit).toString("utf8");
      const what = `file ${i}:\n${text}\n---\n${edited}`;
      const change = changeBetween(text, edited);
      const [lines, newLines] = [text.split("\n"), edited.split("\n")];
      const others = newLines.filter((line) => !lines.includes(line));
      if (percent !== null) {
        kinds.number++;
        assert.match(change.from + change.to, /^[\d.]+$/, what);
        assert.equal(newLines.length, lines.length, what);
      } else {
        assert.equal(change.from, "", what);
        // One line more, or some words more in one line.
        if (newLines.length === lines.length + 1) {
          kinds.line++;
          assert.match(others.join(), /^[ \t]*("percent"|percent): ?[\d.]+,?\r?$/, what);
        } else {
          kinds.inFlow++;
          assert.equal(newLines.length, lines.length, what);
          assert.match(change.to, /percent"?: ?[\d.]+, ?/, what);
        }
      }
      assert.ok(others.length <= 1, what);
      assert.ok(!/[^\r]\n/.test(edited) || /[^\r]\n/.test(text), what);
      assert.ok(Math.abs(shareOf(file, edited) - to / 100) < 1e-9, what);
    }
    for (const [kind, count] of Object.entries(kinds)) assert.ok(count >= FILES / 20, `${kind}: ${count}`);
  });
});

function variantFile(canary: string, before = ""): string {
  return `${before}identity: [{ cookie: uid }]
rollouts:
  checkout:
    default: stable
    variants:
      stable: {}
${canary}`;
}

function edited(text: string, edit: Partial<Edit> = {}, file = "policy.yaml"): string {
  const whole = { kind: "percent", rollout: "checkout", variant: "canary", percent: 5, ...edit } as Edit;
  return editPolicy(file, Buffer.from(text), whole).toString("utf8");
}

describe("the first step of a variant", () => {
  test("stands behind the line that names it, and comments stay with what they are about", () => {
    const file = variantFile(
      "      canary: # the new build\n        # how fast\n        ramp: { steps: [1], every: 1m }\n",
    );
    assert.equal(
      edited(file),
      variantFile(
        "      canary: # the new build\n        percent: 5\n        # how fast\n        ramp: { steps: [1], every: 1m }\n",
      ),
    );
  });

  test("beside what a merge brings is a line of its own", () => {
    const base = "x: &base { ramp: { steps: [1, 5], every: 1m } }\n";
    assert.match(
      edited(variantFile("      canary:\n        <<: *base\n", base)),
      /canary:\n {8}percent: 5\n {8}<</,
    );
  });
});

describe("what cannot be changed in one place is refused", () => {
  const REFUSED: [name: string, file: string, why: RegExp][] = [
    [
      "an alias as the percent",
      variantFile("      canary: { percent: *p, ramp: { steps: [5], every: 1m } }\n", "p: &p 1\n"),
      /^rollouts\.checkout\.variants\.canary\.percent is the alias \*p \(line 8\).*: write it out there$/,
    ],
    [
      "an alias as the variant",
      variantFile("      blue: &b { percent: 1 }\n      canary: *b\n"),
      /^rollouts\.checkout\.variants\.canary is the alias \*b \(line 8\)/,
    ],
    [
      "an anchor that is used elsewhere",
      variantFile("      canary: &c { percent: 1 }\n      blue: *c\n"),
      /canary\.percent belongs to the anchor &c, and would change where that is used too: write it out at each place$/,
    ],
    [
      "a percent from a merge",
      variantFile("      canary:\n        <<: *base\n", "x: &base { percent: 1 }\n"),
      /canary\.percent comes from a merge \(<<, line 9\): write it out there$/,
    ],
    [
      "a variant that is not there",
      variantFile("      blue: {}\n"),
      /the file has no rollouts\.checkout\.variants\.canary$/,
    ],
    [
      "a percent that is there twice",
      variantFile("      canary: { percent: 1, percent: 2 }\n"),
      /canary\.percent is there twice \(line 7\)$/,
    ],
    [
      "a list in its place",
      variantFile("      canary: { percent: [1] }\n"),
      /canary\.percent is no single value \(line 7\)$/,
    ],
    ["broken text", "rollouts: {", /cannot be read as a policy: serin validate says why$/],
  ];
  for (const [name, file, why] of REFUSED) {
    test(name, () => {
      assert.throws(
        () => edited(file),
        (error: Error) => error instanceof EditRefusal && why.test(error.message),
      );
    });
  }
});

describe("state: DISABLED", () => {
  test("is one line more, or the word in place of another in its quotes", () => {
    const file = variantFile("      canary: { ramp: 1 }\n");
    const edit: Edit = { kind: "disable", rollout: "checkout" };
    assert.equal(edited(file, edit), file.replace("checkout:\n", "checkout:\n    state: DISABLED\n"));
    const stated = file.replace("checkout:\n", "checkout:\n    state: 'ENABLED' # still\n");
    assert.equal(edited(stated, edit), stated.replace("'ENABLED'", "'DISABLED'"));
    const json = '{"rollouts":{"checkout":{"variants":{"canary":{}}}}}';
    assert.equal(
      edited(json, edit, "policy.json"),
      '{"rollouts":{"checkout":{"state":"DISABLED","variants":{"canary":{}}}}}',
    );
  });
});
