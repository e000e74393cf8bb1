// Every case that a real Envoy can express, on a real Envoy. What the emulator gives for the same files is in
// test/cases/emulator.test.ts.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { ENVOY_VERSION } from "../../tools/envoy/index.ts";
import { readAllCases } from "../cases/case-file.ts";
import { EnvoyHost } from "../cases/envoy-host.ts";
import { judge } from "../cases/judge.ts";
import { envoyBinary } from "../support/envoy/versions.ts";

const cases = readAllCases().filter(({ only }) => only !== "emulator");

describe(`cases on Envoy ${ENVOY_VERSION}`, () => {
  let host: EnvoyHost;
  before(async () => {
    host = await EnvoyHost.start(await envoyBinary(ENVOY_VERSION), cases);
  });
  after(() => host?.stop());

  for (const one of cases) {
    test(`${one.name}: ${one.title}`, async () => assert.deepEqual(judge(one, await host.run(one)), []));
  }
});
