// Answers that come encoded, whole, cut, too large and in codings that are not decoded.

import assert from "node:assert/strict";
import { test } from "node:test";

import { judgePairs, PairJudge } from "../contract/encoded-pairs.ts";
import { flatFromNow } from "../support/flat-memory.ts";
import { seeded } from "../support/random.ts";

test("3,000 pairs of encoded answers take no more memory than the first 300", () => {
  const judge = new PairJudge();
  assert.deepEqual(judgePairs(seeded(1), 300, judge).faults, []);
  const stays = judge.vms.map((vm) => flatFromNow(vm));
  assert.deepEqual(judgePairs(seeded(2), 3000, judge).faults, []);
  for (const assertFlat of stays) assertFlat(3000, "pairs");
});
