// `serin advance --watch` beside a person: the policy file is changed between two looks, as envoy/kubernetes/configmap.mjs
// does it with what somebody wrote in the ConfigMap.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";

import { Advance } from "../../tools/release/advance.ts";
import type { ReadFleet } from "../../tools/release/fleet.ts";
import { loadFilter } from "../../tools/policy/filter-module.ts";
import { temporaryFolder } from "../support/cli.ts";

const folder = temporaryFolder();
const policyAt = (percent: string): string => `identity: [{ cookie: uid }]
rollouts:
  checkout:
    default: stable
    variants:
      stable: {}
      canary: { percent: ${percent}, ramp: { steps: [5, 50], every: 1h } }
`;

test("what a person writes is read at the next look, published once, and the command run", async () => {
  const policy = folder.write("edited.yaml", policyAt("5"));
  const log = folder.write("edited.log", "");
  const readFleet: ReadFleet = () =>
    Promise.resolve({ snapshot: null, silent: [], digests: new Map(), asked: [] });
  const published: string[] = [];
  const advance = new Advance(
    { policy, dryRun: false, onChange: `echo "$SERIN_REASON" >> ${log}` },
    loadFilter(),
    readFleet,
    () => {
      published.push(readFileSync(policy, "utf8"));
      return Promise.resolve(null);
    },
  );
  await advance.look();
  await advance.look();
  assert.deepEqual(published, [policyAt("5")]);

  // An invalid text is left alone, and its mend is what counts.
  writeFileSync(policy, policyAt("zero"));
  assert.equal((await advance.look()).status, 1);
  assert.equal(published.length, 1);

  writeFileSync(policy, policyAt("0"));
  const { actions } = await advance.look();
  await advance.look();
  assert.deepEqual(published.slice(1), [policyAt("0")]);
  assert.deepEqual(
    actions.map(({ action }) => action.kind),
    ["stopped"],
  );
  assert.deepEqual(readFileSync(log, "utf8").trim().split("\n"), ["start", "the policy was changed"]);
});
