import { lengthOf } from "../../../assembly/bytes/slice";
import { murmur3, murmur3After, murmur3Blocks, murmur3Rest } from "../../../assembly/core/murmur3";
import { bytesOf, bytesOfHex } from "../texts";

// Vectors of the reference implementation, as published in several places (smhasher; Wikipedia's MurmurHash page).
describe("murmur3 x86 32", () => {
  it("agrees with the published vectors", () => {
    expect(murmur3(bytesOf(""), 0)).toBe(0);
    expect(murmur3(bytesOf(""), 1)).toBe(0x514e28b7);
    expect(murmur3(bytesOf(""), 0xffffffff)).toBe(0x81f16f39);
    expect(murmur3(bytesOf("test"), 0)).toBe(0xba6bd213);
    expect(murmur3(bytesOf("test"), 0x9747b28c)).toBe(0x704b81dc);
    expect(murmur3(bytesOf("Hello, world!"), 0)).toBe(0xc0363e43);
    expect(murmur3(bytesOf("Hello, world!"), 0x9747b28c)).toBe(0x24884cba);
    expect(murmur3(bytesOf("The quick brown fox jumps over the lazy dog"), 0)).toBe(0x2e4ff723);
    expect(murmur3(bytesOfHex("ffffffff"), 0)).toBe(0x76293b50);
    expect(murmur3(bytesOfHex("21436587"), 0)).toBe(0xf55b516b);
    expect(murmur3(bytesOfHex("00000000"), 0)).toBe(0x2362f9de);
    expect(murmur3(bytesOfHex("214365"), 0)).toBe(0x7e4a8634);
    expect(murmur3(bytesOfHex("2143"), 0)).toBe(0xa0f7b07a);
    expect(murmur3(bytesOfHex("21"), 0)).toBe(0x72661cf4);
  });

  it("is a hash of the bytes of UTF-8", () => {
    expect(murmur3(bytesOf("é"), 0)).toBe(269551495);
    expect(murmur3(bytesOf("日本"), 0)).toBe(3302619458);
    expect(murmur3(bytesOf("😀"), 0)).toBe(3199479546);
  });

  it("gives the same when a prefix was hashed ahead, whatever the lengths", () => {
    const all = "abcdefghijklmnopqrstuvwxyz0123456789";
    for (let prefix = 0; prefix < 13; prefix++) {
      for (let rest = 0; rest < 13; rest++) {
        const head = bytesOf(all.substr(0, prefix));
        const tail = bytesOf(all.substr(prefix, rest));
        const whole = bytesOf(all.substr(0, prefix + rest));
        const split = murmur3After(murmur3Blocks(head, 0), murmur3Rest(head), lengthOf(head), tail);
        expect(split).toBe(murmur3(whole, 0));
      }
    }
  });
});

/** The verification value of smhasher: the hash of the hashes of 256 keys, each with a seed of its own. */
describe("murmur3 self-check", () => {
  it("is 0xB0F57EE3", () => {
    const keys = bytesOf("x".repeat(256));
    const hashes = bytesOf("x".repeat(1024));
    const keyAt = (keys >> 32) as usize;
    const hashAt = (hashes >> 32) as usize;
    for (let i = 0; i < 256; i++) {
      store<u8>(keyAt + i, i as u8);
      const key = ((keyAt as u64) << 32) | (i as u64);
      store<u32>(hashAt + (i << 2), murmur3(key, 256 - i));
    }
    expect(murmur3(hashes, 0)).toBe(0xb0f57ee3);
  });
});
