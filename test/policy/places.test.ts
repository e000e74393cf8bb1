// Problems of the real filter stand where the person's eye should go, in JSON and in YAML.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import fc from "fast-check";

import { checkPolicy } from "../../tools/policy/check-policy.ts";
import { loadFilter } from "../../tools/policy/filter-module.ts";
import { readPolicySource } from "../../tools/policy/policy-source.ts";

const filter = loadFilter();

/** The problems of a text, and for each what stands at its place. */
function faultsOf(file: string, text: string): { pointer: string; at: string; severity: string }[] {
  const { problems } = checkPolicy(readPolicySource(file, Buffer.from(text)), filter);
  const lines = text.split("\n");
  return problems.map(({ line, column, pointer, severity }) => {
    const at = [...(lines[line - 1] ?? "")].slice(column - 1).join("");
    return { pointer, at, severity };
  });
}

/** A policy with an unknown key somewhere and text of any width before it. */
const arbitrary = fc.record({
  where: fc.constantFrom("top", "source", "rollout", "variant", "match"),
  first: fc.boolean(),
  text: fc.string({ unit: fc.constantFrom("a", "é", "🎈", "\u2028", " ", "ﬁ"), maxLength: 12 }),
  gaps: fc.array(fc.constantFrom(" ", "  ", "\n", "\r\n", "\t", ""), { minLength: 8, maxLength: 8 }),
  newline: fc.boolean(),
});
type Recipe = typeof arbitrary extends fc.Arbitrary<infer Value> ? Value : never;

function policyOf({ where, first, text }: Recipe): object {
  const fault = { zzUnknownzz: 1 };
  const withFault = (name: string, value: object): object =>
    name !== where ? value : first ? { ...fault, ...value } : { ...value, ...fault };
  return withFault("top", {
    identity: [withFault("source", { cookie: "uid" })],
    rollouts: {
      checkout: withFault("rollout", {
        match: [withFault("match", { headers: [{ name: "x-a", value: text }] })],
        default: "stable",
        variants: { stable: {}, canary: withFault("variant", { percent: 5 }) },
      }),
    },
  });
}

const POINTERS: Record<string, string> = {
  top: "/zzUnknownzz",
  source: "/identity/0/zzUnknownzz",
  rollout: "/rollouts/checkout/zzUnknownzz",
  variant: "/rollouts/checkout/variants/canary/zzUnknownzz",
  match: "/rollouts/checkout/match/0/zzUnknownzz",
};

/** JSON with any blanks between its tokens. */
function writeJson(value: unknown, gap: () => string): string {
  if (Array.isArray(value))
    return `[${gap()}${value.map((item) => writeJson(item, gap)).join(`,${gap()}`)}${gap()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([name, inner]) => `${JSON.stringify(name)}${gap()}:${gap()}${writeJson(inner, gap)}`,
  );
  return `{${gap()}${members.join(`${gap()},${gap()}`)}${gap()}}`;
}

/** Block YAML with comments between its lines. */
function writeYaml(value: unknown, indent: string, comment: () => string): string {
  if (typeof value !== "object" || value === null) return ` ${JSON.stringify(value)}${comment()}\n`;
  const entries = Object.entries(value);
  if (entries.length === 0) return " {}\n";
  const lines = entries.map(([name, inner]) => {
    const head = Array.isArray(value) ? "-" : name;
    return `${indent}${head}${Array.isArray(value) ? "" : ":"}${writeYaml(inner, `${indent}  `, comment)}`;
  });
  return `${indent === "" ? "" : comment()}\n${lines.join("")}`;
}

describe("places of problems", () => {
  it("property: an unknown key is named where it stands, in JSON", () => {
    fc.assert(
      fc.property(arbitrary, (recipe) => {
        let next = 0;
        const gap = (): string => recipe.gaps[next++ % recipe.gaps.length] ?? "";
        const text = writeJson(policyOf(recipe), gap);
        const errors = faultsOf("p.json", text).filter((fault) => fault.severity === "error");
        assert.equal(errors.length, 1, text);
        assert.equal(errors[0]?.pointer, POINTERS[recipe.where]);
        assert.match(errors[0]?.at ?? "", /^"zzUnknownzz"/, text);
      }),
      { numRuns: 200 },
    );
  });

  it("property: and in YAML", () => {
    fc.assert(
      fc.property(arbitrary, (recipe) => {
        const comment = (): string => (recipe.newline ? `  # ${recipe.text.replace("\u2028", "")}` : "");
        const text = writeYaml(policyOf(recipe), "", comment);
        const errors = faultsOf("p.yaml", text).filter((fault) => fault.severity === "error");
        assert.equal(errors.length, 1, text);
        assert.equal(errors[0]?.pointer, POINTERS[recipe.where]);
        assert.match(errors[0]?.at ?? "", /^zzUnknownzz:/, text);
      }),
      { numRuns: 200 },
    );
  });

  it("values, missing keys, duplicates and syntax errors stand at their own places", () => {
    const cases: [file: string, text: string, pointer: string, at: RegExp][] = [
      ["p.json", '{"rollouts":\n {"é": {}}}', "/rollouts/é", /^"é"|^\{\}/],
      [
        "p.yaml",
        "rollouts:\n  a: {default: b, variants: {b: {percent: 1e400}}}",
        "/rollouts/a/variants/b/percent",
        /^1e400/,
      ],
      ["p.json", '{"identity": [{"cookie": 5}]}', "/identity/0/cookie", /^5/],
      ["p.yaml", "identity:\n  - cookie: uid\n  - {cookie: 5}\n", "/identity/1/cookie", /^5/],
      ["p.json", '{"identity": [],\n "identity": []}', "/identity", /^"identity": \[\]\}/],
      ["p.yaml", "steer: header\nsteer: header\n", "/steer", /^steer: header$/],
      ["p.json", '{"rollouts": {"a": ]}}', "/rollouts", /^\]/],
    ];
    for (const [file, text, pointer, at] of cases) {
      const fault = faultsOf(file, text).find((candidate) => candidate.pointer.startsWith(pointer));
      assert.ok(fault, `${text}: ${JSON.stringify(faultsOf(file, text))}`);
      assert.match(fault.at, at, text);
    }
    const second = checkPolicy(
      readPolicySource("p.yaml", Buffer.from("steer: header\nsteer: header\n")),
      filter,
    );
    assert.deepEqual(
      second.problems.map(({ line, column }) => [line, column]),
      [[2, 1]],
    );
  });
});
