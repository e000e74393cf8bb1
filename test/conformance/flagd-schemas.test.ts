// flagd's own example documents (flagd-schemas): what its schema accepts is accepted, what it refuses `serin validate`
// refuses. What does not hold is listed with its reason and run all the same: a surprise pass fails the run.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";

import { checkPolicy, refuseFaults } from "../../tools/policy/check-policy.ts";
import { loadFilter } from "../../tools/policy/filter-module.ts";
import { readPolicySource } from "../../tools/policy/policy-source.ts";

const SCHEMAS = resolve(import.meta.dirname, "../../../shared/vectors/flagd-schemas");

/** Documents that are judged otherwise than flagd's schema does, with the reason. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  "flags/positive/example.flagdimport.array.json":
    "flags as an array are for flagd's daemon alone (flagd.json): flags.json, which its providers and we read, refuses the same in negative/with-array-flags.json",
};

/** Of our own: what a checkout without flagd's documents is held to. */
const flag = (more: object): object => ({
  flags: { a: { state: "ENABLED", variants: { on: true, off: false }, defaultVariant: "off", ...more } },
});
const OWN: [string, boolean, object][] = [
  ["a plain flag", true, flag({})],
  ["no default", true, flag({ defaultVariant: undefined })],
  ["a default of null", true, flag({ defaultVariant: null })],
  ["an empty targeting", true, flag({ targeting: {} })],
  ["metadata", true, flag({ metadata: { owner: "team", level: 1, old: false } })],
  [
    "shared rules",
    true,
    { $evaluators: { r: { "==": [1, 1] } }, ...flag({ targeting: { if: [{ $ref: "r" }, "on"] } }) },
  ],
  ["numbers", true, flag({ variants: { on: 1, off: 2.5 } })],
  ["objects", true, flag({ variants: { on: { a: 1 }, off: {} } })],
  ["a wrong state", false, flag({ state: "ON" })],
  ["keys that flagd's schema does not name", true, flag({ description: "x", owner: { team: "a" } })],
  ["a misspelt key", true, flag({ targetting: { "==": [1, 1] } })],
  ["no variants", false, flag({ variants: {} })],
  ["variants of two types", false, flag({ variants: { on: true, off: "no" } })],
  ["a variant of null", false, flag({ variants: { on: null, off: null } })],
  ["a default that is none of the variants", false, flag({ defaultVariant: "of" })],
  ["an unknown operator", false, flag({ targeting: { ends_wth: [1] } })],
  ["two operators in one rule", false, flag({ targeting: { "==": [1, 1], "!=": [1, 1] } })],
  ["a missing shared rule", false, flag({ targeting: { $ref: "r" } })],
  ["a targeting of null", false, flag({ targeting: null })],
  ["a targeting that is a text", false, flag({ targeting: "on" })],
  ["metadata of objects", false, flag({ metadata: { a: {} } })],
];

const filter = loadFilter();

/** Whether `serin validate` accepts it; a targeting is put into a flag. */
function isAccepted(text: string): boolean {
  const checked = checkPolicy(readPolicySource("document.json", Buffer.from(text)), filter);
  return refuseFaults(checked, false).filter !== null;
}

describe("our own documents", () => {
  for (const [title, accepted, document] of OWN) {
    it(`${title}: ${accepted ? "accepted" : "refused"}`, () => {
      assert.equal(isAccepted(JSON.stringify(document)), accepted);
    });
  }
});

describe("flagd's documents", () => {
  if (!existsSync(SCHEMAS)) {
    console.log("../shared/vectors is not there: flagd's documents are not run");
    return;
  }
  for (const kind of ["flags", "targeting"]) {
    for (const verdict of ["positive", "negative"]) {
      const folder = join(SCHEMAS, kind, verdict);
      for (const name of readdirSync(folder)) {
        const document = `${kind}/${verdict}/${name}`;
        const reason = EXCEPTIONS[document];
        it(`${document}${reason === undefined ? "" : ` (excepted: ${reason})`}`, () => {
          const text = readFileSync(join(folder, name), "utf8");
          const policy = kind === "flags" ? text : asTargeting(text);
          const asExpected = isAccepted(policy) === (verdict === "positive");
          assert.equal(
            asExpected,
            reason === undefined,
            reason === undefined ? "" : "a surprise: no exception any more",
          );
        });
      }
    }
  }
});

function asTargeting(text: string): string {
  const { $schema: _, ...targeting } = JSON.parse(text) as Record<string, unknown>;
  // A targeting stands alone in these documents: the shared rule that one of them names is there.
  const $evaluators = { "some-ref": { "==": [1, 1] } };
  return JSON.stringify({
    $evaluators,
    flags: { a: { state: "ENABLED", variants: { a: true }, targeting } },
  });
}
