// YAML is read as flagd's reader reads it, and where other readers of the same file differ, a hint says so.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { convertSimpleYaml } from "../../tools/policy/simple-yaml.ts";
import { LineIndex } from "../../tools/policy/line-index.ts";
import { readPolicySource } from "../../tools/policy/policy-source.ts";
import { Doubts } from "../../tools/policy/yaml-doubts.ts";
import { plainJson, plainKey } from "../../tools/policy/yaml-scalar.ts";
import { convertYaml } from "../../tools/policy/yaml-to-json.ts";
import { SPELLINGS } from "./yaml-spellings.ts";

/** flagd makes a time of a date; here it stays what was written, and a hint says so. */
const isDate = (spelling: string): boolean => /^\d{4}-\d+-\d/.test(spelling);
const flagOf = (value: string): string =>
  `flags:\n  a: { state: ENABLED, variants: { v: { x: ${value} } }, defaultVariant: v }\n`;
const hintsOf = (yaml: string): string[] =>
  readPolicySource("p.yaml", Buffer.from(yaml)).problems.map(
    ({ line, column, pointer, message, severity }) => `${severity} ${line}:${column} ${pointer} ${message}`,
  );

describe("plain scalars", () => {
  it(`${SPELLINGS.length} spellings are the values that flagd's reader makes of them`, () => {
    for (const [spelling, value] of SPELLINGS) {
      const ours = plainJson(spelling);
      if (isDate(spelling)) assert.equal(ours, JSON.stringify(spelling));
      else if (value === null) assert.equal(ours, null, spelling);
      else {
        // An integer has no negative zero, and the filter's numbers none that differs from 0.
        const [mine, theirs] = [ours ?? "", value].map((json) => JSON.parse(json) as unknown);
        assert.ok(mine === theirs, `${spelling}: ${ours}, and ${value} to flagd`);
      }
    }
  });

  it("and as keys the names that flagd's reader makes of them", () => {
    for (const [spelling, value, key] of SPELLINGS) {
      const isKept = isDate(spelling) || value === null || value === "null";
      assert.equal(plainKey(spelling), isKept ? spelling : key, spelling);
    }
  });

  it("the quick reader and the whole one say the same, of values and of keys", () => {
    for (const [spelling] of SPELLINGS) {
      for (const text of [
        flagOf(spelling),
        `flags:\n  ${spelling}: 1\n  - x\n`,
        `flags: {a: [${spelling}, 1], ${spelling}: 2}\nb:\n  - ${spelling}\n`,
        `flags:\n  ${spelling}: {${spelling}: ${spelling}}\nlimits: {${spelling}: ${spelling}}\n`,
      ]) {
        const quick = new Doubts();
        const simple = convertSimpleYaml(text, quick);
        if (simple === null) continue;
        const slow = new Doubts();
        assert.equal(simple.text(), convertYaml(text, new LineIndex(text), slow).json, text);
        assert.deepEqual(quick.all(), slow.all(), text);
      }
    }
  });
});

describe("spellings that readers differ on", () => {
  it("are hints that say what this one makes of them", () => {
    const at = "warning 2:44 /flags/a/variants/v/x";
    const said: [spelling: string, message: string | null][] = [
      ["1_000", "1_000 is 1000 here, as in flagd; readers of YAML 1.2 take it for a string: write 1000"],
      ["0755", "0755 is 493 here, as in flagd; readers of YAML 1.2 take it for a decimal number: write 493"],
      [
        "-0755",
        "-0755 is -493 here, as in flagd; readers of YAML 1.2 take it for a decimal number: write -493",
      ],
      ["0o755", "0o755 is 493 here, as in flagd; some readers take it for a string: write 493"],
      ["0b11", "0b11 is 3 here, as in flagd; some readers take it for a string: write 3"],
      ["yes", 'yes is a string here, as in flagd; kubectl, Helm and PyYAML read it as true: write "yes"'],
      ["OFF", 'OFF is a string here, as in flagd; kubectl, Helm and PyYAML read it as false: write "OFF"'],
      ["y", 'y is a string here, as in flagd; kubectl and Helm read it as true: write "y"'],
      ["1e3", "1e3 is 1e3 here, as in flagd; PyYAML takes it for a string: write 1000"],
      ["-.5", "-.5 is -0.5 here, as in flagd; PyYAML takes it for a string: write -0.5"],
      ["08", "08 is 8 here, as in flagd; PyYAML takes it for a string: write 8"],
      ["1e300", "1e300 is 1e300 here, as in flagd; PyYAML takes it for a string: write 1.0e+300"],
      ["1:30", '1:30 is a string here, as in flagd; PyYAML reads a number to the base of 60: write "1:30"'],
      [
        "2026-01-01",
        '2026-01-01 stays the string that it is here; flagd reads a time and writes it like 2026-01-31T00:00:00Z: write "2026-01-01"',
      ],
      ...[
        "0x1F",
        "07",
        "1",
        "-1",
        "+1",
        ".5",
        "1.5",
        "true",
        "~",
        "2026-01-01T09:00:00Z",
        '"yes"',
        "'0755'",
        "now",
        "1.2.3",
      ].map((spelling): [string, null] => [spelling, null]),
    ];
    for (const [spelling, message] of said) {
      const expected = message === null ? [] : [`${at} ${message}`];
      assert.deepEqual(hintsOf(flagOf(spelling)), expected, spelling);
    }
  });

  it("are said once for each kind, with how many more there are", () => {
    const yaml = `flags:\n  a:\n    state: ENABLED\n    variants: { on: true, off: false }\n    defaultVariant: off\n    metadata: { a: 1_0, b: 2_0 }\n`;
    assert.deepEqual(hintsOf(yaml), [
      'warning 4:17 /flags/a/variants/on on is a string here, as in flagd; kubectl, Helm and PyYAML read it as true: write "on" (and 2 more like it)',
      "warning 6:20 /flags/a/metadata/a 1_0 is 10 here, as in flagd; readers of YAML 1.2 take it for a string: write 10 (and 1 more like it)",
    ]);
  });

  it("of words and dates matter in flags alone: no other reader has the rest", () => {
    const yaml = "rollouts:\n  a: { default: off, variants: { off: {}, on: { percent: 1e1 } } }\n";
    assert.deepEqual(hintsOf(yaml), []);
    assert.equal(hintsOf("limits: { work: 0100 }\n").length, 1);
  });
});
