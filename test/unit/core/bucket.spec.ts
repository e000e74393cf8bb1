import { equalSlotBegin, fitsEqualSlot, pointOf, SPACE, WHOLE } from "../../../assembly/core/bucket";

describe("the space", () => {
  it("gives shares their points, rounded", () => {
    expect(pointOf(0)).toBe(0);
    expect(pointOf(WHOLE)).toBe(SPACE);
    expect(pointOf(50000)).toBe(2147483648);
    expect(pointOf(5000)).toBe(214748365); // 214748364.8
    expect(pointOf(1)).toBe(42950); // 42949.67296
    expect(pointOf(99999)).toBe(4294924346); // 4294924346.32704
  });

  it("never has a share that ends exactly between two points", () => {
    // share * 2^32 / 100000 = share * 2^27 / 3125, and 3125 is odd.
    let halves = 0;
    for (let share: u32 = 0; share <= WHOLE; share++) {
      if ((((share as u64) << 32) % WHOLE) * 2 == (WHOLE as u64)) halves++;
    }
    expect(halves).toBe(0);
  });

  it("is divided into equal slots, floored", () => {
    for (let count: u32 = 3; count <= 16; count++) {
      for (let i: u32 = 0; i <= count; i++) {
        expect(equalSlotBegin(i, count)).toBe(((i as u64) << 32) / (count as u64));
      }
    }
  });

  it("has room for an equal share and no more", () => {
    expect(fitsEqualSlot(33333, 3)).toBe(true);
    expect(fitsEqualSlot(33334, 3)).toBe(false);
    expect(fitsEqualSlot(25000, 4)).toBe(true);
    expect(fitsEqualSlot(25001, 4)).toBe(false);
  });
});
