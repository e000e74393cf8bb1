import {
  instant,
  isLabel,
  isToken,
  isVisible,
  NO_DURATION,
  NO_INSTANT,
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

describe("instants", () => {
  // Expected values by Python's datetime.
  it("are seconds since 1970", () => {
    expect(instant(bytesOf("1970-01-01T00:00:00Z"))).toBe(0);
    expect(instant(bytesOf("2026-12-01T09:00:00Z"))).toBe(1796115600);
    expect(instant(bytesOf("2026-12-01t09:00:00z"))).toBe(1796115600);
    expect(instant(bytesOf("2026-12-01T09:00:00.999999999Z"))).toBe(1796115600);
    expect(instant(bytesOf("2026-12-01T10:00:00+01:00"))).toBe(1796115600);
    expect(instant(bytesOf("2026-11-30T23:30:00-09:30"))).toBe(1796115600);
    expect(instant(bytesOf("2000-02-29T23:59:59Z"))).toBe(951868799);
    expect(instant(bytesOf("2100-03-01T00:00:00Z"))).toBe(4107542400);
    expect(instant(bytesOf("9999-12-31T23:59:59Z"))).toBe(253402300799);
  });

  it("are nothing else", () => {
    expect(instant(bytesOf(""))).toBe(NO_INSTANT);
    expect(instant(bytesOf("2026-12-01"))).toBe(NO_INSTANT);
    expect(instant(bytesOf("2026-12-01T09:00Z"))).toBe(NO_INSTANT);
    expect(instant(bytesOf("2026-12-01T09:00:00"))).toBe(NO_INSTANT);
    expect(instant(bytesOf("2026-12-01 09:00:00Z"))).toBe(NO_INSTANT);
    expect(instant(bytesOf("2026-12-01T09:00:00.Z"))).toBe(NO_INSTANT);
    expect(instant(bytesOf("2026-12-01T09:00:00.5"))).toBe(NO_INSTANT);
    expect(instant(bytesOf("2026-12-01T09:00:00Z "))).toBe(NO_INSTANT);
    expect(instant(bytesOf("2026-12-01T09:00:00+0100"))).toBe(NO_INSTANT);
    expect(instant(bytesOf("2026-12-01T09:00:00+24:00"))).toBe(NO_INSTANT);
    expect(instant(bytesOf("2026-13-01T09:00:00Z"))).toBe(NO_INSTANT);
    expect(instant(bytesOf("2026-00-01T09:00:00Z"))).toBe(NO_INSTANT);
    expect(instant(bytesOf("2026-02-29T09:00:00Z"))).toBe(NO_INSTANT);
    expect(instant(bytesOf("2100-02-29T09:00:00Z"))).toBe(NO_INSTANT);
    expect(instant(bytesOf("2026-04-31T09:00:00Z"))).toBe(NO_INSTANT);
    expect(instant(bytesOf("2026-12-01T24:00:00Z"))).toBe(NO_INSTANT);
    expect(instant(bytesOf("2026-12-01T09:60:00Z"))).toBe(NO_INSTANT);
    expect(instant(bytesOf("2026-12-01T09:00:60Z"))).toBe(NO_INSTANT);
    expect(instant(bytesOf("1969-12-31T23:59:59Z"))).toBe(NO_INSTANT);
    expect(instant(bytesOf("1970-01-01T00:00:00+01:00"))).toBe(NO_INSTANT);
    expect(instant(bytesOf("20261201T090000Z00000"))).toBe(NO_INSTANT);
    expect(instant(bytesOf("2o26-12-01T09:00:00Z"))).toBe(NO_INSTANT);
  });
});
