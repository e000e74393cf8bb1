// A hint of the filter's is one to the command line too: `serin validate` refuses every other warning.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";

import * as codes from "../../assembly/vocabulary/problems.ts";
import { HINTS } from "../../tools/policy/check-policy.ts";

const POLICY = resolve(import.meta.dirname, "../../assembly/policy");
/** `hint(node, codes.X`, also `hintKey` and `hintWith`, over several lines. */
const HINT = /\bhint(?:Key|With)?\([^;]*?\bcodes\.([A-Z_]+)/g;

test("every code that the filter hints with is a hint of the command line, and no other", () => {
  const sources = readdirSync(POLICY).map((name) => readFileSync(join(POLICY, name), "utf8"));
  const hinted = new Set(sources.flatMap((text) => [...text.matchAll(HINT)].map((match) => match[1] ?? "")));
  const named = codes as Readonly<Record<string, string>>;
  assert.deepEqual([...hinted].map((name) => named[name]).sort(), [...HINTS].sort());
});
