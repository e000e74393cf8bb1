import {
  decodeString,
  fault,
  FAULT_CONTROL,
  FAULT_ESCAPE,
  FAULT_SURROGATE,
  FAULT_SYNTAX,
  FAULT_UTF8,
  insideOf,
  skipLiteral,
  skipNumber,
  skipString,
} from "../../../assembly/bytes/json-text";
import { scratch } from "../../../assembly/bytes/scratch";
import { addressOf, lengthOf, Slice } from "../../../assembly/bytes/slice";
import { bytesOf, bytesOfHex, stringOf } from "../texts";

function readString(text: Slice): string | null {
  const at = addressOf(text);
  const behind = skipString(at, at + lengthOf(text));
  if (behind == 0) return null;
  return stringOf(decodeString(insideOf(at, behind), scratch(lengthOf(text))));
}

function faultOf(text: Slice): u32 {
  const at = addressOf(text);
  return skipString(at, at + lengthOf(text)) == 0 ? fault : 0;
}

/** How many bytes of the text are a number, 0 when it begins with none. */
function numberLength(text: string): i32 {
  const bytes = bytesOf(text);
  const at = addressOf(bytes);
  const behind = skipNumber(at, at + lengthOf(bytes));
  return behind == 0 ? 0 : ((behind - at) as i32);
}

describe("strings of JSON", () => {
  it("are decoded", () => {
    expect(readString(bytesOf('"plain"'))).toBe("plain");
    expect(readString(bytesOf('""'))).toBe("");
    expect(readString(bytesOf('"\\"\\\\\\/\\b\\f\\n\\r\\t"'))).toBe('"\\/\b\f\n\r\t');
    expect(readString(bytesOf('"\\u0041\\u00e9\\u20AC"'))).toBe("Aé€");
    expect(readString(bytesOf('"\\ud83d\\ude00"'))).toBe("😀");
    expect(readString(bytesOf('"日本 é 😀"'))).toBe("日本 é 😀");
  });

  it("end at their own quote", () => {
    expect(readString(bytesOf('"a" "b"'))).toBe("a");
  });

  it("are refused when they are none", () => {
    expect(faultOf(bytesOf('"open'))).toBe(FAULT_SYNTAX);
    expect(faultOf(bytesOf('"open\\'))).toBe(FAULT_SYNTAX);
    expect(faultOf(bytesOf('"a\nb"'))).toBe(FAULT_CONTROL);
    expect(faultOf(bytesOf('"\\x41"'))).toBe(FAULT_ESCAPE);
    expect(faultOf(bytesOf('"\\u12g4"'))).toBe(FAULT_ESCAPE);
    expect(faultOf(bytesOf('"\\ud800"'))).toBe(FAULT_SURROGATE);
    expect(faultOf(bytesOf('"\\ud800\\u0041"'))).toBe(FAULT_SURROGATE);
    expect(faultOf(bytesOf('"\\udc00"'))).toBe(FAULT_SURROGATE);
  });

  it("are UTF-8: no overlong form, no surrogate, nothing above U+10FFFF, nothing cut", () => {
    expect(faultOf(bytesOfHex("22c08022"))).toBe(FAULT_UTF8);
    expect(faultOf(bytesOfHex("22e0808022"))).toBe(FAULT_UTF8);
    expect(faultOf(bytesOfHex("22eda08022"))).toBe(FAULT_UTF8);
    expect(faultOf(bytesOfHex("22f490808022"))).toBe(FAULT_UTF8);
    expect(faultOf(bytesOfHex("22f0808080" + "22"))).toBe(FAULT_UTF8);
    expect(faultOf(bytesOfHex("22e282"))).toBe(FAULT_UTF8);
    expect(faultOf(bytesOfHex("2280" + "22"))).toBe(FAULT_UTF8);
    expect(faultOf(bytesOfHex("22f48fbfbf22"))).toBe(0);
  });
});

describe("numbers and words of JSON", () => {
  it("are read to their end", () => {
    expect(numberLength("0")).toBe(1);
    expect(numberLength("-0.5e+10,")).toBe(8);
    expect(numberLength("10.25]")).toBe(5);
    expect(numberLength("1E5")).toBe(3);
  });

  it("are refused in any other spelling", () => {
    expect(numberLength("01")).toBe(0);
    expect(numberLength("-")).toBe(0);
    expect(numberLength("1.")).toBe(0);
    expect(numberLength("1e")).toBe(0);
    expect(numberLength("1e+")).toBe(0);
    expect(numberLength("-a")).toBe(0);
  });

  it("reads a word only whole", () => {
    const text = bytesOf("true");
    const at = addressOf(text);
    expect(skipLiteral(at, at + 4, "true")).toBe(at + 4);
    expect(skipLiteral(at, at + 3, "true")).toBe(0);
  });
});
