// sem_ver: every operator, and what is no version.

import { semVer } from "../../../../assembly/core/logic/sem-ver";
import { setNumber } from "../../../../assembly/core/logic/value";
import { argumentsOf, jsonOf, newValue, valueOf } from "./values";

function compare(list: string): string {
  const args = valueOf(list);
  const result = newValue();
  semVer(result, argumentsOf(args), args.count);
  return jsonOf(result);
}

function holds(a: string, operator: string, b: string): string {
  return compare('["' + a + '", "' + operator + '", "' + b + '"]');
}

// Semantic Versioning 2.0.0, items 11.2 to 11.4, and more between: "-" is alphanumeric, so it comes after all numbers.
const ORDERED = [
  "0.0.0",
  "0.0.1",
  "0.9.0",
  "0.10.0",
  "1.0.0-0",
  "1.0.0-1",
  "1.0.0-9",
  "1.0.0-10",
  "1.0.0-99999999999999999999",
  "1.0.0-100000000000000000000",
  "1.0.0--",
  "1.0.0-A",
  "1.0.0-alpha",
  "1.0.0-alpha.1",
  "1.0.0-alpha.1.0",
  "1.0.0-alpha.beta",
  "1.0.0-alpha0",
  "1.0.0-beta",
  "1.0.0-beta.2",
  "1.0.0-beta.11",
  "1.0.0-rc.1",
  "1.0.0",
  "1.0.1",
  "1.2.0",
  "1.10.0",
  "2.0.0",
  "10.0.0",
  "9007199254740991.0.0",
  "9007199254740993.0.0",
  "18446744073709551617.0.0",
  "18446744073709551617.0.100000000000000000000000000000000000000",
];

describe("sem_ver", () => {
  it("orders versions by precedence", () => {
    for (let i = 0; i < ORDERED.length; i++) {
      for (let j = 0; j < ORDERED.length; j++) {
        const a = ORDERED[i];
        const b = ORDERED[j];
        const message = a + " and " + b;
        expect(holds(a, "=", b)).toBe(i == j ? "true" : "false", message);
        expect(holds(a, "!=", b)).toBe(i != j ? "true" : "false", message);
        expect(holds(a, "<", b)).toBe(i < j ? "true" : "false", message);
        expect(holds(a, "<=", b)).toBe(i <= j ? "true" : "false", message);
        expect(holds(a, ">", b)).toBe(i > j ? "true" : "false", message);
        expect(holds(a, ">=", b)).toBe(i >= j ? "true" : "false", message);
      }
    }
  });

  it("ignores builds", () => {
    expect(holds("1.0.0+build", "=", "1.0.0")).toBe("true");
    expect(holds("1.0.0+a.01.-", "=", "1.0.0+b")).toBe("true");
    expect(holds("1.0.0-rc.1+a", "=", "1.0.0-rc.1")).toBe("true");
    expect(holds("1.0.0-rc+a-b.c", "<", "1.0.0+x")).toBe("true");
  });

  it("takes ^ for the same major and ~ for the same minor version, whatever the order", () => {
    expect(holds("3.0.1", "~", "3.0.0")).toBe("true");
    expect(holds("3.0.0", "~", "3.0.9")).toBe("true");
    expect(holds("3.1.0", "~", "3.0.0")).toBe("false");
    expect(holds("4.0.0", "~", "3.0.0")).toBe("false");
    expect(holds("3.1.0", "^", "3.0.0")).toBe("true");
    expect(holds("3.0.0", "^", "3.9.0")).toBe("true");
    expect(holds("4.0.0", "^", "3.0.0")).toBe("false");
    expect(holds("0.1.0", "^", "0.2.0")).toBe("true");
    expect(holds("1.0.0-alpha", "^", "1.5.0")).toBe("true");
    expect(holds("1.0.0-alpha", "~", "1.0.0")).toBe("true");
    expect(holds("10.0.0", "^", "1.0.0")).toBe("false");
    expect(holds("1.10.0", "~", "1.1.0")).toBe("false");
  });

  it("drops one v, on either side", () => {
    expect(holds("v1.0.0", "=", "1.0.0")).toBe("true");
    expect(holds("1.0.0", "=", "V1.0.0")).toBe("true");
    expect(holds("V1.0", "=", "v1")).toBe("true");
    expect(holds("vv1.0.0", "=", "1.0.0")).toBe("null");
    expect(holds("Vv1.0.0", "=", "1.0.0")).toBe("null");
    expect(holds("v", "=", "1.0.0")).toBe("null");
  });

  it("fills up N and N.N", () => {
    expect(holds("1", "=", "1.0.0")).toBe("true");
    expect(holds("1.2", "=", "1.2.0")).toBe("true");
    expect(holds("1.5.0", "^", "1")).toBe("true");
    expect(holds("2.0.0", "^", "1")).toBe("false");
    expect(holds("0", "<", "0.0.1")).toBe("true");
    expect(holds("1-alpha", "=", "1.0.0-alpha")).toBe("null");
    expect(holds("1.2-alpha", "=", "1.2.0-alpha")).toBe("null");
    expect(holds("1.2+b", "=", "1.2.0")).toBe("null");
    expect(holds("1+b", "=", "1.0.0")).toBe("null");
  });

  it("takes numbers", () => {
    expect(compare('[1.2, ">", "1.1"]')).toBe("true");
    expect(compare('[1.1, ">", "1.1"]')).toBe("false");
    expect(compare('[2, ">", "1.1"]')).toBe("true");
    expect(compare('[1, ">", "1.1"]')).toBe("false");
    expect(compare('["1.5.0", "<", 2]')).toBe("true");
    expect(compare('[1.5, "=", 1.5]')).toBe("true");
    expect(compare('[1.5, "<", 1.25]')).toBe("true", "minor 5 is before 25");
    expect(compare('[9007199254740991, "=", "9007199254740991.0.0"]')).toBe("true");
    expect(compare('[0, "=", "0.0.0"]')).toBe("true");
    expect(compare('[-1, "=", "1.0.0"]')).toBe("null");
    expect(compare('[1.05, "=", "1.5.0"]')).toBe("null", "a needless zero");
    expect(compare('[1e21, ">", "1.0.0"]')).toBe("null", "1e+21 is no version");
    expect(compare('[1e-7, "<", "1.0.0"]')).toBe("null");
    const numbers: f64[] = [NaN, Infinity, -Infinity];
    for (let i = 0; i < numbers.length; i++) {
      const args = valueOf('[0, "=", "1.0.0"]');
      setNumber(argumentsOf(args).at(0), numbers[i]);
      semVer(argumentsOf(args).at(0), argumentsOf(args), 3);
      expect(jsonOf(argumentsOf(args).at(0))).toBe("null");
    }
  });

  it("is null for what is no version, on either side", () => {
    const others = [
      "",
      " ",
      "not-a-version",
      "1.",
      "1.2.",
      ".1",
      "1..2",
      "1.2.3.",
      "2.0.0.0",
      "01.0.0",
      "1.01.0",
      "1.0.00",
      "00",
      "1.0.0-",
      "1.0.0+",
      "1.0.0-+b",
      "1.0.0-a..b",
      "1.0.0-.a",
      "1.0.0-a.",
      "1.0.0-01",
      "1.0.0-a.00",
      "1.0.0+a..b",
      "1.0.0+a+b",
      "1.0.0-a_b",
      "1.0.0-é",
      "1.0.0+é",
      " 1.0.0",
      "1.0.0 ",
      "1.0.0\\n",
      "=1.0.0",
      "-1.0.0",
      "+1.0.0",
      "1,0,0",
      "1.x",
      "*",
      "x",
      "1.0.0\\u0000",
      "٣.0.0",
    ];
    for (let i = 0; i < others.length; i++) {
      expect(holds(others[i], "=", "1.0.0")).toBe("null", others[i]);
      expect(holds("1.0.0", "!=", others[i])).toBe("null", others[i]);
    }
    const types = ["null", "true", "false", "[]", '["1.0.0"]', "[1.2]", "{}"];
    for (let i = 0; i < types.length; i++) {
      expect(compare("[" + types[i] + ', "=", "1.0.0"]')).toBe("null", types[i]);
      expect(compare('["1.0.0", "=", ' + types[i] + "]")).toBe("null", types[i]);
    }
  });

  it("takes zeros where they count", () => {
    expect(holds("1.0.0-0", "<", "1.0.0-1")).toBe("true");
    expect(holds("1.0.0-0a", ">", "1.0.0-1")).toBe("true");
    expect(holds("1.0.0-00a", ">", "1.0.0-0")).toBe("true");
    expect(holds("1.0.0-0-0", ">", "1.0.0-9")).toBe("true");
    expect(holds("1.0.0+00", "=", "1.0.0")).toBe("true");
  });

  it("is null for another number of arguments and for an unknown operator", () => {
    const lists = [
      "[]",
      '["1.0.0"]',
      '["1.0.0", "="]',
      '["1.0.0", "=", "1.0.0", "1.0.0"]',
      '["1.0.0", "==", "1.0.0"]',
      '["1.0.0", "", "1.0.0"]',
      '["1.0.0", "<>", "1.0.0"]',
      '["1.0.0", "=<", "1.0.0"]',
      '["1.0.0", "^=", "1.0.0"]',
      '["1.0.0", "~=", "1.0.0"]',
      '["1.0.0", "<==", "1.0.0"]',
      '["1.0.0", " =", "1.0.0"]',
      '["1.0.0", null, "1.0.0"]',
      '["1.0.0", 1, "1.0.0"]',
      '["1.0.0", ["="], "1.0.0"]',
    ];
    for (let i = 0; i < lists.length; i++) expect(compare(lists[i])).toBe("null", lists[i]);
  });

  it("may write its result over an argument, as the stack of a rule does", () => {
    const args = valueOf('["1.10.0", ">", "1.9.0"]');
    for (let i: u32 = 0; i < 3; i++) {
      const copy = valueOf('["1.10.0", ">", "1.9.0"]');
      const result = argumentsOf(copy).at(i);
      semVer(result, argumentsOf(copy), args.count);
      expect(jsonOf(result)).toBe("true");
    }
  });
});
