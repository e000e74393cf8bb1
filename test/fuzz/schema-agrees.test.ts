// Whatever policy the filter takes, the schema takes: an editor never marks what Envoy would serve.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";

import { Ajv } from "ajv";

import { Vm } from "../../tools/emulator/index.ts";
import { explore } from "./explore.ts";
import { policyText } from "./policies.ts";
import { filterModule } from "./session.ts";

const SCHEMA = resolve(import.meta.dirname, "../../schema/policy.schema.json");

test("the schema takes every text that the filter takes", () => {
  const ajv = new Ajv({ strict: false });
  const validate = ajv.compile(JSON.parse(readFileSync(join(SCHEMA), "utf8")) as object);
  let taken = 0;
  explore("schema", policyText, (text) => {
    const bytes = Buffer.from(text, "latin1");
    if (bytes.length === 0 || !Vm.load(filterModule()).configure(bytes).accepted) return;
    taken += 1;
    const document = JSON.parse(bytes.toString("utf8").replace(/^\ufeff/, "")) as unknown;
    assert.ok(validate(document), `${ajv.errorsText(validate.errors)} of ${text}`);
  });
  assert.ok(taken > 0, "the filter took none");
});
