// What the quick reader of simple YAML takes comes to the bytes and places of the whole one; what it leaves is left to it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, it } from "node:test";

import { LineIndex } from "../../tools/policy/line-index.ts";
import { readPolicySource } from "../../tools/policy/policy-source.ts";
import { convertSimpleYaml } from "../../tools/policy/simple-yaml.ts";
import { convertYaml } from "../../tools/policy/yaml-to-json.ts";
import { seeded } from "../support/random.ts";
import { mutated, randomYaml } from "./yaml-texts.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const SEED = Number(process.env["SEED"] ?? 20261128);
const TEXTS = Number(process.env["TEXTS"] ?? 4000);

/** Whether the quick reader took the text; that it came to the same as the whole one is asserted. */
function agrees(text: string): boolean {
  const simple = convertSimpleYaml(text);
  if (simple === null) return false;
  const whole = convertYaml(text, new LineIndex(text));
  assert.deepEqual(whole.faults, [], text);
  assert.equal(simple.text(), whole.json, text);
  const places = simple.sourceMap();
  const bytes = Buffer.byteLength(simple.text());
  for (let at = 0; at < bytes; at++) {
    const origin = places.originOf(at);
    if (origin >= 0)
      assert.equal(origin, whole.sourceMap?.originOf(at), `${JSON.stringify(text)} at byte ${at}`);
  }
  return true;
}

describe("simple YAML", () => {
  it(`comes to the same as the whole reader, or is left to it: ${TEXTS} texts, and each mutated (SEED=${SEED})`, () => {
    const random = seeded(SEED);
    let taken = 0;
    let takenMutated = 0;
    let other = "a: 1\n";
    for (let round = 0; round < TEXTS; round++) {
      const text = randomYaml(random);
      if (agrees(text)) taken++;
      if (agrees(mutated(random, text, other))) takenMutated++;
      other = text;
    }
    // A reader that takes nothing agrees with everything.
    assert.ok(taken > TEXTS * 0.25, `${taken} of ${TEXTS} taken`);
    assert.ok(takenMutated > TEXTS * 0.05, `${takenMutated} of ${TEXTS} taken`);
    if (process.env["TEXTS"]) console.log({ taken, takenMutated });
  });

  it("comes to the same for every YAML file of the repository, and for each mutated; policies are simple", () => {
    const random = seeded(SEED);
    const files = execFileSync("git", ["ls-files", "*.yaml", "*.yml"], { cwd: ROOT, encoding: "utf8" });
    let other = "";
    for (const file of files.trim().split("\n")) {
      const text = readFileSync(resolve(ROOT, file), "utf8");
      const taken = agrees(text);
      if (file.startsWith("envoy/policies/")) assert.ok(taken, `${file} is left to the whole reader`);
      if (text.length < 20_000) for (let i = 0; i < 3; i++) agrees(mutated(random, text, other));
      other = text;
    }
  });

  it("takes what people write, and leaves what it has no sure answer for", () => {
    const taken = [
      "a: 1",
      "a:\n- b\n- c: 1\n  d: 2\ne: 3\n",
      "- - a\n  - b\n- c\n",
      "-\n  a: 1\n",
      "---\n# x\na: [1, 2, ] # y\n",
      'a: {b: c, \'d\': "e\\n", "f":1}\n',
      "a:\n  [\n    1,\n    2, # two\n  ]\n",
      '{\n  "a": [1, 2],\n  "b": null\n}\n',
      "a: ~\nb: 0x1F\nc: .5\nd: 007\ne: x:y\nf: 'it''s'\n",
      'a:\n  "on a line"\n',
    ];
    for (const text of taken) assert.ok(agrees(text), text);
    const left = [
      "", "a", "a:\n", "a: &x 1\nb: *x\n", "a: !!str 1\n", "a: |\n  b\n", "a: b\n  c\n", "? a\n: b\n", "<<: 1\n",
      "a: 1\n---\nb: 2\n", "%YAML 1.2\n---\na: 1\n", "a:\t1\n", "a: 1\r\n", "a: b: c\n", "a: [b: c]\n", "a: {b}\n",
      "a: [1\n", "a: 'b\n", "a: .inf\n", "a: @b\n", "a : 1\n", "a: 'b' c\n", "a:\n   b: 1\n  c: 2\n", "a: \"\\x\"\n",
      `${"k".repeat(1100)}: 1\n`, `a: ${"[".repeat(70)}${"]".repeat(70)}\n`, "a: 1\n...\n",
      'a: "b \\\n  c"\n', "a: [b # c\n# d\n ,]\n", "a: [[ # b\n # c\n ]\n# d\n ]\n", "a: \ud800\n",
    ]; // prettier-ignore
    for (const text of left) assert.equal(convertSimpleYaml(text), null, JSON.stringify(text));
  });

  it("a place that the quick reader leaves open is found by the whole one", () => {
    const text = "é: 🐦\na:\n  - x: 1\n    # here\n  - {y: 2}\n";
    const { json, locate } = readPolicySource("p.yaml", Buffer.from(text));
    const whole = convertYaml(text, new LineIndex(text));
    const lines = new LineIndex(text);
    for (let at = 0; at < (json?.length ?? 0); at++) {
      assert.deepEqual(locate?.(at), lines.positionAt(whole.sourceMap?.originOf(at) ?? -1), `byte ${at}`);
    }
  });
});
