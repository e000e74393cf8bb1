import {
  bitmapBytes,
  bitsOf,
  byteInPiece,
  indexOfUser,
  isSpent,
  Met,
  metAtEnd,
  pieceBytes,
  pieceShift,
  setBits,
} from "../../../assembly/core/evidence";
import { SPACE } from "../../../assembly/core/bucket";
import { NO_SLOT, Rollout } from "../../../assembly/core/plan";
import { planOf } from "./requests";

/** A piece without a bit. */
function piece(stats: u32, shift: u32): usize {
  const bytes = pieceBytes(stats, shift);
  const at = heap.alloc(bytes);
  memory.fill(at, 0, bytes);
  return at;
}

/** The only rollout of a policy with these variants. */
function rolloutOf(variants: string, fallback: string = "a"): Rollout {
  const text =
    '{"identity":[{"cookie":"u"}],"rollouts":{"r":{"default":"' +
    fallback +
    '","variants":{' +
    variants +
    "}}}}";
  return planOf(text).rollout(0);
}

// By Python: (h * 0x9E3779B1 % 2**32) >> (32 - bits).
describe("the index of a user", () => {
  it("is the upper bits of the hash times the golden ratio", () => {
    expect(indexOfUser(0, 16)).toBe(0);
    expect(indexOfUser(1, 16)).toBe(40503);
    expect(indexOfUser(2, 16)).toBe(15470);
    expect(indexOfUser(0x80000000, 16)).toBe(32768);
    expect(indexOfUser(0xffffffff, 16)).toBe(25032);
    expect(indexOfUser(0x19999999, 16)).toBe(47787);
    expect(indexOfUser(0xba6bd213, 16)).toBe(46828);
  });

  it("of a smaller bitmap is the same without its lower bits", () => {
    expect(indexOfUser(1, 12)).toBe(2531);
    expect(indexOfUser(0xba6bd213, 12)).toBe(2926);
    for (let hash: u32 = 1; hash < 100000; hash = hash * 3 + 1) {
      expect(indexOfUser(hash, 12)).toBe(indexOfUser(hash, 16) >> 4);
    }
  });

  it("spreads a range of hashes evenly: 65,536 steps of 65,536 take each index once, and any part of them none twice", () => {
    const seen = new StaticArray<u8>(65536);
    let twice = 0;
    for (let step: u32 = 0; step < 65536; step++) {
      const index = indexOfUser(step << 16, 16);
      twice += seen[index];
      seen[index] = 1;
    }
    expect(twice).toBe(0);
  });
});

// 248 bytes are what is left of 256 beside the header. By Python, as for the index.
describe("the pieces of bitmaps", () => {
  it("hold as many indexes as fit with all their stats", () => {
    expect(pieceShift(1)).toBe(10);
    expect(pieceShift(2)).toBe(9);
    expect(pieceShift(5)).toBe(8);
    expect(pieceShift(7)).toBe(8);
    expect(pieceShift(11)).toBe(7);
    expect(pieceShift(31)).toBe(6);
    expect(pieceShift(62)).toBe(5);
    expect(pieceBytes(11, 7)).toBe(176);
    expect(bitmapBytes(11, 16)).toBe(90112);
    expect(bitmapBytes(1, 12)).toBe(512);
    for (let stats: u32 = 1; stats <= 62; stats++) {
      const shift = pieceShift(stats);
      expect(pieceBytes(stats, shift)).toBeLessThanOrEqual(248);
      expect(pieceBytes(stats, shift + 1)).toBeGreaterThan(248);
    }
  });

  it("have the bit of an index at the same place behind the beginning of each", () => {
    expect(byteInPiece(0, 7)).toBe(0);
    expect(byteInPiece(127, 7)).toBe(15);
    expect(byteInPiece(128, 7)).toBe(0);
    expect(byteInPiece(65535, 7)).toBe(15);
    expect(byteInPiece(300, 8)).toBe(5);
  });
});

describe("the first setter", () => {
  it("finds its bits clear, and whoever comes later finds them set", () => {
    const at = piece(11, 7);
    const met: u32 = (1 << Met.USERS) | (1 << Met.ERROR);
    expect(met & ~bitsOf(at, 77, 7, met)).toBe(met);
    setBits(at, 77, 7, met);
    expect(met & ~bitsOf(at, 77, 7, met)).toBe(0);
    // Another thing that the same user meets is still to be set.
    const more = met | (1 << Met.CLIENT_ERROR) | (1 << (Met.SLOW + 5));
    expect(more & ~bitsOf(at, 77, 7, more)).toBe((1 << Met.CLIENT_ERROR) | (1 << (Met.SLOW + 5)));
  });

  it("sets no bit of another index or another stat", () => {
    for (let stat: u32 = 0; stat < 11; stat++) {
      for (let index: u32 = 0; index < 128; index += 7) {
        const at = piece(11, 7);
        setBits(at, index, 7, 1 << stat);
        let set = 0;
        for (let byte: u32 = 0; byte < pieceBytes(11, 7); byte++) set += popcnt<i32>(load<u8>(at + byte));
        expect(set).toBe(1);
        expect(bitsOf(at, index, 7, 0x7ff)).toBe(1 << stat);
        expect(bitsOf(at, (index + 1) & 127, 7, 0x7ff)).toBe(0);
        expect(bitsOf(at, (index + 8) & 127, 7, 0x7ff)).toBe(0);
      }
    }
  });
});

describe("a period is over", () => {
  it("when seven eighths of the bitmap of users are set: 57,344 of 65,536", () => {
    expect(isSpent(57343, 0, 16)).toBe(false);
    expect(isSpent(57344, 0, 16)).toBe(true);
    expect(isSpent(3583, 0, 12)).toBe(false);
    expect(isSpent(3584, 0, 12)).toBe(true);
  });

  it("when at least 200 users, and more than a third, have met an error", () => {
    expect(isSpent(300, 199, 16)).toBe(false);
    expect(isSpent(599, 200, 16)).toBe(true);
    expect(isSpent(600, 200, 16)).toBe(false);
    expect(isSpent(50000, 16666, 16)).toBe(false);
    expect(isSpent(50000, 16667, 16)).toBe(true);
  });
});

describe("what the end of a request sets", () => {
  it("is by the class of the answer", () => {
    expect(metAtEnd(0, false, 0)).toBe(0);
    expect(metAtEnd(1, false, 0)).toBe(0);
    expect(metAtEnd(2, false, 0)).toBe(1 << Met.OK);
    expect(metAtEnd(3, false, 0)).toBe((1 << Met.OK) | (1 << Met.REDIRECT));
    expect(metAtEnd(4, false, 0)).toBe(1 << Met.CLIENT_ERROR);
    expect(metAtEnd(5, true, 0)).toBe(1 << Met.ERROR);
    // gRPC: 200 and a status that is not OK.
    expect(metAtEnd(2, true, 0)).toBe((1 << Met.OK) | (1 << Met.ERROR));
  });

  it("is slow at each threshold up to the last that was passed", () => {
    expect(metAtEnd(0, true, 1)).toBe((1 << Met.ERROR) | (1 << Met.SLOW));
    expect(metAtEnd(0, false, 3)).toBe(7 << Met.SLOW);
    expect(metAtEnd(0, false, 6)).toBe(63 << Met.SLOW);
  });
});

// min(4 times the largest other variant's share, the default's), and floor(2^32 * size / rest), by Python.
describe("the control group", () => {
  it("is four times as large as the largest other variant", () => {
    const ten = rolloutOf('"a":{},"b":{"percent":10}');
    expect(ten.controlShare).toBe(40000);
    expect(ten.controlBelow).toBe(1908874353);
    const five = rolloutOf('"a":{},"b":{"percent":5}');
    expect(five.controlShare).toBe(20000);
    expect(five.controlBelow).toBe(904203641);
    const two = rolloutOf('"a":{},"b":{"percent":1},"c":{"percent":5}');
    expect(two.controlShare).toBe(20000);
    const little = rolloutOf('"a":{},"b":{"percent":0.001}');
    expect(little.controlShare).toBe(4);
    expect(little.controlBelow).toBe(171800);
  });

  it("is at most the default, then all of it", () => {
    const half = rolloutOf('"a":{},"b":{"percent":50}');
    expect(half.controlShare).toBe(50000);
    expect(half.controlBelow).toBe(SPACE);
    const third = rolloutOf('"a":{},"b":{"percent":30}');
    expect(third.controlShare).toBe(70000);
    expect(third.controlBelow).toBe(SPACE);
  });

  it("is nobody where the default has no share, or no other variant has one", () => {
    const whole = rolloutOf('"a":{},"b":{"percent":100}');
    expect(whole.controlShare).toBe(0);
    expect(whole.controlBelow).toBe(0);
    expect(whole.controlSlot).toBe(NO_SLOT);
    const none = rolloutOf('"a":{},"b":{"percent":0}');
    expect(none.controlShare).toBe(0);
    expect(none.slots).toBe(0);
  });
});
