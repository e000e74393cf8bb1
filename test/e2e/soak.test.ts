// A quarter of a minute of `npm run soak`, with one seed: as much as a suite can take.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ENVOY_VERSION } from "../../tools/envoy/versions.ts";
import { growthOf, soak, type MemorySample } from "../soak/soak.ts";

test("clients see what they see without the filter, and all is counted, while everything happens at once", async () => {
  const result = await soak({
    ...{ version: ENVOY_VERSION, seconds: 15, seed: 1, clients: 3 },
    ...{ policyEveryMs: 500, swapEveryMs: 4_000 },
  });
  assert.deepEqual(result.differences, []);
  assert.equal(result.errors, 0);
  assert.equal(result.misjudged, 0);
  assert.ok(result.swaps > 0 && result.refused > 0 && result.accepted > 1, JSON.stringify(result));
  const { reached, total, ended, active } = result.sums;
  assert.ok(total > 20, `${total} requests`);
  assert.deepEqual({ total, ended, active }, { total: reached, ended: reached, active: 0 });
});

test("what a run holds more at its end is told from what goes up and down, and from what the allocator keeps", () => {
  const process = { resident: 0, anonymous: 0, allocator: 0, guests: 0, allocated: 0 };
  const samples = (of: (i: number) => object): MemorySample[] =>
    Array.from({ length: 300 }, (_, i) => ({ filter: { ...process, ...of(i) }, twin: process }));
  const waves = growthOf(
    samples((i) => ({ allocated: 13_000 + (i % 10) * 600, resident: 100_000 + i * 50 })),
  );
  assert.deepEqual([waves.isFlat, Math.round(waves.allocated)], [true, 0]);
  assert.equal(growthOf(samples((i) => ({ allocated: 13_000 + i * 40 }))).isFlat, false);
  assert.equal(growthOf(samples((i) => ({ guests: 4_000 + i * 40 }))).isFlat, false);
});
