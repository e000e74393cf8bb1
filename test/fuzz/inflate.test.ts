// gzip and deflate decoded by the filter: what Node's zlib takes, nothing else, and never more than there is room for.
// test/fuzz/run-inflate.ts compares as many bodies as wanted.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";

import { seeded } from "../support/random.ts";
import { compareWithNode, decodeByNode, Decoder, member, soundBody, type Coding } from "./inflate.ts";

const CODINGS: readonly Coding[] = ["gzip", "deflate"];

describe("gzip and deflate", () => {
  let decoder: Decoder;
  before(async () => (decoder = await Decoder.load()));

  function textOf(coding: Coding, body: Uint8Array, room?: number): string {
    const { end, bytes } = decoder.decode(coding, body, room);
    return end === "whole" ? Buffer.from(bytes).toString() : end;
  }

  test("5,000 made-up bodies come to the bytes that zlib has, or are refused as it refuses them", async () => {
    const { ends, faults } = await compareWithNode(decoder, seeded(20261128), 5000);
    assert.deepEqual(faults, []);
    for (const end of ["whole", "cut", "corrupt"]) assert.ok((ends[end] ?? 0) > 500, JSON.stringify(ends));
  });

  test("every cut of a body is one, and what is behind its end is no part of it", () => {
    const text = Buffer.from(JSON.stringify({ items: Array.from({ length: 60 }, (_, i) => ({ i })) }));
    const bodies: [Coding, Buffer][] = [
      ["gzip", gzipSync(text)],
      ["deflate", deflateSync(text)],
      ["deflate", deflateRawSync(text)],
    ];
    for (const [coding, body] of bodies) {
      assert.equal(textOf(coding, body), text.toString());
      for (let end = 0; end < body.length; end++) {
        assert.equal(decoder.decode(coding, body.subarray(0, end)).end, "cut", `${coding}, ${end} bytes`);
      }
    }
    assert.equal(textOf("gzip", Buffer.concat([gzipSync(text), Buffer.alloc(9)])), text.toString());
    assert.equal(textOf("gzip", Buffer.concat([gzipSync(text), Buffer.from("more")])), "corrupt");
    assert.equal(textOf("gzip", Buffer.concat([gzipSync("a"), gzipSync("b")])), "ab");
  });

  test("a wrong sum, a wrong length and a wrong sum of the header are corrupt", () => {
    const random = seeded(7);
    for (let i = 0; i < 50; i++) {
      const whole = Buffer.from(member(random, Buffer.from("a text")));
      for (let at = whole.length - 8; at < whole.length; at++) {
        const body = Buffer.from(whole);
        body[at] = (body[at] ?? 0) ^ 1;
        assert.equal(textOf("gzip", body), "corrupt");
      }
      if (((whole[3] ?? 0) & 2) === 0) continue;
      whole[4] = (whole[4] ?? 0) ^ 1;
      assert.equal(textOf("gzip", whole), "corrupt");
    }
    const zlib = deflateSync("a text");
    zlib[zlib.length - 1] = (zlib.at(-1) ?? 0) ^ 1;
    assert.equal(textOf("deflate", zlib), "corrupt");
  });

  test("a distance beyond the window that the header declares is taken, as browsers take it", () => {
    const random = seeded(11);
    const once = Buffer.from(Array.from({ length: 8000 }, () => random.below(256)));
    const text = Buffer.concat([once, once]);
    const body = deflateSync(text);
    // A window of 2 KiB, and a copy from 8,000 bytes before.
    body.set([0x38, 0x11]);
    const { end, bytes } = decoder.decode("deflate", body);
    assert.equal(end, "whole");
    assert.ok(Buffer.compare(bytes, text) === 0);
    assert.deepEqual(decodeByNode("deflate", body).end, "whole");
  });

  test("never more than there is room for: 10 MB from 10 KB end at the bound", () => {
    const bomb = Buffer.alloc(10_000_000, "0");
    for (const coding of CODINGS) {
      const body = coding === "gzip" ? gzipSync(bomb) : deflateSync(bomb);
      assert.ok(body.length < 10_500);
      for (const room of [0, 1, 1000, 65_536]) {
        const { end, bytes } = decoder.decode(coding, body, room);
        assert.equal(end, "full");
        assert.ok(bytes.length <= room && bytes.length > room - 258);
      }
    }
    const random = seeded(3);
    for (let i = 0; i < 300; i++) {
      const coding = random.pick(CODINGS);
      const text = Buffer.from("abcdefgh".repeat(random.below(60)) + "x".repeat(1 + random.below(60)));
      const body = soundBody(random, coding, text);
      assert.equal(textOf(coding, body, text.length), text.toString());
      assert.equal(textOf(coding, body, text.length - 1), "full");
    }
  });

  test("a body of nothing but tables ends early, one of zlib's smallest blocks does not", () => {
    assert.equal(decoder.decode("deflate", tablesAlone(1000), 65_536).end, "whole");
    assert.equal(decoder.decode("deflate", tablesAlone(4000), 65_536).end, "laborious");
    const text = Buffer.from(
      Array.from({ length: 65_536 }, (_, i) => 97 + (Math.imul(i >> 5, 40503) % 7) + ((i * i) % 5)),
    );
    for (const strategy of [0, 2]) {
      const body = deflateSync(text, { memLevel: 1, strategy });
      assert.equal(textOf("deflate", body, 65_536), text.toString());
    }
  });
});

/** Blocks with tables for the end of a block alone, and nothing else. */
function tablesAlone(count: number): Buffer {
  // 257 literals and one distance; lengths: 138 and 118 zeros, 1 for the end of the block, 0 for the distance.
  const bits: number[] = [];
  const put = (value: number, width: number): void => {
    for (let i = 0; i < width; i++) bits.push((value >> i) & 1);
  };
  for (let i = 0; i < count; i++) {
    put(i + 1 === count ? 1 : 0, 1);
    put(2, 2);
    put(0, 5);
    put(0, 5);
    put(14, 4);
    // The code of lengths, in its order: 18 has one bit, 0 and 1 two.
    for (const length of [0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]) put(length, 3);
    put(0, 1);
    put(127, 7);
    put(0, 1);
    put(107, 7);
    put(0b11, 2);
    put(0b01, 2);
    put(0, 1);
  }
  const bytes = Buffer.alloc((bits.length + 7) >> 3);
  for (const [i, bit] of bits.entries()) bytes[i >> 3] = (bytes[i >> 3] ?? 0) | (bit << (i & 7));
  return bytes;
}
