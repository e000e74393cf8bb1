// Canonical CBOR against RFC 8949 appendix A.

import { beginScratch } from "../../../../assembly/bytes/scratch";
import { addressOf, lengthOf, NONE } from "../../../../assembly/bytes/slice";
import { scratchRun } from "../../../../assembly/bytes/records";
import { cborOf } from "../../../../assembly/core/logic/cbor";
import { copyValue, setArray, setNumber, setText, Value } from "../../../../assembly/core/logic/value";
import { bytesOfHex } from "../../texts";
import { inArray, inObject, newValue, valueOf } from "./values";

function hexOf(value: Value): string {
  const bytes = cborOf(value);
  if (bytes == NONE) return "none";
  let hex = "";
  for (let i: u32 = 0; i < lengthOf(bytes); i++) {
    const byte = load<u8>(addressOf(bytes) + i);
    hex += (byte < 16 ? "0" : "") + byte.toString(16);
  }
  return hex;
}

function ofJson(json: string): string {
  return hexOf(valueOf(json));
}

function ofNumber(number: f64): string {
  const value = newValue();
  setNumber(value, number);
  return hexOf(value);
}

// RFC 8949 appendix A, as far as JSON goes.
describe("CBOR: the RFC's examples", () => {
  it("integers", () => {
    expect(ofNumber(0)).toBe("00");
    expect(ofNumber(1)).toBe("01");
    expect(ofNumber(10)).toBe("0a");
    expect(ofNumber(23)).toBe("17");
    expect(ofNumber(24)).toBe("1818");
    expect(ofNumber(25)).toBe("1819");
    expect(ofNumber(100)).toBe("1864");
    expect(ofNumber(1000)).toBe("1903e8");
    expect(ofNumber(1000000)).toBe("1a000f4240");
    expect(ofNumber(1000000000000)).toBe("1b000000e8d4a51000");
    expect(ofNumber(-1)).toBe("20");
    expect(ofNumber(-10)).toBe("29");
    expect(ofNumber(-100)).toBe("3863");
    expect(ofNumber(-1000)).toBe("3903e7");
  });

  it("floats", () => {
    expect(ofNumber(1.1)).toBe("fb3ff199999999999a");
    expect(ofNumber(1.5)).toBe("f93e00");
    expect(ofNumber(3.4028234663852886e38)).toBe("fa7f7fffff");
    expect(ofNumber(1.0e300)).toBe("fb7e37e43c8800759c");
    expect(ofNumber(5.960464477539063e-8)).toBe("f90001");
    expect(ofNumber(0.00006103515625)).toBe("f90400");
    expect(ofNumber(-4.1)).toBe("fbc010666666666666");
    expect(ofNumber(Infinity)).toBe("f97c00");
    expect(ofNumber(-Infinity)).toBe("f9fc00");
    expect(ofNumber(NaN)).toBe("f97e00");
  });

  it("floats that flagd wants as integers", () => {
    expect(ofNumber(0.0)).toBe("00", "f90000 in the RFC");
    expect(ofNumber(-0.0)).toBe("00", "f98000 in the RFC");
    expect(ofNumber(1.0)).toBe("01", "f93c00 in the RFC");
    expect(ofNumber(65504.0)).toBe("19ffe0", "f97bff in the RFC");
    expect(ofNumber(100000.0)).toBe("1a000186a0", "fa47c35000 in the RFC");
    expect(ofNumber(-4.0)).toBe("23", "f9c400 in the RFC");
  });

  it("simple values and texts", () => {
    expect(ofJson("false")).toBe("f4");
    expect(ofJson("true")).toBe("f5");
    expect(ofJson("null")).toBe("f6");
    expect(ofJson('""')).toBe("60");
    expect(ofJson('"a"')).toBe("6161");
    expect(ofJson('"IETF"')).toBe("6449455446");
    expect(ofJson('"\\"\\\\"')).toBe("62225c");
    expect(ofJson('"\\u00fc"')).toBe("62c3bc");
    expect(ofJson('"\\u6c34"')).toBe("63e6b0b4");
    expect(ofJson('"\\ud800\\udd51"')).toBe("64f0908591");
  });

  it("arrays and maps", () => {
    expect(ofJson("[]")).toBe("80");
    expect(ofJson("[1,2,3]")).toBe("83010203");
    expect(ofJson("[1,[2,3],[4,5]]")).toBe("8301820203820405");
    expect(ofJson("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25]")).toBe(
      "98190102030405060708090a0b0c0d0e0f101112131415161718181819",
    );
    expect(ofJson("{}")).toBe("a0");
    expect(ofJson('{"a":1,"b":[2,3]}')).toBe("a26161016162820203");
    expect(ofJson('["a",{"b":"c"}]')).toBe("826161a161626163");
    expect(ofJson('{"a":"A","b":"B","c":"C","d":"D","e":"E"}')).toBe(
      "a56161614161626142616361436164614461656145",
    );
  });
});

describe("CBOR", () => {
  it("writes integers from -2^63 to 2^64 - 1 as such, others as floats", () => {
    expect(ofNumber(255)).toBe("18ff");
    expect(ofNumber(256)).toBe("190100");
    expect(ofNumber(65535)).toBe("19ffff");
    expect(ofNumber(65536)).toBe("1a00010000");
    expect(ofNumber(4294967295)).toBe("1affffffff");
    expect(ofNumber(4294967296)).toBe("1b0000000100000000");
    expect(ofNumber(9007199254740991)).toBe("1b001fffffffffffff");
    expect(ofNumber(9007199254740992)).toBe("1b0020000000000000");
    expect(ofNumber(9223372036854775808.0)).toBe("1b8000000000000000");
    expect(ofNumber(18446744073709549568.0)).toBe("1bfffffffffffff800");
    expect(ofNumber(18446744073709551616.0)).toBe("fa5f800000");
    expect(ofNumber(1e20)).toBe("fb4415af1d78b58c40");
    expect(ofNumber(-24)).toBe("37");
    expect(ofNumber(-25)).toBe("3818");
    expect(ofNumber(-256)).toBe("38ff");
    expect(ofNumber(-257)).toBe("390100");
    expect(ofNumber(-4294967296)).toBe("3affffffff");
    expect(ofNumber(-4294967297)).toBe("3b0000000100000000");
    expect(ofNumber(-9223372036854775808.0)).toBe("3b7fffffffffffffff");
    expect(ofNumber(-9223372036854777856.0)).toBe("fbc3e0000000000001");
    expect(ofNumber(-18446744073709551616.0)).toBe("fadf800000");
  });

  it("writes the shortest float that is the same number", () => {
    expect(ofNumber(0.5)).toBe("f93800");
    expect(ofNumber(-0.5)).toBe("f9b800");
    expect(ofNumber(1.0009765625)).toBe("f93c01");
    expect(ofNumber(1.00048828125)).toBe("fa3f801000", "a bit more than a half holds");
    expect(ofNumber(2047.5)).toBe("fa44fff000");
    expect(ofNumber(1023.5)).toBe("f963ff");
    // The greatest subnormal half, the smallest, three quarters of the step between, and below it.
    expect(ofNumber(0.00006097555160522461)).toBe("f903ff");
    expect(ofNumber(1.7881393432617188e-7)).toBe("f90003");
    expect(ofNumber(8.940696716308594e-8)).toBe("fa33c00000");
    expect(ofNumber(2.9802322387695312e-8)).toBe("fa33000000");
    expect(ofNumber(-5.960464477539063e-8)).toBe("f98001");
    // The smallest normal and subnormal single, and what lies between and below.
    expect(ofNumber(1.1754943508222875e-38)).toBe("fa00800000");
    expect(ofNumber(1.401298464324817e-45)).toBe("fa00000001");
    expect(ofNumber(2.1019476964872256e-45)).toBe("fb36a8000000000000");
    expect(ofNumber(7.006492321624085e-46)).toBe("fb3690000000000000");
    expect(ofNumber(3.5e38)).toBe("fb47f074f8c4d3cd7b");
    expect(ofNumber(1.7976931348623157e308)).toBe("fb7fefffffffffffff");
    expect(ofNumber(4.9406564584124654e-324)).toBe("fb0000000000000001");
  });

  it("sorts keys by their encoded form: shorter first, then by bytes", () => {
    expect(ofJson('{"z":1,"aa":2}')).toBe("a2617a0162616102");
    expect(ofJson('{"aa":2,"z":1}')).toBe("a2617a0162616102");
    expect(ofJson('{"":0,"b":1,"a":2}')).toBe("a3600061610261" + "6201");
    expect(ofJson('{"ÿ":2,"aaa":1,"zz":3}')).toBe("a3627a7a0362c3bf026361616101");
    const long = "k".repeat(24);
    expect(ofJson('{"' + long + '":1,"z' + "k".repeat(22) + '":2}').substr(0, 6)).toBe("a2777a");
  });

  it("keeps the last of members with one name, as JSON.parse does", () => {
    expect(ofJson('{"a":1,"a":2}')).toBe("a1616102");
    expect(ofJson('{"c":[{}],"b":[],"c":null,"c":true}')).toBe("a26162806163f5");
  });

  it("sorts many keys", () => {
    const parts = new Array<string>();
    let sorted = "";
    for (let i = 0; i < 100; i++) {
      // 37 is prime to 100: every number once, far from sorted.
      const number = (i * 37) % 100;
      parts.push('"' + (number < 10 ? "0" : "") + number.toString() + '":1');
      sorted += "623" + (i / 10).toString() + "3" + (i % 10).toString() + "01";
    }
    expect(ofJson("{" + parts.join(",") + "}")).toBe("b864" + sorted);
  });

  it("takes text heads of every length, and bytes that are no UTF-8", () => {
    const lengths = [23, 24, 255, 256, 65535, 65536];
    const heads = ["77", "7818", "78ff", "790100", "79ffff", "7a00010000"];
    for (let i = 0; i < lengths.length; i++) {
      beginScratch();
      const hex = cborOf(valueOf('"' + "a".repeat(lengths[i]) + '"'));
      expect(lengthOf(hex)).toBe((heads[i].length / 2 + lengths[i]) as u32);
      expect(load<u8>(addressOf(hex))).toBe(U8.parseInt(heads[i].substr(0, 2), 16));
      expect(load<u8>(addressOf(hex) + heads[i].length / 2 - 1)).toBe(U8.parseInt(heads[i].substr(-2), 16));
    }
    const value = newValue();
    setText(value, bytesOfHex("ff00c3"));
    expect(hexOf(value)).toBe("63ff00c3");
  });

  it("nests 64 deep and no deeper", () => {
    const deep = "[".repeat(64) + "]".repeat(64);
    expect(ofJson(deep)).toBe("81".repeat(63) + "80");
    expect(hexOf(inArray(valueOf(deep)))).toBe("none");
    expect(hexOf(inObject("a", valueOf(deep)))).toBe("none");
    expect(ofJson("[1]")).toBe("8101", "works again afterwards");
  });

  it("ends where lists hold one another many times", () => {
    beginScratch();
    let inner = valueOf('["x"]');
    for (let i = 0; i < 60; i++) {
      const items = scratchRun<Value>(2);
      copyValue(items.at(0), inner);
      copyValue(items.at(1), inner);
      inner = newValue();
      setArray(inner, items, 2);
    }
    expect(hexOf(inner)).toBe("none");
    beginScratch();
    expect(ofJson('{"a":[]}')).toBe("a1616180");
  });
});
