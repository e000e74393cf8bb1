// The tests' own computation is pinned before it judges the filter.

import assert from "node:assert/strict";
import { test } from "node:test";

import { holderOf, murmur3, partsOf, pointOf, thousandths } from "./bucket.ts";

test("murmur3 gives the published vectors", () => {
  const vectors: [text: string, seed: number, hash: number][] = [
    ["", 0, 0],
    ["", 1, 0x514e28b7],
    ["", 0xffffffff, 0x81f16f39],
    ["test", 0, 0xba6bd213],
    ["test", 0x9747b28c, 0x704b81dc],
    ["Hello, world!", 0, 0xc0363e43],
    ["The quick brown fox jumps over the lazy dog", 0, 0x2e4ff723],
  ];
  for (const [text, seed, hash] of vectors) assert.equal(murmur3(Buffer.from(text), seed), hash, text);
  assert.equal(murmur3(Buffer.from([0xff, 0xff, 0xff, 0xff])), 0x76293b50);
  assert.equal(murmur3(Buffer.from([0x21, 0x43, 0x65])), 0x7e4a8634);
});

test("parts of the space are those of policy.md", () => {
  const part = (variant: string, begin: bigint, end: bigint) => ({ variant, begin, end });
  assert.deepEqual(partsOf([{ name: "a", percent: "50" }]), [part("a", 0n, 1n << 31n)]);
  assert.deepEqual(
    partsOf([
      { name: "a", percent: "25" },
      { name: "b", percent: "75" },
    ]),
    [part("a", 0n, 1n << 30n), part("b", 1n << 30n, 1n << 32n)],
  );
  // 2^32 / 3 = 1431655765.33; 2^32 / 1000 = 4294967.296
  assert.deepEqual(
    partsOf([{ name: "a", percent: "0.1" }, { name: "b" }, { name: "c", percent: "33.333" }]).map(
      ({ begin, end }) => [begin, end],
    ),
    [
      [0n, 4294967n],
      [1431655765n, 1431655765n],
      [2863311530n, 2863311530n + 1431641449n],
    ],
  );
  assert.deepEqual(
    partsOf([
      { name: "a", percent: "5", max: "10" },
      { name: "b", percent: "90", max: "90" },
    ]),
    [part("a", 0n, 214748365n), part("b", 429496730n, 1n << 32n)],
  );
});

test("a holder is found by begin, not by end", () => {
  const parts = partsOf([{ name: "a", percent: "50" }]);
  assert.equal(holderOf(parts, 0), "a");
  assert.equal(holderOf(parts, 2147483647), "a");
  assert.equal(holderOf(parts, 2147483648), null);
  assert.equal(pointOf("checkout", "42"), murmur3(Buffer.from("checkout/42")));
  assert.equal(thousandths("12.5"), 12500n);
  assert.throws(() => thousandths("0.0001"));
});
