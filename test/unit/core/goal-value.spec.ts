import { worthOf } from "../../../assembly/core/goal-value";
import { bytesOf } from "../texts";

const MOST: u64 = 10000000;

function worth(text: string): u64 {
  return worthOf(bytesOf(text), MOST);
}

describe("what a goal is worth", () => {
  it("is a number in thousandths, what is finer cut off", () => {
    expect(worth("12")).toBe(12000);
    expect(worth("12.5")).toBe(12500);
    expect(worth("12.3459")).toBe(12345);
    expect(worth(" 0.001\t")).toBe(1);
    expect(worth("0.0009")).toBe(0);
    expect(worth("0007")).toBe(7000);
  });

  it("is at most the most, however many digits there are", () => {
    expect(worth("9999.999")).toBe(9999999);
    expect(worth("10000")).toBe(MOST);
    expect(worth("10000.001")).toBe(MOST);
    expect(worth("18446744073709551616")).toBe(MOST);
    expect(worth("9".repeat(1000))).toBe(MOST);
    expect(worth("1" + "0".repeat(1000))).toBe(MOST);
    expect(worth("0.".padEnd(1000, "0"))).toBe(0);
    expect(worthOf(bytesOf("576460752303423"), 1 << 59)).toBe(576460752303423000);
  });

  it("is nothing for any other text", () => {
    const texts = [
      "",
      " ",
      ".",
      "1.",
      ".1",
      "1.2.3",
      "-1",
      "+1",
      "1e3",
      "1,5",
      "1 2",
      "NaN",
      "Infinity",
      "0x10",
      "€1",
    ];
    for (let i = 0; i < texts.length; i++) expect(worth(texts[i])).toBe(0, texts[i]);
  });
});
