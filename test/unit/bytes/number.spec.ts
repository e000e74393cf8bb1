import { parseDecimal, parseNumber } from "../../../assembly/bytes/number-parse";
import { putNumberText } from "../../../assembly/bytes/number-text";
import { beginText, textOf } from "../../../assembly/bytes/writer";
import { bytesOf, newWriter, stringOf } from "../texts";

// test/number compares with JavaScript itself, many times; here are the numbers that other implementations stumbled on.

function bitsOf(text: string): u64 {
  return reinterpret<u64>(parseNumber(bytesOf(text)));
}

function parsed(text: string): f64 {
  return parseDecimal(bytesOf(text));
}

function isNone(text: string): bool {
  return isNaN(parsed(text));
}

function printed(value: f64): string {
  const writer = newWriter();
  beginText(writer);
  putNumberText(writer, value);
  return stringOf(textOf(writer));
}

describe("numbers are read", () => {
  it("that are short", () => {
    expect(parsed("0")).toBe(0);
    expect(parsed("7")).toBe(7);
    expect(parsed("-12.5")).toBe(-12.5);
    expect(parsed("1E2")).toBe(100);
    expect(parsed("2.5e-1")).toBe(0.25);
    expect(parsed("0.1")).toBe(0.1);
    expect(bitsOf("-0")).toBe(0x8000000000000000);
    expect(bitsOf("-0.0e5")).toBe(0x8000000000000000);
  });

  it("to the nearest float, ties to even", () => {
    expect(parsed("9007199254740993")).toBe(9007199254740992);
    expect(parsed("9007199254740995")).toBe(9007199254740996);
    expect(parsed("9007199254740993.00000000000000000000000000001")).toBe(9007199254740994);
    expect(bitsOf("1e23")).toBe(0x44b52d02c7e14af6);
    expect(bitsOf("8.41e21")).toBe(0x447c7e83209e90b2);
    expect(bitsOf("9.5367431640625e-7")).toBe(0x3eb0000000000000);
    // 1 + 2^-53, and a hair beside it.
    const half = "1.00000000000000011102230246251565404236316680908203125";
    expect(bitsOf(half)).toBe(0x3ff0000000000000);
    expect(bitsOf(half + "0000000000000000000000000000000000000001")).toBe(0x3ff0000000000001);
    expect(bitsOf("1.00000000000000011102230246251565404236316680908203124")).toBe(0x3ff0000000000000);
    // 1 + 3 * 2^-53
    expect(bitsOf("1.00000000000000033306690738754696212708950042724609375")).toBe(0x3ff0000000000002);
  });

  // V. Paxson, "A Program for Testing IEEE Decimal-Binary Conversion", 1991: stress inputs, the hardest of their length.
  it("that are all but half way", () => {
    expect(bitsOf("5e125")).toBe(0x5a07a2ecc414a03f);
    expect(bitsOf("69e267")).toBe(0x77c0b7cb60c994da);
    expect(bitsOf("999e-026")).toBe(0x3b282782afe1869e);
    expect(bitsOf("7861e-034")).toBe(0x39afe3544145e9d8);
    expect(bitsOf("75569e-254")).toBe(0x0c35a462d91c6ab3);
    expect(bitsOf("928609e-261")).toBe(0x0afbe2dd66200bef);
    expect(bitsOf("84863171e114")).toBe(0x59406e98f5ec8f37);
    expect(bitsOf("5232604057e-298")).toBe(0x041465b896c24520);
    expect(bitsOf("3142213164987e-294")).toBe(0x057d3409dfbca26f);
    expect(bitsOf("9324754620109615e212")).toBe(0x6f43ae60753af6ca);
    expect(bitsOf("20505426358836677347e-221")).toBe(0x161012954b6aabba);
    expect(bitsOf("836168422905420598437e-234")).toBe(0x13b20403a628a9ca);
    expect(bitsOf("4891559871276714924261e222")).toBe(0x7286ecaf7694a3c7);
  });

  it("at both ends", () => {
    expect(bitsOf("5e-324")).toBe(1);
    expect(bitsOf("4.9406564584124654e-324")).toBe(1);
    expect(bitsOf("2.4703282292062328e-324")).toBe(1);
    expect(bitsOf("2.4703282292062327e-324")).toBe(0);
    expect(bitsOf("-1e-324")).toBe(0x8000000000000000);
    expect(bitsOf("2.2250738585072011e-308")).toBe(0x000fffffffffffff);
    expect(bitsOf("2.2250738585072012e-308")).toBe(0x0010000000000000);
    expect(bitsOf("2.2250738585072014e-308")).toBe(0x0010000000000000);
    expect(bitsOf("1.7976931348623157e308")).toBe(0x7fefffffffffffff);
    expect(bitsOf("1.7976931348623158e308")).toBe(0x7fefffffffffffff);
    expect(parsed("1.7976931348623159e308")).toBe(Infinity);
    expect(parsed("-1e309")).toBe(-Infinity);
    expect(parsed("1e99999999999999999999")).toBe(Infinity);
    expect(parsed("1e-99999999999999999999")).toBe(0);
    expect(parsed("0e99999999999999999999")).toBe(0);
  });

  it("of any length", () => {
    expect(parsed("1" + "0".repeat(900) + "e-900")).toBe(1);
    expect(parsed("0." + "0".repeat(900) + "25e900")).toBe(0.25);
    expect(parsed("0." + "3".repeat(900))).toBe(0.3333333333333333);
  });

  it("in the spellings of Number(), blanks and words left out", () => {
    expect(parsed("")).toBe(0);
    expect(parsed("+5")).toBe(5);
    expect(parsed("007")).toBe(7);
    expect(parsed("5.")).toBe(5);
    expect(parsed(".5")).toBe(0.5);
    expect(parsed("-.5e+1")).toBe(-5);
    expect(isNone(".")).toBeTruthy();
    expect(isNone("-")).toBeTruthy();
    expect(isNone("+.e1")).toBeTruthy();
    expect(isNone("e1")).toBeTruthy();
    expect(isNone("1e")).toBeTruthy();
    expect(isNone("1e-")).toBeTruthy();
    expect(isNone("1.2.3")).toBeTruthy();
    expect(isNone("--1")).toBeTruthy();
    expect(isNone(" 1")).toBeTruthy();
    expect(isNone("1 ")).toBeTruthy();
    expect(isNone("0x10")).toBeTruthy();
    expect(isNone("1_000")).toBeTruthy();
    expect(isNone("Infinity")).toBeTruthy();
    expect(isNone("NaN")).toBeTruthy();
  });
});

describe("numbers are printed", () => {
  it("as integers", () => {
    expect(printed(0)).toBe("0");
    expect(printed(-0.0)).toBe("0");
    expect(printed(-1)).toBe("-1");
    expect(printed(1234567)).toBe("1234567");
    expect(printed(9007199254740991)).toBe("9007199254740991");
    expect(printed(-9007199254740992)).toBe("-9007199254740992");
    expect(printed(123456789012345680000.0)).toBe("123456789012345680000");
  });

  it("with the fewest digits that read back", () => {
    expect(printed(0.1)).toBe("0.1");
    expect(printed(-1.5)).toBe("-1.5");
    expect(printed(0.1 + 0.2)).toBe("0.30000000000000004");
    expect(printed(1 / 3)).toBe("0.3333333333333333");
    expect(printed(reinterpret<f64>(0x44b52d02c7e14af6))).toBe("1e+23");
    expect(printed(reinterpret<f64>(0x447c7e83209e90b2))).toBe("8.41e+21");
    expect(printed(9.5367431640625e-7)).toBe("9.5367431640625e-7");
    // 2^-44: the gap below is half of the one above.
    expect(printed(reinterpret<f64>(0x3d30000000000000))).toBe("5.684341886080802e-14");
  });

  it("with the even one of two as near", () => {
    expect(printed(562949953421312.25)).toBe("562949953421312.2");
    expect(printed(562949953421312.75)).toBe("562949953421312.8");
  });

  it("in ECMAScript's notation", () => {
    expect(printed(1e20)).toBe("100000000000000000000");
    expect(printed(1e21)).toBe("1e+21");
    expect(printed(1.5e21)).toBe("1.5e+21");
    expect(printed(0.000001)).toBe("0.000001");
    expect(printed(-0.00000123)).toBe("-0.00000123");
    expect(printed(0.0000001)).toBe("1e-7");
    expect(printed(-1.25e-7)).toBe("-1.25e-7");
    expect(printed(1e100)).toBe("1e+100");
  });

  it("at both ends", () => {
    expect(printed(reinterpret<f64>(1))).toBe("5e-324");
    expect(printed(reinterpret<f64>(0x000fffffffffffff))).toBe("2.225073858507201e-308");
    expect(printed(reinterpret<f64>(0x0010000000000000))).toBe("2.2250738585072014e-308");
    expect(printed(reinterpret<f64>(0x7fefffffffffffff))).toBe("1.7976931348623157e+308");
    expect(printed(NaN)).toBe("NaN");
    expect(printed(Infinity)).toBe("Infinity");
    expect(printed(-Infinity)).toBe("-Infinity");
  });
});
