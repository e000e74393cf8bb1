// The filter's SHA-256 against Node's: every length around the edges of a block, and random texts from a fixed seed.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";

import { policyDigest } from "../../tools/policy/digest.ts";
import { loadGuest } from "../support/guest.ts";
import { Random } from "../support/random.ts";

const ROOM = 1 << 20;

const ENTRY = `
  import { sha256Prefix48 } from "./assembly/bytes/sha256";
  import { sliceOf } from "./assembly/bytes/slice";
  export const input: usize = memory.data(${ROOM}, 8);
  export function digest(offset: u32, length: u32): f64 {
    return sha256Prefix48(sliceOf(input + offset, length)) as f64;
  }
`;

interface Module {
  memory: WebAssembly.Memory;
  input: WebAssembly.Global<"i32">;
  digest(offset: number, length: number): number;
}

describe("the first 48 bits of SHA-256", () => {
  let guest: Module;
  before(async () => {
    guest = await loadGuest<Module>("sha256.ts", { source: ENTRY });
  });

  function digestOf(text: string, offset = 0): number {
    const { written } = new TextEncoder().encodeInto(
      text,
      new Uint8Array(guest.memory.buffer, guest.input.value + offset, ROOM - offset),
    );
    return guest.digest(offset, written);
  }

  test("are those of the standard's examples", () => {
    // FIPS 180-4's example values of NIST: "abc" (ba7816bf 8f01…), and the text of 448 bits (248d6a61 d206…).
    assert.equal(digestOf("abc"), 0xba7816bf8f01);
    assert.equal(digestOf("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), 0x248d6a61d206);
    assert.equal(digestOf(""), 0xe3b0c44298fc);
  });

  test("are Node's for every length around a block's edge, wherever the text lies", () => {
    for (let length = 0; length <= 260; length++) {
      const text = "x".repeat(length);
      assert.equal(digestOf(text, length % 9), policyDigest(text), `${length} bytes`);
    }
  });

  test("are Node's for random texts", () => {
    const random = new Random(5);
    for (let i = 0; i < 300; i++) {
      const length = random.below(i < 280 ? 2000 : 200_000);
      const text = Array.from({ length }, () => String.fromCodePoint(32 + random.below(900))).join("");
      assert.equal(digestOf(text), policyDigest(text), text.slice(0, 80));
    }
  });
});
