import { cookieHeader, readCookies } from "../../../assembly/core/cookies";
import { decision } from "../../../assembly/core/decision";
import { begin, inputOf, planOf, textOrNull } from "./requests";

const plan = planOf('{"identity":[{"cookie":"uid"},{"cookie":"a.b"}],"rollouts":{}}');

/** Reads the cookies of a request with these Cookie headers. */
function read(headers: string[]): void {
  const pairs: string[] = [":path", "/"];
  for (let i = 0; i < headers.length; i++) {
    pairs.push("cookie");
    pairs.push(headers[i]);
  }
  begin(plan, pairs);
  readCookies(decision);
}

/** The cookie `uid` of one header; null without. */
function uidOf(header: string): string | null {
  read([header]);
  return inputOf(plan.inputs.cookies, "uid");
}

describe("a cookie", () => {
  it("is what stands between its first equals sign and the next semicolon", () => {
    const rows = [
      ["uid=42", "42"],
      ["uid=42;", "42"],
      ["a=1; uid=42; b=2", "42"],
      ["a=1;uid=42;b=2", "42"],
      [";;; uid=42 ;;;", "42"],
      ["uid=a=b==", "a=b=="],
      ["uid==", "="],
      ["uid=a,b", "a,b"],
      ["uid=%34%32", "%34%32"],
      ["uid=4+2", "4+2"],
      ["uid=é日", "é日"],
      ["a; uid=42", "42"],
      ["=7; uid=42", "42"],
      ["a;b;c; uid=42", "42"],
      ["uid; uid=42", "42"],
      ["uid=; uid=42; uid=43", "42"],
    ];
    for (let i = 0; i < rows.length; i++) expect(uidOf(rows[i][0])).toBe(rows[i][1], rows[i][0]);
  });

  it("has no blanks around its name and its value, inner ones stay", () => {
    const rows = [
      [" uid=42 ", "42"],
      ["\tuid \t=\t 42\t;b=2", "42"],
      ["uid=4 2", "4 2"],
      ["a=1;  \t uid = 4\t2", "4\t2"],
    ];
    for (let i = 0; i < rows.length; i++) expect(uidOf(rows[i][0])).toBe(rows[i][1], rows[i][0]);
  });

  it("keeps its quotes, and a semicolon ends it inside of them too", () => {
    const rows = [
      ['uid="42"', '"42"'],
      ['uid=""', '""'],
      ['uid=" 42 "', '" 42 "'],
      ['uid="4;2"', '"4'],
      ['a="; uid=7; b="; uid=8', "7"],
      ['uid="42', '"42'],
    ];
    for (let i = 0; i < rows.length; i++) expect(uidOf(rows[i][0])).toBe(rows[i][1], rows[i][0]);
  });

  it("is none under another name, or without an equals sign", () => {
    const rows = [
      "",
      ";",
      "=",
      "=42",
      "uid",
      "uid; =42; uid",
      "UID=1",
      "uidx=2",
      "xuid=3",
      "u id=4",
      '"uid"=5',
      "a=uid=6",
    ];
    for (let i = 0; i < rows.length; i++) expect(uidOf(rows[i])).toBe(null, rows[i]);
    begin(plan, [":path", "/?uid=1", "uid", "2", "set-cookie", "uid=3", "cookie2", "uid=4"]);
    readCookies(decision);
    expect(inputOf(plan.inputs.cookies, "uid")).toBe(null);
  });

  it("is the first of its name that is not empty; empty when all are", () => {
    const rows = [
      ["uid=42; uid=7", "42"],
      ["uid=; uid=42; uid=7", "42"],
      ["uid= \t ;uid=42", "42"],
      ["uid=", ""],
      ["uid=; uid= ", ""],
    ];
    for (let i = 0; i < rows.length; i++) expect(uidOf(rows[i][0])).toBe(rows[i][1], rows[i][0]);
  });

  it("is found among others that the plan reads, and behind many that it does not", () => {
    read(["a.b=1; uid=2"]);
    expect(inputOf(plan.inputs.cookies, "a.b")).toBe("1");
    expect(inputOf(plan.inputs.cookies, "uid")).toBe("2");
    expect(uidOf("abc=0123456789; ".repeat(2000) + "uid=42")).toBe("42");
  });

  it("of the request before is forgotten", () => {
    read(["uid=42"]);
    read([]);
    expect(inputOf(plan.inputs.cookies, "uid")).toBe(null);
  });
});

describe("several Cookie headers", () => {
  it("are one, in their order", () => {
    read(["a=1", "uid=42", "uid=7"]);
    expect(inputOf(plan.inputs.cookies, "uid")).toBe("42");
    read(["uid=", "uid=7"]);
    expect(inputOf(plan.inputs.cookies, "uid")).toBe("7");
    // What one header leaves open does not go on in the next.
    read(["uid=4", "2"]);
    expect(inputOf(plan.inputs.cookies, "uid")).toBe("4");
    read(["uid", "=42"]);
    expect(inputOf(plan.inputs.cookies, "uid")).toBe(null);
  });

  it("have a semicolon and a blank between them", () => {
    const rows = [
      ["a=1|b=2", "a=1; b=2"],
      ["a=1|b=2|c=3", "a=1; b=2; c=3"],
      ["a=1;|b=2", "a=1;; b=2"],
      ["a=1||b=2", "a=1; ; b=2"],
      ["|a=1", "a=1"],
      ["|", ""],
    ];
    for (let i = 0; i < rows.length; i++) {
      read(rows[i][0].split("|"));
      expect(textOrNull(cookieHeader())).toBe(rows[i][1], rows[i][0]);
      // Once joined they are one header.
      expect(textOrNull(cookieHeader())).toBe(rows[i][1], rows[i][0]);
    }
  });

  it("are joined without what stands between them", () => {
    begin(plan, ["cookie", "a=1", "cookies", "x=1", "cookie", "b=2", ":path", "/", "x-cookie", "y=1"]);
    expect(textOrNull(cookieHeader())).toBe("a=1; b=2");
  });

  it("may be one or none, which is then given as it is", () => {
    read([" a=1 "]);
    expect(textOrNull(cookieHeader())).toBe(" a=1 ");
    read([""]);
    expect(textOrNull(cookieHeader())).toBe("");
    read([]);
    expect(textOrNull(cookieHeader())).toBe(null);
  });
});
