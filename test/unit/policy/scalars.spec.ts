import {
  isLabel,
  isToken,
  isVisible,
  NO_DURATION,
  NOT_A_STEP,
  OUT_OF_RANGE,
  seconds,
  thousandths,
} from "../../../assembly/policy/scalars";
import { bytesOf } from "../texts";

describe("thousandths", () => {
  it("are exact, whatever the spelling", () => {
    expect(thousandths(bytesOf("0"))).toBe(0);
    expect(thousandths(bytesOf("-0"))).toBe(0);
    expect(thousandths(bytesOf("0e999999999999"))).toBe(0);
    expect(thousandths(bytesOf("5"))).toBe(5000);
    expect(thousandths(bytesOf("5.000"))).toBe(5000);
    expect(thousandths(bytesOf("5.00000000000000000000000000"))).toBe(5000);
    expect(thousandths(bytesOf("0.001"))).toBe(1);
    expect(thousandths(bytesOf("1e-3"))).toBe(1);
    expect(thousandths(bytesOf("33.333"))).toBe(33333);
    expect(thousandths(bytesOf("1e2"))).toBe(100000);
    expect(thousandths(bytesOf("1E+2"))).toBe(100000);
    expect(thousandths(bytesOf("100"))).toBe(100000);
    expect(thousandths(bytesOf("10000000000000000e-14"))).toBe(100000);
    expect(thousandths(bytesOf("0.00000000000000005e17"))).toBe(5000);
  });

  it("are in steps of 0.001", () => {
    expect(thousandths(bytesOf("0.0001"))).toBe(NOT_A_STEP);
    expect(thousandths(bytesOf("5.0001"))).toBe(NOT_A_STEP);
    expect(thousandths(bytesOf("5.00000000000000000000000001"))).toBe(NOT_A_STEP);
    expect(thousandths(bytesOf("1e-400"))).toBe(NOT_A_STEP);
    expect(thousandths(bytesOf("1e-4000000000000"))).toBe(NOT_A_STEP);
  });

  it("are 0 to 100", () => {
    expect(thousandths(bytesOf("100.001"))).toBe(OUT_OF_RANGE);
    expect(thousandths(bytesOf("100.0000000000000000001"))).toBe(OUT_OF_RANGE);
    expect(thousandths(bytesOf("140"))).toBe(OUT_OF_RANGE);
    expect(thousandths(bytesOf("1e400"))).toBe(OUT_OF_RANGE);
    expect(thousandths(bytesOf("1e40000000000000"))).toBe(OUT_OF_RANGE);
    expect(thousandths(bytesOf("123456789012345678901234567890"))).toBe(OUT_OF_RANGE);
    expect(thousandths(bytesOf("-1"))).toBe(OUT_OF_RANGE);
    expect(thousandths(bytesOf("-0.0001"))).toBe(OUT_OF_RANGE);
  });
});

describe("seconds", () => {
  it("have a unit", () => {
    expect(seconds(bytesOf("45s"))).toBe(45);
    expect(seconds(bytesOf("15m"))).toBe(900);
    expect(seconds(bytesOf("12h"))).toBe(43200);
    expect(seconds(bytesOf("30d"))).toBe(2592000);
    expect(seconds(bytesOf("2w"))).toBe(1209600);
    expect(seconds(bytesOf("3650d"))).toBe(315360000);
  });

  it("are refused otherwise", () => {
    const wrong = ["", "d", "30", "30x", "-1d", "1.5d", "0s", "3651d", "99999999999s", " 1d"];
    for (let i = 0; i < wrong.length; i++) expect(seconds(bytesOf(wrong[i]))).toBe(NO_DURATION);
  });
});

describe("names", () => {
  it("are DNS labels", () => {
    const right = ["a", "0", "checkout-v2", "x".repeat(63)];
    for (let i = 0; i < right.length; i++) expect(isLabel(bytesOf(right[i]))).toBe(true);
    const wrong = ["", "-a", "a-", "A", "a.b", "a_b", "é", "x".repeat(64)];
    for (let i = 0; i < wrong.length; i++) expect(isLabel(bytesOf(wrong[i]))).toBe(false);
  });

  it("of headers are tokens", () => {
    expect(isToken(bytesOf("x-User_id.!#$%&'*+-^`|~"))).toBe(true);
    const wrong = ["", "a b", "a:b", "a(b", "a,b", 'a"b', "a/b", "é", "a=b", "a;b", "@", "[", "{"];
    for (let i = 0; i < wrong.length; i++) expect(isToken(bytesOf(wrong[i]))).toBe(false);
  });

  it("of clusters are visible", () => {
    expect(isVisible(bytesOf("outbound|80|v1|checkout.svc"), 255)).toBe(true);
    expect(isVisible(bytesOf("a b"), 255)).toBe(false);
    expect(isVisible(bytesOf(""), 255)).toBe(false);
    expect(isVisible(bytesOf("abc"), 2)).toBe(false);
  });
});
