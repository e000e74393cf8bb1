import { beginHash, Hash64, hashBytes, hashNumber, hashOf, hashText } from "../../../assembly/bytes/hash64";
import { addressOf, lengthOf } from "../../../assembly/bytes/slice";
import { bytesOf } from "../texts";

const hash: Hash64 = changetype<Hash64>(memory.data(offsetof<Hash64>(), 8));
const number: usize = memory.data(8, 8);
const ALL = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOP";

describe("a hash of 64 bits", () => {
  it("is the same however the bytes are cut into pieces", () => {
    const text = bytesOf(ALL);
    const at = addressOf(text);
    beginHash(hash);
    hashBytes(hash, at, lengthOf(text));
    const whole = hashOf(hash);
    for (let first: u32 = 0; first < 20; first++) {
      for (let second: u32 = 0; second < 20; second++) {
        beginHash(hash);
        hashBytes(hash, at, first);
        hashBytes(hash, at + first, second);
        hashBytes(hash, at + first + second, lengthOf(text) - first - second);
        expect(hashOf(hash)).toBe(whole);
      }
    }
  });

  it("takes a number as its eight bytes, the lowest first", () => {
    store<u64>(number, 0x0123456789abcdef);
    for (let before: u32 = 0; before < 20; before++) {
      const text = addressOf(bytesOf(ALL));
      beginHash(hash);
      hashBytes(hash, text, before);
      hashBytes(hash, number, 8);
      hashBytes(hash, text, 3);
      const asBytes = hashOf(hash);
      beginHash(hash);
      hashBytes(hash, text, before);
      hashNumber(hash, 0x0123456789abcdef);
      hashBytes(hash, text, 3);
      expect(hashOf(hash)).toBe(asBytes);
    }
  });

  // Evidence periods live on under another build of the module, which has to come to the same signatures.
  it("is what earlier builds came to", () => {
    beginHash(hash);
    hashText(hash, bytesOf("checkout"));
    hashNumber(hash, 7);
    hashText(hash, bytesOf("é, 日本"));
    expect(hashOf(hash)).toBe(0x6c6a2bea6d94678a);
  });
});
