// Whatever policy the filter takes without a fault, the schema takes: an editor never marks what Envoy would serve and
// `serin validate` would let pass.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";

import { Ajv } from "ajv";

import { checkPolicy, refuseFaults } from "../../tools/policy/check-policy.ts";
import { readPolicySource } from "../../tools/policy/policy-source.ts";
import { explore } from "./explore.ts";
import { policyText } from "./policies.ts";
import { filterModule } from "../support/filter.ts";

const SCHEMA = resolve(import.meta.dirname, "../../schema/policy.schema.json");

test("the schema takes every text that the filter takes", () => {
  const ajv = new Ajv({ strict: false });
  const validate = ajv.compile(JSON.parse(readFileSync(join(SCHEMA), "utf8")) as object);
  let taken = 0;
  explore("schema", policyText, (text) => {
    const bytes = Buffer.from(text, "latin1");
    if (bytes.length === 0) return;
    const checked = checkPolicy(readPolicySource("policy.json", bytes), filterModule());
    if (refuseFaults(checked, false).filter === null) return;
    taken += 1;
    const document = JSON.parse(bytes.toString("utf8").replace(/^\ufeff/, "")) as unknown;
    assert.ok(validate(document), `${ajv.errorsText(validate.errors)} of ${text}`);
  });
  assert.ok(taken > 0, "the filter took none");
});
